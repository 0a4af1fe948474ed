"""DocRED's leaderboard takes titles, and ends by index."""

import polars as pl

from corpus.schema import PREDICTIONS
from corpus.submission import to_docred


def test_docred_format():
    rows = [("d1", "A title", 0, 2, "x", "y", "P17", "country", 1.5, 0.75, 1, [1, 3], None)]
    assert to_docred(pl.DataFrame(rows, PREDICTIONS, orient="row")) == [
        {"title": "A title", "h_idx": 0, "t_idx": 2, "r": "P17", "evidence": [1, 3]}
    ]
