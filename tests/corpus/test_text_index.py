"""A text is found where a dict would find it."""

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from corpus.text_index import TextIndex

TEXTS = st.lists(st.text(max_size=2) | st.text("ab", min_size=12, max_size=14), max_size=12)


@given(TEXTS, TEXTS)
def test_rows_are_those_of_a_dict(texts, others):
    index = TextIndex(pl.Series(texts, dtype=pl.String))
    rows = {text: row for row, text in enumerate(texts)}
    assert len(index) == len(texts)
    for text in (*texts, *others):
        assert index.row(text) == rows.get(text)


@given(TEXTS)
def test_the_first_row_that_repeats_another_is_told(texts):
    again = [row for row, text in enumerate(texts) if text in texts[:row]]
    index = TextIndex(pl.Series(texts, dtype=pl.String))
    assert index.first_repeated() == (again[0] if again else None)
