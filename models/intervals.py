"""How far scores would scatter on other documents: the bootstrap over documents."""

from __future__ import annotations

from typing import Final

import numpy as np

from corpus.arrays import Float64Array

SAMPLES: Final = 1000
ENDS: Final = (0.025, 0.975)
"""Shares of samples below the ends of a 95 % interval."""

_AT_ONCE: Final = 100
"""Samples whose weights, one a document, are in memory together."""


def resampled(tallies: Float64Array, samples: int = SAMPLES, seed: int = 13) -> Float64Array:
    """Sums over documents that were drawn with replacement, as many as there are [samples, K].

    Efron and Tibshirani 1993. A triple's fate hangs on its document, so that documents are drawn,
    not triples.

    Args:
        tallies: [B, K], what is counted in each document.
        samples: how often documents are drawn.
        seed: of the drawing; the same gives the same.

    Raises:
        ValueError: if there is no document.
    """
    n_documents = len(tallies)
    if not n_documents:
        raise ValueError(
            "bootstrap: expected documents to draw from, found none: a score of nothing scatters "
            "by nothing. Leave the interval out"
        )
    draw, chances = np.random.default_rng(seed), np.full(n_documents, 1 / n_documents)
    sums = [
        draw.multinomial(n_documents, chances, size=min(_AT_ONCE, samples - done)) @ tallies
        for done in range(0, samples, _AT_ONCE)
    ]
    return np.concatenate(sums)


def interval(values: Float64Array) -> tuple[Float64Array, Float64Array]:
    """Ends of the 95 % percentile intervals [...] of resampled scores [samples, ...].

    Samples in which nothing was to be counted, NaN, are left out; the ends are NaN where all are.
    """
    known = np.isfinite(values).any(axis=0)
    ends = np.full((2, *values.shape[1:]), np.nan)
    ends[:, known] = np.nanquantile(values[:, known], ENDS, axis=0)
    return ends[0], ends[1]
