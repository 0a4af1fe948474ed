"""Predictions: from a model's logits to triples, as scores read them and as a table has them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl

from corpus.arrays import Float32Array
from corpus.evidence import evident_sentences
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
from models.finite import require_finite
from models.infer import Inferred, infer
from models.runtime import Runtime
from models.thresholds import Thresholds
from models.triples import Triple

UNCALIBRATED: Final = Calibration()

_LEAST: Final = 2.0**-23
"""Least distance of a probability from 0 and from 1, which float32 does not round away."""


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
    require_finite(document, inferred.logits)
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
