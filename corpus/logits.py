"""What logits say: margins to TH, and which relations a pair is given."""

from __future__ import annotations

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
    wide -= wide[:, TH : TH + 1].copy()
    wide[:, TH] = -np.inf
    return wide


def relations_above_th(margins: NDArray[np.float32]) -> tuple[Indices, Indices]:
    """Row and column of each relation above TH, at most `MAX_RELATIONS_PER_PAIR` a row.

    By row, within it the best first; of equal ones the first column.

    Args:
        margins: [P, R] float32.
    """
    rows, columns = np.nonzero(margins > 0)
    order = np.lexsort((columns, -margins[rows, columns], rows))
    rows, columns = rows[order], columns[order]
    ranks = np.arange(len(rows)) - np.searchsorted(rows, rows)
    kept = ranks < MAX_RELATIONS_PER_PAIR
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
