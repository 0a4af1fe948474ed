"""Calibration error over pairs' top relation, pairs with and without one apart."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from conftest import VOCABULARY, make_document

from corpus.logits import Calibration, margins_to_th
from corpus.schema import Label
from models.confidence import BINS, TopConfidence
from models.labelled import labelled_cells, n_unknown

DOCUMENTS = [make_document(name, n) for name, n in (("a", 7), ("b", 5), ("c", 1), ("d", 9))]


def drawn_logits(seed: int) -> list[np.ndarray]:
    draw = np.random.default_rng(seed)
    return [draw.normal(0, 2, (d.n_pairs, len(VOCABULARY))).astype(np.float32) for d in DOCUMENTS]


def naive(logits: list[np.ndarray], calibration: Calibration) -> dict[str, float]:
    """The definition, pair by pair."""
    bins: dict[tuple[str, int], list[tuple[float, bool]]] = {}
    for document, of_pairs in zip(DOCUMENTS, logits, strict=True):
        held = {(x.head, x.tail, VOCABULARY.column(x.relation)) for x in document.labels}
        for (head, tail), row in zip(document.pairs(), margins_to_th(of_pairs), strict=True):
            top = max(range(1, len(row)), key=row.__getitem__)
            [p] = calibration.probability(row[[top]].astype(np.float64))
            part = "ece_relation" if row[top] > 0 else "ece_na"
            cell = (part, min(int(p * BINS), BINS - 1))
            bins.setdefault(cell, []).append((p, (head, tail, top) in held))
    errors: dict[str, float] = {}
    for part in {part for part, _ in bins}:
        own = [pairs for (name, _), pairs in bins.items() if name == part]
        gaps = [abs(sum(p for p, _ in pairs) - sum(holds for _, holds in pairs)) for pairs in own]
        errors[part] = sum(gaps) / sum(map(len, own))
    return errors


def measured(logits: list[np.ndarray], calibration: Calibration) -> dict[str, float]:
    confidence = TopConfidence(VOCABULARY, calibration)
    for document, of_pairs in zip(DOCUMENTS, logits, strict=True):
        confidence.add(document, of_pairs)
    return confidence.errors()


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("calibration", [Calibration(), Calibration(2.0, 3.0)], ids=str)
def test_it_is_the_definition(seed, calibration):
    logits = drawn_logits(seed)
    assert measured(logits, calibration) == pytest.approx(naive(logits, calibration))


def test_certainty_that_is_right_has_no_error_and_that_is_wrong_has_all():
    truth = [labelled_cells(d, VOCABULARY) for d in DOCUMENTS]
    sure = [np.where(cells, 60, -60).astype(np.float32) for cells in truth]
    for logits in sure:
        logits[:, 0] = 0
    assert measured(sure, Calibration()) == pytest.approx({"ece_na": 0, "ece_relation": 0})
    wrong = measured([-logits for logits in sure], Calibration())
    assert wrong["ece_relation"] > 0.9  # nearly no relation that it is sure of holds


def test_what_has_no_pair_has_no_error():
    assert TopConfidence(VOCABULARY, Calibration()).errors() == {}
    below = [np.tile(np.float32([5, 0, 0, 0]), (d.n_pairs, 1)) for d in DOCUMENTS]
    assert set(measured(below, Calibration())) == {"ece_na"}


def test_labels_of_relations_that_the_model_lacks_do_not_hold_of_what_it_finds() -> None:
    document = DOCUMENTS[0]
    foreign = dataclasses.replace(document, labels=(*document.labels, Label(0, 1, "P999")))
    assert (labelled_cells(foreign, VOCABULARY) == labelled_cells(document, VOCABULARY)).all()
    assert (n_unknown(foreign, VOCABULARY), n_unknown(document, VOCABULARY)) == (1, 0)
    logits = np.ones((document.n_pairs, len(VOCABULARY)), np.float32)
    errors = []
    for labelled in (document, foreign):
        counted = TopConfidence(VOCABULARY, Calibration(1.0, 0.0))
        counted.add(labelled, logits)
        errors.append(counted.errors())
    assert errors[0] == errors[1]
