"""Documents: the only place where their field names stand as literals.

Letters for shapes, used in every docstring of this project: B documents, T tokens, E entities,
M mentions, P pairs (ordered, head ≠ tail), R relation classes including TH in column 0,
D hidden size.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from itertools import permutations
from typing import Any, Final

import polars as pl


class Split(StrEnum):
    """What a document is for."""

    TRAIN = "train"
    DEV = "dev"
    TEST = "test"
    DISTANT = "distant"
    UNLABELLED = "unlabelled"
    NEW = "new"
    """Arrived to be predicted; in no corpus."""


ANNOTATED: Final = (Split.TRAIN, Split.DEV, Split.TEST)
"""The splits that people have labelled."""

TO_BE_DISTILLED: Final = (Split.UNLABELLED, Split.DISTANT)
"""The splits that become the distant corpus, in its order: what arrives later is distant.

As it comes last, it moves no other document to another shard, and soft labels are kept.
"""

CORPUS_SPLITS: Final = (*ANNOTATED, *TO_BE_DISTILLED)
"""The splits that a corpus has."""


@dataclass(frozen=True, slots=True)
class Mention:
    """Words ``start`` to ``end`` (exclusive) of a sentence that name an entity."""

    name: str
    sentence: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Entity:
    """One or more mentions of the same thing."""

    type: str
    mentions: tuple[Mention, ...]

    @property
    def name(self) -> str:
        """The first mention's name."""
        return self.mentions[0].name


@dataclass(frozen=True, slots=True)
class Label:
    """A relation between two entities, by their indices, and the sentences that show it."""

    head: int
    tail: int
    relation: str
    evidence: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Document:
    """A document with its entities; ``labels`` is None where nobody has labelled it."""

    doc_id: str
    title: str
    sentences: tuple[tuple[str, ...], ...]
    entities: tuple[Entity, ...]
    labels: tuple[Label, ...] | None = None

    @property
    def n_pairs(self) -> int:
        """Number of ordered pairs of different entities, E · (E - 1)."""
        return len(self.entities) * (len(self.entities) - 1)

    def pairs(self) -> Iterator[tuple[int, int]]:
        """Ordered pairs (head, tail), heads first: the row order of all logits."""
        return permutations(range(len(self.entities)), 2)


_MENTION = pl.Struct({"name": pl.String, "sentence": pl.Int32, "start": pl.Int32, "end": pl.Int32})
_ENTITY = pl.Struct({"type": pl.String, "mentions": pl.List(_MENTION)})
_LABEL = pl.Struct(
    {"head": pl.Int32, "tail": pl.Int32, "relation": pl.String, "evidence": pl.List(pl.Int32)}
)

DOCUMENTS: Final = pl.Schema(
    {
        "doc_id": pl.String(),
        "title": pl.String(),
        "split": pl.String(),
        "sentences": pl.List(pl.List(pl.String)),
        "entities": pl.List(_ENTITY),
        "labels": pl.List(_LABEL),
    }
)
"""A table of documents, one a row; ``labels`` is null where nobody has labelled the document."""

REJECTED: Final = pl.Schema(
    {
        "file": pl.String,
        "position": pl.Int64,
        "title": pl.String,
        "place": pl.String,
        "expected": pl.String,
        "found": pl.String,
        "remedy": pl.String,
    }
)
"""Documents that were kept out: where they stood, and what is wrong with them."""

TRIPLES: Final = pl.Schema({"head_name": pl.String, "relation": pl.String, "tail_name": pl.String})
"""Facts of a knowledge base, by name."""

PREDICTIONS: Final = pl.Schema(
    {
        "doc_id": pl.String,
        "title": pl.String,
        "head": pl.Int32,
        "tail": pl.Int32,
        "head_name": pl.String,
        "tail_name": pl.String,
        "relation": pl.String,
        "relation_name": pl.String,
        "score": pl.Float32,
    }
)
"""Predicted triples; ``score`` is their probability, as calibrated on dev, in (0, 1)."""

EVALUATION: Final = pl.Schema(
    {"model": pl.String, "split": pl.String, "metric": pl.String, "value": pl.Float64}
)
"""Scores, one a row: models, splits and metrics may be added without a change of columns."""

MODEL_HISTORY: Final = pl.Schema(
    {
        "time": pl.Datetime("us", "UTC"),
        "run": pl.String(),
        "event": pl.String(),
        "version": pl.String(),
        "champion": pl.String(),
        "dev_f1": pl.Float64(),
        "champion_dev_f1": pl.Float64(),
        "difference": pl.Float64(),
        "low": pl.Float64(),
        "high": pl.Float64(),
        "worse": pl.Float64(),
        "reason": pl.String(),
    }
)
"""What became of fine-tuned models, in order: ``event`` is promoted, refused or rolled_back.

``champion`` is the version that was in use before, null for the first. Scores, from 0 to 1, are
null where nothing was compared; they are explained in `quality.promotion.Comparison`.
"""


def to_row(document: Document, split: Split) -> dict[str, Any]:
    """The document as a row of a `DOCUMENTS` table."""
    return asdict(document) | {"split": str(split)}


def from_row(row: Mapping[str, Any]) -> Document:
    """The document that a row of a `DOCUMENTS` table holds."""
    labels = row["labels"]
    return Document(
        doc_id=row["doc_id"],
        title=row["title"],
        sentences=tuple(map(tuple, row["sentences"])),
        entities=tuple(_entity(entity) for entity in row["entities"]),
        labels=None if labels is None else tuple(_label(label) for label in labels),
    )


def _entity(row: Mapping[str, Any]) -> Entity:
    return Entity(row["type"], tuple(Mention(**mention) for mention in row["mentions"]))


def _label(row: Mapping[str, Any]) -> Label:
    return Label(row["head"], row["tail"], row["relation"], tuple(row["evidence"] or ()))
