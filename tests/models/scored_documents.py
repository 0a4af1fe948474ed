"""The official scorers' case in this project's terms, and a document that is scored by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from corpus.schema import Document, Entity, Label, Mention
from models.triples import Triple, facts_of

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
DISTANT_FACTS = facts_of(DISTANT)

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

ADA_PREDICTED = [
    Triple("ada", 0, 1, "P19", (0, 2)),  # correct, one of two sentences right
    Triple("ada", 0, 2, "P27"),  # correct, inferred
    Triple("ada", 0, 2, "P19", (1,)),  # wrong
    Triple("ada", 0, 1, "P19"),  # repeated: dropped
]

STRAY = [Triple("elsewhere", 0, 1, "P17", (3,)), Triple("ada", 0, 99, "P17")]


def gold_triples(*documents: Document) -> list[Triple]:
    return [
        Triple(d.doc_id, label.head, label.tail, label.relation, label.evidence)
        for d in documents
        for label in d.labels or ()
    ]
