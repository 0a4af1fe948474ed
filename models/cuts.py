"""Where to cut ranked predictions so that a precision or a recall is reached at the least cost."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from corpus.arrays import Float64Array, Int64Array


@dataclass(frozen=True, slots=True)
class Goal:
    """What predictions are to reach together, and at what cost."""

    metric: Literal["precision", "recall", "f1"]
    """The target's: at least that precision with the highest recall there is, at least that recall
    with the highest precision; or the highest F1, which has no target."""
    least: float = 0.0
    """The target, above 0 and at most 1; 0 of F1."""

    def __post_init__(self) -> None:
        if self.metric == "f1" and not self.least:
            return
        if self.metric == "f1" or not 0 < self.least <= 1:
            raise ValueError(
                f"target {self.metric}: expected a share above 0 and at most 1, and none of f1, "
                f"found {self.least}: it would be reached by everything or by nothing. 0.9 is nine "
                "in ten"
            )


@dataclass(frozen=True, eq=False)
class Outcomes:
    """What each of several ways to cut gives."""

    predicted: Int64Array
    """[K]."""
    correct: Int64Array
    """[K]."""
    gold: int
    enough: int = 0
    """Predictions that a target takes: with fewer, luck would reach it. F1 has no target."""

    @cached_property
    def precision(self) -> Float64Array:
        """[K]; 0 where nothing is predicted."""
        return self.correct / np.maximum(self.predicted, 1)

    @cached_property
    def recall(self) -> Float64Array:
        """[K]."""
        return self.correct / self.gold

    @cached_property
    def f1(self) -> Float64Array:
        """[K]."""
        return 2 * self.correct / (self.predicted + self.gold)

    def best(self, goal: Goal) -> int:
        """The place of the way that reaches the goal at the least cost; of equal ones the first.

        Raises:
            ValueError: if none reaches it; names the nearest.
        """
        if not self._reached(goal).any():
            raise ValueError(self._too_high(goal))
        return self.nearest(goal)

    def nearest(self, goal: Goal) -> int:
        """The place of the best way; where none reaches the goal, of what comes nearest to it."""
        reached = self._reached(goal)
        if reached.any():
            return int(np.where(reached, self._worth(goal), -1).argmax())
        return int(np.where(self._supported(goal), self._measured(goal), -1).argmax())

    def beats(self, other: Outcomes, goal: Goal) -> bool:
        """Whether the best way is better than the other's best; reaching the goal at all is."""
        ours, theirs = (
            np.where(each._reached(goal), each._worth(goal), -1).max(initial=-1)
            for each in (self, other)
        )
        return bool(ours > theirs)

    def _reached(self, goal: Goal) -> NDArray[np.bool_]:
        return self._supported(goal) & (self._measured(goal) >= goal.least)

    def _supported(self, goal: Goal) -> NDArray[np.bool_]:
        """[K]: whether there are enough predictions to be sure that a target is reached."""
        return self.predicted >= (self.enough if goal.least else 0)

    def _measured(self, goal: Goal) -> Float64Array:
        measured: Float64Array = getattr(self, goal.metric)
        return measured

    def _worth(self, goal: Goal) -> Float64Array:
        """[K]: what is to be as high as can be, once the target is reached."""
        return {"precision": self.recall, "recall": self.precision, "f1": self.f1}[goal.metric]

    def _too_high(self, goal: Goal) -> str:
        return (
            f"target {goal.metric} {goal.least}: expected a margin that reaches it on dev with at "
            f"least {self.enough} predictions, found {self._nearest_in_words(goal)}: predictions "
            "would not be what was asked for, or by luck alone. Ask for no more than that, train a "
            "better model, or label more documents of dev"
        )

    def _nearest_in_words(self, goal: Goal) -> str:
        if not self._supported(goal).any():
            return f"{self.predicted.max()} predictions down to the last that holds"
        place, other = self.nearest(goal), "recall" if goal.metric == "precision" else "precision"
        return (
            f"at most {self._measured(goal)[place]:.4f} (with {other} "
            f"{self._worth(goal)[place]:.4f}, {self.predicted[place]} predictions, {self.gold} "
            "labelled triples)"
        )


