"""Predictions of a target precision or recall: thresholds are fitted once, kept and told."""

import dataclasses
import shutil

import dagster as dg
import polars as pl
import pytest
from little_corpus import article

from corpus.artefacts import digest, digest_of
from corpus.predicted import Predictor, predictor, write_predictions
from corpus.relations import RelationVocabulary
from corpus.schema import PREDICTIONS, Document, Entity, Label, Mention, Split
from corpus.seals import BrokenSealError
from corpus.tables import read_documents, write_documents
from docre_assets import targets
from docre_assets.kept_checkpoints import Version
from docre_assets.scoring import predict_all
from docre_assets.targets import Aim, Target
from models.checkpoint import save_checkpoint
from models.config import preset
from models.cuts import Goal
from models.extractor import Extractor
from models.runtime import Runtime
from resources.quality import Quality
from resources.storage import Storage

pytest_plugins = ["little_places"]

CPU = Runtime("cpu", "float32", threads=1)
VOCABULARY = RelationVocabulary.of_relations(["P17", "P19"], {"P17": "country"})


def document(number: int) -> Document:
    words = ("Ada", "of", "Arden", "in", "Esk", str(number))
    entities = tuple(Entity("LOC", (Mention(words[n], 0, n, n + 1),)) for n in (0, 2, 4))
    labels = (Label(0, 1, "P19", (0,)), Label(1, 2, "P17", (0,)))
    return Document(f"d{number}", f"d{number}", (words,), entities, labels)


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Version:
    path = tmp_path_factory.mktemp("model") / "checkpoint"
    extractor = Extractor.create(preset("tiny").model, VOCABULARY, seed=1)
    return Version(save_checkpoint(extractor, path, metrics={}, provenance={}), path)


@pytest.fixture
def storage(tmp_path) -> Storage:
    place = Storage(root=str(tmp_path))
    dev = [*map(document, range(4)), dataclasses.replace(document(9), labels=None)]
    write_documents(dev, place.annotated(Split.DEV), Split.DEV)
    with place.seal("annotated_documents").renewed("here"):
        pass
    return place


class Asked:
    """A runtime that tells how often dev was computed."""

    def __init__(self) -> None:
        self.times = 0

    def __call__(self) -> Runtime:
        self.times += 1
        return CPU


RECALL = Target(target_precision=None, target_recall=0.5)


def test_without_a_target_th_tells_and_dev_is_not_read(tmp_path, model):
    aim = Aim(Storage(root=str(tmp_path / "nothing")), model, Target(), Asked())
    assert (aim.identity, aim.thresholds(), aim.metadata()) == (None, None, {})


@pytest.mark.parametrize(
    ("target", "goal"),
    [
        (Target(target_precision=0.9), Goal("precision", 0.9)),
        (RECALL, Goal("recall", 0.5)),
        (Target(best_f1=True, per_relation=True), Goal("f1")),
    ],
)
def test_a_target_is_a_goal(target, goal):
    assert target.goal() == goal


@pytest.mark.parametrize(
    ("target", "told"),
    [
        (Target(), "TH"),
        (Target(target_precision=0.9), "precision of at least 0.9 on dev"),
        (RECALL, "recall of at least 0.5 on dev"),
        (
            Target(best_f1=True, per_relation=True),
            "the highest F1 on dev, each relation with enough triples by itself",
        ),
    ],
)
def test_tables_of_predictions_say_what_cut_them(tmp_path, model, target, told):
    aim = Aim(Storage(root=str(tmp_path / "nothing")), model, target, Asked())
    write_predictions(PREDICTIONS.to_frame(), tmp_path / "found.parquet", aim.predictor)
    assert predictor(tmp_path / "found.parquet") == Predictor(model.version, told)


@pytest.mark.parametrize(
    "target",
    [
        Target(target_precision=0.9, target_recall=0.5),
        Target(target_recall=0.5, best_f1=True),
        Target(per_relation=True),
    ],
)
def test_two_targets_or_none_by_relation_are_refused(target):
    with pytest.raises(ValueError, match="expected one of target_precision, target_recall"):
        target.goal()


def test_predictions_reach_the_target_on_the_documents_it_is_fitted_on(storage, model):
    aim = Aim(storage, model, RECALL, Asked())
    found = predict_all([storage.annotated(Split.DEV)], model.path, CPU, aim.thresholds())
    held = {
        (d.doc_id, x.head, x.tail, x.relation)
        for d in read_documents(storage.annotated(Split.DEV))
        for x in d.labels or ()
    }
    assert len(held.intersection(found.select("doc_id", "head", "tail", "relation").rows())) >= 4


