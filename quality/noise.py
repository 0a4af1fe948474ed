"""How wrong distant labels are: against the teacher's judgement, and against people's.

A distant label is a false positive where its relation does not hold in the document, and a relation
that holds and is not labelled is a false negative. Shares of false positives are among labels,
shares of false negatives among relations that hold.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from corpus.logits import Calibration, relations_above_th
from corpus.relations import RelationVocabulary
from quality.labels import KEY, Labelled
from quality.soft_blocks import Block, Rows, Shard, of_each, summed
from quality.statistics import by_relation, joined, totals

WORST: Final = 10

Sums = NDArray[np.float64]


@dataclass
class Tally:
    """Sums over all pairs, of each column [R] float64."""

    pairs: int
    labelled: Sums
    """Distant labels."""
    found: Sums
    """Relations that the teacher finds."""
    both: Sums
    """Relations that are labelled and found."""
    probability: Sums
    """Of the relation, over all pairs."""
    probability_labelled: Sums
    """The same over pairs that are labelled with it."""
    square: Sums
    """Of the probability, over all pairs."""

    @classmethod
    def nothing(cls, n_classes: int) -> Tally:
        """The tally of no pair."""
        return cls(0, *(np.zeros(n_classes) for _ in range(6)))

    def __add__(self, other: Tally) -> Tally:
        both = zip(vars(self).values(), vars(other).values(), strict=True)
        return Tally(*(ours + theirs for ours, theirs in both))

    @classmethod
    def of(cls, block: Block, calibration: Calibration) -> Tally:
        """That of a block of pairs."""
        margins = block.margins()
        probabilities = calibration.probability(margins)
        n_classes = margins.shape[1]
        found = relations_above_th(margins)
        given = np.zeros(margins.shape, bool)
        given[block.rows, block.columns] = True
        of_labelled = probabilities[block.rows, block.columns]
        return cls(
            pairs=len(margins),
            labelled=_counted(block.columns, n_classes),
            found=_counted(found[1], n_classes),
            both=_counted(found[1][given[found]], n_classes),
            probability=probabilities.sum(0, dtype=np.float64),
            probability_labelled=_counted(block.columns, n_classes, of_labelled),
            square=np.square(probabilities).sum(0, dtype=np.float64),
        )


def _counted(columns: Rows, n_classes: int, weights: NDArray[np.floating] | None = None) -> Sums:
    """How often each column occurs [R], or the sum of its weights."""
    return np.bincount(columns, weights, n_classes).astype(np.float64)


def tally(
    shards: Sequence[Shard], vocabulary: RelationVocabulary, calibration: Calibration
) -> Tally:
    """Sums over all pairs of all shards, read once."""
    nothing = Tally.nothing(len(vocabulary))
    return summed(shards, partial(Tally.of, calibration=calibration), nothing)


def noise_statistics(
    stage: str,
    shards: Sequence[Shard],
    vocabulary: RelationVocabulary,
    calibration: Calibration,
) -> pl.DataFrame:
    """Agreement of distant labels with the teacher, and their estimated noise.

    Of each relation and of all:

    - ``both``, ``distant_only`` and ``teacher_only``: how many triples who finds; ``jaccard`` and
      ``cohen_kappa`` of the two.
    - ``estimated_false_positive_rate`` and ``estimated_false_negative_rate`` from p, the teacher's
      calibrated probabilities (`_estimates`).
    - ``joint_false_positive_rate`` and ``joint_false_negative_rate``: the same from the confident
      joint of the relation (`confident_joint`), which asks less of p than calibration.

    A teacher misses what its annotators missed: where annotated documents are incomplete, false
    negatives are underestimated.

    Args:
        stage: what the distant labels are of.
        shards: the teacher's logits beside the distant labels; read twice.
        vocabulary: the relations.
        calibration: of the teacher.
    """
    sums = tally(shards, vocabulary, calibration)
    joint = confident_joint(shards, sums, calibration)
    each = [np.asarray(column[1:]) for column in vars(sums).values() if not np.isscalar(column)]
    table = pl.DataFrame(
        {
            "relation": vocabulary.relations,
            **_agreement(sums.pairs, *each[:3]),
            **_estimates(sums.pairs, each[0], *each[3:]),
            **_of_joint(joint[1:]),
        }
    )
    whole = [np.asarray([column.sum()]) for column in each]
    cells = sums.pairs * len(vocabulary.relations)
    of_all = {
        **_agreement(cells, *whole[:3]),
        **_estimates(cells, whole[0], *whole[3:]),
        **_of_joint(np.nansum(joint[1:], 0, keepdims=True)),
    }
    return joined(
        [totals(stage, {k: float(v[0]) for k, v in of_all.items()}), by_relation(stage, table)]
    )


def _agreement(cells: int, labelled: Sums, found: Sums, both: Sums) -> dict[str, Sums]:
    """Counts, Jaccard index and Cohen's κ of labels and of what the teacher finds, [K] each."""
    either, neither = labelled + found - both, cells - (labelled + found - both)
    apart = labelled - both, found - both
    with np.errstate(invalid="ignore", divide="ignore"):
        kappa = (
            2
            * (both * neither - apart[0] * apart[1])
            / (labelled * (apart[0] + neither) + found * (apart[1] + neither))
        )
        jaccard = both / either
    return {
        "both": both,
        "distant_only": apart[0],
        "teacher_only": apart[1],
        "jaccard": jaccard,
        "cohen_kappa": kappa,
    }


