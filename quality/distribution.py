"""How labels spread over relations, and how far two such distributions are apart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from corpus.arrays import Float64Array
from quality.labels import Labelled
from quality.statistics import by_relation, joined, share, totals

Counts = NDArray[np.float32]

MOST_FREQUENT: Final = 10
"""The relations that make DocRED's frequent ones (Tan et al. 2022, section 4)."""

ENOUGH: Final = 10
"""Labels from which on a relation counts as one with enough examples."""

RESAMPLES: Final = 200


def label_statistics(stage: str, labelled: Labelled, *, enough: int = ENOUGH) -> pl.DataFrame:
    """How labels spread over relations, documents and pairs.

    Of each relation: ``labels``, ``share`` of all labels, ``documents`` that have one and
    ``type_pairs``, the different pairs of entity types it joins. Of all: ``labels``,
    ``documents``, ``pairs``, ``labels_per_document``, ``na_rate`` (share of pairs without a
    label), ``relations``, ``relations_with_enough`` labels (10) and ``share_of_ten_most_frequent``.
    """
    by_each, sums, pairs = pl.collect_all(
        [_relations(labelled.labels), _sums(labelled.labels), _documents(labelled.pairs)],
        engine="streaming",
    )
    counts = by_each["labels"]
    n_labels = int(counts.sum())
    n_documents, n_pairs = pairs.row(0)
    values = {
        "labels": n_labels,
        "documents": n_documents,
        "pairs": n_pairs,
        "labels_per_document": share(n_labels, n_documents),
        "na_rate": share(n_pairs - sums["pairs"].item(), n_pairs),
        "relations": by_each.height,
        "relations_with_enough": (counts >= enough).sum(),
        "share_of_ten_most_frequent": share(int(counts.top_k(MOST_FREQUENT).sum()), n_labels),
    }
    shares = by_each.with_columns(share=pl.col("labels") / n_labels)
    return joined([totals(stage, values), by_relation(stage, shares)])


def _relations(labels: pl.LazyFrame) -> pl.LazyFrame:
    return labels.group_by("relation").agg(
        labels=pl.len(),
        documents=pl.col("doc_id").n_unique(),
        type_pairs=pl.struct("head_type", "tail_type").n_unique(),
    )


def _sums(labels: pl.LazyFrame) -> pl.LazyFrame:
    return labels.select("doc_id", "head", "tail").unique().select(pairs=pl.len())


def _documents(pairs: pl.LazyFrame) -> pl.LazyFrame:
    return pairs.select(documents=pl.len(), pairs=pl.col("pairs").sum())


def divergence_statistics(
    stage: str,
    labelled: Labelled,
    reference: Labelled,
    relations: Sequence[str],
    *,
    resamples: int = RESAMPLES,
    seed: int = 13,
) -> pl.DataFrame:
    """Jensen-Shannon divergence of a stage's labels from a reference's, in bits.

    ``js_bits`` is over relations alone, ``js_bits_with_na`` has the pairs without a label as one
    more class. ``…_low`` and ``…_high`` are the 95 % interval of the divergence without the noise
    of sampling, by the basic bootstrap over documents of both sides: divergences of samples are
    too large, those of resamples once more by as much. ``…_floor`` is that noise: what 95 % of
    pairs of samples of these two sizes stay under, if both are drawn from the reference's
    documents; a divergence below it tells nothing. Of each relation: ``js_bits_share``, what it
    contributes to ``js_bits`` (Lin 1991, equation 4.1).

    Args:
        stage: what the labels are of.
        labelled: the stage's labels.
        reference: those of the annotated documents.
        relations: the vocabulary's, without NA.
        resamples: how often documents are drawn.
        seed: of the drawing.
    """
    here, there = labelled.counts(relations), reference.counts(relations)
    draw = np.random.default_rng(seed)
    drawn = [resampled(counts, len(counts), resamples, draw) for counts in (here, there)]
    noise = [resampled(there, size, resamples, draw) for size in (len(here), len(there))]
    values: dict[str, float | None] = {}
    for name, first in (("js_bits", 1), ("js_bits_with_na", 0)):
        values |= _interval(name, here[:, first:], there[:, first:], [d[:, first:] for d in drawn])
        values[f"{name}_floor"] = _quantile(_divergences(*(n[:, first:] for n in noise)), 0.95)
    parts = js_contributions(*(_distribution(c[:, 1:].sum(0)) for c in (here, there)))
    return joined(
        [
            totals(stage, values),
            by_relation(stage, pl.DataFrame({"relation": relations, "js_bits_share": parts})),
        ]
    )


def js_contributions(p: Float64Array, q: Float64Array) -> Float64Array:
    """What each class contributes to the Jensen-Shannon divergence of two distributions, in bits.

    Args:
        p: [..., K], sums to 1.
        q: [..., K], likewise.

    Returns:
        [..., K] float64, none negative but for rounding; the sum is from 0 to 1.
    """
    middle = (p + q) / 2

    def half(of: Float64Array) -> Float64Array:
        ratio = np.divide(of, middle, out=np.ones_like(of), where=of > 0)
        half_of: Float64Array = 0.5 * of * np.log2(ratio)
        return half_of

    return half(p) + half(q)


def _interval(
    name: str, here: Counts, there: Counts, drawn: Sequence[Float64Array]
) -> dict[str, float | None]:
    sums = (counts.sum(0, keepdims=True, dtype=np.float64) for counts in (here, there))
    (observed,) = _divergences(*sums)
    resampled = _divergences(*drawn)
    return {
        name: float(observed),
        f"{name}_low": _reflected(observed, _quantile(resampled, 0.975)),
        f"{name}_high": _reflected(observed, _quantile(resampled, 0.025)),
    }


def _reflected(observed: float, quantile: float | None) -> float | None:
    """A bound of the basic bootstrap interval: what resampling added is taken off."""
    return None if quantile is None else max(0.0, 2 * observed - quantile)


def _quantile(values: Float64Array, at: float) -> float | None:
    defined = values[np.isfinite(values)]
    return float(np.quantile(defined, at)) if len(defined) else None


def _divergences(here: NDArray[np.floating], there: NDArray[np.floating]) -> Float64Array:
    """Divergence of each row [N, K] of counts from its like; NaN where either has none."""
    total: Float64Array = js_contributions(_distribution(here), _distribution(there)).sum(-1)
    return total


def _distribution(counts: NDArray[np.floating]) -> Float64Array:
    with np.errstate(invalid="ignore"):
        shares: Float64Array = counts / counts.sum(-1, keepdims=True, dtype=np.float64)
    return shares


def resampled(counts: Counts, size: int, resamples: int, draw: np.random.Generator) -> Float64Array:
    """Sums [resamples, K] of counts over ``size`` documents that are drawn with replacement."""
    n_documents = len(counts)
    if not n_documents:
        return np.zeros((resamples, counts.shape[1]))
    sums = np.empty((resamples, counts.shape[1]))
    for row in range(resamples):
        chosen = np.bincount(draw.integers(n_documents, size=size), minlength=n_documents)
        sums[row] = chosen.astype(np.float32) @ counts
    return sums
