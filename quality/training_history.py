"""How the models in a warehouse were trained, one epoch a row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import polars as pl

from corpus.artefacts import read_json

TRAINING_HISTORY: Final = pl.Schema(
    {
        "model": pl.String(),
        "version": pl.String(),
        "epoch": pl.Int32(),
        "loss": pl.Float64(),
        "terms": pl.List(pl.Struct({"key": pl.String(), "value": pl.Float64()})),
        "dev_f1": pl.Float64(),
        "seconds": pl.Float64(),
        "kept": pl.Boolean(),
        "start_share": pl.Float64(),
    }
)
"""Epochs; ``terms`` are the parts of the loss by name, ``dev_f1`` is null without dev documents.

``start_share`` is null but for the epoch that is kept of a model whose start is mixed in."""


@dataclass(frozen=True)
class TrainedModel:
    """A checkpoint, as far as its training is told."""

    name: str
    """teacher, student or finetuned."""
    version: str
    """Digest of the checkpoint and its calibration."""
    metrics: Path
    """The checkpoint's ``metrics.json``."""


def training_history(models: Sequence[TrainedModel]) -> pl.DataFrame:
    """All epochs of all models as a `TRAINING_HISTORY` table, in the order of training.

    Raises:
        ValueError: if a file is not what a training leaves.
    """
    rows = [row for model in models for row in _epochs(model)]
    return pl.DataFrame(rows, TRAINING_HISTORY)


def _epochs(model: TrainedModel) -> list[dict[str, Any]]:
    try:
        metrics = read_json(model.metrics)
        kept = metrics["kept" if "kept" in metrics else "best"]  # its name in older checkpoints
        share = (metrics.get("mixture") or {}).get("start_share")
        return [_row(model, epoch, kept, share) for epoch in metrics["epochs"]]
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"{model.metrics}: expected the epochs of a training and the one that was kept, found "
            f"something else ({type(error).__name__}: {error}); nobody could tell how the "
            f"{model.name} was trained. Train it again, or restore the file"
        ) from error


def _row(
    model: TrainedModel, epoch: dict[str, Any], kept: int, share: float | None
) -> dict[str, Any]:
    terms = [{"key": name, "value": value} for name, value in epoch["terms"].items()]
    return {
        "model": model.name,
        "version": model.version,
        "epoch": epoch["number"],
        "loss": epoch["loss"],
        "terms": terms,
        "dev_f1": epoch["dev_f1"],
        "seconds": epoch["seconds"],
        "kept": epoch["number"] == kept,
        "start_share": share if epoch["number"] == kept else None,
    }