def _estimates(
    pairs: int, labelled: Sums, probability: Sums, probability_labelled: Sums, square: Sums
) -> dict[str, Sums]:
    """Error rates [K] of labels y that err by chance alone, whatever p is.

    Then E[y | p] = a + b p with a the chance that what does not hold is labelled and a + b that
    what holds is, so that least squares of y on p tell both. (The mean of 1 - p over labels, which
    is often taken for the share of false positives, counts a teacher's doubts about true labels as
    errors of the labels.)
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        slope = (pairs * probability_labelled - probability * labelled) / (
            pairs * square - probability**2
        )
        labelled_if_holding = (slope + (labelled - slope * probability) / pairs).clip(0, 1)
        false_positives = 1 - labelled_if_holding * probability / labelled
    return {
        "estimated_false_positive_rate": false_positives.clip(0, 1),
        "estimated_false_negative_rate": 1 - labelled_if_holding,
    }


def confident_joint(shards: Sequence[Shard], sums: Tally, calibration: Calibration) -> Sums:
    """Estimated pairs [R, 2, 2] by relation, by whether it is labelled and whether it holds.

    A pair counts as one whose relation holds (does not hold) if p (1 - p) reaches its mean over the
    pairs that are (are not) labelled with it; if both do, the likelier counts. Counts are then
    scaled to the numbers of pairs that are and are not labelled (Northcutt, Jiang and Chuang 2021,
    equations 1 to 3, for one relation against the rest).
    """
    absent = sums.pairs - sums.labelled
    with np.errstate(invalid="ignore", divide="ignore"):
        holding = sums.probability_labelled / sums.labelled
        lacking = 1 - (sums.probability - sums.probability_labelled) / absent
        bounds = [
            (calibration.offset + calibration.temperature * sign * (np.log(t) - np.log1p(-t)))
            for t, sign in ((holding, 1), (lacking, -1))
        ]
    least, most = (bound.astype(np.float32) for bound in bounds)
    even = np.float32(calibration.offset)
    nothing = np.zeros((len(holding), 2, 2), np.int64)
    counts = summed(shards, lambda block: _confident(block, least, most, even), nothing)
    given = np.stack([absent, sums.labelled], -1)[..., None]
    with np.errstate(invalid="ignore", divide="ignore"):
        joint: Sums = counts / counts.sum(-1, keepdims=True) * given
    return joint


def _confident(
    block: Block, least: NDArray[np.float32], most: NDArray[np.float32], even: np.float32
) -> NDArray[np.int64]:
    """Confident pairs [R, 2, 2] of a block, by label and by judgement.

    Args:
        block: pairs.
        least: [R], the margin from which on a relation counts as holding.
        most: [R], the margin up to which it counts as not holding.
        even: the margin of even odds.
    """
    margins = block.margins()
    holds = (margins >= least) & ((margins > even) | (margins > most))
    lacks = (margins <= most) & ~holds
    of_labelled = np.stack(
        [
            np.bincount(block.columns, judged[block.rows, block.columns], margins.shape[1])
            for judged in (lacks, holds)
        ],
        -1,
    ).astype(np.int64)
    of_all = np.stack([lacks.sum(0), holds.sum(0)], -1)
    return np.stack([of_all - of_labelled, of_labelled], 1)


def _of_joint(joint: Sums) -> dict[str, Sums]:
    """Error rates [K] of estimated joint counts [K, labelled, holds]."""
    joint = np.nan_to_num(joint)
    with np.errstate(invalid="ignore", divide="ignore"):
        return {
            "joint_false_positive_rate": joint[:, 1, 0] / joint[:, 1].sum(-1),
            "joint_false_negative_rate": joint[:, 0, 1] / joint[:, :, 1].sum(-1),
        }


def true_noise_statistics(
    stage: str, distant: Labelled, annotated: Labelled, vocabulary: RelationVocabulary
) -> pl.DataFrame:
    """Noise of distant labels of documents that people labelled too.

    Of each relation and of all: ``true_false_positive_rate`` and ``true_false_negative_rate``; of
    all: ``documents_with_truth``. Nothing if no document is in both.

    Args:
        stage: what the distant labels are of.
        distant: labels of a knowledge base.
        annotated: labels of people; documents are matched by ``doc_id``.
        vocabulary: the relations.
    """
    shared = distant.pairs.join(annotated.pairs, on="doc_id", how="semi").collect()
    if shared.is_empty():
        return joined([])
    ours, theirs = (side.labels.join(shared.lazy(), on="doc_id") for side in (distant, annotated))
    both = ours.join(theirs, on=KEY, how="semi")
    counts = [
        table.group_by("relation").len(name).collect()
        for table, name in ((ours, "given"), (theirs, "holding"), (both, "both"))
    ]
    table = pl.DataFrame({"relation": vocabulary.relations})
    for count in counts:
        table = table.join(count, on="relation", how="left", maintain_order="left")
    numbers = table.with_columns(pl.exclude("relation").fill_null(0).cast(pl.Float64))
    rates = (
        (1 - pl.col("both") / pl.col("given")).alias("true_false_positive_rate"),
        (1 - pl.col("both") / pl.col("holding")).alias("true_false_negative_rate"),
    )
    of_all = numbers.drop("relation").sum().select(rates).row(0, named=True)
    return joined(
        [
            totals(stage, {**of_all, "documents_with_truth": shared.height}),
            by_relation(stage, numbers.select("relation", *rates)),
        ]
    )


def disagreeing_documents(shards: Sequence[Shard]) -> pl.DataFrame:
    """The ten documents with the most labels that teacher and distant labels do not share.

    Returns:
        ``doc_id``, ``distant_only``, ``teacher_only``.
    """
    counted = pl.concat(of_each(shards, _disagreements))
    both = pl.col("distant_only") + pl.col("teacher_only")
    return counted.sort(both, pl.col("doc_id"), descending=[True, False]).head(WORST)


def _disagreements(shard: Shard) -> pl.DataFrame:
    """Disagreements of each document of a shard."""
    given = _cells(shard, shard.rows, shard.columns)
    found = np.concatenate([given[:0], *map(_found, shard.blocks())])
    apart = {"distant_only": np.setdiff1d(given, found), "teacher_only": np.setdiff1d(found, given)}
    doc_ids = shard.manifest["doc_id"]
    counts = {}
    for side, cells in apart.items():
        documents = shard.documents_at(cells // len(shard.vocabulary))
        counts[side] = np.bincount(documents, minlength=len(doc_ids))
    return pl.DataFrame({"doc_id": doc_ids, **counts})


def _found(block: Block) -> Rows:
    """Cells that the teacher finds in a block."""
    rows, columns = relations_above_th(block.margins())
    return _cells(block.shard, rows + block.first, columns)


def _cells(shard: Shard, rows: Rows, columns: Rows) -> Rows:
    """Relations of pairs as places in the shard's table of logits, row by row."""
    return rows * len(shard.vocabulary) + columns
