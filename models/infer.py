"""Inference: documents streamed to logits, logits to triples."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl
import torch
from numpy.typing import NDArray
from torch import Tensor

from corpus.encode import EncodedDocument
from corpus.logits import Calibration, ends_of_pairs, margins_to_th, relations_above_th
from corpus.schema import PREDICTIONS, Document
from models.batch import pack
from models.checkpoint import load_checkpoint
from models.extractor import Extractor
from models.memory import Batches, DocumentLimit, memory_for
from models.metrics import Triple
from models.runtime import Runtime

Float32Array = NDArray[np.float32]

UNCALIBRATED: Final = Calibration()

_SCORE_STEP: Final = 2.0**-23
"""Least distance of a score from 0 and from 1, which float32 does not round away."""


@dataclass(frozen=True)
class InferenceBudget:
    """What is computed at once."""

    look_ahead: int = 64
    """Documents that are sorted by length together, so that batches hold little padding."""
    batch_documents: int = 16
    token_budget: int = 8192
    cell_budget: int = 20000


@dataclass(frozen=True, slots=True)
class Prediction:
    """A relation of a pair that stands above TH."""

    head: int
    tail: int
    column: int
    score: float
    """The calibrated probability, in (0, 1), also as float32."""


def stream_logits(
    extractor: Extractor,
    documents: Iterable[Document],
    runtime: Runtime,
    budget: InferenceBudget | None = None,
) -> Iterator[tuple[Document, Float32Array]]:
    """Documents in their order, each with its logits [P, R] float32.

    Only ``look_ahead`` documents are in memory at once. A document's logits do not depend on
    which others are computed with it, but for rounding. Where memory runs out, fewer are computed
    at once.

    Raises:
        MemoryError: if a document does not fit even by itself.
    """
    budget = budget or InferenceBudget()
    limit = DocumentLimit(budget.batch_documents)
    stream = iter(documents)
    while group := list(islice(stream, budget.look_ahead)):
        encoded = [extractor.encode(document) for document in group]
        logits = encoded_logits(extractor, encoded, runtime, budget, limit)
        yield from zip(group, logits, strict=True)


def encoded_logits(
    extractor: Extractor,
    documents: list[EncodedDocument],
    runtime: Runtime,
    budget: InferenceBudget,
    limit: DocumentLimit,
) -> list[Float32Array]:
    """Logits [P, R] float32 of each encoded document; ``limit`` is lowered if memory runs out."""
    runtime.use_threads()
    extractor.network.to(runtime.torch_device).eval()
    order = sorted(range(len(documents)), key=lambda i: len(documents[i].token_ids))
    logits: dict[int, Float32Array] = {}

    def compute(batches: Batches) -> None:
        for indices in batches:
            found = _batch_logits(extractor, [documents[i] for i in indices], runtime)
            logits.update(zip(indices, found, strict=True))

    for batch in pack(
        documents,
        order,
        batch_documents=budget.batch_documents,
        token_budget=budget.token_budget,
        cell_budget=budget.cell_budget,
        window=extractor.window,
    ):
        limit.fitted([batch], compute)
    return [logits[i] for i in range(len(documents))]


def _batch_logits(
    extractor: Extractor, documents: list[EncodedDocument], runtime: Runtime
) -> list[Float32Array]:
    with memory_for(documents, "inference"), torch.inference_mode():
        batch = extractor.collate(documents).to(runtime.torch_device)
        with runtime.autocast():
            rows: Tensor = extractor.network(batch).float().cpu()
    pieces = rows.split([document.n_pairs for document in documents])
    return [piece.numpy() for piece in pieces]


def above_threshold(
    logits: Float32Array, n_entities: int, calibration: Calibration = UNCALIBRATED
) -> list[Prediction]:
    """Relations above TH, at most `corpus.logits.MAX_RELATIONS_PER_PAIR` of each pair, best first.

    Args:
        logits: [P, R] float32 of one document.
        n_entities: E.
        calibration: of the scores.
    """
    margins = margins_to_th(logits)
    rows, columns = relations_above_th(margins)
    heads, tails = ends_of_pairs(rows, n_entities)
    scores = calibration.probability(margins[rows, columns].astype(np.float64))
    scores = scores.clip(_SCORE_STEP, 1 - _SCORE_STEP)
    found = zip(heads.tolist(), tails.tolist(), columns.tolist(), scores.tolist(), strict=True)
    return [Prediction(*prediction) for prediction in found]


def triples(
    extractor: Extractor, documents: Iterable[Document], runtime: Runtime
) -> Iterator[Triple]:
    """Predicted triples of documents, for scoring."""
    ids = extractor.vocabulary.ids
    for document, found in _predictions(extractor, documents, runtime):
        yield Triple(document.doc_id, found.head, found.tail, ids[found.column])


def _predictions(
    extractor: Extractor, documents: Iterable[Document], runtime: Runtime
) -> Iterator[tuple[Document, Prediction]]:
    calibration = extractor.calibration or UNCALIBRATED
    for document, logits in stream_logits(extractor, documents, runtime):
        if not np.isfinite(logits).all():
            raise FloatingPointError(
                f"document {document.doc_id!r}: expected finite logits, found others among its "
                f"{len(logits)} pairs; they would pass for no relation. Check that the model's "
                f"weights are finite, or compute with precision float32 (now {runtime})"
            )
        for found in above_threshold(logits, len(document.entities), calibration):
            yield document, found


def predict(
    documents: Iterable[Document], checkpoint: Path | Extractor, runtime: Runtime | None = None
) -> pl.DataFrame:
    """Predicted triples of documents as a `PREDICTIONS` table.

    Args:
        documents: with entities; labels are not looked at.
        checkpoint: a checkpoint's folder, or an extractor in memory.
        runtime: device and precision; chosen from the machine if not given.

    Raises:
        FloatingPointError: if a logit is not finite.
    """
    extractor = load_checkpoint(checkpoint) if isinstance(checkpoint, Path) else checkpoint
    found = _predictions(extractor, documents, runtime or Runtime())
    rows = (_row(extractor, document, prediction) for document, prediction in found)
    return pl.DataFrame(rows, PREDICTIONS)  # takes a generator in pieces


def _row(extractor: Extractor, document: Document, prediction: Prediction) -> dict[str, Any]:
    relation = extractor.vocabulary.ids[prediction.column]
    return {
        "doc_id": document.doc_id,
        "title": document.title,
        "head": prediction.head,
        "tail": prediction.tail,
        "head_name": document.entities[prediction.head].name,
        "tail_name": document.entities[prediction.tail].name,
        "relation": relation,
        "relation_name": extractor.vocabulary.name(relation),
        "score": prediction.score,
    }


def to_docred(predictions: pl.DataFrame) -> list[Mapping[str, Any]]:
    """A `PREDICTIONS` table in the format of DocRED's submissions."""
    columns = {"title": "title", "h_idx": "head", "t_idx": "tail", "r": "relation"}
    rows = predictions.select(pl.col(ours).alias(theirs) for theirs, ours in columns.items())
    return [row | {"evidence": []} for row in rows.iter_rows(named=True)]
