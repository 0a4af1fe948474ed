"""Tables are gathered and written a piece at a time."""

import polars as pl
import pytest

from corpus.tables import ROW_GROUP, gathered, write_rows

SCHEMA = pl.Schema({"number": pl.Int32, "name": pl.String})


SIZES = [0, 1, ROW_GROUP, 2 * ROW_GROUP, 2 * ROW_GROUP + 1]


@pytest.mark.parametrize("size", SIZES)
def test_rows_are_written_as_they_would_be_gathered(tmp_path, size):
    rows = [(number, f"n{number}" if number % 3 else None) for number in range(size)]
    write_rows(iter(rows), SCHEMA, tmp_path / "table.parquet")
    assert pl.read_parquet(tmp_path / "table.parquet").equals(gathered(rows, SCHEMA))
    assert [file.name for file in tmp_path.iterdir()] == ["table.parquet"]


def test_rows_that_break_off_leave_what_was_there(tmp_path):
    def broken():
        yield 1, "one"
        raise KeyError("two")

    write_rows([(0, "zero")], SCHEMA, tmp_path / "table.parquet")
    with pytest.raises(KeyError, match="two"):
        write_rows(broken(), SCHEMA, tmp_path / "table.parquet")
    assert pl.read_parquet(tmp_path / "table.parquet").rows() == [(0, "zero")]
    assert [file.name for file in tmp_path.iterdir()] == ["table.parquet"]


@pytest.mark.parametrize("size", SIZES)
def test_rows_are_gathered_in_their_order(size):
    rows = [(number, f"n{number}" if number % 3 else None) for number in range(size)]
    table = gathered(iter(rows), SCHEMA)
    assert table.schema == SCHEMA
    assert table.rows() == rows
