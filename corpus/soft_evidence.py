"""The teacher's evidence in a shard of soft labels: a few pairs of each document, memory-mapped."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any, Final

import numpy as np
from numpy.typing import NDArray
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


class EvidenceWriter:
    """Takes the evidence of one document after another.

    Args:
        pairs: where ``pairs`` go, int32.
        shares: where ``shares`` go, float16.
    """

    def __init__(self, pairs: IO[bytes], shares: IO[bytes]) -> None:
        self._pairs, self._shares = pairs, shares
        self._n_pairs = self._n_shares = 0

    def add(self, evidence: PairEvidence) -> EvidencePlace:
        """Write a document's evidence; gives where it stands."""
        place = EvidencePlace(self._n_pairs, self._n_shares, *evidence.shares.shape)
        self._pairs.write(evidence.pairs.astype("<i4").tobytes())
        self._shares.write(evidence.shares.astype("<f2").tobytes())
        self._n_pairs += len(evidence)
        self._n_shares += evidence.shares.size
        return place


@contextmanager
def evidence_writer(path: Path) -> Iterator[EvidenceWriter]:
    """Write ``pairs`` int32 [ΣK] and ``shares`` float16 [ΣK·S], document after document.

    They wait in files without a name, as a file of tensors begins with the sizes of all.
    """
    folder = path.parent
    with TemporaryFile(dir=folder) as pairs, TemporaryFile(dir=folder) as shares:
        yield EvidenceWriter(pairs, shares)
        save_file({_PAIRS: _content(pairs, "<i4"), _SHARES: _content(shares, "<f2")}, path)


def _content(stream: IO[bytes], kind: str) -> NDArray[Any]:
    """All that was written, memory-mapped."""
    stream.flush()
    return np.memmap(stream, kind, "r") if stream.tell() else np.empty(0, kind)


class MappedEvidence:
    """What `evidence_writer` has written, memory-mapped.

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
