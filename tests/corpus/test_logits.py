"""Margins, pairs and the relations that pairs are given."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from corpus.logits import (
    MAX_RELATIONS_PER_PAIR,
    Calibration,
    ends_of_pairs,
    margins_to_th,
    places_of_pairs,
    relations_above_th,
)
from corpus.schema import Document, Entity, Mention

LOGITS = arrays.arrays(
    np.float16, st.tuples(st.integers(0, 6), st.integers(1, 9)), elements=st.integers(-5, 5)
)


@given(st.integers(0, 12))
def test_places_of_pairs_are_their_order_in_a_document(n_entities):
    entity = Entity("A", (Mention("it", 0, 0, 1),))
    pairs = list(Document("d", "d", (("it",),), (entity,) * n_entities).pairs())
    places = np.arange(len(pairs))
    heads, tails = ends_of_pairs(places, n_entities)
    assert list(zip(heads.tolist(), tails.tolist(), strict=True)) == pairs
    np.testing.assert_array_equal(places_of_pairs(heads, tails, n_entities), places)


@given(LOGITS)
def test_margins_are_differences_to_the_first_column(logits):
    kept = logits.copy()
    margins = margins_to_th(logits)
    assert margins.dtype == np.float32
    assert np.isneginf(margins[:, 0]).all()
    np.testing.assert_array_equal(margins[:, 1:], logits[:, 1:] - logits[:, :1])
    np.testing.assert_array_equal(logits, kept)


@given(LOGITS)
def test_at_most_four_relations_above_th_the_best_first(logits):
    margins = margins_to_th(logits)
    rows, columns = relations_above_th(margins)
    for row, values in enumerate(margins):
        wanted = sorted(np.nonzero(values > 0)[0], key=lambda c: (-values[c], c))
        assert columns[rows == row].tolist() == wanted[:MAX_RELATIONS_PER_PAIR]
    assert (np.diff(rows) >= 0).all()


@given(LOGITS, st.lists(st.floats(-6, 6, width=32), min_size=9, max_size=9))
def test_offsets_take_the_place_of_th_for_their_relation_alone(logits, offsets):
    margins, offsets = margins_to_th(logits), np.array(offsets[: logits.shape[1]], np.float32)
    found = set(zip(*relations_above_th(margins, offsets), strict=True))
    for row, values in enumerate(margins):
        best = sorted(range(1, len(values)), key=lambda c: (-values[c], c))
        wanted = {c for c in best[:MAX_RELATIONS_PER_PAIR] if values[c] > offsets[c]}
        assert {c for r, c in found if r == row} == wanted


@given(LOGITS)
def test_offsets_of_zero_are_th(logits):
    margins = margins_to_th(logits)
    none = np.zeros(margins.shape[1], np.float32)
    for ours, theirs in zip(
        relations_above_th(margins), relations_above_th(margins, none), strict=True
    ):
        np.testing.assert_array_equal(ours, theirs)


def test_probabilities_are_exact_at_both_ends():
    p = Calibration().probability(np.array([-np.inf, -80, -20, 0, 20], np.float32))
    assert p.dtype == np.float32
    assert p[0] == 0
    np.testing.assert_allclose(p[1:4], [np.exp(-80), np.exp(-20), 0.5], rtol=1e-5)


def test_the_offset_is_even_odds():
    p = Calibration(2.0, 3.0).probability(np.array([3.0, 5.0, 1.0]))
    np.testing.assert_allclose(p, [0.5, 1 / (1 + np.exp(-1)), 1 / (1 + np.exp(1))])
