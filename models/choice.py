"""Which epoch's weights a training ends with: the last that is not clearly worse than the best.

The highest of many scores on few documents is high by chance as well, and learning rates fall to 0:
a later epoch is the riper one. So a lower score on dev speaks against it only where documents agree
that it is lower, or where it is 0 (the one-standard-error rule of Breiman et al. 1984, at 95 %).
Mixtures of weights (`models.mixture`) are held against their end in the same way.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from corpus.arrays import Float64Array
from models.ratios import ratios

CLEARLY: Final = 1.645
"""Standard errors that chance makes a difference of equals exceed in one of twenty cases."""


def f1_of(counts: Float64Array) -> float:
    """F1 over all documents, from 0 to 1; 0 where nothing is to be counted.

    Args:
        counts: [B, 3] gold, predicted, correct of each document.
    """
    return float(np.nan_to_num(ratios(counts.sum(0))["f1"]))


def clearly_worse(counts: Float64Array, best: Float64Array) -> bool:
    """Whether an F1 is lower than another one by more than documents scatter.

    An F1 of 0 always is, beside any other: nothing that it finds is right. One document cannot
    scatter, so by itself it tells nothing else.

    Args:
        counts: [B, 3] gold, predicted, correct of each document.
        best: the same of the same documents, of the one that may be better.
    """
    if f1_of(counts) == 0:
        return f1_of(best) > 0
    n = len(counts)
    if n == 1:
        return False
    scatter = np.linalg.norm(_influence(counts) - _influence(best)) * math.sqrt(n / (n - 1))
    return f1_of(best) - f1_of(counts) > CLEARLY * float(scatter)


def _influence(counts: Float64Array) -> Float64Array:
    """By how much each document moves F1 [B], to first order (the infinitesimal jackknife)."""
    gold, predicted, correct = counts.T
    total = (gold + predicted).sum()
    return (2 * correct - f1_of(counts) * (gold + predicted)) / max(total, 1)
