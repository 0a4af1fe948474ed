"""Inference: documents streamed to logits, logits to triples."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl
import torch
from torch import Tensor

from corpus.arrays import Float32Array
from corpus.encode import EncodedDocument, Sizes
from corpus.evidence import PairEvidence, evident_sentences
from corpus.logits import (
    Calibration,
    ends_of_pairs,
    margins_to_th,
    places_of_pairs,
    relations_above_th,
)
from corpus.schema import PREDICTIONS, Document
from models.checkpoint import load_checkpoint
from models.extractor import Extractor
from models.memory import DocumentLimit, memory_for
from models.plan import Batches, Budget, pack
from models.runtime import Runtime
from models.thresholds import Thresholds
from models.triples import Triple

UNCALIBRATED: Final = Calibration()

_LEAST: Final = 2.0**-23
"""Least distance of a probability from 0 and from 1, which float32 does not round away."""


@dataclass(frozen=True)
class InferenceBudget:
    """What is computed at once."""

    look_ahead: int = 64
    """Documents that are sorted by length together, so that batches hold little padding."""
    batch_documents: int = 16
    token_budget: int = 8192
    cell_budget: int = 20000

    @classmethod
    def of(cls, device: torch.device) -> InferenceBudget:
        """What a device computes fastest; few documents on a CPU, whose cache then holds more."""
        return cls(batch_documents=4) if device.type == "cpu" else cls()

    def of_a_batch(self, window: int) -> Budget:
        """What a batch may hold, in rows of at most ``window`` tokens."""
        return Budget(self.batch_documents, self.token_budget, self.cell_budget, window)


@dataclass(frozen=True, eq=False)
class Inferred:
    """What a model says of a document."""

    logits: Float32Array
    """[P, R] float32."""
    shares: Float32Array
    """[P, S] float32: how each pair's context is spread over sentences."""

    def evidence(self) -> PairEvidence:
        """Evidence of the pairs that are given a relation."""
        rows, _ = relations_above_th(margins_to_th(self.logits))
        pairs = np.unique(rows)
        return PairEvidence(pairs.astype(np.int32), self.shares[pairs])


@dataclass(frozen=True, slots=True)
class Prediction:
    """A relation of a pair that stands above TH."""

    head: int
    tail: int
    column: int
    margin: float
    """l_r - l_TH."""
    probability: float
    """As calibrated, in (0, 1), also as float32."""


def stream_logits(
    extractor: Extractor,
    documents: Iterable[Document],
    runtime: Runtime,
    budget: InferenceBudget | None = None,
) -> Iterator[tuple[Document, Float32Array]]:
    """Documents in their order, each with its logits [P, R] float32; see `infer`."""
    for document, found in infer(extractor, documents, runtime, budget):
        yield document, found.logits


def infer(
    extractor: Extractor,
    documents: Iterable[Document],
    runtime: Runtime,
    budget: InferenceBudget | None = None,
) -> Iterator[tuple[Document, Inferred]]:
    """Documents in their order, each with what the model says of it.

    Only ``look_ahead`` documents are in memory at once. A document's logits do not depend on
    which others are computed with it, but for rounding. Where memory runs out, fewer are computed
    at once.

    Raises:
        MemoryError: if a document does not fit even by itself.
    """
    budget = budget or InferenceBudget.of(runtime.torch_device)
    limit = DocumentLimit(budget.batch_documents)
    stream = iter(documents)
    while group := list(islice(stream, budget.look_ahead)):
        encoded = [extractor.encode(document) for document in group]
        found = infer_encoded(extractor, encoded, runtime, budget, limit)
        yield from zip(group, found, strict=True)


def infer_encoded(
    extractor: Extractor,
    documents: list[EncodedDocument],
    runtime: Runtime,
    budget: InferenceBudget,
    limit: DocumentLimit,
) -> list[Inferred]:
    """What the model says of each encoded document; ``limit`` is lowered if memory runs out."""
    runtime.prepare()
    extractor.network.to(runtime.torch_device).eval()
    sizes = Sizes.of(documents)
    order = np.argsort(sizes.tokens, stable=True).tolist()
    inferred: dict[int, Inferred] = {}

    def compute(batches: Batches) -> None:
        for indices in batches:
            found = _infer_batch(extractor, [documents[i] for i in indices], runtime)
            inferred.update(zip(indices, found, strict=True))

    for batch in pack(sizes, order, budget.of_a_batch(extractor.window)):
        limit.fitted([batch], compute)
    return [inferred[i] for i in range(len(documents))]


def _infer_batch(
    extractor: Extractor, documents: list[EncodedDocument], runtime: Runtime
) -> list[Inferred]:
    with memory_for(documents, "inference"), torch.inference_mode():
        batch = extractor.collate(documents).to(runtime.torch_device)
        with runtime.autocast():
            found: tuple[Tensor, Tensor] = extractor.network.with_evidence(batch)
        logits, shares = (rows.float().cpu().split(_pairs(documents)) for rows in found)
    return [
        Inferred(of_pairs.numpy(), of_sentences[:, : len(document.sentence_starts)].numpy())
        for document, of_pairs, of_sentences in zip(documents, logits, shares, strict=True)
    ]


def _pairs(documents: list[EncodedDocument]) -> list[int]:
    return [document.n_pairs for document in documents]


