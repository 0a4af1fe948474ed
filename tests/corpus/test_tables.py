"""Tables are gathered a piece at a time."""

import polars as pl
import pytest

from corpus.tables import ROW_GROUP, gathered

SCHEMA = pl.Schema({"number": pl.Int32, "name": pl.String})


@pytest.mark.parametrize("size", [0, 1, ROW_GROUP, 2 * ROW_GROUP, 2 * ROW_GROUP + 1])
def test_rows_are_gathered_in_their_order(size):
    rows = [(number, f"n{number}" if number % 3 else None) for number in range(size)]
    table = gathered(iter(rows), SCHEMA)
    assert table.schema == SCHEMA
    assert table.rows() == rows
