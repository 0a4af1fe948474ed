"""Checkpoints: folders without pickle, written whole, loaded strictly."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from transformers import AutoConfig, AutoModel, AutoTokenizer, PretrainedConfig

from corpus.artefacts import read_json, whole, write_json
from corpus.logits import Calibration
from corpus.relations import RelationVocabulary
from models.checkpoint_files import (
    CALIBRATION,
    CONFIG,
    METRICS,
    PROVENANCE,
    RELATIONS,
    TOKENIZER,
    WEIGHTS,
    checkpoint_digest,
    model_version,
    require_files,
)
from models.config import ModelConfig
from models.encoder import ATTENTION, Encoder
from models.extractor import Extractor
from models.network import DocRENetwork


def save_checkpoint(
    extractor: Extractor,
    path: Path,
    *,
    metrics: Mapping[str, Any],
    provenance: Mapping[str, Any],
) -> str:
    """Write an extractor as a folder, whole, and give its digest.

    Args:
        extractor: what is saved.
        path: the folder, replaced if it exists.
        metrics: how training went and how well the model scores.
        provenance: digests of inputs and the seed; versions are added.
    """
    versions = {name: version(name) for name in ("torch", "transformers", "docre-assets")}
    weights = {name: w.contiguous().cpu() for name, w in extractor.network.state_dict().items()}
    encoder = _settings(extractor.network.encoder.transformer.config)
    with whole(path) as draft:
        draft.mkdir()
        save_file(weights, draft / WEIGHTS)
        write_json({"model": asdict(extractor.config), "encoder": encoder}, draft / CONFIG)
        extractor.vocabulary.save(draft / RELATIONS)
        extractor.tokenizer.save_pretrained(draft / TOKENIZER)
        fitted = extractor.calibration
        write_json(None if fitted is None else asdict(fitted), draft / CALIBRATION)
        write_json(dict(metrics), draft / METRICS)
        write_json({**provenance, "versions": versions}, draft / PROVENANCE)
    return checkpoint_digest(path)


def _settings(config: PretrainedConfig) -> dict[str, Any]:
    """All of an encoder's settings in a fixed order, but not where it was once loaded from."""
    return {k: v for k, v in sorted(config.to_dict().items()) if k != "_name_or_path"}


def load_checkpoint(path: Path) -> Extractor:
    """The extractor that a folder holds; nothing is downloaded.

    Raises:
        ValueError: if a file is missing or the weights do not fit the configuration.
    """
    require_files(path)
    saved = read_json(path / CONFIG)
    config = ModelConfig(**saved["model"])
    settings = AutoConfig.for_model(**saved["encoder"])
    encoder = Encoder(AutoModel.from_config(settings, attn_implementation=ATTENTION))
    vocabulary = RelationVocabulary.load(path / RELATIONS)
    network = DocRENetwork(encoder, config, len(vocabulary))
    try:
        network.load_state_dict(load_file(path / WEIGHTS), strict=True)
    except (RuntimeError, SafetensorError) as error:
        raise ValueError(
            f"{path / WEIGHTS}: the weights are not those of {CONFIG} and {RELATIONS} beside "
            f"them ({error}); the checkpoint is cut short or was put together from several: "
            "train it again"
        ) from error
    tokenizer = AutoTokenizer.from_pretrained(path / TOKENIZER)
    calibrated = (path / CALIBRATION).is_file()
    fitted = read_json(path / CALIBRATION) if calibrated else None
    calibration = None if fitted is None else Calibration(**fitted)
    version = model_version(path) if calibrated else None
    return Extractor(network, tokenizer, vocabulary, config, calibration, version)
