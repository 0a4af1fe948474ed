"""What the version before predicted is kept, whenever a process is killed in between."""

import os
import shutil
from collections.abc import Callable
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from unittest.mock import patch

import polars as pl
import pytest

from corpus.predicted import Predictor, predictor, write_predictions
from corpus.schema import PREDICTIONS
from corpus.seals import Seal
from corpus.tables import write_table
from docre_assets.former_predictions import FormerPredictions
from quality.held import held
from quality.warehouse_tables import WarehouseTables

KILLED = ("before it began", "while it was kept", "before it was written", "before it was sealed")


class Killed(BaseException):
    """The process is gone."""


class Place:
    """Predictions that consist of the version that made them, and of how often it did."""

    def __init__(self, folder: Path) -> None:
        self.table = folder / "predictions.parquet"
        self.seal = Seal(folder, "predictions", (self.table,))
        self.former = FormerPredictions(
            self.seal, folder / "former.parquet", folder / "earlier.parquet"
        )

    def predict(
        self, version: str, killed: str | None = None, times: int = 1, *, found: bool = True
    ) -> None:
        """As the asset does, to its end or until it is killed; a version may find nothing."""
        with self.seal.renewed(f"{version} {times}"):
            if killed == KILLED[0]:
                raise Killed
            stumbling = patch("shutil.copyfile", side_effect=Killed)
            with stumbling if killed == KILLED[1] else nullcontext():
                self.former.keep(version)
            if killed in KILLED[1:3]:
                raise Killed
            rows = [dict.fromkeys(PREDICTIONS) | {"model_version": version, "rank": times}]
            table = pl.DataFrame(rows if found else [], PREDICTIONS)
            write_predictions(table, self.table, Predictor(version, "TH"))
            if killed == KILLED[3]:
                raise Killed

    def tables(self) -> WarehouseTables:
        """As a warehouse is made from them; what is no prediction is any file."""
        other = self.seal.file
        return WarehouseTables(
            raw_documents=[other],
            annotated_documents=[other],
            distant_documents=[other],
            former_predictions=self.former.table,
            predictions=[self.table],
            evaluation=other,
            rejected=[other],
            relations=other,
        )

    def before(self) -> str | None:
        """The version before, as its table tells it."""
        path = self.former.table
        told = predictor(path) if path else None
        return told.model_version if told else None


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_the_version_before_is_that_of_the_last_change(place):
    told = []
    for version in ("a", "a", "b", "b", "c", "b", "b", "a"):
        place.predict(version)
        told.append(place.before())
    assert told == [None, None, "a", "a", "b", "c", "c", "b"]


def test_predictions_made_anew_by_the_same_version_leave_all_as_it_is(place):
    place.predict("a", times=1)
    place.predict("b", times=1)
    kept = place.former.table.read_bytes()
    place.predict("b", times=2)
    assert place.former.table.read_bytes() == kept


def test_a_version_that_finds_nothing_is_one_as_well(place):
    place.predict("a")
    place.predict("b")
    place.predict("c", found=False)
    assert place.before() == "b"
    place.predict("d")
    assert place.before() == "c"
    place.predict("d", times=2)
    assert place.before() == "c"


def test_whoever_holds_them_while_another_version_predicts_has_two_that_followed_each_other(place):
    """At every step of the other run; between two of them the former table is not there."""
    place.predict("a")
    place.predict("b")
    place.predict("c")
    seen = []
    undisturbed = {"replace": Path.replace, "copyfile": shutil.copyfile}

    def stepping(step: str, *arguments: object) -> None:
        with patch.object(Path, "replace", undisturbed["replace"]):
            seen.append(versions(place))
        undisturbed[step](*arguments)
        with patch.object(Path, "replace", undisturbed["replace"]):
            seen.append(versions(place))

    with (
        patch.object(Path, "replace", lambda *paths: stepping("replace", *paths)),
        patch("shutil.copyfile", partial(stepping, "copyfile")),
    ):
        place.predict("d")
    assert len(seen) >= 8
    assert set(seen) == {("b", "c"), ("c", "d")}


def versions(place: Place) -> tuple[str, str]:
    """Of the former predictions and those in use, as a warehouse is made from them."""
    with held(place.tables, place.table.with_name("warehouse.duckdb")) as links:
        told = [predictor(path) for path in (links.former_predictions, *links.predictions)]
        return tuple(found.model_version for found in told)


def test_a_version_that_takes_its_place_while_files_are_linked_is_not_compared_with_itself(
    place,
):
    """The other run comes to its end just after the former table was found."""
    for version in "abc":
        place.predict(version)
    linked = iter([os.link])

    def interrupted(*arguments: object) -> None:
        if next(linked, None):
            place.predict("d")
        link(*arguments)

    link = os.link
    with patch("os.link", interrupted):
        assert versions(place) == ("c", "d")


@pytest.mark.parametrize("killed", KILLED)
@pytest.mark.parametrize("first", ["", "a", "ab", "aba", "abc"])
@pytest.mark.parametrize("then", ["a", "b", "c", "d"])
def test_killed_at_any_moment_it_tells_of_the_last_version_that_was_in_use(
    tmp_path, first, then, killed
):
    place, undisturbed = Place(tmp_path / "killed"), Place(tmp_path / "undisturbed")
    for version in first:
        place.predict(version)
        undisturbed.predict(version)
    before = undisturbed.before()
    with pytest.raises(Killed):
        place.predict(then, killed)
    undisturbed.predict(then)
    assert place.before() == (undisturbed.before() if killed == KILLED[3] else before)
    place.predict(then)
    assert place.before() == undisturbed.before()


@pytest.mark.parametrize("killed", KILLED)
@pytest.mark.parametrize("instead", ["a", "b", "c", "d"])
def test_another_version_after_a_kill_is_never_compared_with_itself(place, killed, instead):
    for version in "abc":
        place.predict(version)
    with pytest.raises(Killed):
        place.predict("d", killed)
    place.predict(instead)
    assert place.before() == ("b" if instead == "c" else "c")


def _damage(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-7])


def _empty(path: Path) -> None:
    write_table(PREDICTIONS.to_frame(), path)


def _of_other_columns(path: Path) -> None:
    write_table(pl.DataFrame({"doc_id": ["a"], "score": [0.5]}), path)


@pytest.mark.parametrize("spoil", [_damage, _empty, _of_other_columns])
@pytest.mark.parametrize("sealed", [True, False])
def test_what_is_no_table_of_a_version_is_passed_over(place, spoil: Callable[[Path], None], sealed):
    place.predict("a")
    place.predict("b")
    spoil(place.table)
    if sealed:
        with place.seal.renewed("spoilt"):
            pass
    place.predict("c")
    assert place.before() == "a"
