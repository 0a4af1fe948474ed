"""Evident sentences: those with a large share, and always one."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from corpus.evidence import EVIDENT, evident_sentences

SHARES = hnp.arrays(
    np.float32,
    st.tuples(st.integers(0, 5), st.integers(0, 9)),
    elements=st.floats(0.0, 1.0, width=32),
)


@given(SHARES)
def test_a_sentence_is_evident_by_its_share_or_as_the_best(shares):
    found = evident_sentences(shares.copy())
    assert len(found) == len(shares)
    for row, sentences in zip(shares, found, strict=True):
        assert sentences == sorted(set(sentences))
        best = {int(row.argmax())} if len(row) else set()
        large = set(np.flatnonzero(row >= EVIDENT).tolist())
        assert set(sentences) == large | best


def test_by_hand():
    shares = np.array([[0.5, 0.3, 0.15, 0.05], [0.15, 0.2, 0.1, 0.1], [0.1, 0.05, 0.1, 0.05]])
    assert evident_sentences(shares) == [[0, 1], [1], [0]]
