"""Which documents are learned from and computed together: by the seed, and within budgets."""

from __future__ import annotations

import random
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Final

from corpus.encode import Sizes
from models.batch import window_spans
from models.config import TrainConfig

BUCKET: Final = 16
"""Batches' worth of documents that are sorted by length together, out of a random order."""

Pieces = list[list[int]]
"""Indices of the documents that are computed at once, one piece after another."""


@dataclass(frozen=True)
class Budget:
    """What is computed at once; a document that exceeds it by itself is computed by itself."""

    documents: int
    tokens: int
    """In rows of at most ``window``, padding and overlaps of windows included."""
    cells: int
    """Σ E²."""
    window: int | None = None
    """Longest row of tokens, as `models.batch.collate` lays them out; None for a row a document."""


def pack(sizes: Sizes, order: Iterable[int], budget: Budget) -> Iterator[list[int]]:
    """Cut ``order`` (indices of documents) into pieces that keep a budget."""
    piece: list[int] = []
    longest = rows = cells = 0
    for index in order:
        length, size = int(sizes.tokens[index]), int(sizes.entities[index]) ** 2
        width, count = _row_sizes(length, budget.window or length)
        too_long = max(longest, width) * (rows + count) > budget.tokens
        full = len(piece) == budget.documents or too_long or cells + size > budget.cells
        if piece and full:
            yield piece
            piece, longest, rows, cells = [], 0, 0, 0
        piece.append(index)
        longest, rows, cells = max(longest, width), rows + count, cells + size
    if piece:
        yield piece


def _row_sizes(length: int, window: int) -> tuple[int, int]:
    """Length of a document's longest row of tokens, and the number of its rows."""
    return min(length, window), len(window_spans(length, window))


@dataclass(frozen=True, eq=False)
class Plan:
    """The optimizer steps of a training, an epoch at a time; the same for the same seed.

    Each epoch draws a random order, sorts stretches of it by length, cuts them into batches of
    ``batch_documents`` and shuffles those, so that batches hold little padding and yet differ from
    epoch to epoch. Budgets cut batches into pieces that are computed one after another, so that no
    step takes much more memory than the others; what is learned from in it does not depend on them.
    """

    sizes: Sizes
    """Of the documents that are trained on."""
    config: TrainConfig
    window: int | None = None
    """Longest row of tokens."""

    def epoch(self, number: int) -> EpochPlan:
        """The steps of an epoch, ``number`` from 1; made anew by every call."""
        draw = random.Random(f"{self.config.seed}, epoch {number}")
        documents = array("i", self._bucketed(_shuffled(len(self.sizes.tokens), draw)))
        return EpochPlan(self, documents, _shuffled(self._n_batches, draw))

    def pieces(self, batch: Sequence[int]) -> Iterator[list[int]]:
        """What of a batch is computed at once."""
        return pack(self.sizes, batch, self._budget)

    @property
    def n_steps(self) -> int:
        """Of all epochs."""
        return self.config.epochs * ceil(self._n_batches / self.config.accumulation)

    @property
    def _n_batches(self) -> int:
        return ceil(len(self.sizes.tokens) / self.config.batch_documents)

    def _bucketed(self, order: Sequence[int]) -> Iterator[int]:
        """An order with stretches sorted by length."""
        stretch = BUCKET * self.config.batch_documents
        for start in range(0, len(order), stretch):
            yield from sorted(order[start : start + stretch], key=self.sizes.tokens.__getitem__)

    @property
    def _budget(self) -> Budget:
        config = self.config
        return Budget(config.batch_documents, config.token_budget, config.cell_budget, self.window)


@dataclass(frozen=True, eq=False)
class EpochPlan:
    """The steps of an epoch, each as the pieces of its batches, in 4 bytes a document and a batch.

    A step's documents are the same however its batches are cut.
    """

    plan: Plan
    documents: array[int]
    """Indices of documents, those of a batch next to each other."""
    order: array[int]
    """Numbers of batches in the order in which they are taken."""

    def __len__(self) -> int:
        return len(range(0, len(self.order), self.plan.config.accumulation))

    def __iter__(self) -> Iterator[Pieces]:
        return self.from_step(0)

    def from_step(self, step: int) -> Iterator[Pieces]:
        """Those of the steps that are left when ``step`` steps are taken."""
        accumulation = self.plan.config.accumulation
        for start in range(step * accumulation, len(self.order), accumulation):
            numbers = self.order[start : start + accumulation]
            yield [piece for number in numbers for piece in self.plan.pieces(self._batch(number))]

    def _batch(self, number: int) -> Sequence[int]:
        size = self.plan.config.batch_documents
        return self.documents[number * size : (number + 1) * size]


def _shuffled(count: int, draw: random.Random) -> array[int]:
    """The numbers below ``count`` in a random order."""
    numbers = array("i", range(count))
    draw.shuffle(numbers)
    return numbers
