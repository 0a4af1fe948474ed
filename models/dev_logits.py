"""A model's logits on the documents of dev: what its calibration and its checks are taken from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from corpus.arrays import Float32Array
from corpus.logits import Calibration, margins_to_th
from corpus.relations import TH, RelationVocabulary
from corpus.schema import Document
from models.calibration import fit_calibration
from models.extractor import Extractor
from models.infer import stream_logits
from models.labelled import labelled_cells
from models.runtime import Runtime

DevLogits = Sequence[tuple[Document, Float32Array]]
"""Labelled documents and their logits [P, R]."""


def calibrate(extractor: Extractor, dev: Iterable[Document], runtime: Runtime) -> DevLogits:
    """Fit an extractor's calibration in place; gives the logits that it was fitted on.

    It stays None where dev tells none: without labelled documents, if no relation holds in them, or
    if a logit is not finite. The model is worth keeping even so: checks say what is wrong with it.

    Args:
        extractor: trained on other documents.
        dev: documents; those without labels are left out.
        runtime: device and precision.
    """
    labelled = (document for document in dev if document.labels is not None)
    found = list(stream_logits(extractor, labelled, runtime))
    extractor.calibration, extractor.version = fit_on(found, extractor.vocabulary), None
    return found


def fit_on(found: DevLogits, vocabulary: RelationVocabulary) -> Calibration | None:
    """The calibration that documents and their logits tell; None as in `calibrate`."""
    if not any(document.labels for document, _ in found):
        return None
    truth = np.concatenate(
        [
            np.delete(labelled_cells(document, vocabulary), TH, axis=1).ravel()
            for document, _ in found
        ]
    )
    margins = np.concatenate(
        [np.delete(margins_to_th(logits), TH, axis=1).ravel() for _, logits in found]
    )
    return fit_calibration(margins, truth) if np.isfinite(margins).all() else None
