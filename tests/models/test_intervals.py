"""The bootstrap draws documents, and its intervals cover what they should."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.intervals import SAMPLES, interval, resampled
from models.ratios import ratios


def test_sums_are_of_as_many_documents_as_there_are() -> None:
    drawn = resampled(np.ones((7, 2)))
    assert drawn.shape == (SAMPLES, 2)
    assert (drawn == 7).all()


@pytest.mark.parametrize("samples", [1, 99, 250])
def test_the_same_seed_draws_the_same_and_columns_are_drawn_together(samples: int) -> None:
    tallies = np.random.default_rng(0).integers(0, 9, (20, 1)).astype(float)
    drawn = resampled(np.concatenate([tallies, 2 * tallies], axis=1), samples, seed=5)
    assert len(drawn) == samples
    np.testing.assert_array_equal(2 * drawn[:, 0], drawn[:, 1])
    np.testing.assert_array_equal(drawn[:, [0]], resampled(tallies, samples, seed=5))
    assert samples == 1 or (drawn[:, [0]] != resampled(tallies, samples, seed=6)).any()


def test_intervals_have_the_width_of_the_standard_error() -> None:
    values = np.random.default_rng(1).normal(10, 2, (400, 1))
    low, high = interval(resampled(values) / len(values))
    width = 2 * 1.96 * values.std() / np.sqrt(len(values))
    assert high - low == pytest.approx(width, rel=0.1)
    assert (low + high) / 2 == pytest.approx(values.mean(), abs=0.1 * width)


def test_intervals_cover_the_truth_as_often_as_they_say() -> None:
    draw, covered = np.random.default_rng(2), 0
    for _ in range(200):
        gold = draw.poisson(10, 60)
        correct = draw.binomial(gold, draw.beta(4, 4, 60))  # documents are easy or hard: 0.5
        counts = np.stack([gold, gold, correct], axis=1).astype(float)
        low, high = interval(ratios(resampled(counts, 300))["f1"])
        covered += bool(low <= 0.5 <= high)
    assert 0.88 <= covered / 200 <= 0.99


@given(st.integers(0, 40))
def test_samples_without_anything_to_count_are_left_out(unknown: int) -> None:
    values = np.arange(41.0)[:, None].repeat(2, axis=1)
    values[:unknown, 0] = np.nan
    (low, untouched), (high, _) = interval(values)
    assert low == pytest.approx(unknown + 0.025 * (40 - unknown))
    assert high == pytest.approx(unknown + 0.975 * (40 - unknown))
    assert untouched == pytest.approx(1.0)


def test_nothing_at_all_has_no_interval() -> None:
    assert np.isnan(interval(np.full((5, 3), np.nan))).all()
    with pytest.raises(ValueError, match="expected documents to draw from, found none"):
        resampled(np.zeros((0, 3)))


def test_five_hundred_documents_and_a_hundred_slices_take_a_few_seconds_of_processor_time() -> None:
    counts = np.random.default_rng(3).integers(0, 5, (500, 110, 3)).astype(float)
    started = time.process_time()
    drawn = resampled(counts.reshape(500, -1)).reshape(SAMPLES, 110, 3)
    for values in ratios(drawn).values():
        interval(values)
    assert time.process_time() - started < 5
