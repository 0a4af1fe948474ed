"""Predictions in the format that DocRED's leaderboard takes."""

from __future__ import annotations

from typing import Any

import polars as pl


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
