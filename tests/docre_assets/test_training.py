"""A stage reads what its configuration asks for, and refuses inputs that do not fit."""

import shutil
from dataclasses import replace

import polars as pl
import pytest

from corpus.artefacts import read_json
from corpus.relations import RelationVocabulary
from corpus.schema import Split
from docre_assets.model_assets import SOFT_LABELS_CODE
from docre_assets.partitions import SHARDS
from docre_assets.soft_labelling import SoftLabeller
from docre_assets.training import StageInputs, StageOutputs, train_stage
from models.config import preset
from models.runtime import Runtime

pytest_plugins = ["little_places"]

RUNTIME = Runtime("cpu", "float32", 1)
SHORT = {"student.training.epochs": 1, "finetune.training.epochs": 1}
SETTINGS = preset("tiny", SHORT)
NAIVE = preset("tiny", SHORT | {"student.objective.soft_weight": 0.0})


@pytest.fixture
def storage(distilled):
    return distilled[0].storage


@pytest.fixture
def student_inputs(storage) -> StageInputs:
    return StageInputs(
        [storage.distant(shard) for shard in SHARDS],
        storage.annotated(Split.DEV),
        storage.relations,
        previous=storage.model("teacher"),
        soft_labels=[storage.soft_label_shard(shard) for shard in SHARDS],
        teacher=storage.model("teacher"),
    )


def _outputs(checkpoint) -> StageOutputs:
    return StageOutputs(checkpoint, checkpoint.with_name(f"{checkpoint.name}_dev_logits"))


def test_naive_adaptation_does_without_soft_labels(student_inputs, tmp_path):
    inputs = replace(student_inputs, soft_labels=[tmp_path / "none"], teacher=tmp_path / "none")
    trained = train_stage(
        NAIVE.model, NAIVE.student, inputs, _outputs(tmp_path / "student"), runtime=RUNTIME
    )
    assert len(trained.epochs) == 1
    provenance = read_json(tmp_path / "student" / "provenance.json")
    assert not [name for name in provenance["inputs"] if "none" in name]


def test_soft_labels_of_another_teacher_are_refused(student_inputs, storage, tmp_path):
    inputs = replace(student_inputs, teacher=storage.model("finetuned"))
    with pytest.raises(ValueError, match="soft labels were made with teacher"):
        train_stage(
            SETTINGS.model, SETTINGS.student, inputs, _outputs(tmp_path / "s"), runtime=RUNTIME
        )
    assert not (tmp_path / "s").exists()


def test_a_previous_model_of_another_vocabulary_is_refused(student_inputs, tmp_path):
    other = RelationVocabulary.of_relations(["P17", "P19", "P27", "P999"])
    other.save(tmp_path / "relations.json")
    inputs = replace(student_inputs, relations=tmp_path / "relations.json")
    with pytest.raises(ValueError, match=r"only in .*relations.json: \['P999'\]"):
        train_stage(
            SETTINGS.model, SETTINGS.finetune, inputs, _outputs(tmp_path / "f"), runtime=RUNTIME
        )


def test_a_previous_model_that_is_not_as_configured_is_refused(student_inputs, tmp_path):
    other = replace(SETTINGS.model, axial_layers=2, window=256)
    expected = r"'model.axial_layers': '1 instead of 2', 'model.window': '512 instead of 256'"
    with pytest.raises(ValueError, match=expected):
        train_stage(
            other, SETTINGS.finetune, student_inputs, _outputs(tmp_path / "f"), runtime=RUNTIME
        )


def test_the_first_stage_has_none_to_start_from(student_inputs, tmp_path):
    first = replace(student_inputs, previous=None)
    with pytest.raises(ValueError, match="the teacher is the first; set its start to 'encoder'"):
        train_stage(
            SETTINGS.model, SETTINGS.finetune, first, _outputs(tmp_path / "f"), runtime=RUNTIME
        )


def test_the_same_inputs_give_the_same_weights(student_inputs, tmp_path):
    digests = {
        train_stage(
            SETTINGS.model,
            SETTINGS.student,
            student_inputs,
            _outputs(tmp_path / name),
            runtime=RUNTIME,
        ).digest
        for name in ("one", "two")
    }
    assert len(digests) == 1


def test_fine_tuning_starts_from_the_previous_weights(student_inputs, storage, tmp_path):
    from models.checkpoint import load_checkpoint

    still = replace(SETTINGS.finetune.training, encoder_lr=1e-12, head_lr=1e-12)
    stage = replace(SETTINGS.finetune, training=still)
    train_stage(SETTINGS.model, stage, student_inputs, _outputs(tmp_path / "same"), runtime=RUNTIME)
    before = load_checkpoint(storage.model("teacher")).network.state_dict()
    after = load_checkpoint(tmp_path / "same").network.state_dict()
    assert all((after[name] - weight).abs().max() < 1e-6 for name, weight in before.items())


@pytest.fixture
def labeller(storage):
    return SoftLabeller(storage.model("teacher"), SOFT_LABELS_CODE, lambda: RUNTIME)


@pytest.fixture
def shard(storage, tmp_path):
    """Documents of a shard and its soft labels, to be changed."""
    documents, folder = tmp_path / "shard-000.parquet", tmp_path / "shard-000"
    shutil.copy(storage.distant("shard-000"), documents)
    shutil.copytree(storage.soft_label_shard("shard-000"), folder)
    return documents, folder


def test_a_shard_whose_digests_match_is_kept_without_loading_the_teacher(labeller, shard):
    before = (shard[1] / "logits.safetensors").stat().st_mtime_ns
    labelled = labeller.label(*shard)
    assert labelled.kept
    assert "kept" in str(labelled)
    assert "teacher" not in vars(labeller)
    assert (shard[1] / "logits.safetensors").stat().st_mtime_ns == before


def test_other_labels_do_not_cost_new_logits(labeller, shard):
    documents = pl.read_parquet(shard[0])
    documents.with_columns(pl.col("labels").list.head(0)).write_parquet(shard[0])
    assert labeller.label(*shard).kept


def test_other_text_another_teacher_or_other_code_cost_new_logits(labeller, shard, storage):
    assert not SoftLabeller(storage.model("teacher"), "other", lambda: RUNTIME).label(*shard).kept
    assert (
        not SoftLabeller(storage.model("student"), SOFT_LABELS_CODE, lambda: RUNTIME)
        .label(*shard)
        .kept
    )
    words = pl.element().list.eval(pl.element().str.to_uppercase())
    documents = pl.read_parquet(shard[0])
    documents.with_columns(pl.col("sentences").list.eval(words)).write_parquet(shard[0])
    assert not labeller.label(*shard).kept
    assert labeller.label(*shard).kept


def test_a_broken_shard_is_made_again(labeller, shard):
    logits = shard[1] / "logits.safetensors"
    good = logits.read_bytes()
    logits.write_bytes(good[:-1])
    assert not labeller.label(*shard).kept
    assert logits.read_bytes() == good
