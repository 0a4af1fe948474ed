"""Tables of predictions say what made them, with no row too."""

import polars as pl
import pytest

from corpus.predicted import Predictor, predictor, write_predictions
from corpus.schema import PREDICTIONS

ROWS = [("d1", "A title", 0, 2, "x", "y", "P17", "country", 1.5, 0.75, 1, [1, 3], None)]


@pytest.mark.parametrize("rows", [ROWS, []])
def test_a_table_says_what_made_it(tmp_path, rows):
    table, by = pl.DataFrame(rows, PREDICTIONS, orient="row"), Predictor("ab12", "precision 0.9")
    write_predictions(table, tmp_path / "predictions.parquet", by)
    assert predictor(tmp_path / "predictions.parquet") == by
    assert pl.read_parquet(tmp_path / "predictions.parquet").equals(table)
