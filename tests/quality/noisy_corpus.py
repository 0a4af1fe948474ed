"""Documents whose truth is drawn from a teacher's probabilities, so that those are calibrated."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import polars as pl

from corpus.logits import Calibration, ends_of_pairs, margins_to_th
from corpus.relations import RelationVocabulary
from corpus.schema import DOCUMENTS, Document, Entity, Label, Mention, Split, to_row
from corpus.soft_shards import ShardOrigin, write_shard
from corpus.tables import write_documents
from quality.soft_blocks import Shard

RELATIONS = RelationVocabulary.of_relations(["P17", "P19", "P20", "P27"])
ENTITIES = 8
CALIBRATION = Calibration()
"""What draws the truth."""


def document(doc_id: str, labels: tuple[Label, ...] = (), types: str = "ABABABAB") -> Document:
    mention = (Mention("it", 0, 0, 1),)
    entities = tuple(Entity(kind, mention) for kind in types)
    return Document(doc_id, doc_id, ((doc_id, "words"),), entities, labels)


def table(*documents: Document) -> pl.LazyFrame:
    return pl.LazyFrame([to_row(d, Split.DISTANT) for d in documents], schema=DOCUMENTS)


def labels_of(cells: np.ndarray, n_entities: int = ENTITIES) -> tuple[Label, ...]:
    """Labels of [P, R] bool."""
    rows, columns = np.nonzero(cells)
    heads, tails = ends_of_pairs(rows, n_entities)
    ids = RELATIONS.ids
    return tuple(
        Label(int(h), int(t), ids[c]) for h, t, c in zip(heads, tails, columns, strict=True)
    )


@dataclass
class Corpus:
    """Documents, a teacher's logits, and what really holds."""

    documents: list[Document]
    logits: list[np.ndarray]
    truth: list[np.ndarray]

    @classmethod
    def drawn(cls, n_documents: int, seed: int, sharpness: float = 2.5) -> Corpus:
        """Logits at random; what holds is drawn by σ(l_r - l_TH)."""
        draw = np.random.default_rng(seed)
        documents = [document(f"d{n}") for n in range(n_documents)]
        logits, truth = [], []
        for one in documents:
            values = draw.normal(0, sharpness, (one.n_pairs, len(RELATIONS)))
            values[:, 1:] -= 3.0
            values[:, 0] = 0.0
            values = values.astype(np.float16)
            logits.append(values)
            truth.append(draw.random(values.shape) < CALIBRATION.probability(margins_to_th(values)))
        return cls(documents, logits, truth)

    def shard(self, folder: Path, given: list[np.ndarray] | None = None) -> Shard:
        """The logits beside the truth, or other labels [P, R], on disk."""
        labelled = [
            replace(one, labels=labels_of(cells))
            for one, cells in zip(self.documents, given or self.truth, strict=True)
        ]
        folder.mkdir(parents=True, exist_ok=True)
        write_documents(labelled, folder / "documents.parquet", Split.DISTANT)
        origin = ShardOrigin("t", "v", "c", "k")
        records = zip(labelled, self.logits, strict=True)
        write_shard(folder / "shard", records, origin, len(RELATIONS))
        return Shard(folder / "shard", folder / "documents.parquet", RELATIONS)


def values(statistics: pl.DataFrame, relation: str | None = None) -> dict[str, float]:
    """The statistics of a relation, or of all, by name."""
    rows = statistics.filter(pl.col("relation").eq_missing(pl.lit(relation)))
    return dict(rows.select("statistic", "value").iter_rows())
