"""Checkpoints: what is saved is loaded bit for bit, and what does not fit is refused."""

import dataclasses
import json
from importlib.metadata import version

import pytest
import torch
from conftest import VOCABULARY, make_document
from safetensors.torch import load_file, save_file

from corpus.logits import Calibration
from corpus.relations import RelationVocabulary
from models import checkpoint
from models import extractor as extractors
from models.checkpoint import (
    CALIBRATION,
    CONFIG,
    METRICS,
    PROVENANCE,
    RELATIONS,
    TOKENIZER,
    WEIGHTS,
    load_checkpoint,
    save_checkpoint,
)
from models.checkpoint_files import checkpoint_digest
from models.extractor import Extractor
from models.infer import stream_logits
from models.runtime import Runtime

DOCUMENTS = [make_document("a", 3), make_document("b", 5)]


def logits_of(extractor: Extractor) -> list[torch.Tensor]:
    streamed = stream_logits(extractor, DOCUMENTS, Runtime("cpu", "float32"))
    return [torch.from_numpy(logits) for _, logits in streamed]


@pytest.fixture
def saved(extractor, tmp_path):
    save_checkpoint(extractor, tmp_path / "model", metrics={"f1": 0.5}, provenance={"seed": 1})
    return tmp_path / "model"


def test_logits_are_the_same_bit_for_bit(extractor, saved):
    for ours, loaded in zip(logits_of(extractor), logits_of(load_checkpoint(saved)), strict=True):
        assert torch.equal(ours, loaded)


def test_vocabulary_and_configuration_travel(extractor, saved):
    loaded = load_checkpoint(saved)
    assert loaded.vocabulary.ids == VOCABULARY.ids
    assert loaded.vocabulary.name("P17") == "country"
    assert loaded.config == extractor.config


def test_saving_what_was_loaded_gives_the_same_digest(saved, tmp_path):
    digest = checkpoint_digest(saved)
    loaded = load_checkpoint(saved)
    assert save_checkpoint(loaded, tmp_path / "again", metrics={}, provenance={}) == digest


def test_metrics_and_provenance_do_not_move_the_digest(extractor, saved):
    digest = checkpoint_digest(saved)
    again = save_checkpoint(extractor, saved, metrics={"f1": 0.9}, provenance={"seed": 2})
    assert again == digest == checkpoint_digest(saved)
    assert json.loads((saved / METRICS).read_text()) == {"f1": 0.9}


def test_the_calibration_travels_and_does_not_move_the_digest(extractor, saved):
    digest = checkpoint_digest(saved)
    assert load_checkpoint(saved).calibration is None
    extractor.calibration = Calibration(1.75, 0.5)
    assert save_checkpoint(extractor, saved, metrics={}, provenance={}) == digest
    assert load_checkpoint(saved).calibration == Calibration(1.75, 0.5)


def test_a_checkpoint_that_was_never_calibrated_has_no_calibration(saved):
    (saved / CALIBRATION).unlink()
    assert load_checkpoint(saved).calibration is None


def test_weights_move_the_digest(extractor, saved):
    digest = checkpoint_digest(saved)
    with torch.no_grad():
        extractor.network.classifier.bias[0] += 1e-6
    assert save_checkpoint(extractor, saved, metrics={}, provenance={}) != digest


def test_where_the_encoder_came_from_is_not_told(saved):
    assert "_name_or_path" not in json.loads((saved / CONFIG).read_text())["encoder"]


def test_provenance_tells_versions(saved):
    provenance = json.loads((saved / PROVENANCE).read_text())
    assert provenance["seed"] == 1
    for name in ("torch", "transformers", "docre-assets"):
        assert provenance["versions"][name] == version(name)


def test_there_is_no_pickle(saved):
    kinds = {path.suffix for path in saved.rglob("*") if path.is_file()}
    assert kinds <= {".json", ".safetensors", ".txt"}
    assert set(load_file(saved / WEIGHTS)) == set(load_checkpoint(saved).network.state_dict())


