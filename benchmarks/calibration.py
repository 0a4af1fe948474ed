"""How far probabilities are off on documents that nothing was fitted on, by documents to fit on.

A model's calibration is fitted on ever more of the documents that may be chosen on, drawn anew each
time; the calibration errors are those of each pair's top relation on the test documents.
"""

from __future__ import annotations

import random
import statistics
from pathlib import Path
from typing import Any, Final

from benchmarks.distillation import Tables
from corpus.schema import Document
from corpus.tables import read_documents
from models.checkpoint import load_checkpoint
from models.confidence import TopConfidence
from models.dev_logits import DevLogits, fit_on
from models.extractor import Extractor
from models.infer import stream_logits
from models.runtime import Runtime

SIZES: Final = (30, 60, 120, 240, 300)
DRAWS: Final = 20


def errors_by_documents(
    tables: Tables, model: str, seed: int
) -> dict[int, dict[str, dict[str, float]]]:
    """Calibration errors on test by the number of documents fitted on: median and worst draw."""
    extractor = load_checkpoint(tables.model(model))
    fitting = _logits(extractor, tables.dev) + _logits(extractor, tables.tuning)
    held_out, draw, found = _logits(extractor, tables.test), random.Random(seed), {}
    for size in SIZES:
        draws = DRAWS if size < len(fitting) else 1
        samples = [draw.sample(fitting, min(size, len(fitting))) for _ in range(draws)]
        found[size] = _told([_errors(extractor, sample, held_out) for sample in samples])
        print(size, found[size], flush=True)
    return found


def _logits(extractor: Extractor, table: Path) -> list[tuple[Document, Any]]:
    return list(stream_logits(extractor, read_documents(table), Runtime()))


def _errors(extractor: Extractor, fitting: DevLogits, held_out: DevLogits) -> dict[str, float]:
    calibration = fit_on(fitting, extractor.vocabulary)
    if calibration is None:
        raise ValueError("the documents to fit on tell no calibration")
    confidence = TopConfidence(extractor.vocabulary, calibration)
    for document, logits in held_out:
        confidence.add(document, logits)
    return confidence.errors()


def _told(draws: list[dict[str, float]]) -> dict[str, dict[str, float]]:
    return {
        name: {
            "median": statistics.median(errors[name] for errors in draws),
            "worst": max(errors[name] for errors in draws),
        }
        for name in draws[0]
    }
