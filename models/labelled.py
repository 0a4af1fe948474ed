"""A document's labels in the places of its logits."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from corpus.logits import places_of_pairs
from corpus.relations import RelationVocabulary
from corpus.schema import Document


def labelled_cells(document: Document, vocabulary: RelationVocabulary) -> NDArray[np.bool_]:
    """[P, R] bool, whether a relation is labelled; TH's column is False."""
    labels = [(x.head, x.tail, vocabulary.column(x.relation)) for x in document.labels or ()]
    heads, tails, columns = np.array(labels, np.int64).reshape(-1, 3).T
    cells = np.zeros((document.n_pairs, len(vocabulary)), bool)
    cells[places_of_pairs(heads, tails, len(document.entities)), columns] = True
    return cells
