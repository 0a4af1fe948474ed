"""Statistics of runs are kept in the order of their time."""

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from quality.history import HISTORY, history, record
from quality.statistics import STATISTICS, totals

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


def test_what_is_recorded_comes_back_in_the_order_of_time(tmp_path):
    later, earlier = tmp_path / "a" / "distant.parquet", tmp_path / "b" / "distant.parquet"
    record(totals("distant", {"labels": 7}), later, run="a", time=NOON + timedelta(hours=1))
    record(totals("distant", {"labels": 5, "pairs": 9}), earlier, run="b", time=NOON)
    kept = history([later, earlier]).collect()
    assert kept.schema == HISTORY
    assert kept.select("run", "statistic", "value").rows() == [
        ("b", "labels", 5.0),
        ("b", "pairs", 9.0),
        ("a", "labels", 7.0),
    ]
    assert kept["time"].to_list() == [NOON, NOON, NOON + timedelta(hours=1)]


def test_the_same_run_has_a_stage_once(tmp_path):
    for value in (1, 2):
        record(totals("s", {"labels": value}), tmp_path / "s.parquet", run="a", time=NOON)
    assert history([tmp_path / "s.parquet"]).collect()["value"].to_list() == [2.0]


def test_tables_of_other_versions_are_read_as_far_as_they_go(tmp_path):
    record(totals("s", {"labels": 1}), tmp_path / "now.parquet", run="b", time=NOON)
    now = pl.read_parquet(tmp_path / "now.parquet")
    earlier = now.drop("relation").with_columns(run=pl.lit("a"), split=pl.lit("dev"))
    earlier.write_parquet(tmp_path / "earlier.parquet")
    kept = history([tmp_path / "now.parquet", tmp_path / "earlier.parquet"]).collect()
    assert kept.schema == HISTORY
    assert kept.select("run", "relation", "value").rows() == [("a", None, 1.0), ("b", None, 1.0)]


def test_a_file_that_is_none_is_named(tmp_path):
    (tmp_path / "broken.parquet").write_bytes(b"PAR1")
    with pytest.raises(ValueError, match=r"broken.parquet: expected a run's statistics"):
        history([tmp_path / "broken.parquet"])


def test_before_the_first_run_there_is_none():
    assert history([]).collect().is_empty()
    assert set(STATISTICS) < set(history([]).collect_schema())
