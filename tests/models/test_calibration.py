"""The calibration is the one that makes the truth likeliest, and what tells none is refused."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.logits import Calibration
from models.calibration import HOTTEST, fit_calibration

TRUE = [Calibration(t, offset) for t in (0.5, 1.0, 2.5, 6.0) for offset in (-2.0, 0.0, 3.0)]


def _drawn(calibration, n=60_000, seed=3):
    draw = np.random.default_rng(seed)
    margins = draw.normal(-2, 4, n).astype(np.float32)
    return margins, draw.random(n) < calibration.probability(margins)


def _loss(calibration, margins, truth):
    p = calibration.probability(margins.astype(np.float64))
    return -np.where(truth, np.log(p), np.log1p(-p)).sum()


@pytest.mark.parametrize("true", TRUE, ids=str)
def test_what_drew_the_truth_is_found(true):
    found = fit_calibration(*_drawn(true))
    assert found.temperature == pytest.approx(true.temperature, rel=0.06)
    assert found.offset == pytest.approx(true.offset, abs=0.1 * true.temperature + 0.05)


def test_no_other_is_likelier():
    margins, truth = _drawn(Calibration(2.0, 1.0), 5_000)
    best = fit_calibration(margins, truth)
    lowest = _loss(best, margins, truth)
    for factor in (0.9, 1.0, 1.1):
        for moved in (-0.2, 0.0, 0.2):
            other = Calibration(best.temperature * factor, best.offset + moved)
            assert lowest <= _loss(other, margins, truth) + 1e-2


@given(st.floats(0.1, 5), st.floats(-5, 5))
def test_margins_in_another_unit_and_from_another_zero_give_those(unit, zero):
    margins, truth = _drawn(Calibration(1.5, 0.5), 2_000)
    plain, moved = fit_calibration(margins, truth), fit_calibration(unit * margins + zero, truth)
    assert moved.temperature == pytest.approx(unit * plain.temperature, rel=1e-2)
    assert moved.offset == pytest.approx(unit * plain.offset + zero, abs=0.02)


def test_margins_that_part_true_from_false_have_a_finite_calibration():
    margins = np.array([-1.0, 1.0] * 50, np.float32)
    found = fit_calibration(margins, margins > 0)
    assert 0.05 < found.temperature < 1
    assert found.offset == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("turned", [1, -1])
def test_margins_that_say_nothing_or_the_contrary_give_all_the_same_share(turned):
    margins = turned * np.array([-1.0, -1.0, 1.0, 1.0] * 25, np.float32)
    truth = np.array([False, True, False, False] * 25)
    found = fit_calibration(margins, truth if turned == 1 else ~truth & (margins < 0))
    assert found.temperature == pytest.approx(HOTTEST)


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
def test_what_tells_nothing_is_refused(margins, truth):
    with pytest.raises(ValueError, match="calibration: expected finite margins") as refused:
        fit_calibration(np.array(margins, np.float32), np.array(truth, bool))
    assert f"found {len(margins)} margins" in str(refused.value)
    assert "dev" in str(refused.value)


@given(st.floats(-1e4, 1e4), st.floats(0.05, 20), st.floats(-10, 10))
def test_probabilities_are_probabilities(margin, temperature, offset):
    p = Calibration(temperature, offset).probability(np.array([margin, 2 * offset - margin]))
    assert ((p >= 0) & (p <= 1)).all()
    assert p.sum() == pytest.approx(1)
