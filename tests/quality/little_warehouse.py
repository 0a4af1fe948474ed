"""A handful of documents with all that can become of a triple, as a warehouse."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl

from corpus.relations import RelationVocabulary
from corpus.schema import (
    EVALUATION,
    MODEL_HISTORY,
    PREDICTIONS,
    REJECTED,
    Document,
    Entity,
    Label,
    Mention,
    Split,
)
from corpus.tables import write_documents, write_table
from quality.training_history import TrainedModel
from quality.warehouse import build_warehouse
from quality.warehouse_tables import WarehouseTables

NAMES = {"P17": "country", "P19": "place of birth"}
SCRIPT = "<script>document.title = 'broken'</script>"
VERSION = "1a2b3c4d5e6f7a8b"
PROVENANCE = {"predictions": "5e6f", "run": "r"}
PROMOTED = {
    "time": datetime(2026, 1, 5, 23, 30, tzinfo=UTC),
    "event": "promoted",
    "version": VERSION,
    "reason": "the first",
}
"""When it was a day later in Tokyo."""

ADA = Document(
    doc_id="test/ada",
    title="Ada of Arden",
    sentences=(
        ("Ada", "was", "born", "in", "Arden", "."),
        ("It", "rained", "."),
        ("Arden", "lies", "in", "Esk", "."),
        ("She", "left", "."),
    ),
    entities=(
        Entity("PER", (Mention("Ada", 0, 0, 1), Mention("She", 3, 0, 1))),
        Entity("LOC", (Mention("Arden", 0, 4, 5), Mention("Arden", 2, 0, 1))),
        Entity("LOC", (Mention("Esk", 2, 3, 4),)),
    ),
    labels=(Label(0, 1, "P19", (0,)), Label(1, 2, "P17", (2,))),
)
"""Of its two labels one is found; another triple is found that people did not label."""
MARKUP = replace(
    ADA,
    doc_id="dev/../../<b>'\"&.html",
    title=SCRIPT,
    sentences=(("<b>Ada", "</b>", "in", "</script>Arden", "&amp;"),),
    entities=(
        Entity("<i>", (Mention("<b>Ada </b>", 0, 0, 2),)),
        Entity('"', (Mention("</script>Arden", 0, 3, 4),)),
    ),
    labels=(Label(0, 1, "P19", (0,)),),
)
NEW = replace(ADA, doc_id="new-1a2b/ada", title="Ada again", labels=None)
FAR = tuple(replace(ADA, doc_id=f"unlabelled/{n}", title=f"Far {n}", labels=None) for n in range(4))
"""Distantly labelled: the first label is found, the second is not."""


def triple(document: Document, cell: tuple[int, int, str], rank: int, *evidence: int) -> Any:
    head, tail, relation = cell
    return {
        "doc_id": document.doc_id,
        "title": document.title,
        "head": head,
        "tail": tail,
        "head_name": document.entities[head].name,
        "tail_name": document.entities[tail].name,
        "relation": relation,
        "relation_name": NAMES[relation],
        "margin": 1 / rank,
        "probability": 0.9 / rank,
        "rank": rank,
        "evidence": list(evidence),
        "model_version": VERSION,
    }


PREDICTED = [
    triple(ADA, (0, 1, "P19"), 1, 0),
    triple(ADA, (0, 2, "P17"), 2, 2, 3),
    triple(MARKUP, (0, 1, "P19"), 1, 0),
    triple(NEW, (0, 1, "P19"), 1, 0),
    *(triple(document, (0, 1, "P19"), 1, 0) for document in FAR),
]


def scores() -> list[dict[str, Any]]:
    """F1 of two models, and of the last on a slice and on each relation."""
    rows = [
        ("teacher", "all", None, "f1", 0.5),
        ("finetuned", "all", None, "f1", 0.625),
        ("finetuned", "frequent", None, "f1", 0.75),
        ("finetuned", "relation", "P19", "f1", 0.875),
        ("finetuned", "relation", "P17", "f1", 0.0),
    ]
    columns = ("model", "slice", "relation", "metric", "value")
    return [
        dict(zip(columns, row, strict=True))
        | {"split": "test", "low": max(0.0, row[-1] - 0.125), "high": row[-1] + 0.125}
        for row in rows
    ]


def write_warehouse(
    folder: Path,
    *,
    empty: bool = False,
    provenance: Mapping[str, str] = PROVENANCE,
    finetuned: str | None = None,
) -> Path:
    """The warehouse, with its tables beside it.

    Args:
        folder: where they go.
        empty: without documents, scores and models.
        provenance: of its table.
        finetuned: version of the fine-tuned model; its training is not told if not given.
    """
    kept = slice(0, 0) if empty else slice(None)
    labelled = [replace(d, labels=ADA.labels) for d in FAR]
    for name, documents, split in (
        ("test", [ADA], Split.TEST),
        ("dev", [MARKUP], Split.DEV),
        ("unlabelled", FAR, Split.UNLABELLED),
        ("new", [NEW], Split.NEW),
        ("shard-000", labelled, Split.UNLABELLED),
    ):
        write_documents(documents[kept], folder / f"{name}.parquet", split)
    for name, rows, schema in (
        ("predictions", PREDICTED, PREDICTIONS),
        ("evaluation", scores(), EVALUATION),
        ("rejected", [], REJECTED),
        ("model_history", [PROMOTED], MODEL_HISTORY),
    ):
        write_table(pl.DataFrame(rows[kept], schema), folder / f"{name}.parquet")
    RelationVocabulary.of_relations(NAMES, NAMES).save(folder / "relations.json")
    versions = {} if empty else {"teacher": VERSION, "finetuned": finetuned}
    metrics = _metrics(folder)
    trained = [TrainedModel(*each, metrics) for each in versions.items() if each[1]]
    tables = _tables(folder, trained)
    build_warehouse(folder / "warehouse.duckdb", tables, provenance)
    return folder / "warehouse.duckdb"


def _metrics(folder: Path) -> Path:
    epochs = [
        {"number": n, "loss": 1 / n, "terms": {"hard": 1 / n}, "dev_f1": n / 10, "seconds": n}
        for n in (1, 2, 3)
    ]
    path = folder / "metrics.json"
    path.write_text(json.dumps({"epochs": epochs, "kept": 2}))
    return path


def _tables(folder: Path, trained: list[TrainedModel]) -> WarehouseTables:
    def named(*names: str) -> list[Path]:
        return [folder / f"{name}.parquet" for name in names]

    return WarehouseTables(
        raw_documents=named("test", "dev", "unlabelled"),
        annotated_documents=named("test", "dev"),
        distant_documents=named("shard-000"),
        new_documents=named("new"),
        predictions=named("predictions"),
        evaluation=folder / "evaluation.parquet",
        rejected=named("rejected"),
        relations=folder / "relations.json",
        trained=trained,
        model_history=folder / "model_history.parquet",
    )
