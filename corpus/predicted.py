"""Tables of predictions, each of which says what made it: its rows cannot where it has none."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

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