@dataclass(frozen=True, eq=False)
class Cuts:
    """Ranked predictions, cut after each that is worth it: after a correct one.

    Margins that are equal are not parted. The first cut leaves nothing.
    """

    offsets: NDArray[np.float32]
    """[K]: what margins are above, descending; halfway to what is left out."""
    predicted: Int64Array
    """[K], from 0."""
    correct: Int64Array
    """[K], from 0."""


def cuts_of(margins: NDArray[np.float32], holds: NDArray[np.bool_]) -> Cuts:
    """Cuts of predictions.

    Args:
        margins: [N] finite.
        holds: [N] whether each is correct.
    """
    different, places = np.unique(-margins, return_inverse=True)
    n_here = np.bincount(places, minlength=len(different))
    n_right = np.bincount(places, weights=holds, minlength=len(different)).astype(np.int64)
    predicted, correct = (np.concatenate([[0], np.cumsum(n)]) for n in (n_here, n_right))
    worth = np.flatnonzero(np.concatenate([[True], n_right > 0]))
    return Cuts(_between(-different)[worth], predicted[worth], correct[worth])


def _between(descending: NDArray[np.float32]) -> NDArray[np.float32]:
    """[N + 1]: above all, halfway between neighbours, and below all; each below what is above it.

    Above all is the highest itself, as a margin has to be above its offset.
    """
    if not len(descending):
        return np.zeros(1, np.float32)
    below = np.nextafter(descending, np.float32(-np.inf))
    middle = (descending[:-1].astype(np.float64) + descending[1:]) / 2
    inner = np.minimum(middle.astype(np.float32), below[:-1])
    return np.concatenate([descending[:1], inner, below[-1:]])


@dataclass(frozen=True, eq=False)
class CheapestFirst:
    """Cuts of several groups together, ever lower."""

    cuts: Sequence[Cuts]
    steps: Sequence[tuple[int, int]]
    """[K - 1]: the group whose cut is lowered, and the place of its new cut."""
    predicted: Int64Array
    """[K] of all groups together, from 0."""
    correct: Int64Array
    """[K], likewise."""

    def offsets(self, n_steps: int) -> list[float]:
        """Each group's offset after some steps."""
        places = dict(self.steps[:n_steps])
        return [float(cuts.offsets[places.get(group, 0)]) for group, cuts in enumerate(self.cuts)]


def cheapest_first(cuts: Sequence[Cuts]) -> CheapestFirst:
    """Lower the cuts of groups, each time where what is added is most precise.

    No other cuts of the groups have as many correct at as few predictions as those after each
    step, nor anything between two steps; so F1 is highest after one of them.
    """
    steps = sorted(
        (-right / count, group, place, count, right)
        for group, of_group in enumerate(cuts)
        for place, count, right in _steps(of_group)
    )
    counts = np.array([step[3:] for step in steps], np.int64).reshape(-1, 2)
    predicted, correct = (np.concatenate([[0], np.cumsum(n)]) for n in counts.T)
    return CheapestFirst(cuts, [step[1:3] for step in steps], predicted, correct)


def _steps(cuts: Cuts) -> Iterator[tuple[int, int, int]]:
    """Places of cuts that no straight line between two others is above, and what each adds."""
    corners: list[int] = []
    for place in range(len(cuts.offsets)):
        while len(corners) > 1 and not _bends(cuts, corners[-2], corners[-1], place):
            corners.pop()
        corners.append(place)
    for before, after in pairwise(corners):
        yield (
            after,
            int(cuts.predicted[after] - cuts.predicted[before]),
            int(cuts.correct[after] - cuts.correct[before]),
        )


def _bends(cuts: Cuts, first: int, middle: int, last: int) -> bool:
    """Whether precision is higher up to the middle one than from there on."""
    counted, right = cuts.predicted, cuts.correct
    up_to = (right[middle] - right[first]) * (counted[last] - counted[middle])
    after = (right[last] - right[middle]) * (counted[middle] - counted[first])
    return bool(up_to > after)
