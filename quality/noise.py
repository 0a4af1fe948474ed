"""How wrong distant labels are: against the teacher's judgement, and against people's.

A distant label is a false positive where its relation does not hold in the document, and a relation
that holds and is not labelled is a false negative. Shares of false positives are among labels,
shares of false negatives among relations that hold.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
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
Rates = Mapping[str, Sums]


@dataclass
class Tally:
    """Sums over all pairs, of each column [R] float64."""

    pairs: Sums
    """The same number for each."""
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
        return cls(*(np.zeros(n_classes) for _ in range(7)))

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
        of_labelled = probabilities[block.rows, block.columns]
        return cls(
            pairs=np.full(n_classes, float(len(margins))),
            labelled=_counted(block.columns, n_classes),
            found=_counted(found[1], n_classes),
            both=_counted(found[1][block.given()[found]], n_classes),
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
    calibration: Calibration | None,
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
        calibration: of the teacher; without one margins are no probabilities, and there are no
            ``estimated_…`` and ``joint_…`` rates.
    """
    sums = tally(shards, vocabulary, calibration or Calibration())  # agreement asks for no p
    of_each_and_all = partial(_of_each_and_all, stage, vocabulary)
    agreement = of_each_and_all(_agreement, sums.pairs, sums.labelled, sums.found, sums.both)
    if calibration is None:
        return agreement
    moments = (sums.probability, sums.probability_labelled, sums.square)
    joint = np.nan_to_num(confident_joint(shards, sums, calibration))
    counts = (joint[:, 1].sum(-1), joint[:, :, 1].sum(-1), joint[:, 1, 1])
    estimates = of_each_and_all(_estimates, sums.pairs, sums.labelled, *moments)
    return joined([agreement, estimates, of_each_and_all(partial(_rates, "joint"), *counts)])


def _of_each_and_all(
    stage: str, vocabulary: RelationVocabulary, rates: Callable[..., Rates], *counts: Sums
) -> pl.DataFrame:
    """What follows from the counts of each relation, and from their sums over all relations.

    Args:
        stage: what they are of.
        vocabulary: the relations.
        rates: numbers [K] by name, from counts [K] in the order of ``counts``.
        counts: [R] each; TH's are left out.
    """
    counts = tuple(count[1:] for count in counts)
    of_each = pl.DataFrame({"relation": vocabulary.relations, **rates(*counts)})
    of_all = rates(*(count.sum(keepdims=True) for count in counts))
    values = {name: float(value[0]) for name, value in of_all.items()}
    return joined([totals(stage, values), by_relation(stage, of_each)])


def _agreement(cells: Sums, labelled: Sums, found: Sums, both: Sums) -> Rates:
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
    cells: Sums, labelled: Sums, probability: Sums, probability_labelled: Sums, square: Sums
) -> Rates:
    """Error rates [K] of labels y that err by chance alone, whatever p is.

    Then E[y | p] = a + b p with a the chance that what does not hold is labelled and a + b that
    what holds is, so that least squares of y on p tell both. (The mean of 1 - p over labels, which
    is often taken for the share of false positives, counts a teacher's doubts about true labels as
    errors of the labels.)

    Rates are clipped to 0 to 1. Where the teacher contradicts the labels, b is 0 or less, and what
    holds is labelled no more often than what does not: both rates are 1 then, or next to it.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        slope = (cells * probability_labelled - probability * labelled) / (
            cells * square - probability**2
        )
        labelled_if_holding = (slope + (labelled - slope * probability) / cells).clip(0, 1)
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


def _rates(kind: str, labelled: Sums, holding: Sums, both: Sums) -> Rates:
    """Error rates [K] of counted labels, of what holds, and of labels that hold."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return {
            f"{kind}_false_positive_rate": 1 - both / labelled,
            f"{kind}_false_negative_rate": 1 - both / holding,
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
    counts = (_labels_of_each(labels, vocabulary) for labels in (ours, theirs, both))
    rates = _of_each_and_all(stage, vocabulary, partial(_rates, "true"), *counts)
    return joined([rates, totals(stage, {"documents_with_truth": shared.height})])


def _labels_of_each(labels: pl.LazyFrame, vocabulary: RelationVocabulary) -> Sums:
    """How many labels each relation has [R]."""
    counts = dict(labels.group_by("relation").len().collect().iter_rows())
    return np.array([counts.get(relation, 0) for relation in vocabulary.ids], np.float64)


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
