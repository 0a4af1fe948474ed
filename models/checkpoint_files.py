"""The files of a checkpoint and their digest; needs no torch."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from corpus.artefacts import digest, digest_of, read_json
from models.config import ModelConfig

WEIGHTS: Final = "model.safetensors"
CONFIG: Final = "config.json"
RELATIONS: Final = "relations.json"
TOKENIZER: Final = "tokenizer"
CALIBRATION: Final = "calibration.json"
METRICS: Final = "metrics.json"
PROVENANCE: Final = "provenance.json"


def checkpoint_digest(path: Path) -> str:
    """Digest of what logits depend on: weights, configuration, relations and tokenizer.

    The calibration moves no logit, so soft labels stay right when it is fitted again.
    """
    require_files(path)
    return digest_of(*(digest(path / name) for name in (WEIGHTS, CONFIG, RELATIONS, TOKENIZER)))


def model_version(path: Path) -> str:
    """Digest of all that predictions and their probabilities depend on."""
    return digest_of(checkpoint_digest(path), digest(path / CALIBRATION))


def saved_model(path: Path) -> ModelConfig:
    """The shape of a checkpoint's network."""
    return ModelConfig(**read_json(path / CONFIG)["model"])


def learnt_evidence(path: Path) -> bool:
    """Whether a model was trained towards evidence, so that its contexts lie where people look."""
    epochs = read_json(path / METRICS).get("epochs", []) if (path / METRICS).is_file() else []
    return any("evidence" in epoch["terms"] for epoch in epochs)


def require_files(path: Path) -> None:
    """Raise a ValueError unless all files that a model needs are there."""
    expected = (WEIGHTS, CONFIG, RELATIONS, TOKENIZER)
    missing = [name for name in expected if not (path / name).exists()]
    if missing:
        raise ValueError(
            f"{path}: expected a checkpoint with {', '.join(expected)}, found no "
            f"{', '.join(missing)}; materialize the model again"
        )
