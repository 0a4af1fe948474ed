"""Which epoch is kept: differences of F1 that documents agree on count, others do not."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.choice import CLEARLY, clearly_worse, f1_of
from models.intervals import resampled
from models.ratios import ratios


def drawn(seed, documents, skill):
    """Counts of a model that finds each gold triple with chance ``skill`` of being right."""
    draw = np.random.default_rng(seed)
    gold = np.random.default_rng(7).integers(5, 40, documents)  # the same documents every time
    correct = draw.binomial(gold, skill)
    return np.stack([gold, correct + draw.binomial(gold, 0.3), correct], axis=1).astype(float)


counts = st.lists(
    st.tuples(st.integers(0, 30), st.integers(0, 30), st.floats(0, 1)), min_size=1, max_size=20
).map(lambda rows: np.array([[g, p, int(share * min(g, p))] for g, p, share in rows], float))


@given(counts)
def test_nothing_is_clearly_worse_than_itself(found):
    assert not clearly_worse(found, found)
    assert 0 <= f1_of(found) <= 1


@given(counts, counts)
def test_only_one_of_two_can_be_clearly_worse(one, other):
    size = min(len(one), len(other))
    one, other = one[:size], other[:size]
    assert not (clearly_worse(one, other) and clearly_worse(other, one))
    if clearly_worse(one, other):
        assert f1_of(one) < f1_of(other)


def test_what_all_documents_agree_on_is_clear_however_small_it_is():
    best = np.tile([100.0, 100.0, 50.0], (5, 1))
    assert clearly_worse(best - [0, 0, 1], best)
    assert not clearly_worse(best, best - [0, 0, 1])


def test_one_document_alone_makes_nothing_clear():
    assert not clearly_worse(np.array([[10.0, 10, 4]]), np.array([[10.0, 10, 5]]))


@pytest.mark.parametrize("documents", [1, 2, 30])
def test_finding_nothing_is_clearly_worse_than_finding_something(documents):
    nothing = np.tile([10.0, 5.0, 0.0], (documents, 1))
    something = nothing.copy()
    something[0, 2] = 1
    assert clearly_worse(nothing, something)


def test_a_difference_that_a_single_one_of_many_makes_is_not_clear():
    best = np.tile([20.0, 20.0, 10.0], (30, 1))
    worse = best.copy()
    worse[0, 2] = 0
    assert f1_of(worse) < f1_of(best)
    assert not clearly_worse(worse, best)


@pytest.mark.parametrize("skills", [(0.5, 0.5), (0.4, 0.6), (0.1, 0.3)])
def test_the_scatter_is_that_of_the_bootstrap(skills):
    one, other = (drawn(seed, 200, skill) for seed, skill in enumerate(skills))
    samples = resampled(np.concatenate([one, other], axis=1))
    deviation = np.std(ratios(samples[:, :3])["f1"] - ratios(samples[:, 3:])["f1"])
    gap = f1_of(other) - f1_of(one)
    shift = (gap - CLEARLY * deviation) / 2  # moves F1 of all documents alike, to the brink

    def lowered(by):
        total = one[:, :2].sum(1)
        return np.column_stack([one[:, :2], one[:, 2] - by * total])

    assert clearly_worse(lowered(-shift + 0.15 * deviation), other)
    assert not clearly_worse(lowered(-shift - 0.15 * deviation), other)


def test_chance_alone_is_clear_in_one_of_twenty_cases():
    pairs = [(drawn(2 * n, 60, 0.5), drawn(2 * n + 1, 60, 0.5)) for n in range(1000)]
    assert np.mean([clearly_worse(*pair) for pair in pairs]) == pytest.approx(0.05, abs=0.02)


def test_nothing_to_count_is_an_f1_of_zero():
    nothing = np.zeros((3, 3))
    assert f1_of(nothing) == 0
    assert not clearly_worse(nothing, nothing)
