"""A model that is there already is taken for the teacher as it is, whatever its shape."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import dagster as dg
import pytest
from little_corpus import LONG_ENOUGH, Workplace

from corpus.artefacts import digest, read_json, write_json
from corpus.logits import Calibration
from corpus.relations import RelationVocabulary
from corpus.schema import Split
from corpus.tables import read_documents
from docre_assets import adoption
from docre_assets.adoption import adopt, adoption_inputs
from docre_assets.partitions import SHARDS
from docre_assets.training import StageOutputs, Trained
from models.checkpoint import load_checkpoint, save_checkpoint
from models.checkpoint_files import CALIBRATION, METRICS, checkpoint_digest, model_version
from models.config import preset
from models.dev_logits import calibrate
from models.extractor import Extractor
from models.runtime import Runtime
from resources.storage import Storage

pytest_plugins = ["little_places"]

RUNTIME = Runtime("cpu", "float32", 1)
WIDER = preset("tiny", {"model.emb_size": 64, "model.untrained": {"hidden_size": 48}}).model
OF_OLD = Calibration(3.0, 2.0)


@pytest.fixture
def made(distilled) -> Storage:
    return distilled[0].storage


@pytest.fixture
def wider(made, tmp_path) -> Path:
    """A checkpoint of another network than the student's, as another release would write it."""
    extractor = Extractor.create(WIDER, made.vocabulary(), seed=7)
    extractor.calibration = OF_OLD
    metrics = read_json(made.model("teacher") / METRICS)
    folder = tmp_path / "wider"
    save_checkpoint(extractor, folder, metrics=metrics, provenance={"seed": 7})
    config = read_json(folder / "config.json")
    config["encoder"]["transformers_version"] = "4.0.0"
    write_json(config, folder / "config.json")
    return folder


@pytest.fixture
def copied(distilled, tmp_path) -> Iterator[Workplace]:
    """What was distilled, to be distilled again."""
    shutil.copytree(distilled[0].storage.folder, tmp_path / "artefacts")
    with dg.DagsterInstance.ephemeral() as instance:
        yield Workplace(distilled[0].corpus, Storage(root=str(tmp_path / "artefacts")), instance)


@pytest.fixture
def outputs(tmp_path) -> StageOutputs:
    return StageOutputs(tmp_path / "teacher", tmp_path / "dev_logits")


def _told(result, asset) -> dict[str, object]:
    (event,) = result.asset_materializations_for_node(asset)
    return {name: value.value for name, value in event.metadata.items()}


def _adopt(checkpoint, dev, relations, outputs) -> None:
    adopt(checkpoint, adoption_inputs(checkpoint, dev, relations), dev, outputs, RUNTIME)


def _refusal(result) -> str:
    return str(result.failure_data_for_node("teacher_model").error.cause)


@pytest.mark.slow
def test_a_teacher_of_another_shape_labels_and_is_kept_until_it_is_another(copied, wider):
    copied.teacher = str(wider)
    result = copied.distil(**LONG_ENOUGH)
    assert result.success
    assert checkpoint_digest(copied.storage.model("teacher")) == checkpoint_digest(wider)
    for shard in SHARDS:
        origin = read_json(copied.storage.soft_label_shard(shard) / "origin.json")
        assert origin["teacher"] == checkpoint_digest(wider)
    assert _told(result, "teacher_model")["adopted"] == str(wider)
    again = copied.distil("teacher_model", "student_model", **LONG_ENOUGH)
    assert _told(again, "teacher_model")["kept"]
    assert _told(again, "student_model")["kept"]
    save_checkpoint(
        Extractor.create(WIDER, copied.storage.vocabulary(), seed=8),
        wider,
        metrics=read_json(wider / METRICS),
        provenance={"seed": 8},
    )
    assert not _told(copied.distil("teacher_model"), "teacher_model")["kept"]
    copied.teacher = ""
    trained = _told(copied.distil("teacher_model", **LONG_ENOUGH), "teacher_model")
    assert not trained["kept"]
    assert "adopted" not in trained


@pytest.mark.slow
def test_a_model_that_was_in_use_teaches_a_second_round(copied):
    (version,) = (copied.storage.production / "versions").iterdir()
    copied.teacher = str(version)
    second = copied.distil("teacher_model", "soft_labels", "student_model", **LONG_ENOUGH)
    assert second.success
    assert checkpoint_digest(copied.storage.model("teacher")) == checkpoint_digest(version)
    assert not _told(second, "student_model")["kept"]


def test_a_model_that_runs_replace_teaches_nobody(copied):
    link = copied.storage.folder / "elsewhere"
    link.symlink_to(copied.storage.model("finetuned"))
    before = digest(copied.storage.model("teacher"))
    for path in (copied.storage.model("finetuned"), link):
        copied.teacher = str(path)
        assert "expected a checkpoint that no run replaces" in _refusal(
            copied.distil("teacher_model")
        )
    assert digest(copied.storage.model("teacher")) == before