def above_threshold(
    logits: Float32Array,
    n_entities: int,
    calibration: Calibration = UNCALIBRATED,
    offsets: Float32Array | None = None,
) -> list[Prediction]:
    """Relations above TH, at most `corpus.logits.MAX_RELATIONS_PER_PAIR` of each pair, best first.

    Args:
        logits: [P, R] float32 of one document.
        n_entities: E.
        calibration: of the probabilities.
        offsets: [R] float32, what margins are to be above in TH's place.
    """
    margins = margins_to_th(logits)
    rows, columns = relations_above_th(margins, offsets)
    heads, tails = ends_of_pairs(rows, n_entities)
    found = margins[rows, columns].astype(np.float64)
    probabilities = calibration.probability(found).clip(_LEAST, 1 - _LEAST)
    parts = (heads, tails, columns, found, probabilities)
    return [Prediction(*one) for one in zip(*(part.tolist() for part in parts), strict=True)]


def triples(
    extractor: Extractor, documents: Iterable[Document], runtime: Runtime
) -> Iterator[Triple]:
    """Predicted triples of documents, for scoring."""
    ids = extractor.vocabulary.ids
    for document, inferred in infer(extractor, documents, runtime):
        for found, evidence in _found(extractor, document, inferred):
            relation = ids[found.column]
            yield Triple(document.doc_id, found.head, found.tail, relation, tuple(evidence))


def predict(
    documents: Iterable[Document],
    checkpoint: Path | Extractor,
    runtime: Runtime | None = None,
    thresholds: Thresholds | None = None,
) -> pl.DataFrame:
    """Predicted triples of documents as a `PREDICTIONS` table.

    Args:
        documents: with entities; labels are not looked at.
        checkpoint: a checkpoint's folder, or an extractor in memory.
        runtime: device and precision; chosen from the machine if not given.
        thresholds: what is predicted, fitted for this model; TH tells it if not given.

    Raises:
        FloatingPointError: if a logit is not finite.
    """
    extractor = load_checkpoint(checkpoint) if isinstance(checkpoint, Path) else checkpoint
    offsets = thresholds.offsets(extractor.vocabulary) if thresholds else None
    stream = infer(extractor, documents, runtime or Runtime())
    rows = (
        row for document, found in stream for row in rows_of(extractor, document, found, offsets)
    )
    return pl.DataFrame(rows, PREDICTIONS)  # takes a generator in pieces


def rows_of(
    extractor: Extractor,
    document: Document,
    inferred: Inferred,
    offsets: Float32Array | None = None,
) -> list[dict[str, Any]]:
    """A document's rows of a `PREDICTIONS` table, by pair, within it the best relation first.

    Args:
        extractor: the model.
        document: with entities.
        inferred: what the model says of it.
        offsets: [R] float32, what margins are to be above in TH's place.

    Raises:
        FloatingPointError: if a logit is not finite.
    """
    found = _found(extractor, document, inferred, offsets)
    parts = zip(found, _ranks([prediction for prediction, _ in found]), strict=True)
    return [
        _row(extractor, document, prediction, rank, evidence)
        for (prediction, evidence), rank in parts
    ]


def _found(
    extractor: Extractor,
    document: Document,
    inferred: Inferred,
    offsets: Float32Array | None = None,
) -> list[tuple[Prediction, list[int]]]:
    """Predictions and the sentences of their evidence, in the order of `above_threshold`."""
    if not np.isfinite(inferred.logits).all():
        raise FloatingPointError(
            f"document {document.doc_id!r}: expected finite logits, found others among its "
            f"{document.n_pairs} pairs; they would pass for no relation. Check that the model's "
            "weights are finite, or compute with precision float32"
        )
    n_entities = len(document.entities)
    calibration = extractor.calibration or UNCALIBRATED
    found = above_threshold(inferred.logits, n_entities, calibration, offsets)
    heads, tails = np.array([(p.head, p.tail) for p in found], np.int64).reshape(-1, 2).T
    pairs = places_of_pairs(heads, tails, n_entities)
    return list(zip(found, evident_sentences(inferred.shares[pairs]), strict=True))


def _ranks(found: Sequence[Prediction]) -> list[int]:
    """Places by margin from 1, the highest first; of equal ones the first pair and column."""
    order = sorted(
        range(len(found)),
        key=lambda i: (-found[i].margin, found[i].head, found[i].tail, found[i].column),
    )
    ranks = [0] * len(found)
    for rank, i in enumerate(order, 1):
        ranks[i] = rank
    return ranks


def _row(
    extractor: Extractor, document: Document, found: Prediction, rank: int, evidence: list[int]
) -> dict[str, Any]:
    relation = extractor.vocabulary.ids[found.column]
    return {
        "doc_id": document.doc_id,
        "title": document.title,
        "head": found.head,
        "tail": found.tail,
        "head_name": document.entities[found.head].name,
        "tail_name": document.entities[found.tail].name,
        "relation": relation,
        "relation_name": extractor.vocabulary.name(relation),
        "margin": found.margin,
        "probability": found.probability,
        "rank": rank,
        "evidence": evidence,
        "model_version": extractor.version,
    }


def to_docred(predictions: pl.DataFrame) -> list[dict[str, Any]]:
    """A `PREDICTIONS` table in the format of DocRED's submissions."""
    columns = {
        "title": "title",
        "h_idx": "head",
        "t_idx": "tail",
        "r": "relation",
        "evidence": "evidence",
    }
    return predictions.select(
        pl.col(ours).alias(theirs) for theirs, ours in columns.items()
    ).to_dicts()
