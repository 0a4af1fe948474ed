"""Soft labels: how sure the teacher is, what it finds, and whether its logits are all there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import reduce
from operator import add
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from corpus.arrays import Float32Array
from corpus.logits import relations_above_th
from corpus.relations import TH
from quality.labels import KEY, LABELS
from quality.soft_blocks import Rows, Shard, of_each
from quality.statistics import joined, share, totals

NEAR: Final = 0.5
"""A pair whose best relation's margin to TH is nearer to 0 than this could go either way."""

EDGES: Final = np.linspace(-30, 30, 241)
"""Of the histogram of margins; what lies outside is counted in the outermost bins."""

_ENTROPY_EDGES: Final = np.linspace(0, 10, 1001)

Histogram = NDArray[np.int64]


@dataclass
class SoftSummary:
    """What one reading of soft labels gives."""

    pairs: int = 0
    finite: int = 0
    """Pairs whose logits are all finite; the others are left out of all that follows."""
    near: int = 0
    above: int = 0
    """Pairs with a relation above TH."""
    margin: float = 0.0
    """Sum of the best relations' margins to TH."""
    entropy: float = 0.0
    """Sum of the entropies of the pairs' softmax over all classes, in bits."""
    margins: Histogram = field(default_factory=lambda: np.zeros(len(EDGES) - 1, np.int64))
    """Of the best relations' margins, by `EDGES`."""
    entropies: Histogram = field(default_factory=lambda: np.zeros(1000, np.int64))
    found: list[pl.DataFrame] = field(default_factory=list)

    @classmethod
    def of(cls, shard: Shard) -> SoftSummary:
        """That of one shard."""
        best, entropies, rows, columns = _read(shard)
        finite = np.isfinite(entropies)
        kept = finite[rows]
        found = shard.labels_at(rows[kept], columns[kept])
        best, entropies = best[finite], entropies[finite]
        return cls(
            pairs=len(finite),
            finite=len(best),
            near=int((np.abs(best) < NEAR).sum()),
            above=int((best > 0).sum()),
            margin=float(best.sum(dtype=np.float64)),
            entropy=float(entropies.sum(dtype=np.float64)),
            margins=_histogram(best, EDGES),
            entropies=_histogram(entropies, _ENTROPY_EDGES),
            found=[found],
        )

    def __add__(self, other: SoftSummary) -> SoftSummary:
        both = zip(vars(self).values(), vars(other).values(), strict=True)
        return SoftSummary(*(ours + theirs for ours, theirs in both))

    @property
    def labels(self) -> pl.DataFrame:
        """What the teacher finds: ``doc_id``, ``head``, ``tail``, ``relation``."""
        nothing = pl.DataFrame(schema={name: LABELS[name] for name in KEY})
        return pl.concat([nothing, *self.found])


def summarize(shards: Sequence[Shard]) -> SoftSummary:
    """Read all soft labels once."""
    return reduce(add, of_each(shards, SoftSummary.of), SoftSummary())


def _read(shard: Shard) -> tuple[Float32Array, Float32Array, Rows, Rows]:
    """Best margin and entropy of each pair; rows and columns of the relations above TH."""
    best, entropies = np.empty((2, len(shard.logits)), np.float32)
    found = [np.zeros((2, 0), np.int64)]
    for block in shard.blocks():
        margins = block.margins()
        rows, columns = relations_above_th(margins)
        found.append(np.stack([rows + block.first, columns]))
        here = slice(block.first, block.first + len(margins))
        best[here] = margins.max(1)
        entropies[here] = _entropies(margins, best[here])
    return best, entropies, *np.concatenate(found, 1)


def soft_statistics(
    stage: str, summary: SoftSummary, shards: Sequence[Shard], pairs: pl.LazyFrame
) -> pl.DataFrame:
    """How sure the teacher is, and what its soft labels cover.

    ``entropy_bits`` (mean; ``…_median``, ``…_p90``) is the entropy of a pair's softmax over all
    classes; ``margin`` (likewise, and ``…_p99``) its best relation's margin to TH;
    ``near_th_share`` the share of pairs whose best margin lies within 0.5 of TH;
    ``above_th_share`` those with a relation above TH; ``non_finite_pairs`` those with a logit
    that is not finite; ``documents_covered`` and ``pairs_covered`` the share of the distant
    corpus that has soft labels.

    Args:
        stage: what the soft labels are of.
        summary: of all shards.
        shards: the same ones.
        pairs: `PAIRS` of all distant documents.
    """
    n_pairs = summary.finite
    values: dict[str, float | None] = {
        "entropy_bits": share(summary.entropy, n_pairs),
        "margin": share(summary.margin, n_pairs),
        "near_th_share": share(summary.near, n_pairs),
        "above_th_share": share(summary.above, n_pairs),
        "non_finite_pairs": summary.pairs - summary.finite,
        "entropy_bits_median": _quantile(summary.entropies, _ENTROPY_EDGES, 0.5),
        "entropy_bits_p90": _quantile(summary.entropies, _ENTROPY_EDGES, 0.9),
        "margin_median": _quantile(summary.margins, EDGES, 0.5),
        "margin_p90": _quantile(summary.margins, EDGES, 0.9),
        "margin_p99": _quantile(summary.margins, EDGES, 0.99),
    }
    return joined([totals(stage, values | _coverage(shards, pairs))])


def _coverage(shards: Sequence[Shard], pairs: pl.LazyFrame) -> dict[str, float | None]:
    documents = pairs.collect()
    nothing = pl.DataFrame(schema={"doc_id": pl.String, "entities": pl.Int32})
    having = pl.concat([nothing, *(s.manifest.select("doc_id", "entities") for s in shards)])
    # Documents of fewer than two entities have no pair, and no soft label to be missed.
    wanted = documents.filter(pl.col("pairs") > 0)
    entities = pl.col("entities").cast(pl.Int64)
    matching = wanted.join(having, on="doc_id").filter(pl.col("pairs") == entities * (entities - 1))
    return {
        "documents_covered": share(matching.height, wanted.height),
        "pairs_covered": share(int(matching["pairs"].sum()), int(wanted["pairs"].sum())),
    }


def _entropies(margins: Float32Array, best: Float32Array) -> Float32Array:
    """Entropy in bits of each row's softmax [n], NaN where a logit is not finite.

    Args:
        margins: [n, R], logits but for a shift.
        best: [n], the greatest of each row.
    """
    top = np.maximum(best, 0)  # TH's own margin is 0
    with np.errstate(invalid="ignore"):
        logits = margins - top[:, None]
        logits[:, TH] = -top
        weights = np.exp(logits)
        total = weights.sum(1)
        mean = np.einsum("pr,pr->p", weights, logits) / total
    entropies: Float32Array = (np.log(total) - mean) / np.float32(np.log(2))
    return entropies


def _histogram(values: NDArray[np.floating], edges: NDArray[np.float64]) -> Histogram:
    span = edges[0], edges[-1]  # given edges instead, np.histogram takes four times as long
    return np.histogram(values.clip(*span), len(edges) - 1, span)[0]


def _quantile(histogram: Histogram, edges: NDArray[np.float64], at: float) -> float | None:
    """Middle of the bin that a quantile lies in; None where nothing was counted."""
    if not (total := histogram.sum()):
        return None
    place = int(np.searchsorted(histogram.cumsum(), at * total))
    return float((edges[place] + edges[place + 1]) / 2)
