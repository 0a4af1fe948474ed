"""Relations that a stage has far too many labels of, or none, beyond what chance can do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import polars as pl

from quality.distribution import RESAMPLES, Float64Array, resampled
from quality.labels import Labelled
from quality.statistics import by_relation

_UNSEEN: Final = 3.0
"""Labels that may be expected where none was seen: the rule of three, with 95 % certainty."""


def share_statistics(
    stage: str,
    labelled: Labelled,
    reference: Labelled,
    relations: Sequence[str],
    *,
    seed: int = 13,
) -> pl.DataFrame:
    """Of each relation, what its labels here and in the reference say for certain.

    Labels come in clusters, many to a document, so that chance is judged by drawing documents:
    ``share_ratio`` is the least ratio (2.5 % quantile) of a relation's share here to its share in
    the reference, and ``missing_expected_labels``, of a relation without a label here, how many
    the reference lets expect at least.

    Args:
        stage: what the labels are of.
        labelled: the stage's labels.
        reference: those of the annotated documents.
        relations: the vocabulary's, without NA.
        seed: of the drawing.
    """
    draw = np.random.default_rng(seed)
    counts = [side.counts(relations)[:, 1:] for side in (labelled, reference)]
    here, there = (resampled(c, len(c), RESAMPLES, draw) for c in counts)
    missing = counts[0].sum(0) == 0
    expected = _least(there / _total(there)) * counts[0].sum()
    ratios = (here / _total(here)) / ((there + _UNSEEN) / _total(there))
    return by_relation(
        stage,
        pl.DataFrame(
            {
                "relation": relations,
                "share_ratio": _least(ratios),
                "missing_expected_labels": np.where(missing, expected, 0.0),
            }
        ),
    )


def _total(counts: Float64Array) -> Float64Array:
    """All labels of each resample [N, 1]; NaN where there are none."""
    total: Float64Array = counts.sum(1, keepdims=True)
    return np.where(total > 0, total, np.nan)


def _least(values: Float64Array) -> Float64Array:
    """2.5 % quantile of each column; NaN, which is no statistic, if a resample has none."""
    least: Float64Array = np.quantile(values, 0.025, axis=0)
    return least
