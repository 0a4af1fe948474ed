"""Scores: the official scorers' figures, then what must hold of any documents and predictions."""

from __future__ import annotations

import json
import random
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus.schema import PREDICTIONS, Document, Entity, Label, Mention
from models.metrics import (
    DOCRED_FREQUENT,
    Scores,
    Triple,
    facts_of,
    most_frequent,
    score,
    score_by_relation,
    triples_in,
)

GOLDEN = json.loads(
    (Path(__file__).parents[1] / "golden" / "evaluation_case.json").read_text(encoding="utf-8")
)


def document_of(raw: dict[str, Any]) -> Document:
    return Document(
        doc_id=raw["title"],
        title=raw["title"],
        sentences=tuple(map(tuple, raw["sents"])),
        entities=tuple(
            Entity(
                mentions[0]["type"],
                tuple(Mention(m["name"], m["sent_id"], *m["pos"]) for m in mentions),
            )
            for mentions in raw["vertexSet"]
        ),
        labels=tuple(
            Label(label["h"], label["t"], label["r"], tuple(label["evidence"]))
            for label in raw["labels"]
        ),
    )


EVALUATED = [document_of(raw) for raw in GOLDEN["evaluated"]]
ANNOTATED = [document_of(raw) for raw in GOLDEN["annotated"]]
DISTANT = [document_of(raw) for raw in GOLDEN["distant"]]
PREDICTED = [
    Triple(p["title"], p["h_idx"], p["t_idx"], p["r"], tuple(p.get("evidence", ())))
    for p in GOLDEN["predictions"]
]

ANNOTATED_FACTS = facts_of(ANNOTATED)


def golden_scores(predicted: list[Triple]) -> Scores:
    return score(EVALUATED, predicted, ANNOTATED_FACTS, facts_of(DISTANT))


@pytest.mark.parametrize("name", GOLDEN["expected"])
def test_official_figures(name: str) -> None:
    scores = golden_scores(PREDICTED).as_dict()
    assert scores[name] == pytest.approx(GOLDEN["expected"][name], abs=1e-9)


def test_official_figures_of_no_predictions() -> None:
    scores = golden_scores([]).as_dict()
    assert {k: scores[k] for k in GOLDEN["expected_for_no_predictions"]} == GOLDEN[
        "expected_for_no_predictions"
    ]
    assert {name: value for name, value in scores.items() if value} == {"gold": 572}


def test_the_golden_case_tells_the_two_ign_f1_apart() -> None:
    swapped = score(EVALUATED, PREDICTED, facts_of(DISTANT), ANNOTATED_FACTS)
    assert swapped.ign_f1_annotated == pytest.approx(GOLDEN["expected"]["ign_f1_distant"], abs=1e-9)


def test_the_frequent_relations_of_the_golden_training_documents_are_docreds() -> None:
    assert most_frequent(ANNOTATED) == DOCRED_FREQUENT


# Three places and a person: Ada was born in Arden (said in one sentence), Arden lies in Esk
# (across sentences), so that Ada is a citizen of Esk follows in two hops.
ADA = Document(
    doc_id="ada",
    title="Ada",
    sentences=(("Ada", "of", "Arden"), ("She", "left", "Esk"), ("Holm", "is", "far")),
    entities=(
        Entity("PER", (Mention("Ada", 0, 0, 1), Mention("Ada Grey", 1, 0, 1))),
        Entity("LOC", (Mention("Arden", 0, 2, 3),)),
        Entity("LOC", (Mention("Esk", 1, 2, 3),)),
        Entity("LOC", (Mention("Holm", 2, 0, 1),)),
    ),
    labels=(
        Label(0, 1, "P19", (0,)),
        Label(1, 2, "P17", (0, 1)),
        Label(0, 2, "P27", (0, 1)),
        Label(3, 2, "P17", ()),
    ),
)


def gold_triples(*documents: Document) -> list[Triple]:
    return [
        Triple(d.doc_id, label.head, label.tail, label.relation, label.evidence)
        for d in documents
        for label in d.labels or ()
    ]


