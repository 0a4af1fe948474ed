"""Faults in facts, predictions, scores and vocabularies are seen, and nothing else is."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from corpus.relations import RelationVocabulary
from corpus.schema import (
    DOCUMENTS,
    EVALUATION,
    PREDICTIONS,
    TRIPLES,
    Document,
    Entity,
    Mention,
    Split,
    to_row,
)
from quality.facts import check_triples
from quality.outcomes import check_evaluation, check_predictions, check_vocabulary

VOCABULARY = RelationVocabulary.of_relations(["P17", "P27"])
GOOD = {
    "doc_id": "train/Ada",
    "title": "Ada",
    "head": 0,
    "tail": 1,
    "head_name": "Ada",
    "tail_name": "Oslo",
    "relation": "P27",
    "relation_name": "P27",
    "margin": 1.5,
    "probability": 0.75,
    "rank": 1,
    "evidence": [0],
    "model_version": "f" * 16,
}


def _documents() -> pl.LazyFrame:
    entities = tuple(
        Entity("MISC", (Mention(name, 0, place, place + 1),))
        for place, name in enumerate(("Ada", "Oslo"))
    )
    document = Document("train/Ada", "Ada", (("Ada", "Oslo"),), entities)
    return pl.LazyFrame([to_row(document, Split.TRAIN)], DOCUMENTS)


def _predictions(*rows: dict[str, Any]) -> pl.LazyFrame:
    return pl.LazyFrame(list(rows), PREDICTIONS)


def test_good_predictions_pass_and_so_do_none():
    other = GOOD | {"head": 1, "tail": 0}
    assert check_predictions(_predictions(GOOD, other), _documents(), VOCABULARY).passed
    assert check_predictions(_predictions(), _documents(), VOCABULARY).passed


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ({"doc_id": "train/Bob"}, "two different entities of a document"),
        ({"doc_id": None}, "two different entities of a document"),
        ({"head": 2}, "two different entities of a document"),
        ({"tail": -1}, "two different entities of a document"),
        ({"tail": 0}, "two different entities of a document"),
        ({"tail": None}, "two different entities of a document"),
        ({"relation": "P999"}, "one of the vocabulary's 2 relations"),
        ({"relation": "Na"}, "one of the vocabulary's 2 relations"),
        ({"relation": None}, "one of the vocabulary's 2 relations"),
        ({"probability": 1.25}, "a probability from 0 to 1"),
        ({"probability": float("nan")}, "a probability from 0 to 1"),
        ({"probability": None}, "a probability from 0 to 1"),
        ({"margin": float("inf")}, "a finite margin"),
        ({"margin": None}, "a finite margin"),
        ({"evidence": [1]}, "evidence among the document's sentences"),
        ({"evidence": [-1]}, "evidence among the document's sentences"),
        ({"evidence": None}, "evidence among the document's sentences"),
    ],
)
def test_each_fault_of_a_prediction_is_seen_once(fault, expected):
    sound = GOOD | {"head": 1, "tail": 0}
    report = check_predictions(_predictions(sound, GOOD | fault), _documents(), VOCABULARY)
    assert report.total == 1
    assert report.problems[0].expected == expected


def test_a_triple_that_stands_twice_is_seen():
    report = check_predictions(_predictions(GOOD, GOOD), _documents(), VOCABULARY)
    assert {problem.expected for problem in report.problems} == {"each triple once"}


def test_a_table_of_another_shape_is_seen():
    renamed = _predictions(GOOD).rename({"probability": "score"})
    (problem,) = check_predictions(renamed, _documents(), VOCABULARY).problems
    assert "score" in problem.found


def test_scores_must_be_there_and_finite():
    rows = [
        ("teacher", "dev", "all", None, "f1", 0.5, 0.4, 0.6),
        ("teacher", "dev", "relation", "P17", "gold", 120.0, None, None),
    ]
    assert check_evaluation(pl.LazyFrame(rows, EVALUATION, orient="row")).passed
    assert not check_evaluation(pl.LazyFrame([], EVALUATION)).passed
    for value in (float("nan"), float("inf"), -0.5, None):
        faulty = [*rows, ("student", "test", "all", None, "f1", value, None, None)]
        report = check_evaluation(pl.LazyFrame(faulty, EVALUATION, orient="row"))
        assert report.total == 1
        assert report.problems[0].where == "student on test, all f1"


def test_a_vocabulary_of_other_columns_is_seen():
    assert check_vocabulary(VOCABULARY, VOCABULARY, "the teacher").passed
    moved = RelationVocabulary(("Na", "P27", "P17"))
    (problem,) = check_vocabulary(moved, VOCABULARY, "the teacher").problems
    assert problem.where == "the teacher"
    assert "in other columns" in problem.found


def test_facts_must_be_there_and_whole():
    good = ("Ada", "P27", "Norway")
    assert check_triples(pl.LazyFrame([good], TRIPLES, orient="row")).passed
    assert not check_triples(pl.LazyFrame([], TRIPLES)).passed
    for faulty in (("", "P27", "Norway"), ("Ada", None, "Norway"), ("Ada", "P27", "")):
        report = check_triples(pl.LazyFrame([good, faulty], TRIPLES, orient="row"))
        assert report.total == 1
        assert report.problems[0].where == "triple 1"


def test_facts_of_other_columns_are_seen():
    triples = pl.LazyFrame({"head": ["Ada"], "relation": ["P27"], "tail": ["Norway"]})
    assert not check_triples(triples).passed
