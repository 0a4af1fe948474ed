"""Shards of soft labels: a teacher's logits over a part of the corpus, written as they come.

A shard is a folder: ``logits.safetensors`` (float16 [N, R], all pairs of its documents one after
another), ``evidence.safetensors`` (where the evidence of some of the pairs is),
``manifest.parquet`` (which rows are whose) and ``origin.json`` (what they were made from).
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterable, Iterator
from dataclasses import asdict, astuple, dataclass
from pathlib import Path
from typing import IO, Any, Final, TypeAlias

import numpy as np
import polars as pl
from numpy.typing import NDArray

from corpus.artefacts import digest, whole, write_json
from corpus.document_keys import document_digest
from corpus.evidence import PairEvidence
from corpus.mapped import mapped
from corpus.schema import Document
from corpus.soft_evidence import (
    EVIDENCE,
    EvidencePlace,
    EvidenceWriter,
    MappedEvidence,
    evidence_writer,
)
from corpus.tables import write_rows

LOGITS: Final = "logits.safetensors"
MANIFEST: Final = "manifest.parquet"
ORIGIN: Final = "origin.json"

FILES: Final = {"logits": LOGITS, "evidence": EVIDENCE, "manifest": MANIFEST}
"""Files of a shard by the names that ``origin.json`` has their digests under."""

MANIFEST_SCHEMA: Final = pl.Schema(
    {
        "doc_id": pl.String,
        "offset": pl.Int64,
        "entities": pl.Int32,
        "document": pl.String,
        "finite": pl.Boolean,
        "evidence_pair": pl.Int64,
        "evidence_share": pl.Int64,
        "evidence_pairs": pl.Int32,
        "sentences": pl.Int32,
    }
)
"""First row of a document's logits, its E, the digest of its text and entities, whether all logits
are finite, and its `corpus.soft_evidence.EvidencePlace`."""

_PLACE_COLUMNS: Final = (
    "offset",
    "entities",
    "evidence_pair",
    "evidence_share",
    "evidence_pairs",
    "sentences",
)
"""Columns of the manifest that tell where a document's numbers are."""

_HEADER_BYTES: Final = 256


@dataclass(frozen=True, eq=False)
class SoftLabel:
    """What a teacher says of a document."""

    logits: NDArray[np.float16]
    """[P, R] float16, rows in the order of `Document.pairs`."""
    evidence: PairEvidence


Record: TypeAlias = (
    tuple[Document, NDArray[np.floating[Any]]]
    | tuple[Document, NDArray[np.floating[Any]], PairEvidence]
)
"""A document, its logits [P, R], and its evidence if it is told."""


@dataclass(frozen=True)
class ShardOrigin:
    """Digests of everything that a shard's logits depend on."""

    teacher: str
    vocabulary: str
    corpus: str
    code: str


def write_shard(
    folder: Path,
    records: Iterable[Record],
    origin: ShardOrigin,
    n_classes: int,
) -> int:
    """Write documents' logits and evidence as one shard, whole, streaming; gives the rows written.

    Raises:
        ValueError: if logits do not cover a document's pairs.
    """
    with whole(folder) as draft:
        draft.mkdir()
        with (draft / LOGITS).open("wb") as stream, evidence_writer(draft / EVIDENCE) as evidence:
            stream.write(bytes(_HEADER_BYTES))
            entries = _entries(records, stream, evidence, n_classes)
            write_rows(entries, MANIFEST_SCHEMA, draft / MANIFEST)
            n_rows = (stream.tell() - _HEADER_BYTES) // (2 * n_classes)
            _write_header(stream, (n_rows, n_classes))
        content = {name: digest(draft / file) for name, file in FILES.items()}
        write_json(asdict(origin) | {"classes": n_classes} | content, draft / ORIGIN)
    return n_rows


def _entries(
    records: Iterable[Record], stream: IO[bytes], evidence: EvidenceWriter, n_classes: int
) -> Iterator[tuple[Any, ...]]:
    """Write logits and evidence as they come; gives each document's row of the manifest."""
    offset = 0
    for document, logits, *told in records:
        _require_shape(document, logits.shape, n_classes)
        with np.errstate(over="ignore"):  # infinite ones are marked in the manifest
            rows = np.ascontiguousarray(logits, "<f2")
        stream.write(rows.tobytes())
        [found] = told or [PairEvidence.none(len(document.sentences))]
        yield (*_entry(document, offset, rows), *astuple(evidence.add(found)))
        offset += len(rows)


def _entry(
    document: Document, offset: int, logits: NDArray[np.float16]
) -> tuple[str, int, int, str, bool]:
    finite = bool(np.isfinite(logits).all())
    return document.doc_id, offset, len(document.entities), document_digest(document), finite


def _require_shape(document: Document, shape: tuple[int, ...], n_classes: int) -> None:
    if shape != (document.n_pairs, n_classes):
        raise ValueError(
            f"document {document.doc_id!r}: logits have shape {shape}, but its "
            f"{len(document.entities)} entities make {document.n_pairs} pairs of {n_classes} "
            "classes; the logits belong to another document or model"
        )


def _write_header(stream: IO[bytes], shape: tuple[int, int]) -> None:
    """The safetensors header, in the room that was left for it before the size was known."""
    size = 2 * shape[0] * shape[1]
    entry = {"dtype": "F16", "shape": list(shape), "data_offsets": [0, size]}
    text = json.dumps({"logits": entry}).encode().ljust(_HEADER_BYTES - 8)
    stream.seek(0)
    stream.write(struct.pack("<Q", len(text)) + text)


def open_shard(folder: Path) -> tuple[NDArray[np.float16], pl.DataFrame]:
    """A shard's logits [N, R] float16, memory-mapped, and its manifest (`MANIFEST_SCHEMA`).

    Raises:
        ValueError: if the file of logits is truncated.
    """
    return _map_logits(folder), pl.read_parquet(folder / MANIFEST)


def _map_logits(folder: Path) -> NDArray[np.float16]:
    return mapped(folder / LOGITS)["logits"]


class MappedShard:
    """Soft labels of a shard, memory-mapped, by row of its manifest.

    Raises:
        ValueError: if a file of tensors is truncated.
    """

    def __init__(self, folder: Path) -> None:
        self._logits = _map_logits(folder)
        self._evidence = MappedEvidence(folder / EVIDENCE)
        self._places = pl.read_parquet(folder / MANIFEST, columns=list(_PLACE_COLUMNS))

    def entities(self, row: int) -> int:
        """E of a document."""
        found: int = self._places["entities"][row]
        return found

    def at(self, row: int) -> SoftLabel:
        """What the teacher says of a document."""
        offset, entities, *place = self._places.row(row)
        logits = self._logits[offset : offset + entities * (entities - 1)]
        return SoftLabel(logits, self._evidence.at(EvidencePlace(*place)))
