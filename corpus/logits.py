"""What logits say: margins to TH, and which relations a pair is given."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from corpus.relations import TH

MAX_RELATIONS_PER_PAIR: Final = 4
"""Most relations that a pair is given, as in ATLOP and KD-DocRE."""

Indices = NDArray[np.int64]


def margins_to_th(logits: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
    """l_r - l_TH [P, R] float32 of logits [P, R]; TH's own column is -inf, it is no relation."""
    wide = logits.astype(np.float32)
    with np.errstate(invalid="ignore"):  # the difference of infinite logits is NaN
        wide -= wide[:, TH : TH + 1].copy()
    wide[:, TH] = -np.inf
    return wide


def relations_above_th(
    margins: NDArray[np.float32], offsets: NDArray[np.float32] | None = None
) -> tuple[Indices, Indices]:
    """Row and column of each relation above TH, at most `MAX_RELATIONS_PER_PAIR` a row.

    By row, within it the best first; of equal ones the first column.

    Args:
        margins: [P, R] float32.
        offsets: [R] float32, what margins are to be above in TH's place; a row's best relations are
            its best by margin whatever these are, so that each offset is about its relation alone.
    """
    lowest = 0 if offsets is None else offsets.min()
    above = np.flatnonzero(margins > lowest)  # np.nonzero takes ten times as long in two dimensions
    rows, columns = np.unravel_index(above, margins.shape)
    order = np.lexsort((columns, -margins[rows, columns], rows))
    rows, columns = rows[order], columns[order]
    ranks = np.arange(len(rows)) - np.searchsorted(rows, rows)
    kept = ranks < MAX_RELATIONS_PER_PAIR
    if offsets is not None:
        kept &= margins[rows, columns] > offsets[columns]
    return rows[kept], columns[kept]


def ends_of_pairs(rows: Indices, n_entities: Indices | int) -> tuple[Indices, Indices]:
    """Head and tail of pairs by their places in the order of `corpus.schema.Document.pairs`.

    Args:
        rows: places, from 0.
        n_entities: E of the documents that they are of, 2 or more.
    """
    heads, places = np.divmod(rows, np.maximum(np.asarray(n_entities) - 1, 1))
    return heads, places + (places >= heads)


def places_of_pairs(heads: Indices, tails: Indices, n_entities: Indices | int) -> Indices:
    """Places of pairs in the order of `corpus.schema.Document.pairs`; undoes `ends_of_pairs`."""
    places: Indices = heads * (np.asarray(n_entities) - 1) + tails - (tails > heads)
    return places


@dataclass(frozen=True)
class Calibration:
    """What makes a margin to TH a probability: σ((margin - offset) / temperature).

    The offset is what temperature scaling (Guo et al. 2017) lacks and Platt scaling (Platt 1999)
    has: the losses weigh a relation that holds against TH, not against how rarely it does, so that
    a margin of 0 is far from even odds.
    """

    temperature: float = 1.0
    offset: float = 0.0
    """The margin that is even odds."""

    def probability(self, margins: NDArray[np.floating[Any]]) -> NDArray[np.floating[Any]]:
        """Probabilities [...] of margins [...], in their type, exact to the last digits near 0."""
        kind = margins.dtype.type
        with np.errstate(over="ignore"):  # e^x is infinite, and the probability 0
            odds = np.exp((kind(self.offset) - margins) / kind(self.temperature))
            probabilities: NDArray[np.floating[Any]] = 1 / (1 + odds)
        return probabilities
