"""Statistics of a stage as rows: the one shape in which they are stored, judged and drawn."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import isfinite
from typing import Final

import polars as pl

STATISTICS: Final = pl.Schema(
    {"stage": pl.String, "statistic": pl.String, "relation": pl.String, "value": pl.Float64}
)
"""One number a row. ``relation`` is null where a number is about all of them. Shares and rates are
from 0 to 1, divergences in bits. What is not defined (0 of 0) has no row."""


def totals(stage: str, values: Mapping[str, float | None]) -> pl.DataFrame:
    """`STATISTICS` about all relations together, by the statistic's name."""
    rows = [
        {"stage": stage, "statistic": name, "relation": None, "value": float(value)}
        for name, value in values.items()
        if value is not None and isfinite(value)
    ]
    return pl.DataFrame(rows, STATISTICS)


def by_relation(stage: str, table: pl.DataFrame) -> pl.DataFrame:
    """`STATISTICS` of single relations.

    Args:
        stage: what they are about.
        table: ``relation``, and one column a statistic, named so.
    """
    numbers = table.with_columns(pl.exclude("relation").cast(pl.Float64))
    return (
        numbers.unpivot(index="relation", variable_name="statistic")
        .filter(pl.col("value").is_finite())
        .select(pl.lit(stage).alias("stage"), "statistic", "relation", "value")
    )


def joined(tables: Iterable[pl.DataFrame]) -> pl.DataFrame:
    """All rows of several `STATISTICS`."""
    return pl.concat([STATISTICS.to_frame(), *tables])


def share(part: float, whole: float) -> float | None:
    """A part of a whole, from 0 to 1; None, which is no statistic, where the whole is 0."""
    return part / whole if whole else None
