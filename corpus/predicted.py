"""Tables of predictions, what made them, and the same in DocRED's format.

A table says itself what made it: its rows cannot where it has none.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import polars as pl

from corpus.schema import PREDICTIONS
from corpus.tables import write_table


@dataclass(frozen=True)
class Predictor:
    """What made a table of predictions."""

    model_version: str
    """Digest of the model."""
    target: str
    """What the predictions were to reach, in words; TH where the threshold class cut them."""


def write_predictions(found: pl.DataFrame | pl.LazyFrame, path: Path, by: Predictor) -> None:
    """Write a `PREDICTIONS` table, whole, that says what made it."""
    write_table(found, path, asdict(by))


def predictor(path: Path) -> Predictor | None:
    """What made a table of predictions.

    None if there is no such table, its columns are others, or an earlier version of the code wrote
    it, which told nothing.
    """
    try:
        if pl.scan_parquet(path, glob=False).collect_schema() != PREDICTIONS:
            return None
        told = pl.read_parquet_metadata(path)
    except (pl.exceptions.PolarsError, OSError):  # it is missing or damaged
        return None
    version, target = told.get("model_version"), told.get("target")
    return None if version is None or target is None else Predictor(version, target)


def to_docred(predictions: pl.DataFrame) -> list[dict[str, Any]]:
    """A `PREDICTIONS` table in the format of DocRED's submissions."""
    columns = {
        "title": "title",
        "h_idx": "head",
        "t_idx": "tail",
        "r": "relation",
        "evidence": "evidence",
    }
    return predictions.select(
        pl.col(ours).alias(theirs) for theirs, ours in columns.items()
    ).to_dicts()
