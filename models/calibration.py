"""Platt scaling: what makes margins to TH probabilities that mean what they say."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from corpus.arrays import Float64Array
from corpus.logits import Calibration

HOTTEST: Final = 100.0
"""Bound of the temperature: margins that say nothing, or the contrary, end there."""

_STEPS: Final = 100
_ENOUGH: Final = 1e-10

Margins = NDArray[np.floating[Any]]


def fit_calibration(margins: Margins, truth: NDArray[np.bool_]) -> Calibration:
    """The temperature and the offset that make the truth most likely.

    Logistic regression of the truth on margins (Platt 1999), by Newton's method. Like there, truth
    counts as (n + 1) / (n + 2) of itself, so that margins that part true from false without an
    error have a temperature too.

    Args:
        margins: [N] l_r - l_TH of relations of pairs, all of them or a sample that was not chosen
            by its truth.
        truth: [N], whether the relation holds.

    Raises:
        ValueError: if there are no margins, some are not finite, or all relations hold or none
            does; from these nothing can be told.
    """
    _require_telling(margins, truth)
    values, times, targets = _counted(margins, truth)
    inputs = np.stack([values, np.ones_like(values)], 1)
    slope, bias = _regression(inputs, times, targets, np.array([1.0, 0.0]))
    if slope < 1 / HOTTEST:
        slope = 1 / HOTTEST
        (bias,) = _regression(inputs[:, 1:], times, targets, np.zeros(1), slope * values)
    return Calibration(float(1 / slope), float(-bias / slope))


def _regression(
    inputs: Float64Array,
    times: Float64Array,
    targets: Float64Array,
    weights: Float64Array,
    known: Float64Array | float = 0.0,
) -> Float64Array:
    """Weights [K] of a logistic regression of targets [N] on inputs [N, K], each ``times`` there.

    Newton's step is halved until it helps, so that it finds the minimum of the convex loss from
    anywhere.
    """

    def loss(weights: Float64Array) -> float:
        logits = inputs @ weights + known
        return float(times @ (np.logaddexp(0, logits) - targets * logits))

    lowest = loss(weights)
    for _ in range(_STEPS):
        p = Calibration().probability(inputs @ weights + known)
        gradient = inputs.T @ (times * (p - targets))
        curvature = (inputs.T * (times * p * (1 - p))) @ inputs
        step = np.linalg.lstsq(curvature, gradient, rcond=None)[0]
        while (here := loss(weights - step)) > lowest and np.abs(step).max() > _ENOUGH:
            step = step / 2
        weights, gained, lowest = weights - step, lowest - here, here
        if gained <= _ENOUGH * lowest:
            break
    return weights


def _counted(
    margins: Margins, truth: NDArray[np.bool_]
) -> tuple[Float64Array, Float64Array, Float64Array]:
    """Different margins to float16's 11 bits, how often each stands there, and its target.

    A few thousand of them stand for millions of margins, so that a likelihood takes no time.
    """
    values, times, targets = [], [], []
    for holds in (False, True):
        found, often = _different(margins[truth == holds])
        values.append(found)
        times.append(often)
        n = often.sum()
        targets.append(np.full(len(found), (n + 1) / (n + 2) if holds else 1 / (n + 2)))
    return np.concatenate(values), np.concatenate(times), np.concatenate(targets)


def _different(margins: Margins) -> tuple[Float64Array, Float64Array]:
    largest = np.finfo(np.float16).max
    bits = margins.clip(-largest, largest).astype(np.float16).view(np.uint16)
    times = np.bincount(bits, minlength=1 << 16)
    occurring = np.flatnonzero(times)
    values = occurring.astype(np.uint16).view(np.float16).astype(np.float64)
    return values, times[occurring].astype(np.float64)


def _require_telling(margins: Margins, truth: NDArray[np.bool_]) -> None:
    n_true, n_all = int(truth.sum()), len(truth)
    n_finite = int(np.isfinite(margins).sum())
    if n_finite == n_all and 0 < n_true < n_all:
        return
    raise ValueError(
        f"calibration: expected finite margins of relations of which some hold and some do not, "
        f"found {n_all} margins, {n_finite} of them finite, {n_true} of relations that hold; "
        "probabilities would mean nothing. Give the corpus a dev split with labels of relations "
        "that training has too; if margins are not finite, train again at lower learning rates"
    )
