"""Thresholds in TH's place: margins that reach the precision or recall that is asked for on dev."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from corpus.arrays import Float64Array
from corpus.logits import margins_to_th, relations_above_th
from corpus.relations import RelationVocabulary
from corpus.schema import Document
from models.cuts import Goal, Outcomes, cheapest_first, cuts_of
from models.finite import require_finite
from models.labelled import labelled_cells, n_unknown

ENOUGH: Final = 20
"""Triples of a relation on dev that an offset of its own takes, and predictions on dev that a
target takes: from fewer, luck would set it."""


@dataclass(frozen=True, eq=False)
class Candidates:
    """What could be predicted on labelled documents: the best relations of each pair."""

    margins: NDArray[np.float32]
    """[N] l_r - l_TH."""
    columns: NDArray[np.int64]
    """[N] of the relations."""
    holds: NDArray[np.bool_]
    """[N] whether the relation is labelled."""
    gold: NDArray[np.int64]
    """[R] how many triples of each relation are labelled."""
    counts: Float64Array
    """[B, 3] labelled triples, those above TH, and those that are both, of each document; labelled
    ones of relations that the model does not know are among them, which it never finds."""

    @property
    def n_gold(self) -> int:
        """All labelled triples, whether the model knows their relations or not."""
        return int(self.counts[:, 0].sum())

    @classmethod
    def of(
        cls,
        stream: Iterable[tuple[Document, NDArray[np.float32]]],
        vocabulary: RelationVocabulary,
    ) -> Candidates:
        """From labelled documents and their logits [P, R]; these are not kept.

        Raises:
            FloatingPointError: if a logit is not finite.
        """
        gold, counts = np.zeros(len(vocabulary), np.int64), [np.empty((0, 3))]
        everything = np.full(len(vocabulary), -np.inf, np.float32)
        found = [_NOTHING]
        for document, logits in stream:
            require_finite(document, logits)
            margins, labelled = margins_to_th(logits), labelled_cells(document, vocabulary)
            cells = relations_above_th(margins, everything)
            above, holds = margins[cells] > 0, labelled[cells]
            found.append((margins[cells], cells[1], holds))
            gold += labelled.sum(0)
            n_gold = labelled.sum() + n_unknown(document, vocabulary)
            counts.append(np.array([[n_gold, above.sum(), (above & holds).sum()]], float))
        margins, columns, holds = (np.concatenate(part) for part in zip(*found, strict=True))
        return cls(margins, columns, holds, gold, np.concatenate(counts))

    @property
    def average_precision(self) -> float:
        """Mean over gold triples of the precision down to them, 0 to 1; 0 of those never found.

        It tells how well triples are ranked, wherever the threshold is. Only a pair's best four
        relations are looked at, and equal margins have one place together, the last of theirs.
        """
        cuts = cuts_of(self.margins, self.holds)
        precision = cuts.correct / np.maximum(cuts.predicted, 1)
        return float(np.diff(cuts.correct, prepend=0) @ precision) / max(self.n_gold, 1)


_NOTHING: Final = (np.empty(0, np.float32), np.empty(0, np.int64), np.empty(0, bool))


@dataclass(frozen=True)
class Thresholds:
    """What margins are to be above, and what that is worth on dev."""

    offset: float
    """Of all relations without one of their own."""
    by_relation: Mapping[str, float]
    """Offsets of relations of their own."""
    precision: float
    """Of all predictions on dev, from 0 to 1: what is to be expected, by dev's account."""
    recall: float
    """Likewise."""
    predicted: int
    """Predictions on dev that the precision is taken from."""
    gold: int
    """Labelled triples of dev that the recall is taken from."""

    def offsets(self, vocabulary: RelationVocabulary) -> NDArray[np.float32]:
        """[R] float32, as `corpus.logits.relations_above_th` takes them."""
        known = (self.by_relation.get(relation, self.offset) for relation in vocabulary.ids)
        return np.fromiter(known, np.float32, len(vocabulary))


def fit_thresholds(
    candidates: Candidates,
    vocabulary: RelationVocabulary,
    goal: Goal,
    *,
    per_relation: bool = False,
) -> Thresholds:
    """The thresholds that reach a goal on dev at the least cost.

    One offset for all relations; or one for each relation with `ENOUGH` triples, and one for all
    others together. The goal is that of all predictions together, not of each relation: relations
    are predicted down to where one more correct triple costs the same number of wrong ones in all
    of them, which is the best that thresholds by relation can do, but for steps. Where one offset
    for all does no worse, it is taken.

    Args:
        candidates: of documents that the model was not trained on.
        vocabulary: the model's relations.
        goal: what is to be reached.
        per_relation: whether relations may have offsets of their own.

    Raises:
        ValueError: if no triple is labelled, or the goal cannot be reached with `ENOUGH`
            predictions; names the nearest.
    """
    _require_labels(candidates.n_gold)
    everything = cuts_of(candidates.margins, candidates.holds)
    together = Outcomes(everything.predicted, everything.correct, candidates.n_gold, ENOUGH)
    for_all = float(everything.offsets[together.nearest(goal)])
    if per_relation and (fitted := _by_relation(candidates, vocabulary, goal, together, for_all)):
        return fitted
    return _thresholds(for_all, {}, together, together.best(goal))


def _by_relation(
    candidates: Candidates,
    vocabulary: RelationVocabulary,
    goal: Goal,
    together: Outcomes,
    for_all: float,
) -> Thresholds | None:
    """Offsets of relations of their own, unless one for all reaches the goal as well.

    Relations without a candidate on dev tell nothing of their own: ``for_all`` or what other
    relations share is theirs.
    """
    own = np.intersect1d(np.flatnonzero(candidates.gold >= ENOUGH), candidates.columns)
    groups = [candidates.columns == column for column in own]
    groups.append(~np.isin(candidates.columns, own))
    cuts = [cuts_of(candidates.margins[group], candidates.holds[group]) for group in groups]
    order = cheapest_first(cuts)
    outcomes = Outcomes(order.predicted, order.correct, together.gold, ENOUGH)
    if not outcomes.beats(together, goal):
        return None
    best = outcomes.best(goal)
    *offsets, rest = order.offsets(best)
    named = {vocabulary.ids[c]: offset for c, offset in zip(own, offsets, strict=True)}
    return _thresholds(rest if groups[-1].any() else for_all, named, outcomes, best)


def _thresholds(
    offset: float, by_relation: Mapping[str, float], outcomes: Outcomes, place: int
) -> Thresholds:
    return Thresholds(
        offset=offset,
        by_relation=dict(by_relation),
        precision=float(outcomes.precision[place]),
        recall=float(outcomes.recall[place]),
        predicted=int(outcomes.predicted[place]),
        gold=outcomes.gold,
    )


def _require_labels(gold: int) -> None:
    if not gold:
        raise ValueError(
            "thresholds: expected labelled triples of documents of dev, found none: nobody knows "
            "how many predictions hold above a margin. Give the corpus a dev split with labels, or "
            "predict without a target"
        )
