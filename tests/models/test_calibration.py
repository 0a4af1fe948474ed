"""The temperature is the one that makes the truth likeliest, and what cannot be told is refused."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.calibration import COLDEST, HOTTEST, fit_temperature, probability


def _drawn(temperature, n=40_000, seed=3):
    draw = np.random.default_rng(seed)
    margins = draw.normal(-2, 4, n).astype(np.float32)
    return margins, draw.random(n) < probability(margins, temperature)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.5, 6.0])
def test_the_temperature_that_drew_the_truth_is_found(temperature):
    assert fit_temperature(*_drawn(temperature)) == pytest.approx(temperature, rel=0.05)


def test_no_other_temperature_is_likelier():
    margins, truth = _drawn(2.0, 5_000)
    best = fit_temperature(margins, truth)

    def loss(temperature):
        p = probability(margins, temperature)
        return -np.where(truth, np.log(p), np.log1p(-p)).sum()

    assert all(loss(best) <= loss(t) + 1e-6 for t in best * np.array([0.8, 0.98, 1.02, 1.2]))


@given(st.floats(0.1, 10))
def test_margins_in_another_unit_give_the_temperature_in_it(unit):
    margins, truth = _drawn(1.5, 2_000)
    plain, scaled = fit_temperature(margins, truth), fit_temperature(unit * margins, truth)
    assert scaled == pytest.approx(np.clip(unit * plain, COLDEST, HOTTEST), rel=1e-3)


def test_it_stays_within_bounds():
    margins = np.array([-1.0, 1.0] * 50, np.float32)
    assert fit_temperature(margins, margins > 0) == pytest.approx(COLDEST)
    assert fit_temperature(margins, np.arange(100) % 4 < 2) == pytest.approx(HOTTEST)


@pytest.mark.parametrize(
    ("margins", "truth"),
    [
        ([], []),
        ([1.0, 2.0], [True, True]),
        ([1.0, 2.0], [False] * 2),
        ([1.0, np.nan], [True, False]),
    ],
    ids=["empty", "all hold", "none holds", "not finite"],
)
def test_what_tells_no_temperature_is_refused(margins, truth):
    with pytest.raises(ValueError, match="temperature: expected finite margins") as refused:
        fit_temperature(np.array(margins, np.float32), np.array(truth, bool))
    assert f"found {len(margins)} margins" in str(refused.value)
    assert "dev" in str(refused.value)


@given(st.floats(-1e4, 1e4), st.floats(0.05, 20))
def test_probabilities_are_probabilities(margin, temperature):
    p = probability(np.array([margin, -margin]), temperature)
    assert ((p >= 0) & (p <= 1)).all()
    assert p.sum() == pytest.approx(1)
    assert (p[0] >= 0.5) == (margin >= 0) or p[0] == 0.5
