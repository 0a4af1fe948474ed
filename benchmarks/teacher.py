"""A teacher that nobody trained, which gives relations to as many pairs as people did."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch

from corpus.logits import margins_to_th
from corpus.relations import TH
from corpus.schema import Document
from models.checkpoint import save_checkpoint
from models.extractor import Extractor
from models.infer import stream_logits
from models.runtime import Runtime

_METRICS: Final[dict[str, Any]] = {"epochs": [{"terms": {"evidence": 0.0}}]}
"""Those of a teacher whose evidence is to be distilled."""


def save_teacher(
    extractor: Extractor, documents: Sequence[Document], runtime: Runtime, folder: Path
) -> None:
    """Raise or lower an untrained extractor's TH, and save it.

    What is computed, and what is written of evidence, then is as much as with a trained teacher.

    Args:
        extractor: its TH is moved.
        documents: labelled.
        runtime: device and precision.
        folder: of the checkpoint.
    """
    share = labelled_share(documents)
    best = [margins_to_th(x).max(1) for _, x in stream_logits(extractor, documents, runtime)]
    with torch.no_grad():
        extractor.network.classifier.bias[TH] += float(np.quantile(np.concatenate(best), 1 - share))
    save_checkpoint(extractor, folder, metrics=_METRICS, provenance={})


def labelled_share(documents: Sequence[Document]) -> float:
    """Share of all pairs that have a label; 0 to 1."""
    labelled = sum(len({(x.head, x.tail) for x in d.labels or ()}) for d in documents)
    return labelled / sum(document.n_pairs for document in documents)