def test_hand_counted() -> None:
    predicted = [
        Triple("ada", 0, 1, "P19", (0, 2)),  # correct, one of two sentences right
        Triple("ada", 0, 2, "P27"),  # correct, inferred
        Triple("ada", 0, 2, "P19", (1,)),  # wrong
        Triple("ada", 0, 1, "P19"),  # repeated: dropped
    ]
    scores = score([ADA], predicted, annotated_facts={("Ada Grey", "Arden", "P19")})
    assert (scores.gold, scores.predicted, scores.correct) == (4, 3, 2)
    assert scores.precision == pytest.approx(2 / 3)
    assert scores.recall == pytest.approx(2 / 4)
    ign_precision = 1 / (2 + 1e-5)
    assert scores.ign_f1_annotated == pytest.approx(2 * ign_precision * 0.5 / (ign_precision + 0.5))
    assert scores.ign_f1_distant == pytest.approx(scores.f1, abs=1e-5)
    assert scores.evidence_f1 == pytest.approx(2 * 1 / (5 + 3))
    assert (scores.precision_frequent, scores.recall_frequent) == (1.0, pytest.approx(1 / 3))
    assert (scores.precision_long_tail, scores.recall_long_tail) == (0.5, 1.0)
    assert scores.recall_intra_sentence == 1.0  # Ada is mentioned with Arden, and with Esk
    assert scores.recall_inter_sentence == 0.0
    assert scores.infer_f1 == pytest.approx(2 * 1 / (1 + 2))  # both predictions on (Ada, Esk)
    assert scores.macro_f1 == pytest.approx((2 / 3 + 0.0 + 1.0) / 3)  # P19, P17, P27


def test_another_schema_names_its_frequent_relations() -> None:
    scores = score([ADA], gold_triples(ADA)[:1], frequent={"P19"})
    assert scores.f1_frequent == 1.0
    assert scores.recall_long_tail == 0.0


def test_predictions_on_what_is_not_there_are_wrong_and_harmless() -> None:
    stray = [Triple("elsewhere", 0, 1, "P17", (3,)), Triple("ada", 0, 99, "P17")]
    scores = score([ADA], [*gold_triples(ADA), *stray])
    assert scores.recall == 1.0
    assert scores.precision == pytest.approx(4 / 6)
    assert scores.evidence_f1 == 1.0  # evidence on unknown documents is not counted
    assert scores.f1_intra_sentence == scores.f1_inter_sentence == 1.0


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
    shares = {k: v for k, v in scores.as_dict().items() if k not in {"gold", "predicted"}}
    assert all(0 <= value <= 1 for name, value in shares.items() if name != "correct")
    assert scores.ign_f1_annotated <= scores.f1 + 1e-12
    assert score(rng.sample(EVALUATED, len(EVALUATED)), predicted, ANNOTATED_FACTS) == scores


def test_gold_as_prediction_is_perfect() -> None:
    scores = score(EVALUATED, gold_triples(*EVALUATED)).as_dict()
    counts = {"gold", "predicted", "correct"}
    assert all(v == pytest.approx(1, abs=1e-5) for k, v in scores.items() if k not in counts)


def test_facts_are_all_names_of_head_times_all_names_of_tail() -> None:
    assert facts_of([ADA]) == {
        ("Ada", "Arden", "P19"),
        ("Ada Grey", "Arden", "P19"),
        ("Arden", "Esk", "P17"),
        ("Ada", "Esk", "P27"),
        ("Ada Grey", "Esk", "P27"),
        ("Holm", "Esk", "P17"),
    }
    assert facts_of([replace(ADA, labels=None)]) == frozenset()


def test_by_relation_adds_up_to_the_whole() -> None:
    table = score_by_relation(EVALUATED, PREDICTED)
    scores = golden_scores(PREDICTED)
    assert table.select("gold", "predicted", "correct").sum().row(0) == (
        scores.gold,
        scores.predicted,
        scores.correct,
    )
    assert table["gold"].is_sorted(descending=True)
    assert table.filter(pl.col("gold") > 0)["f1"].mean() == pytest.approx(scores.macro_f1)


def test_triples_come_from_a_predictions_table_with_or_without_evidence() -> None:
    row = {"doc_id": "ada", "head": 0, "tail": 1, "relation": "P19"}
    table = pl.DataFrame([row], schema={k: PREDICTIONS[k] for k in row})
    assert list(triples_in(table)) == [Triple("ada", 0, 1, "P19")]
    with_evidence = table.with_columns(evidence=pl.lit([0, 1], dtype=pl.List(pl.Int32)))
    assert list(triples_in(with_evidence)) == [Triple("ada", 0, 1, "P19", (0, 1))]
    assert list(triples_in(PREDICTIONS.to_frame())) == []


def test_a_thousand_documents_take_less_than_two_seconds() -> None:
    documents = [replace(d, doc_id=f"{d.doc_id}/{i}") for i in range(17) for d in EVALUATED]
    predicted = [replace(p, doc_id=f"{p.doc_id}/{i}") for i in range(17) for p in PREDICTED]
    facts = ANNOTATED_FACTS
    started = time.perf_counter()
    scores = score(documents, predicted, facts, facts)
    assert time.perf_counter() - started < 2
    assert scores.f1 == pytest.approx(GOLDEN["expected"]["f1"])