def test_a_student_cannot_start_from_a_teacher_of_another_shape(copied, wider):
    copied.teacher = str(wider)
    start = {"student.start": "previous"}
    assert "'model.emb_size': '64 instead of 32'" in _refusal(
        copied.distil("teacher_model", **start)
    )
    copied.teacher = str(next((copied.storage.production / "versions").iterdir()))
    assert copied.distil("teacher_model", **start).success


def test_one_that_is_not_there_is_told_by_the_variable(copied, tmp_path):
    copied.teacher = str(tmp_path / "nowhere")
    told = _refusal(copied.distil("teacher_model"))
    assert f"DOCRE_TEACHER: expected the folder of a checkpoint, found none at {tmp_path}" in told


def test_it_is_calibrated_on_dev_as_it_is_now_and_nothing_else_changes(made, wider, outputs):
    dev = made.annotated(Split.DEV)
    _adopt(wider, dev, made.relations, outputs)
    extractor, adopted = load_checkpoint(wider), load_checkpoint(outputs.checkpoint)
    calibrate(extractor, read_documents(dev), RUNTIME)
    assert adopted.calibration == extractor.calibration not in (OF_OLD, None)
    assert checkpoint_digest(outputs.checkpoint) == checkpoint_digest(wider)
    assert read_json(outputs.checkpoint / METRICS) == read_json(wider / METRICS)
    told = read_json(outputs.checkpoint / "provenance.json")
    assert told["before"]["seed"] == 7
    assert told["inputs"]["teacher"] == model_version(wider)
    assert read_json(outputs.dev_logits / "origin.json")["teacher"] == checkpoint_digest(wider)


def test_its_calibration_stays_where_dev_tells_none(made, wider, outputs, tmp_path):
    unlabelled = tmp_path / "unlabelled.parquet"
    shutil.copy(made.raw(Split.UNLABELLED), unlabelled)
    _adopt(wider, unlabelled, made.relations, outputs)
    assert read_json(outputs.checkpoint / CALIBRATION) == asdict(OF_OLD)


def _without(name):
    return lambda folder: (folder / name).unlink()


def _account(change):
    def spoil(folder):
        account = read_json(folder / METRICS)
        change(account)
        (folder / METRICS).write_text(json.dumps(account))

    return spoil


def _as_a_version(folder):
    shutil.copytree(folder, folder.with_name("0123456789abcdef"))
    shutil.rmtree(folder)
    folder.symlink_to(folder.with_name("0123456789abcdef"))


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (_without("model.safetensors"), "found no model.safetensors"),
        (_without("provenance.json"), "expected the account of a training"),
        (_without(METRICS), "expected the account of a training .* found none"),
        (_account(lambda a: a.update(best=a.pop("kept"))), "found best, computed_on"),
        (_account(lambda a: a["epochs"].clear()), "expected the account of a training"),
        (_as_a_version, "expected the version that its name says"),
    ],
)
def test_what_is_no_whole_checkpoint_is_refused_and_leaves_nothing(
    made, wider, outputs, spoil, told
):
    spoil(wider)
    with pytest.raises(ValueError, match=told):
        _adopt(wider, made.annotated(Split.DEV), made.relations, outputs)
    assert not outputs.checkpoint.exists()
    assert not outputs.dev_logits.exists()


def test_an_account_without_a_mixture_is_taken(made, wider, outputs):
    _account(lambda account: account.pop("mixture"))(wider)
    _adopt(wider, made.annotated(Split.DEV), made.relations, outputs)
    assert Trained.read(outputs.checkpoint).mixture is None


def test_one_of_other_relations_is_refused_and_leaves_nothing(made, wider, outputs, tmp_path):
    other = RelationVocabulary.of_relations(["P17", "P19", "P27", "P999"])
    other.save(tmp_path / "relations.json")
    with pytest.raises(ValueError, match=r"only in .*relations.json: \['P999'\].*DOCRE_TEACHER"):
        _adopt(wider, made.annotated(Split.DEV), tmp_path / "relations.json", outputs)
    assert not outputs.checkpoint.exists()


def test_one_that_changes_while_it_is_copied_is_refused(made, wider, outputs, monkeypatch):
    def copy(source, draft):
        write_json({"offset": 0.0, "temperature": 9.0}, wider / CALIBRATION)
        shutil.copytree(source, draft, copy_function=shutil.copyfile)

    class Disturbed:
        copytree = staticmethod(copy)

    monkeypatch.setattr(adoption, "shutil", Disturbed)
    with pytest.raises(ValueError, match="somebody writes this checkpoint"):
        _adopt(wider, made.annotated(Split.DEV), made.relations, outputs)
    assert not outputs.checkpoint.exists()
