"""Gold and predicted triples of documents side by side, each once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from corpus.arrays import Float64Array
from corpus.schema import Document
from models.triples import Cell, Triple


@dataclass(frozen=True)
class Judged:
    """What is gold and what is predicted; scores of every kind count these."""

    documents: Mapping[str, Document]
    """The scored documents by id."""
    gold: Mapping[Cell, tuple[int, ...]]
    """Evidence of each gold triple."""
    given: Mapping[Cell, frozenset[int]]
    """Evidence of each predicted triple; of repeated ones, that of the first."""

    @classmethod
    def of(cls, documents: Sequence[Document], predicted: Iterable[Triple]) -> Judged:
        """Predictions in any order beside the labels of documents.

        Raises:
            ValueError: if a document has no labels or a `doc_id` repeats.
        """
        given: dict[Cell, frozenset[int]] = {}
        for triple in predicted:
            given.setdefault(triple.cell, frozenset(triple.evidence))
        by_id = scorable(documents)
        gold = {
            (document.doc_id, label.head, label.tail, label.relation): label.evidence
            for document in documents
            for label in document.labels or ()
        }
        return cls(by_id, gold, given)

    @cached_property
    def cells(self) -> tuple[Cell, ...]:
        """[N]: all that is gold or predicted, in a fixed order."""
        return tuple(dict.fromkeys([*self.gold, *self.given]))

    @cached_property
    def doc_ids(self) -> tuple[str, ...]:
        """[B]: the scored documents, then those that stray predictions are on."""
        return tuple(dict.fromkeys([*self.documents, *(cell[0] for cell in self.given)]))

    @cached_property
    def rows(self) -> NDArray[np.int64]:
        """[N] int64: the place of each cell's document among `doc_ids`."""
        places = {doc_id: place for place, doc_id in enumerate(self.doc_ids)}
        return np.array([places[cell[0]] for cell in self.cells], np.int64)

    @cached_property
    def counts(self) -> Float64Array:
        """[N, 3] float64: whether each cell is gold, predicted, and both; 1 or 0."""
        gold = np.array([cell in self.gold for cell in self.cells], bool)
        given = np.array([cell in self.given for cell in self.cells], bool)
        return np.stack([gold, given, gold & given], axis=1).astype(np.float64)

    def by_document(self, numbers: Float64Array) -> Float64Array:
        """Sums of numbers over the cells of each document [B, K] float64.

        Args:
            numbers: [N, K], K of each cell.
        """
        sums = np.zeros((len(self.doc_ids), numbers.shape[1]))
        np.add.at(sums, self.rows, numbers)
        return sums


def scorable(documents: Sequence[Document]) -> dict[str, Document]:
    """Documents by id, once it is sure that they can be scored.

    Raises:
        ValueError: if a document has no labels or a `doc_id` repeats.
    """
    unlabelled = [document.doc_id for document in documents if document.labels is None]
    if unlabelled:
        raise ValueError(
            f"scores need labelled documents, but {len(unlabelled)} of {len(documents)} have none, "
            f"first {unlabelled[0]!r}; leave unlabelled documents out, or label them"
        )
    by_id = {document.doc_id: document for document in documents}
    if len(by_id) < len(documents):
        repeated, times = Counter(d.doc_id for d in documents).most_common(1)[0]
        raise ValueError(
            f"scores need each doc_id once, but {repeated!r} stands {times} times: its triples "
            "could not be told apart; give each document once"
        )
    return by_id