def test_it_loads_without_the_source_of_its_encoder(saved, monkeypatch):
    def gone(name: str) -> str:
        raise AssertionError(f"{name} was asked for")

    monkeypatch.setattr(extractors, "encoder_source", gone)
    monkeypatch.setattr(extractors, "_load_encoder", gone)
    assert load_checkpoint(saved).config.encoder


@pytest.mark.parametrize("name", [WEIGHTS, CONFIG, RELATIONS, TOKENIZER])
def test_missing_file(saved, name):
    (saved / name).rename(saved.parent / name)
    for read in (load_checkpoint, checkpoint_digest):
        with pytest.raises(ValueError, match=f"expected a checkpoint with .*, found no {name};"):
            read(saved)


def test_no_checkpoint(tmp_path):
    with pytest.raises(ValueError, match="nowhere: expected a checkpoint"):
        load_checkpoint(tmp_path / "nowhere")


def with_weights(path, change) -> None:
    weights = load_file(path / WEIGHTS)
    change(weights)
    save_file(weights, path / WEIGHTS)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda weights: weights.pop("classifier.bias"), "Missing key.*classifier.bias"),
        (lambda weights: weights.update(extra=torch.ones(1)), "Unexpected key.*extra"),
        (lambda weights: weights.update({"classifier.bias": torch.ones(9)}), "size mismatch"),
    ],
)
def test_weights_that_do_not_fit(saved, change, message):
    with_weights(saved, change)
    with pytest.raises(ValueError, match=rf"(?s)weights are not those of config.json.*{message}"):
        load_checkpoint(saved)


def test_weights_that_are_cut_short(saved):
    (saved / WEIGHTS).write_bytes((saved / WEIGHTS).read_bytes()[:5000])
    with pytest.raises(ValueError, match="cut short"):
        load_checkpoint(saved)


def test_relations_of_another_model(saved):
    RelationVocabulary(("Na", "P1")).save(saved / RELATIONS)
    with pytest.raises(ValueError, match="weights are not those"):
        load_checkpoint(saved)


def test_a_tokenizer_folder_without_a_tokenizer(saved):
    for path in (saved / TOKENIZER).iterdir():
        if path.name != "tokenizer_config.json":
            path.unlink()
    with pytest.raises(ValueError, match=r"expected a piece for the marker '\*'"):
        load_checkpoint(saved)


@pytest.mark.parametrize("freeze", [False, True])
def test_frozen_word_embeddings_stay_frozen(tiny, tmp_path, freeze):
    config = dataclasses.replace(tiny.model, freeze_word_embeddings=freeze)
    created = Extractor.create(config, VOCABULARY, seed=1)
    save_checkpoint(created, tmp_path / "model", metrics={}, provenance={})
    for extractor in (created, load_checkpoint(tmp_path / "model")):
        frozen = [name for name, w in extractor.network.named_parameters() if not w.requires_grad]
        assert frozen == ["encoder.transformer.embeddings.word_embeddings.weight"] * freeze


def test_a_failing_save_leaves_the_former_checkpoint(extractor, saved, monkeypatch):
    before = {path: path.read_bytes() for path in saved.rglob("*") if path.is_file()}

    def failing(*_):
        raise OSError("disk full")

    with torch.no_grad():
        extractor.network.classifier.bias[0] += 1
    monkeypatch.setattr(checkpoint, "write_json", failing)
    with pytest.raises(OSError, match="disk full"):
        save_checkpoint(extractor, saved, metrics={}, provenance={})
    assert {path: path.read_bytes() for path in saved.parent.rglob("*") if path.is_file()} == before


def test_a_checkpoint_is_replaced_whole(extractor, saved):
    (saved / "stray.txt").write_text("of an earlier version")
    save_checkpoint(extractor, saved, metrics={}, provenance={})
    assert sorted(path.name for path in saved.iterdir()) == sorted(
        [WEIGHTS, CONFIG, RELATIONS, TOKENIZER, CALIBRATION, METRICS, PROVENANCE]
    )
    assert list(saved.parent.iterdir()) == [saved]
