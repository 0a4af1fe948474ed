"""The teacher's evidence in a shard of soft labels: a few pairs of each document, memory-mapped."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from safetensors.numpy import save_file

from corpus.evidence import PairEvidence
from corpus.mapped import mapped

EVIDENCE: Final = "evidence.safetensors"

_PAIRS: Final = "pairs"
_SHARES: Final = "shares"


@dataclass(frozen=True, slots=True)
class EvidencePlace:
    """Where a document's evidence stands in its shard."""

    pair: int
    """First of its pairs."""
    share: int
    """First of its shares."""
    pairs: int
    """K."""
    sentences: int
    """S."""


def places_of(evidence: Sequence[PairEvidence]) -> list[EvidencePlace]:
    """Where evidence stands that is written one document after another."""
    pair = share = 0
    places = []
    for found in evidence:
        places.append(EvidencePlace(pair, share, *found.shares.shape))
        pair, share = pair + len(found), share + found.shares.size
    return places


def write_evidence(path: Path, evidence: Sequence[PairEvidence]) -> None:
    """Write ``pairs`` int32 [ΣK] and ``shares`` float16 [ΣK·S], document after document."""
    pairs = [np.empty(0, np.int32), *(found.pairs for found in evidence)]
    shares = [np.empty(0, np.float16), *(found.shares.ravel() for found in evidence)]
    save_file(
        {
            _PAIRS: np.concatenate(pairs).astype(np.int32),
            _SHARES: np.concatenate(shares).astype(np.float16),
        },
        path,
    )


class MappedEvidence:
    """What `write_evidence` has written, memory-mapped.

    Raises:
        ValueError: if the file is truncated.
    """

    def __init__(self, path: Path) -> None:
        tensors = mapped(path)
        self._pairs, self._shares = tensors[_PAIRS], tensors[_SHARES]

    def at(self, place: EvidencePlace) -> PairEvidence:
        """A document's evidence; shares are float16, rounded."""
        size = place.pairs * place.sentences
        shares = self._shares[place.share : place.share + size]
        return PairEvidence(
            self._pairs[place.pair : place.pair + place.pairs],
            shares.reshape(place.pairs, place.sentences),
        )
