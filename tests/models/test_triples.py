"""Triples of tables, and facts of documents."""

from __future__ import annotations

from dataclasses import replace

import polars as pl
from scored_documents import ADA, ANNOTATED

from corpus.schema import PREDICTIONS
from models.slices import DOCRED_FREQUENT
from models.triples import Triple, facts_of, most_frequent, triples_in


def test_triples_come_from_a_predictions_table_with_or_without_evidence() -> None:
    row = {"doc_id": "ada", "head": 0, "tail": 1, "relation": "P19"}
    table = pl.DataFrame([row], schema={k: PREDICTIONS[k] for k in row})
    assert list(triples_in(table)) == [Triple("ada", 0, 1, "P19")]
    with_evidence = table.with_columns(evidence=pl.lit([0, 1], dtype=pl.List(pl.Int32)))
    assert list(triples_in(with_evidence)) == [Triple("ada", 0, 1, "P19", (0, 1))]
    assert list(triples_in(PREDICTIONS.to_frame())) == []


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


def test_the_frequent_relations_of_the_golden_training_documents_are_docreds() -> None:
    assert most_frequent(ANNOTATED) == DOCRED_FREQUENT
