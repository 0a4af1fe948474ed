"""Predicted triples, and what labelled documents state, as the scorers take them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import TypeAlias

import polars as pl

from corpus.schema import Document, Entity

Cell: TypeAlias = tuple[str, int, int, str]
"""What makes two triples the same: document, head, tail and relation."""

Facts: TypeAlias = AbstractSet[tuple[str, str, str]]
"""Facts by name: (head name, tail name, relation)."""


@dataclass(frozen=True, slots=True)
class Triple:
    """A predicted relation between two entities of a document, by their indices."""

    doc_id: str
    head: int
    tail: int
    relation: str
    evidence: tuple[int, ...] = ()

    @property
    def cell(self) -> Cell:
        """What makes two triples the same; evidence does not."""
        return self.doc_id, self.head, self.tail, self.relation


def triples_in(predictions: pl.DataFrame) -> Iterator[Triple]:
    """The triples of a `PREDICTIONS` table, with their evidence if it has such a column."""
    columns = [name for name in Triple.__dataclass_fields__ if name in predictions.columns]
    for row in predictions.select(columns).iter_rows(named=True):
        yield Triple(**row | {"evidence": tuple(row.get("evidence") or ())})


def facts_of(documents: Iterable[Document]) -> frozenset[tuple[str, str, str]]:
    """Facts that the documents' labels state, by all names of head times all names of tail."""
    return frozenset(
        (head, tail, label.relation)
        for document in documents
        for label in document.labels or ()
        for head in names_of(document.entities[label.head])
        for tail in names_of(document.entities[label.tail])
    )


def names_of(entity: Entity) -> set[str]:
    """All names that the document has for an entity."""
    return {mention.name for mention in entity.mentions}


def most_frequent(documents: Iterable[Document], n: int = 10) -> frozenset[str]:
    """The ``n`` relations with the most labels; of equally frequent ones, the first by id."""
    counts = Counter(label.relation for d in documents for label in d.labels or ())
    return frozenset(sorted(counts, key=lambda relation: (-counts[relation], relation))[:n])
