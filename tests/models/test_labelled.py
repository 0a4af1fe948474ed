"""Labels in the places of logits."""

import dataclasses

import numpy as np
import pytest
from conftest import VOCABULARY, make_document

from corpus.schema import Label
from models.infer import stream_logits
from models.judged import Judged
from models.labelled import counts_above_th
from models.predictions import triples
from models.runtime import Runtime

CPU = Runtime("cpu", "float32")


def test_counts_at_th_are_those_that_scores_are_taken_from(talkative):
    documents = [make_document(f"d{i}", n) for i, n in enumerate((2, 5, 3))]
    judged = Judged.of(documents, triples(talkative, documents, CPU))
    found = list(stream_logits(talkative, documents, CPU))
    counts = [counts_above_th(document, logits, VOCABULARY) for document, logits in found]
    assert np.array_equal(counts, judged.by_document(judged.counts))
    assert min(np.sum(counts, axis=0)) > 0


@pytest.mark.parametrize(
    ("margins", "counts"),
    [
        ([-1, -1, -1], (2, 0, 0)),
        ([0, 1, -1], (2, 1, 0)),  # what is at TH is not above it
        ([1, 1, -1], (2, 2, 1)),
    ],
)
def test_counts_by_hand(margins, counts):
    """One of the two labels is of a relation that the model does not know."""
    labels = (Label(0, 1, VOCABULARY.relations[0]), Label(0, 1, "P9"))
    document = dataclasses.replace(make_document("d", 2), labels=labels)
    logits = np.array([[0, *margins], [0, -1, -1, -1]], np.float32)
    assert counts_above_th(document, logits, VOCABULARY) == counts
