"""Temperature scaling: what makes σ((l_r - l_TH) / T) a probability (Guo et al. 2017, section 4.2).

σ of the plain margin is what the losses call P(r); trained to the end, models are far too sure of
themselves by it.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

COLDEST: Final = 0.05
HOTTEST: Final = 20.0
"""Bounds of the temperature: beyond them a model knows all or nothing."""

_STEPS: Final = 60  # of a golden section: they narrow the bounds to a relative 1e-12

Margins = NDArray[np.floating[Any]]


def fit_temperature(margins: Margins, truth: NDArray[np.bool_]) -> float:
    """The T that makes the truth most likely under σ(margin / T).

    The likelihood is concave in 1 / T, so there is one best T; it stays within `COLDEST` and
    `HOTTEST`.

    Args:
        margins: [N] l_r - l_TH of relations of pairs, all of them or a sample that was not chosen
            by its truth.
        truth: [N], whether the relation holds.

    Raises:
        ValueError: if there are no margins, some are not finite, or all relations hold or none
            does; from these no temperature can be told.
    """
    _require_telling(margins, truth)
    signed, times = _counted(np.where(truth, margins, -margins))

    def loss(log_temperature: float) -> float:
        return float(np.logaddexp(0, -signed / np.exp(log_temperature)) @ times)

    low, high = np.log(COLDEST), np.log(HOTTEST)
    golden = (np.sqrt(5) - 1) / 2
    left, right = high - golden * (high - low), low + golden * (high - low)
    at_left, at_right = loss(left), loss(right)
    for _ in range(_STEPS):
        if at_left < at_right:
            high, right, at_right = right, left, at_left
            left = high - golden * (high - low)
            at_left = loss(left)
        else:
            low, left, at_left = left, right, at_right
            right = low + golden * (high - low)
            at_right = loss(right)
    return float(np.exp((low + high) / 2))


def _counted(values: Margins) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Different values, to float16's 11 bits, and how often each stands there.

    A few thousand of them stand for millions of margins, so that a likelihood takes no time.
    """
    largest = np.finfo(np.float16).max
    bits = values.clip(-largest, largest).astype(np.float16).view(np.uint16)
    times = np.bincount(bits, minlength=1 << 16)
    occurring = np.flatnonzero(times)
    return occurring.astype(np.uint16).view(np.float16).astype(np.float64), times[occurring]


def probability(margins: Margins, temperature: float) -> NDArray[np.float64]:
    """σ(margin / T), float64."""
    scaled = np.asarray(margins, np.float64) / temperature
    return np.exp(-np.logaddexp(0, -scaled))


def _require_telling(margins: Margins, truth: NDArray[np.bool_]) -> None:
    n_true, n_all = int(truth.sum()), len(truth)
    n_finite = int(np.isfinite(margins).sum())
    if n_finite == n_all and 0 < n_true < n_all:
        return
    raise ValueError(
        f"temperature: expected finite margins of relations of which some hold and some do not, "
        f"found {n_all} margins, {n_finite} of them finite, {n_true} of relations that hold; "
        "probabilities would mean nothing. Give the corpus a dev split with labels of relations "
        "that training has too; if margins are not finite, train again at lower learning rates"
    )
