"""Every score once, with an interval where documents tell one."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest
from scored_documents import ANNOTATED_FACTS, DISTANT_FACTS, EVALUATED, PREDICTED, gold_triples

from corpus.schema import OF_RELATION, SLICES
from models.evaluation import Score, evaluate_triples
from models.metrics import score

COUNTS = ("gold", "predicted", "correct")


@pytest.fixture(scope="module")
def scores() -> list[Score]:
    return evaluate_triples(EVALUATED, PREDICTED, ANNOTATED_FACTS, DISTANT_FACTS)


def test_slice_all_is_the_scores(scores: list[Score]) -> None:
    found = {s.metric: s.value for s in scores if s.slice == "all"}
    expected = score(EVALUATED, PREDICTED, ANNOTATED_FACTS, DISTANT_FACTS).as_dict()
    assert found == pytest.approx(expected)


def test_every_number_has_one_home(scores: list[Score]) -> None:
    keys = [(s.slice, s.relation, s.metric) for s in scores]
    assert len(set(keys)) == len(keys)
    assert {s.slice for s in scores} == {"all", OF_RELATION, *SLICES}
    assert all((s.slice == OF_RELATION) == (s.relation is not None) for s in scores)
    of_slices = {s.metric for s in scores if s.slice != "all"}
    assert of_slices == {"f1", "precision", "recall", *COUNTS}


def test_intervals_lie_around_scores_that_something_is_counted_for(scores: list[Score]) -> None:
    counts = {(s.slice, s.relation, s.metric): s.value for s in scores if s.metric in COUNTS}
    total = {"f1": ("gold", "predicted"), "precision": ("predicted",), "recall": ("gold",)}
    for s in scores:
        if s.metric in (*COUNTS, "macro_f1"):
            assert s.low is s.high is None
        elif s.metric in total and not any(
            counts[s.slice, s.relation, name] for name in total[s.metric]
        ):
            assert (s.value, s.low, s.high) == (0, None, None)
        else:
            assert s.low is not None
            assert s.high is not None
            assert 0 <= s.low <= s.value <= s.high <= 1
    [f1] = [s for s in scores if (s.slice, s.metric) == ("all", "f1")]
    assert 0.02 < f1.high - f1.low < 0.15


def test_a_perfect_model_scatters_by_nothing() -> None:
    for s in evaluate_triples(EVALUATED, gold_triples(*EVALUATED)):
        if s.low is not None:
            assert (s.low, s.value, s.high) == pytest.approx((1, 1, 1), abs=1e-5)


def test_five_hundred_documents_take_a_few_seconds_of_processor_time() -> None:
    documents = [replace(d, doc_id=f"{d.doc_id}/{i}") for i in range(9) for d in EVALUATED]
    predicted = [replace(p, doc_id=f"{p.doc_id}/{i}") for i in range(9) for p in PREDICTED]
    started = time.process_time()
    evaluate_triples(documents, predicted, ANNOTATED_FACTS, DISTANT_FACTS)
    assert time.process_time() - started < 8
