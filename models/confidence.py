"""Whether probabilities mean what they say: calibration error over pairs' top relation."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from corpus.logits import Calibration, margins_to_th
from corpus.relations import RelationVocabulary
from corpus.schema import Document
from models.labelled import labelled_cells

BINS: Final = 15
"""Of equal width, as in Guo et al. 2017."""

PARTS: Final = ("ece_na", "ece_relation")
"""The errors over pairs that the model gives no relation, and over those that it gives one."""


class TopConfidence:
    """Expected calibration error over the relation of each pair that is nearest to hold.

    Nearly all pairs have no relation, and every model is sure of nearly all of these; so pairs that
    the model gives no relation and pairs that it gives one are told apart. Pairs are counted as
    their logits pass by, and none is kept.
    """

    def __init__(self, vocabulary: RelationVocabulary, calibration: Calibration) -> None:
        self._vocabulary, self._calibration = vocabulary, calibration
        self._bins = np.zeros((len(PARTS), BINS, 2))
        """Pairs, and what their probabilities are above what holds, of each part and bin."""

    def add(self, document: Document, logits: NDArray[np.float32]) -> None:
        """Count a labelled document's pairs.

        Args:
            document: with labels.
            logits: [P, R] of its pairs.
        """
        margins = margins_to_th(logits)
        pairs, top = np.arange(len(margins)), margins.argmax(axis=1)
        nearest = margins[pairs, top].astype(np.float64)
        holds = labelled_cells(document, self._vocabulary)[pairs, top]
        p = self._calibration.probability(nearest)
        places = (nearest > 0).astype(int), np.minimum((p * BINS).astype(int), BINS - 1)
        np.add.at(self._bins, places, np.stack([np.ones_like(p), p - holds], axis=1))

    def errors(self) -> dict[str, float]:
        """`PARTS` from 0 to 1: mean of |mean probability - share that holds| over bins, by pairs.

        A part without a pair has none.
        """
        pairs, gaps = self._bins[..., 0].sum(1), np.abs(self._bins[..., 1]).sum(1)
        return {
            part: float(gap / count)
            for part, gap, count in zip(PARTS, gaps, pairs, strict=True)
            if count
        }
