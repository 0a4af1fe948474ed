"""A model that is there already is taken for the teacher as it is, whatever its shape."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from little_corpus import LONG_ENOUGH, Workplace

from corpus.artefacts import digest, read_json
from corpus.relations import RelationVocabulary
from corpus.schema import Split
from corpus.tables import read_documents
from docre_assets.adoption import adopt
from docre_assets.partitions import SHARDS
from docre_assets.training import StageOutputs
from models.checkpoint import load_checkpoint, save_checkpoint
from models.checkpoint_files import METRICS, checkpoint_digest
from models.config import preset
from models.dev_logits import calibrate
from models.extractor import Extractor
from models.runtime import Runtime
from resources.storage import Storage

pytest_plugins = ["little_places"]

RUNTIME = Runtime("cpu", "float32", 1)
WIDER = preset("tiny", {"model.emb_size": 64, "model.axial_layers": 2}).model


@pytest.fixture
def made(distilled) -> Storage:
    return distilled[0].storage


@pytest.fixture
def wider(made, tmp_path) -> Path:
    """A checkpoint of a larger network than the student's, with an account of some training."""
    extractor = Extractor.create(WIDER, made.vocabulary(), seed=7)
    metrics = read_json(made.model("teacher") / METRICS)
    save_checkpoint(extractor, tmp_path / "wider", metrics=metrics, provenance={"seed": 7})
    return tmp_path / "wider"


@pytest.fixture
def copied(distilled, tmp_path) -> Iterator[Workplace]:
    """What was distilled, to be distilled again."""
    shutil.copytree(distilled[0].storage.folder, tmp_path / "artefacts")
    with dg.DagsterInstance.ephemeral() as instance:
        yield Workplace(distilled[0].corpus, Storage(root=str(tmp_path / "artefacts")), instance)


def _told(result, asset) -> dict[str, object]:
    (event,) = result.asset_materializations_for_node(asset)
    return {name: value.value for name, value in event.metadata.items()}


@pytest.mark.slow
def test_a_teacher_of_another_shape_labels_and_is_kept(copied, wider):
    copied.teacher = str(wider)
    result = copied.distil(**LONG_ENOUGH)
    assert result.success
    teacher = copied.storage.model("teacher")
    assert checkpoint_digest(teacher) == checkpoint_digest(wider)
    for shard in SHARDS:
        origin = read_json(copied.storage.soft_label_shard(shard) / "origin.json")
        assert origin["teacher"] == checkpoint_digest(wider)
    assert _told(result, "teacher_model")["adopted"] == str(wider)
    again = copied.distil("teacher_model", "student_model", **LONG_ENOUGH)
    assert _told(again, "teacher_model")["kept"]
    assert _told(again, "student_model")["kept"]


@pytest.mark.slow
def test_a_fine_tuned_model_teaches_a_second_round_and_no_run_may_replace_it(copied):
    copied.teacher = str(copied.storage.model("finetuned"))
    refused = copied.distil("teacher_model")
    assert not refused.success
    told = str(refused.failure_data_for_node("teacher_model").error.cause)
    assert "expected a checkpoint that no run replaces" in told
    (version,) = (copied.storage.production / "versions").iterdir()
    copied.teacher = str(version)
    second = copied.distil("teacher_model", "soft_labels", "student_model", **LONG_ENOUGH)
    assert second.success
    assert checkpoint_digest(copied.storage.model("teacher")) == checkpoint_digest(version)
    assert not _told(second, "student_model")["kept"]


def test_it_is_calibrated_on_dev_as_it_is_now_and_nothing_else_changes(made, wider, tmp_path):
    outputs = StageOutputs(tmp_path / "teacher", tmp_path / "dev_logits")
    dev = made.annotated(Split.DEV)
    adopt(wider, dev, made.relations, outputs, RUNTIME)
    extractor, adopted = load_checkpoint(wider), load_checkpoint(outputs.checkpoint)
    assert extractor.calibration is None
    calibrate(extractor, read_documents(dev), RUNTIME)
    assert adopted.calibration == extractor.calibration is not None
    assert digest(outputs.checkpoint / "model.safetensors") == digest(wider / "model.safetensors")
    assert read_json(outputs.checkpoint / METRICS) == read_json(wider / METRICS)
    origin = read_json(outputs.checkpoint / "provenance.json")["adopted"]
    assert origin["seed"] == 7
    assert read_json(outputs.dev_logits / "origin.json")["teacher"] == checkpoint_digest(wider)


def test_one_of_other_relations_is_refused_and_leaves_nothing(made, wider, tmp_path):
    other = RelationVocabulary.of_relations(["P17", "P19", "P27", "P999"])
    other.save(tmp_path / "relations.json")
    outputs = StageOutputs(tmp_path / "teacher", tmp_path / "dev_logits")
    with pytest.raises(ValueError, match=r"only in .*relations.json: \['P999'\]"):
        adopt(wider, made.annotated(Split.DEV), tmp_path / "relations.json", outputs, RUNTIME)
    assert not outputs.checkpoint.exists()
    assert not outputs.dev_logits.exists()
