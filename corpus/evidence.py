"""Evidence: how a pair's context is spread over the sentences of its document."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

EVIDENT: Final = 0.2
"""Share of a pair's context from which a sentence counts as evidence (Ma et al. 2023)."""


@dataclass(frozen=True, eq=False)
class PairEvidence:
    """Some pairs of a document and where their evidence is."""

    pairs: NDArray[np.int32]
    """[K] int32: places in the order of `corpus.schema.Document.pairs`, ascending."""
    shares: NDArray[np.floating[Any]]
    """[K, S]: how much of the evidence is in each sentence; rows sum to one."""

    def __len__(self) -> int:
        return len(self.pairs)

    @classmethod
    def none(cls, sentences: int) -> PairEvidence:
        """Of no pair of a document with so many sentences."""
        return cls(np.empty(0, np.int32), np.empty((0, sentences), np.float32))


def evident_sentences(shares: NDArray[np.floating[Any]]) -> list[list[int]]:
    """Sentences with a share of `EVIDENT` or more, ascending; the one with most in any case.

    Args:
        shares: [K, S]; without a sentence there is no evidence.
    """
    chosen = shares >= np.float32(EVIDENT)
    if shares.shape[1]:
        chosen[np.arange(len(shares)), shares.argmax(1)] = True
    return [np.flatnonzero(row).tolist() for row in chosen]
