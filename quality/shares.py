"""Relations that a stage has far too many labels of, or hardly any, beyond what chance can do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
import polars as pl

from corpus.arrays import Float64Array
from quality.distribution import RESAMPLES, Counts, resampled
from quality.labels import Labelled
from quality.statistics import by_relation, joined

_UNSEEN: Final = 3
"""Documents that there may be where none was seen: the rule of three, with 95 % certainty."""

_NEARLY_NONE: Final = 5
"""A relation lacks labels if it has less than this part, a fifth, of what is due."""


def share_statistics(
    stage: str,
    labelled: Labelled,
    reference: Labelled,
    relations: Sequence[str],
    *,
    seed: int = 13,
) -> pl.DataFrame:
    """Of each relation, what its labels here and in the reference say for certain.

    Labels come in clusters, many to a document, so that chance is judged by drawing documents, and
    what is told of a relation holds for 97.5 % of them:

    - ``flood_ratio``: how many times as many labels the relation has as in the reference, by
      document or by document that has any, whichever is more;
    - ``surplus_share``: by how much its share of all labels is above that in the reference. It
      tells of floods of frequent relations where little is labelled: of documents with a tenth of
      the reference's labels, twenty times as many of one relation are but twice the reference's;
    - ``missing_share``: the share of all labels that is due to the relation by the reference, less
      five times what it has; 0 if it has a fifth or more.

    There are none where one of the two has no label.

    Args:
        stage: what the labels are of.
        labelled: the stage's labels.
        reference: those of the annotated documents.
        relations: the vocabulary's, without NA.
        seed: of the drawing.
    """
    draw = np.random.default_rng(seed)
    sides = (labelled, reference)
    here, there = (_Drawn.of(side.counts(relations)[:, 1:], draw) for side in sides)
    if not here.labels.any() or not there.labels.any():
        return joined([])
    table = {
        "relation": relations,
        "flood_ratio": _flood(here, there),
        "surplus_share": _surplus(here, there),
        "missing_share": _missing(here, there),
    }
    return by_relation(stage, pl.DataFrame(table))


@dataclass(frozen=True)
class _Drawn:
    """Sums over documents that are drawn with replacement: N times, of K relations."""

    labels: Float64Array
    """[N, K]."""
    holders: Float64Array
    """[N, K]: documents with a label of the relation."""
    documents: int

    @classmethod
    def of(cls, counts: Counts, draw: np.random.Generator) -> _Drawn:
        """Those of documents' labels [documents, K]."""
        both = np.hstack([counts, counts > 0], dtype=np.float32)
        labels, holders = np.hsplit(resampled(both, len(both), RESAMPLES, draw), 2)
        return cls(labels, holders, len(counts))

    @cached_property
    def each(self) -> Float64Array:
        """[N, K]: labels that a document has of the relation, if any; 0 if none has."""
        return _ratio(self.labels, self.holders)

    @property
    def total(self) -> Float64Array:
        """[N, 1]: labels of all relations; NaN where there are none."""
        total: Float64Array = self.labels.sum(1, keepdims=True)
        return np.where(total > 0, total, np.nan)


def _flood(here: _Drawn, there: _Drawn) -> Float64Array:
    """[K]. The reference is granted some more documents like those here, as it may lack them."""
    of_all = here.labels / here.documents
    due_of_all = (there.labels + _UNSEEN * here.each) / there.documents
    due_of_holders = (there.labels + here.each) / (there.holders + 1)
    ratios = (_ratio(of_all, due_of_all), _ratio(here.each, due_of_holders))
    often, dense = (_quantile(ratio / _usual(ratio), 0.025) for ratio in ratios)
    return np.maximum(often, dense)


def _usual(ratios: Float64Array) -> Float64Array:
    """[N, 1]: the median of relations that have labels, at least 1.

    Documents may be longer than the annotated ones, or annotated with less than what holds; a
    knowledge base that knows little, on the other hand, makes none of its relations a flood.
    """
    known = np.where(ratios > 0, ratios, np.nan)
    known[np.isnan(known).all(1)] = 1
    usual: Float64Array = np.nanquantile(known, 0.5, axis=1, method="lower", keepdims=True)
    return np.maximum(usual, 1)


def _surplus(here: _Drawn, there: _Drawn) -> Float64Array:
    """[K]. The reference is granted some more documents likewise."""
    least = _quantile(here.labels / here.total, 0.025)
    due = _quantile((there.labels + _UNSEEN * here.each) / there.total, 0.975)
    return np.maximum(least - due, 0)


def _missing(here: _Drawn, there: _Drawn) -> Float64Array:
    """[K]. The stage is granted some more documents like the reference's, as it may lack them."""
    due = _quantile(there.labels / there.total, 0.025)
    most = _quantile((here.labels + _UNSEEN * there.each) / here.total, 0.975)
    return np.maximum(due - _NEARLY_NONE * most, 0)


def _ratio(part: Float64Array, whole: Float64Array) -> Float64Array:
    """0 of 0 is 0."""
    return np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)


def _quantile(values: Float64Array, at: float) -> Float64Array:
    """Of each column, without the rows that have no label at all, which are NaN."""
    quantile: Float64Array = np.nanquantile(values, at, axis=0)
    return quantile
