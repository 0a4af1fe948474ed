"""Scores: the official scorers' figures, then what must hold of any documents and predictions."""

from __future__ import annotations

import random
import time
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scored_documents import (
    ADA,
    ADA_PREDICTED,
    ANNOTATED_FACTS,
    DISTANT_FACTS,
    EVALUATED,
    GOLDEN,
    PREDICTED,
    STRAY,
    gold_triples,
)

from corpus.schema import Document
from models.metrics import Scores, score
from models.triples import Triple

COUNTS = {"gold", "predicted", "correct"}


def golden_scores(predicted: list[Triple]) -> Scores:
    return score(EVALUATED, predicted, ANNOTATED_FACTS, DISTANT_FACTS)


def test_official_figures() -> None:
    scores = golden_scores(PREDICTED).as_dict()
    official = {name: v for name, v in GOLDEN["expected"].items() if name in scores}
    assert {name: scores[name] for name in official} == pytest.approx(official, abs=1e-9)
    assert set(official) == {
        *("f1", "precision", "recall", "ign_f1_annotated", "ign_f1_distant", "evidence_f1")
    }


def test_official_figures_of_no_predictions() -> None:
    scores = golden_scores([]).as_dict()
    assert {k: scores[k] for k in GOLDEN["expected_for_no_predictions"]} == GOLDEN[
        "expected_for_no_predictions"
    ]
    assert {name: value for name, value in scores.items() if value} == {"gold": 572}


def test_the_golden_case_tells_the_two_ign_f1_apart() -> None:
    swapped = score(EVALUATED, PREDICTED, DISTANT_FACTS, ANNOTATED_FACTS)
    assert swapped.ign_f1_annotated == pytest.approx(GOLDEN["expected"]["ign_f1_distant"], abs=1e-9)


def test_the_golden_case_has_predictions_without_evidence_and_they_add_none() -> None:
    without = [triple for triple in PREDICTED if not triple.evidence]
    assert without
    dropped = golden_scores([triple for triple in PREDICTED if triple.evidence])
    assert dropped.evidence_f1 == pytest.approx(GOLDEN["expected"]["evidence_f1"], abs=1e-9)


def test_hand_counted() -> None:
    scores = score([ADA], ADA_PREDICTED, annotated_facts={("Ada Grey", "Arden", "P19")})
    assert (scores.gold, scores.predicted, scores.correct) == (4, 3, 2)
    assert scores.precision == pytest.approx(2 / 3)
    assert scores.recall == pytest.approx(2 / 4)
    ign_precision = 1 / (2 + 1e-5)
    assert scores.ign_f1_annotated == pytest.approx(2 * ign_precision * 0.5 / (ign_precision + 0.5))
    assert scores.ign_f1_distant == pytest.approx(scores.f1, abs=1e-5)
    assert scores.evidence_precision == pytest.approx(1 / 3)
    assert scores.evidence_recall == pytest.approx(1 / 5)
    assert scores.evidence_f1 == pytest.approx(2 * 1 / (5 + 3))
    assert scores.macro_f1 == pytest.approx((2 / 3 + 0.0 + 1.0) / 3)  # P19, P17, P27


def test_predictions_on_what_is_not_there_are_wrong_and_harmless() -> None:
    scores = score([ADA], [*gold_triples(ADA), *STRAY], ANNOTATED_FACTS)
    assert scores.recall == 1.0
    assert scores.precision == pytest.approx(4 / 6)
    assert scores.evidence_f1 == 1.0  # evidence on unknown documents is not counted


def test_no_documents_and_no_labels_score_zero() -> None:
    assert set(score([], []).as_dict().values()) == {0}
    assert score([replace(ADA, labels=())], gold_triples(ADA)).f1 == 0.0


@pytest.mark.parametrize(
    ("documents", "message"),
    [
        ([ADA, replace(ADA, doc_id="b", labels=None)], "1 of 2 have none, first 'b'"),
        ([ADA, ADA], "'ada' stands 2 times"),
    ],
)
def test_what_cannot_be_scored_is_refused(documents: list[Document], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        score(documents, [])


@settings(max_examples=25, deadline=None)
@given(st.lists(st.sampled_from(PREDICTED), max_size=60), st.randoms(use_true_random=False))
def test_scores_are_shares_and_do_not_depend_on_the_order_of_documents(
    predicted: list[Triple], rng: random.Random
) -> None:
    scores = score(EVALUATED, predicted, ANNOTATED_FACTS)
    assert all(0 <= value <= 1 for name, value in scores.as_dict().items() if name not in COUNTS)
    assert scores.ign_f1_annotated <= scores.f1 + 1e-12
    shuffled = score(rng.sample(EVALUATED, len(EVALUATED)), predicted, ANNOTATED_FACTS)
    assert shuffled.as_dict() == pytest.approx(scores.as_dict(), abs=1e-12)


def test_gold_as_prediction_is_perfect() -> None:
    scores = score(EVALUATED, gold_triples(*EVALUATED)).as_dict()
    assert all(v == pytest.approx(1, abs=1e-5) for k, v in scores.items() if k not in COUNTS)


def test_a_thousand_documents_take_a_few_seconds_of_processor_time() -> None:
    documents = [replace(d, doc_id=f"{d.doc_id}/{i}") for i in range(17) for d in EVALUATED]
    predicted = [replace(p, doc_id=f"{p.doc_id}/{i}") for i in range(17) for p in PREDICTED]
    started = time.process_time()
    scores = score(documents, predicted, ANNOTATED_FACTS, ANNOTATED_FACTS)
    assert time.process_time() - started < 8
    assert scores.f1 == pytest.approx(GOLDEN["expected"]["f1"])
