"""Files of a warehouse are held as they lay beside each other at one moment."""

from __future__ import annotations

import errno
import os
from dataclasses import replace
from pathlib import Path

import pytest

from quality import held as holding
from quality.held import ATTEMPTS, held
from quality.training_history import TrainedModel
from quality.warehouse_tables import WarehouseTables


@pytest.fixture
def tables(tmp_path: Path) -> WarehouseTables:
    """Files that hold nothing but their kind."""
    paths = {
        kind: tmp_path / f"{kind}.parquet"
        for kind in ("raw", "annotated", "distant", "predictions", "former", "scores", "rejected")
    } | {kind: tmp_path / f"{kind}.json" for kind in ("relations", "metrics")}
    for kind, path in paths.items():
        path.write_text(f"old {kind}")
    return WarehouseTables(
        raw_documents=[paths["raw"]],
        annotated_documents=[paths["annotated"]],
        distant_documents=[paths["distant"]],
        predictions=[paths["predictions"]],
        former_predictions=paths["former"],
        evaluation=paths["scores"],
        rejected=[paths["rejected"]],
        relations=paths["relations"],
        trained=[TrainedModel("teacher", "1", paths["metrics"])],
        model_history=tmp_path / "not there.parquet",
    )


def swap(path: Path, content: str) -> None:
    """As a run does."""
    draft = path.with_name("draft")
    draft.write_text(content)
    draft.replace(path)


def contents(tables: WarehouseTables) -> list[str]:
    return [path.read_text() for path in tables.files()]


def test_files_that_are_swapped_meanwhile_stay_what_they_were(
    tmp_path: Path, tables: WarehouseTables
) -> None:
    before = contents(tables)
    with held(lambda: tables, tmp_path / "warehouse.duckdb") as links:
        for path in tables.files():
            swap(path, "new")
        assert contents(links) == before
        assert not set(links.files()) & set(tables.files())
        assert replace(links, model_history=None) == links, "there was none"
    assert not list(tmp_path.glob(".*")), "the links are gone"


@pytest.mark.parametrize("after", range(9))
def test_a_swap_while_they_are_linked_never_mixes_two_states(
    tmp_path: Path, tables: WarehouseTables, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    """Another run swaps all files after some of them have been linked."""
    link, made = os.link, []

    def interrupted(path: Path, place: Path) -> None:
        if len(made) == after:
            for file in tables.files():
                swap(file, "new")
        made.append(path)
        link(path, place)

    monkeypatch.setattr(holding.os, "link", interrupted)
    with held(lambda: tables, tmp_path / "warehouse.duckdb") as links:
        assert set(contents(links)) == {"new"}
    assert len(made) == 2 * len(tables.files())


def test_where_there_are_no_links_files_are_copied(
    tmp_path: Path, tables: WarehouseTables, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path, place: Path) -> None:
        raise OSError(errno.EXDEV, "Invalid cross-device link")

    monkeypatch.setattr(holding.os, "link", refuse)
    with held(lambda: tables, tmp_path / "warehouse.duckdb") as copies:
        assert contents(copies) == contents(tables)


def test_a_file_that_is_missing_for_a_moment_is_found_where_it_is_then(
    tmp_path: Path, tables: WarehouseTables
) -> None:
    """As when former predictions become earlier ones after they were resolved."""
    former, earlier = tables.predictions[0].with_name("former.parquet"), tmp_path / "earlier"
    kept = former.read_text()

    def resolve() -> WarehouseTables:
        found = former if former.exists() else earlier
        if former.exists():
            former.replace(earlier)
        return replace(tables, former_predictions=found)

    with held(resolve, tmp_path / "warehouse.duckdb") as links:
        assert links.former_predictions is not None
        assert links.former_predictions.read_text() == kept


def test_what_is_missing_for_good_is_named(tmp_path: Path, tables: WarehouseTables) -> None:
    tables.evaluation.unlink()
    with (
        pytest.raises(FileNotFoundError, match=r"files of evaluation, found no .*scores\.parquet"),
        held(lambda: tables, tmp_path / "warehouse.duckdb"),
    ):
        pass
    assert not list(tmp_path.glob(".*"))


def test_files_that_never_stay_are_told(tmp_path: Path, tables: WarehouseTables) -> None:
    asked: list[int] = []

    def resolve() -> WarehouseTables:
        asked.append(1)
        swap(tables.evaluation, f"{len(asked)}")
        return tables

    told = rf"found others in their place {ATTEMPTS} times.*Wait for the end of the runs"
    with pytest.raises(RuntimeError, match=told), held(resolve, tmp_path / "warehouse.duckdb"):
        pass
