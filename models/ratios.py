"""Precision, recall and F1 of counts, one or many at a time; NaN where nothing is to be counted."""

from __future__ import annotations

import numpy as np

from corpus.arrays import Float64Array


def ratios(counts: Float64Array) -> dict[str, Float64Array]:
    """``f1``, ``precision`` and ``recall``, each [...] from 0 to 1.

    Args:
        counts: [..., 3] gold, predicted, correct.
    """
    gold, predicted, correct = np.moveaxis(counts, -1, 0)
    return {
        "f1": divided(2 * correct, gold + predicted),
        "precision": divided(correct, predicted),
        "recall": divided(correct, gold),
    }


def harmonic(precision: Float64Array, recall: Float64Array) -> Float64Array:
    """F1 [...] of precision and recall [...]; 0 where both are."""
    both = precision + recall
    return np.where(both == 0, 0.0, divided(2 * precision * recall, both))


def divided(part: Float64Array, total: Float64Array) -> Float64Array:
    """Part by total [...]; NaN where the total is 0."""
    known = total > 0
    return np.divide(part, total, out=np.full(np.shape(total), np.nan), where=known)
