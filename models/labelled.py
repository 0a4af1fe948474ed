"""A document's labels in the places of its logits."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from corpus.logits import places_of_pairs
from corpus.relations import RelationVocabulary
from corpus.schema import Document


def labelled_cells(document: Document, vocabulary: RelationVocabulary) -> NDArray[np.bool_]:
    """[P, R] bool, whether a relation is labelled; TH's column is False.

    Labels of relations that the vocabulary lacks have no column; `n_unknown` counts them.
    """
    known = [label for label in document.labels or () if label.relation in vocabulary]
    labels = [(x.head, x.tail, vocabulary.column(x.relation)) for x in known]
    heads, tails, columns = np.array(labels, np.int64).reshape(-1, 3).T
    cells = np.zeros((document.n_pairs, len(vocabulary)), bool)
    cells[places_of_pairs(heads, tails, len(document.entities)), columns] = True
    return cells


def n_unknown(document: Document, vocabulary: RelationVocabulary) -> int:
    """Labelled triples of relations that the vocabulary lacks.

    A model in use may be older than dev's labels: it never finds these, and they are gold even so.
    """
    labels = document.labels or ()
    return len({(x.head, x.tail, x.relation) for x in labels if x.relation not in vocabulary})