def test_thresholds_are_fitted_once_and_again_where_they_were_damaged(storage, model):
    asked = Asked()
    aim = Aim(storage, model, RECALL, asked)
    first = aim.thresholds()
    assert aim.thresholds() == first
    assert aim.metadata()["recall_expected"] >= 50
    assert asked.times == 1
    (file,) = storage.seal_of_thresholds(aim.identity).parts
    file.write_text(file.read_text().replace("offset", "offzet"))
    assert aim.thresholds() == first
    assert asked.times == 2


def test_the_identity_is_of_all_that_thresholds_depend_on(storage, model):
    chosen = [
        *(Target(target_precision=share) for share in (0.5, 0.6)),
        RECALL,
        Target(best_f1=True),
        Target(best_f1=True, per_relation=True),
    ]
    found = [Aim(storage, model, target, Asked()).identity for target in chosen]
    other = dataclasses.replace(model, version=digest_of("other"))
    found.append(Aim(storage, other, RECALL, Asked()).identity)
    write_documents([document(0)], storage.annotated(Split.DEV), Split.DEV)
    found.append(Aim(storage, model, RECALL, Asked()).identity)
    assert len(set(found)) == len(found)


def test_dev_is_digested_once(storage, model, monkeypatch):
    times = []
    monkeypatch.setattr(targets, "digest", lambda path: times.append(path) or digest(path))
    aim = Aim(storage, model, RECALL, Asked())
    assert aim.identity == aim.identity
    aim.metadata()
    aim.thresholds()
    assert times == [storage.annotated(Split.DEV)]


def test_thresholds_are_not_taken_from_a_dev_that_was_edited(storage, model):
    write_documents([document(0)], storage.annotated(Split.DEV), Split.DEV)
    with pytest.raises(BrokenSealError, match="annotated_documents"):
        Aim(storage, model, RECALL, Asked()).thresholds()


@pytest.mark.slow
def test_assets_take_a_target_and_tell_what_it_costs(distilled, tmp_path):
    workplace = distilled[0]
    shutil.copytree(workplace.storage.folder, tmp_path / "artefacts")
    with dg.DagsterInstance.ephemeral() as instance:
        own = dataclasses.replace(
            workplace, storage=Storage(root=str(tmp_path / "artefacts")), instance=instance
        )
        plain = pl.read_parquet(own.storage.predictions)
        result = predicted(own, {"best_f1": True, "target_precision": None})
        metadata = shown(result)
        assert not metadata["kept"].value
        assert not pl.read_parquet(own.storage.predictions).equals(plain)
        assert {"offset", "precision_expected", "recall_expected"} <= set(metadata)
        assert pl.read_parquet(own.storage.predictions)["margin"].min() > metadata["offset"].value
        again = shown(predicted(own, {"best_f1": True}))
        assert again["kept"].value
        assert again["offset"].value == metadata["offset"].value
        new = arrived(own, {"best_f1": True})
        assert new["offset"].value == metadata["offset"].value
        assert new["files_kept"].value == 0
        assert arrived(own, {"best_f1": True})["files_kept"].value == 1
        assert arrived(own, {})["files_kept"].value == 0
        back = shown(predicted(own, {}))
        assert "offset" not in back
        assert pl.read_parquet(own.storage.predictions).equals(plain)


@pytest.mark.slow
def test_limits_of_what_th_predicts_stop_no_predictions_with_a_target(distilled, tmp_path):
    workplace, limit = distilled[0], "predictions.critical.labels_per_document"
    shutil.copytree(workplace.storage.folder, tmp_path / "artefacts")
    storage = Storage(root=str(tmp_path / "artefacts"))
    quality = Quality(docs=False, overrides={f"{limit}.least": 1000, f"{limit}.most": None})
    with dg.DagsterInstance.ephemeral() as instance:
        own = dataclasses.replace(workplace, storage=storage, instance=instance, quality=quality)
        assert judged(own, {})["critical"] == (False, dg.AssetCheckSeverity.ERROR)
        checks = judged(own, {"best_f1": True})
        assert checks["critical"][0]
        assert checks["drift"] == (False, dg.AssetCheckSeverity.WARN)
        assert judged(own, {})["critical"] == (False, dg.AssetCheckSeverity.ERROR)


def judged(workplace, config):
    """Whether each check of predictions passed, and what its failure would be."""
    result = workplace.run("promote_model", "predictions", config={"predictions": config})
    return {c.check_name: (c.passed, c.severity) for c in result.get_asset_check_evaluations()}


def predicted(workplace, config):
    result = workplace.run("promote_model", "predictions", config={"predictions": config})
    assert result.success
    return result


def arrived(workplace, config):
    """Metadata of the new predictions on a file in the inbox, which is taken once."""
    workplace.arrive("unlabelled", "new.json", [article(400, labelled=False)])
    result = workplace.run(
        "prediction", "new_documents", "new_predictions", config={"new_predictions": config}
    )
    assert result.success
    return shown(result)


def shown(result):
    """Metadata of the last asset that was made."""
    return result.get_asset_materialization_events()[-1].materialization.metadata
