"""Which documents are computed together: batches within budgets, and epochs fixed by the seed."""

from __future__ import annotations

import random
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from corpus.encode import Sizes
from models.batch import window_spans
from models.config import TrainConfig

BUCKET: Final = 16
"""Batches' worth of documents that are sorted by length together, out of a random order."""

Batches = list[list[int]]
"""Indices of documents, batch by batch."""


@dataclass(frozen=True)
class Budget:
    """What a batch may hold; a document that exceeds it by itself is a batch of its own."""

    documents: int
    tokens: int
    """In rows of at most ``window``, padding and overlaps of windows included."""
    cells: int
    """Σ E²."""
    window: int | None = None
    """Longest row of tokens, as `models.batch.collate` lays them out; None for a row a document."""


def pack(sizes: Sizes, order: Iterable[int], budget: Budget) -> Iterator[list[int]]:
    """Cut ``order`` (indices of documents) into batches that keep a budget."""
    batch: list[int] = []
    longest = rows = cells = 0
    for index in order:
        length, size = int(sizes.tokens[index]), int(sizes.entities[index]) ** 2
        width, count = _row_sizes(length, budget.window or length)
        too_long = max(longest, width) * (rows + count) > budget.tokens
        full = len(batch) == budget.documents or too_long or cells + size > budget.cells
        if batch and full:
            yield batch
            batch, longest, rows, cells = [], 0, 0, 0
        batch.append(index)
        longest, rows, cells = max(longest, width), rows + count, cells + size
    if batch:
        yield batch


def _row_sizes(length: int, window: int) -> tuple[int, int]:
    """Length of a document's longest row of tokens, and the number of its rows."""
    return min(length, window), len(window_spans(length, window))


@dataclass(frozen=True, eq=False)
class EpochPlan:
    """The batches of each step of an epoch, in 4 bytes a document and 8 a batch."""

    documents: array[int]
    """Indices of documents, those of a batch next to each other."""
    ends: array[int]
    """Where each batch ends in them, after a 0."""
    order: array[int]
    """Numbers of batches in the order in which they are taken."""
    accumulation: int
    """Batches of a step."""

    def __len__(self) -> int:
        return len(range(0, len(self.order), self.accumulation))

    def __iter__(self) -> Iterator[Batches]:
        return self.from_step(0)

    def from_step(self, step: int) -> Iterator[Batches]:
        """Those of the steps that are left when ``step`` steps are taken."""
        for start in range(step * self.accumulation, len(self.order), self.accumulation):
            numbers = self.order[start : start + self.accumulation]
            yield [self._batch(number) for number in numbers]

    def _batch(self, number: int) -> list[int]:
        return self.documents[self.ends[number] : self.ends[number + 1]].tolist()


@dataclass(frozen=True, eq=False)
class Plan:
    """The optimizer steps of a training, an epoch at a time; the same for the same seed.

    Each epoch draws a random order, sorts stretches of it by length, cuts them into batches and
    shuffles those, so that batches hold little padding and yet differ from epoch to epoch.
    """

    sizes: Sizes
    """Of the documents that are trained on."""
    config: TrainConfig
    window: int | None = None
    """Longest row of tokens."""

    def epoch(self, number: int) -> EpochPlan:
        """The batches of each step of an epoch, ``number`` from 1; made anew by every call."""
        draw = random.Random(f"{self.config.seed}, epoch {number}")
        drawn = _shuffled(len(self.sizes.tokens), draw)
        documents, ends = array("i"), array("i", [0])
        for batch in pack(self.sizes, self._bucketed(drawn), self._budget):
            documents.extend(batch)
            ends.append(len(documents))
        order = _shuffled(len(ends) - 1, draw)
        return EpochPlan(documents, ends, order, self.config.accumulation)

    @cached_property
    def n_steps(self) -> int:
        """Of all epochs."""
        return sum(len(self.epoch(number)) for number in range(1, self.config.epochs + 1))

    def _bucketed(self, order: Sequence[int]) -> Iterator[int]:
        """An order with stretches sorted by length."""
        stretch = BUCKET * self.config.batch_documents
        for start in range(0, len(order), stretch):
            yield from sorted(order[start : start + stretch], key=self.sizes.tokens.__getitem__)

    @property
    def _budget(self) -> Budget:
        config = self.config
        return Budget(config.batch_documents, config.token_budget, config.cell_budget, self.window)


def _shuffled(count: int, draw: random.Random) -> array[int]:
    """The numbers below ``count`` in a random order."""
    numbers = array("i", range(count))
    draw.shuffle(numbers)
    return numbers
