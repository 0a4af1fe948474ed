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
        "doc_id": pl.String(),
        "title": pl.String(),
        "head": pl.Int32(),
        "tail": pl.Int32(),
        "head_name": pl.String(),
        "tail_name": pl.String(),
        "relation": pl.String(),
        "relation_name": pl.String(),
        "margin": pl.Float32(),
        "probability": pl.Float32(),
        "rank": pl.Int32(),
        "evidence": pl.List(pl.Int32),
        "model_version": pl.String(),
    }
)
"""Predicted triples.

``margin`` is l_r - l_TH; ``probability`` what it is worth as calibrated on dev, in (0, 1); ``rank``
its place among the document's triples, 1 for the most probable; ``evidence`` the sentences that the
pair's context lies in, ascending; ``model_version`` is null for a model that has not been saved.
"""

EVALUATION: Final = pl.Schema(
    {
        "model": pl.String,
        "split": pl.String,
        "slice": pl.String,
        "relation": pl.String,
        "metric": pl.String,
        "value": pl.Float64,
        "low": pl.Float64,
        "high": pl.Float64,
    }
)
"""Scores, one a row: models, splits, slices and metrics may be added without a change of columns.

``slice`` is all, or which of the triples are looked at; ``relation`` is null but in the slice
relation. ``low`` and ``high`` end the 95 % interval, null where none is told.
"""

ALL: Final = "all"
"""The slice of all triples."""

OF_RELATION: Final = "relation"
"""The slice whose rows are about one relation each."""

SIZES: Final = ("entities_2_9", "entities_10_19", "entities_20_up")
"""Slices of documents, by the number of entities that they have."""

DISTANCES: Final = ("distance_0", "distance_1", "distance_2", "distance_3_up")
"""Slices of pairs: the fewest sentences from a mention of one entity to a mention of the other."""

SLICES: Final = (
    "frequent",
    "long_tail",
    "intra_sentence",
    "inter_sentence",
    "infer",
    *SIZES,
    *DISTANCES,
)
"""The slices but those of all triples and of one relation."""

MODELS: Final = ("teacher", "student", "finetuned")
"""The models that are scored, in the order of their training."""

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
null where nothing was compared, but for ``dev_f1``, which is then the one that the version was
judged by before; they are explained in `quality.promotion.Comparison`.
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


_DOCUMENT: Final = {
    "doc_id": "Name of the document, unique in the corpus and the same in every run.",
    "title": "Title, as its source has it.",
}

DOCUMENT_COLUMNS: Final = _DOCUMENT | {
    "split": "What the document is for: train, dev, test, distant, unlabelled or new.",
    "sentences": "Words of each sentence, in order.",
    "entities": "Each entity's type, and its mentions: name, sentence, first word, word after it.",
    "labels": "Relations between entities, by their places in the list, and the sentences that "
    "show each; null where nobody has labelled the document.",
}
"""What the columns of `DOCUMENTS` hold."""

TRIPLE_COLUMNS: Final = {
    "head_name": "A name of the head, as the knowledge base writes it.",
    "relation": "Id of the relation, such as P17.",
    "tail_name": "A name of the tail, as the knowledge base writes it.",
}
"""What the columns of `TRIPLES` hold."""

PREDICTION_COLUMNS: Final = _DOCUMENT | {
    "head": "Place of the head among the document's entities, from 0.",
    "tail": "Place of the tail among the document's entities, from 0.",
    "head_name": "Name of the head's first mention.",
    "tail_name": "Name of the tail's first mention.",
    "relation": "Id of the relation, such as P17.",
    "relation_name": "The relation in words.",
    "margin": "Logit of the relation above that of TH.",
    "probability": "What the margin is worth, as calibrated on dev: from 0 to 1.",
    "rank": "Place among the document's triples, 1 for the most probable.",
    "evidence": "Sentences that the model looked at for the triple, from 0, ascending.",
    "model_version": "Digest of the model that found the triple.",
}
"""What the columns of `PREDICTIONS` hold."""

EVALUATION_COLUMNS: Final = {
    "model": "teacher, student or finetuned: the newest of each, which predictions need not use.",
    "split": "The documents it is scored on: dev or test.",
    "slice": "Which triples are looked at: all of them, or those of a kind.",
    "relation": "Id of the relation in the slice relation, else null.",
    "metric": "What is measured, such as f1 or ign_f1_annotated.",
    "value": "The score, from 0 to 1, or a count.",
    "low": "Lower end of the 95 % interval over documents; null where none is told.",
    "high": "Upper end of the 95 % interval over documents; null where none is told.",
}
"""What the columns of `EVALUATION` hold."""
