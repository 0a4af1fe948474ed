"""A challenger takes the champion's place if it is not worse, and a person can go back."""

from datetime import UTC, datetime

import polars as pl
import pytest

from corpus.artefacts import write_json
from corpus.schema import PREDICTIONS, Document, Entity, Label, Mention, Split
from corpus.tables import write_documents
from docre_assets.model_versions import ModelVersions
from docre_assets.production import Contest
from models.checkpoint_files import (
    CALIBRATION,
    CONFIG,
    RELATIONS,
    TOKENIZER,
    WEIGHTS,
    model_version,
)

DOCUMENTS = 40
LABEL = Label(0, 1, "P17")


def _document(number: int) -> Document:
    entities = tuple(Entity("LOC", (Mention(name, 0, i, i + 1),)) for i, name in enumerate("ab"))
    return Document(f"dev/{number}", str(number), (("a", "b"),), entities, (LABEL,))


class Models:
    """Checkpoints that find the labels of as many dev documents as they are told to."""

    def __init__(self, folder, monkeypatch):
        self.folder, self.found = folder, {}
        self.dev = folder / "dev.parquet"
        write_documents(map(_document, range(DOCUMENTS)), self.dev, Split.DEV)
        self.versions = ModelVersions(folder / "production")
        monkeypatch.setattr("models.predictions.predict", self._predict)

    def trained(self, found: int, weights: str) -> str:
        """Put a newly fine-tuned model in its place; its version."""
        challenger = self.folder / "finetuned"
        (challenger / TOKENIZER).mkdir(parents=True, exist_ok=True)
        (challenger / TOKENIZER / "vocab.txt").write_text("a")
        for name in (CONFIG, RELATIONS, CALIBRATION):
            (challenger / name).write_text("{}")
        (challenger / WEIGHTS).unlink(missing_ok=True)
        (challenger / WEIGHTS).write_text(weights)
        self.found[weights] = found
        return model_version(challenger)

    def contest(self) -> Contest:
        """The new model against the one in use."""
        return Contest(self.versions, self.folder / "finetuned", self.dev, lambda: None, "run")

    def decide(self):
        """Judge the new model by the usual rule."""
        return self.contest().decide(margin=0.01, risk=0.25)

    @property
    def in_use(self) -> str:
        """The version in use."""
        return self.versions.current.version

    def _predict(self, documents, checkpoint, _runtime):
        found = self.found[(checkpoint / WEIGHTS).read_text()]
        rows = [
            (d.doc_id, d.title, 0, 1, "a", "b", "P17", "country", 0.1, 0.5, 1, [], "")
            for d in list(documents)[:found]
        ]
        return pl.DataFrame(rows, PREDICTIONS, orient="row")


@pytest.fixture
def models(tmp_path, monkeypatch):
    return Models(tmp_path, monkeypatch)


def _events(models) -> list[str]:
    return models.versions.history()["event"].to_list()


def test_the_first_model_comes_into_use_with_its_score(models):
    first = models.trained(20, "first")
    assert models.decide().passed
    assert models.in_use == first
    assert models.versions.history()["dev_f1"].item() == pytest.approx(2 * 20 / (20 + 40))


@pytest.mark.parametrize(("found", "promoted"), [(20, True), (35, True), (8, False)])
def test_an_equal_or_better_challenger_is_promoted_and_a_worse_one_refused(models, found, promoted):
    first = models.trained(20, "first")
    models.decide()
    second = models.trained(found, "second")
    decision = models.decide()
    assert decision.passed == promoted
    assert models.in_use == (second if promoted else first)
    assert _events(models) == ["promoted", "promoted" if promoted else "refused"]
    assert f"{decision.comparison.champion_f1:.1%}" in decision.told
    assert f"{decision.comparison.challenger_f1:.1%}" in decision.told


def test_nothing_is_judged_twice(models):
    models.trained(20, "first")
    models.decide()
    models.trained(8, "second")
    models.decide()
    again = models.decide()
    assert not again.passed, "what was refused does not turn green by itself"
    assert "judged before (refused)" in again.told
    assert _events(models) == ["promoted", "refused"]


def test_what_was_rolled_back_from_does_not_come_back_by_itself(models):
    first = models.trained(20, "first")
    models.decide()
    models.trained(35, "second")
    models.decide()
    models.contest().choose(first)
    assert models.in_use == first
    models.decide()
    assert models.in_use == first
    assert _events(models) == ["promoted", "promoted", "rolled_back"]


@pytest.mark.parametrize("again", ["decide", "choose"])
def test_a_promotion_that_was_killed_before_its_end_is_finished(models, monkeypatch, again):
    first = models.trained(20, "first")
    models.decide()
    second = models.trained(35, "second")

    def killed(value, path):
        if path.name == "current.json":
            raise KeyboardInterrupt
        write_json(value, path)

    with monkeypatch.context() as patched:
        patched.setattr("docre_assets.model_versions.write_json", killed)
        with pytest.raises(KeyboardInterrupt):
            models.decide()
    assert models.in_use == first
    if again == "decide":
        models.decide()
    else:
        models.contest().choose(second)
    assert models.in_use == second
    assert _events(models) == ["promoted", "promoted"]


def test_a_refused_challenger_can_be_chosen_by_hand(models):
    models.trained(20, "first")
    models.decide()
    second = models.trained(8, "second")
    models.decide()
    models.contest().choose(second)
    assert models.in_use == second


def test_a_version_that_there_is_none_of_is_told_with_those_that_there_are(models):
    first = models.trained(20, "first")
    models.decide()
    with pytest.raises(ValueError, match=rf"found 'yesterday'.*{first}"):
        models.contest().choose("yesterday")
    assert models.in_use == first


def test_a_damaged_champion_is_told_and_can_be_left(models):
    first = models.trained(20, "first")
    models.decide()
    second = models.trained(35, "second")
    models.decide()
    (models.versions.current.path / WEIGHTS).unlink()
    with pytest.raises(ValueError, match=rf"damaged, removed or edited.*{first}"):
        models.decide()
    models.contest().choose(first)
    assert models.in_use == first != second


def test_times_are_in_utc_and_now(models):
    before = datetime.now(UTC)
    models.trained(20, "first")
    models.decide()
    assert before <= models.versions.history()["time"].item() <= datetime.now(UTC)
