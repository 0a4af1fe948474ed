"""The teacher's evidence in a shard of soft labels: a few pairs of each document, memory-mapped."""

from __future__ import annotations

import json
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save_file

from corpus.evidence import PairEvidence

EVIDENCE: Final = "evidence.safetensors"

_PAIRS: Final = "pairs"
_SHARES: Final = "shares"
_LENGTH_BYTES: Final = 8


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
        start, tensors = _header(path)
        _require_size(path, start + max(entry["data_offsets"][1] for entry in tensors.values()))
        self._pairs = _mapped(path, start, tensors[_PAIRS], np.dtype(np.int32))
        self._shares = _mapped(path, start, tensors[_SHARES], np.dtype(np.float16))

    def at(self, place: EvidencePlace) -> PairEvidence:
        """A document's evidence; shares are float16, rounded."""
        size = place.pairs * place.sentences
        shares = self._shares[place.share : place.share + size]
        return PairEvidence(
            self._pairs[place.pair : place.pair + place.pairs],
            shares.reshape(place.pairs, place.sentences),
        )


def _header(path: Path) -> tuple[int, dict[str, Any]]:
    """Where a safetensors file's tensors begin, in bytes, and their entries."""
    _require_size(path, _LENGTH_BYTES, at_least=True)
    with path.open("rb") as stream:
        (length,) = struct.unpack("<Q", stream.read(_LENGTH_BYTES))
        start = _LENGTH_BYTES + length
        _require_size(path, start, at_least=True)
        entries = json.loads(stream.read(length))
    return start, {name: entries[name] for name in (_PAIRS, _SHARES)}


def _require_size(path: Path, expected: int, *, at_least: bool = False) -> None:
    found = path.stat().st_size
    if found < expected or (found > expected and not at_least):
        raise ValueError(
            f"{path}: expected {'at least ' * at_least}{expected} bytes, found {found}: the shard "
            "is truncated; materialize soft_labels for it again"
        )


def _mapped(path: Path, start: int, entry: dict[str, Any], kind: np.dtype[Any]) -> NDArray[Any]:
    shape = tuple(entry["shape"])
    if 0 in shape:
        return np.empty(shape, kind)
    return np.memmap(path, kind, "r", offset=start + entry["data_offsets"][0], shape=shape)
