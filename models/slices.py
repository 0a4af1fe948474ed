"""Which of the triples are looked at: by relation, by pair and by document.

Frequent, long-tail, intra- and inter-sentence as in Re-DocRED's ``evaluation.py``, function
``official_evaluate_benchmark`` (Tan et al. 2022, github.com/tonytan48/Re-DocRED).
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np

from corpus.arrays import Float64Array
from corpus.schema import DISTANCES, OF_RELATION, SIZES, SLICES, Document
from models.judged import Judged
from models.triples import Cell

DOCRED_FREQUENT: Final = frozenset(
    {"P17", "P131", "P27", "P150", "P175", "P577", "P463", "P527", "P495", "P361"}
)
"""DocRED's ten most frequent relations, the fixed list of Re-DocRED's scorer."""

Slice: TypeAlias = tuple[str, str | None]
"""Its name, and its relation where it is one of a relation."""

_LARGER: Final = (10, 20)
"""Entities from which on a document is in the next of `SIZES`."""


@dataclass(frozen=True)
class Sliced:
    """Counts of every slice, document by document."""

    slices: tuple[Slice, ...]
    """[S]: `SLICES`, then the relations that are gold or predicted, the most frequent first."""
    counts: Float64Array
    """[B, S, 3] float64: gold, predicted, correct."""


def sliced(judged: Judged, frequent: Collection[str]) -> Sliced:
    """Count gold, predicted and correct triples of each slice.

    - *frequent, long_tail*: relations in ``frequent``, and all others.
    - *intra_sentence, inter_sentence*: pairs that some sentence mentions both of, and all others.
    - *infer*: pairs (h, t) for which (h, r1, o) and (o, r2, t) are gold for some o, so that two
      hops lead to the fact. After Zeng et al. 2020 (GAIN), who published no scorer, and whose text
      counts the premises r1 and r2 along with the conclusion.
    - *entities_…*: documents by their number of entities.
    - *distance_…*: pairs by `DISTANCES`; distance_0 is intra_sentence.
    - *relation*: one for each relation that is gold or predicted.

    Predictions on documents or entities that are not there are in no slice of pairs or documents.

    Args:
        judged: gold and predicted triples.
        frequent: the frequent relations: `DOCRED_FREQUENT`, or for another schema
            `models.triples.most_frequent` of the annotated training documents.
    """
    chosen, bridged = frozenset(frequent), _Bridges(judged.gold)
    slices = (*((name, None) for name in SLICES), *_relations(judged))
    columns = {slice_: column for column, slice_ in enumerate(slices)}
    found = [
        (n, columns[name, relation])
        for n, cell in enumerate(judged.cells)
        for name, relation in _slices_of(cell, judged, chosen, bridged)
    ]
    cells, places = np.array(found, np.int64).reshape(-1, 2).T
    counts = np.zeros((len(judged.doc_ids), len(slices), 3))
    np.add.at(counts, (judged.rows[cells], places), judged.counts[cells])
    return Sliced(slices, counts)


def _relations(judged: Judged) -> list[Slice]:
    counts = Counter(dict.fromkeys((cell[3] for cell in judged.given), 0))
    counts.update(cell[3] for cell in judged.gold)
    return [(OF_RELATION, r) for r in sorted(counts, key=lambda r: (-counts[r], r))]


def _slices_of(
    cell: Cell, judged: Judged, frequent: Collection[str], bridged: _Bridges
) -> Iterator[Slice]:
    doc_id, head, tail, relation = cell
    yield OF_RELATION, relation
    yield ("frequent" if relation in frequent else "long_tail"), None
    if bridged.lead(doc_id, head, tail):
        yield "infer", None
    if (document := judged.documents.get(doc_id)) is None:
        return
    yield _size(document), None
    if (distance := _distance(document, head, tail)) is not None:
        yield DISTANCES[min(distance, len(DISTANCES) - 1)], None
        yield ("inter_sentence" if distance else "intra_sentence"), None


def _size(document: Document) -> str:
    return SIZES[bisect_right(_LARGER, len(document.entities))]


def _distance(document: Document, head: int, tail: int) -> int | None:
    """Fewest sentences between mentions of two entities; None if the document lacks one."""
    if not (0 <= head < len(document.entities) and 0 <= tail < len(document.entities)):
        return None
    heads, tails = document.entities[head].mentions, document.entities[tail].mentions
    return min(abs(a.sentence - b.sentence) for a in heads for b in tails)


class _Bridges:
    """Which pairs of entities gold triples connect in two hops."""

    def __init__(self, gold: Iterable[Cell]) -> None:
        self._tails: dict[tuple[str, int], set[int]] = defaultdict(set)
        self._heads: dict[tuple[str, int], set[int]] = defaultdict(set)
        for doc_id, head, tail, _ in gold:
            self._tails[doc_id, head].add(tail)
            self._heads[doc_id, tail].add(head)

    def lead(self, doc_id: str, head: int, tail: int) -> bool:
        """Whether two gold triples lead from head to tail."""
        after, before = self._tails.get((doc_id, head)), self._heads.get((doc_id, tail))
        return bool(after and before and not after.isdisjoint(before))
