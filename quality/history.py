"""The statistics of every run, kept: how noisy each run's labels were."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

import polars as pl

from corpus.tables import write_table
from quality.statistics import STATISTICS

HISTORY: Final = pl.Schema(
    [("run", pl.String()), ("time", pl.Datetime("us", "UTC")), *STATISTICS.items()]
)
"""`STATISTICS` with the run that they are of and when it took them."""


def record(statistics: pl.DataFrame, path: Path, *, run: str, time: datetime) -> None:
    """Keep a stage's `STATISTICS` as a `HISTORY` table, whole.

    Args:
        statistics: of one stage.
        path: the table.
        run: id of the run.
        time: when they were taken, with its time zone.
    """
    stamped = statistics.with_columns(run=pl.lit(run), time=pl.lit(time, HISTORY["time"]))
    write_table(stamped.select(list(HISTORY)), path)


def history(tables: Sequence[Path]) -> pl.LazyFrame:
    """All `HISTORY` tables in the order of their time.

    Those of earlier versions may lack columns, which are null, or have others, which are left out.

    Raises:
        ValueError: if a file is no such table.
    """
    kept = pl.concat([HISTORY.to_frame(eager=False), *map(_read, tables)])
    return kept.sort("time", "run", "stage", maintain_order=True)


def _read(path: Path) -> pl.LazyFrame:
    try:
        found = pl.scan_parquet(path)
        columns = found.collect_schema().names()
    except (pl.exceptions.PolarsError, OSError) as error:
        raise ValueError(
            f"{path}: expected a run's statistics, cannot read them ({error}); the history of runs "
            "would have a gap. Restore the file, or remove it to go on without that run"
        ) from error
    return found.select(
        (pl.col(name) if name in columns else pl.lit(None, kind)).cast(kind).alias(name)
        for name, kind in HISTORY.items()
    )
