"""Soft labels: a teacher's logits over the distant corpus, a shard of documents at a time.

A shard is a folder: ``logits.safetensors`` (float16 [N, R], all pairs of its documents one after
another), ``evidence.safetensors`` (where the evidence of some of the pairs is),
``manifest.parquet`` (which rows are whose) and ``origin.json`` (what they were made from). Rows are
found by ``doc_id``, never by position in a list of documents.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, astuple, dataclass, fields
from operator import attrgetter
from pathlib import Path
from typing import IO, Any, Final, TypeAlias

import numpy as np
import polars as pl
from numpy.typing import NDArray

from corpus.artefacts import digest, digest_of, read_json, whole, write_json
from corpus.evidence import PairEvidence
from corpus.mapped import mapped
from corpus.schema import Document, Entity, Mention
from corpus.soft_evidence import (
    EVIDENCE,
    EvidencePlace,
    MappedEvidence,
    places_of,
    write_evidence,
)
from corpus.tables import ROW_GROUP, write_table

LOGITS: Final = "logits.safetensors"
MANIFEST: Final = "manifest.parquet"
ORIGIN: Final = "origin.json"

_FILES: Final = {"logits": LOGITS, "evidence": EVIDENCE, "manifest": MANIFEST}
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

DocumentKey: TypeAlias = tuple[str, str]
"""Id and `document_digest` of a document: what its logits are kept under."""

_HEADER_BYTES: Final = 256

_PLACES: Final = tuple(field.name for field in fields(Mention))
_places_of: Final = attrgetter(*_PLACES)


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


def document_digest(document: Document) -> str:
    """Digest of a document's sentences and entities; labels do not move logits."""
    return digest_of(document.sentences, [_written(entity) for entity in document.entities])


def _written(entity: Entity) -> dict[str, Any]:
    """An entity as a row has it; `dataclasses.asdict` takes ten times as long."""
    mentions = [dict(zip(_PLACES, _places_of(mention), strict=True)) for mention in entity.mentions]
    return {"type": entity.type, "mentions": mentions}


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
    entries, evidence = [], []
    with whole(folder) as draft:
        draft.mkdir()
        with (draft / LOGITS).open("wb") as stream:
            stream.write(bytes(_HEADER_BYTES))
            offset = 0
            for document, logits, *told in records:
                _require_shape(document, logits.shape, n_classes)
                with np.errstate(over="ignore"):  # infinite ones are marked in the manifest
                    rows = np.ascontiguousarray(logits, "<f2")
                stream.write(rows.tobytes())
                entries.append(_entry(document, offset, rows))
                evidence.extend(told or [PairEvidence.none(len(document.sentences))])
                offset += len(logits)
            _write_header(stream, (offset, n_classes))
        write_evidence(draft / EVIDENCE, evidence)
        places = map(astuple, places_of(evidence))
        manifest = [(*entry, *place) for entry, place in zip(entries, places, strict=True)]
        write_table(pl.DataFrame(manifest, MANIFEST_SCHEMA, orient="row"), draft / MANIFEST)
        content = {name: digest(draft / file) for name, file in _FILES.items()}
        write_json(asdict(origin) | {"classes": n_classes} | content, draft / ORIGIN)
    return offset


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


def shard_is_current(folder: Path, origin: ShardOrigin) -> bool:
    """Whether the shard exists and was made from exactly these inputs."""
    return asdict(origin).items() <= _origin_in(folder).items()


def earlier_labels(folder: Path, origin: ShardOrigin) -> dict[DocumentKey, SoftLabel]:
    """Soft labels of an earlier shard that are still right, however its corpus has changed.

    Args:
        folder: the shard; if there is none, nothing is right.
        origin: what the shard is about to be made from. Another teacher, vocabulary or code would
            give others.

    Returns:
        Those of each document whose logits are finite; none of a shard whose content is not what
        was written. They are memory-mapped, and stay readable when the shard is replaced.
    """
    wanted = {name: value for name, value in asdict(origin).items() if name != "corpus"}
    if not wanted.items() <= _origin_in(folder).items() or _damage(folder):
        return {}
    logits, manifest = open_shard(folder)
    evidence, found = MappedEvidence(folder / EVIDENCE), {}
    for doc_id, offset, entities, document, _, *place in manifest.filter("finite").iter_rows():
        rows = logits[offset : offset + entities * (entities - 1)]
        found[doc_id, document] = SoftLabel(rows, evidence.at(EvidencePlace(*place)))
    return found


def _origin_in(folder: Path) -> dict[str, Any]:
    """What a shard says that it was made from; nothing if it cannot be read."""
    try:
        made = read_json(folder / ORIGIN)
    except (OSError, ValueError):
        return {}
    return made if isinstance(made, dict) else {}


def check_shard(folder: Path, documents: Path) -> list[str]:
    """What is wrong with a shard of soft labels for a Parquet table of documents.

    Looks at the files' digests, at coverage (every document, its entities as they are now) and at
    non-finite logits. An empty list means that nothing is.
    """
    if damage := _damage(folder):
        return damage
    manifest = pl.read_parquet(folder / MANIFEST)
    broken = manifest.filter(~pl.col("finite"))["doc_id"]
    return [
        *(f"document {doc_id!r}: logits are not all finite" for doc_id in broken),
        *_coverage(manifest, document_keys(documents)),
    ]


def _damage(folder: Path) -> list[str]:
    """Where a shard's files are not what was written, if anywhere."""
    expected = (*_FILES.values(), ORIGIN)
    missing = [name for name in expected if not (folder / name).is_file()]
    if missing:
        return [f"{folder}: expected {', '.join(missing)}, found no such file"]
    origin = _origin_in(folder)
    if not origin:
        return [f"{folder / ORIGIN}: expected a JSON object, found none that can be read"]
    for key, name in _FILES.items():
        found, written = digest(folder / name), origin.get(key)
        if found != written:
            return [f"{folder / name}: expected content digest {written}, found {found}"]
    return []


def document_keys(documents: Path) -> Iterator[DocumentKey]:
    """Id and `document_digest` of each row of `DOCUMENTS`, a row group in memory at once.

    By way of JSON, which takes a fifth of the time that making each a `Document` does.
    """
    text = pl.struct("sentences", "entities").struct.json_encode()
    table = pl.scan_parquet(documents, glob=False).select("doc_id", text)
    for offset in range(0, table.select(pl.len()).collect().item(), ROW_GROUP):
        for doc_id, written in table.slice(offset, ROW_GROUP).collect().iter_rows():
            yield doc_id, digest_of(*json.loads(written).values())


def _coverage(manifest: pl.DataFrame, documents: Iterable[tuple[str, str]]) -> list[str]:
    covered = dict(zip(manifest["doc_id"], manifest["document"], strict=True))
    problems = []
    for doc_id, now in documents:
        if doc_id not in covered:
            problems.append(f"document {doc_id!r}: has no soft labels")
        elif covered.pop(doc_id) != now:
            problems.append(
                f"document {doc_id!r}: text or entities changed after its soft labels were made"
            )
    return problems + [f"soft labels of {doc_id!r}: no such document" for doc_id in covered]


class SoftLabels:
    """Soft labels of any number of shards, memory-mapped, found by document.

    Args:
        folders: the shards.
        vocabulary: digest of the vocabulary that the student is trained with.
        teacher: digest of the teacher that must have made them; None takes any single one.

    Raises:
        ValueError: if shards are of another vocabulary or of different teachers, or two of them
            have the same document.
    """

    def __init__(
        self, folders: Sequence[Path], *, vocabulary: str, teacher: str | None = None
    ) -> None:
        self._logits: list[NDArray[np.float16]] = []
        self._evidence: list[MappedEvidence] = []
        self._rows: dict[str, tuple[int, int, int, str, EvidencePlace]] = {}
        for number, folder in enumerate(folders):
            origin = _required_origin(folder)
            teacher = teacher or origin["teacher"]
            _require_origin(folder, origin, "vocabulary", vocabulary)
            _require_origin(folder, origin, "teacher", teacher)
            self._logits.append(_map_logits(folder))
            self._evidence.append(MappedEvidence(folder / EVIDENCE))
            self._add(number, folders)

    def _add(self, number: int, folders: Sequence[Path]) -> None:
        """Note where the documents of a shard are."""
        for doc_id, *row, _, pair, share, pairs, sentences in pl.read_parquet(
            folders[number] / MANIFEST
        ).iter_rows():
            if doc_id in self._rows:
                before = folders[self._rows[doc_id][0]]
                raise ValueError(_repeated(doc_id, folders[number], before))
            place = EvidencePlace(pair, share, pairs, sentences)
            self._rows[doc_id] = (number, *row, place)

    def __len__(self) -> int:
        return len(self._rows)

    def require(self, document: Document) -> None:
        """Raise a ValueError unless there are soft labels for this very text and entities."""
        row = self._rows.get(document.doc_id)
        if row is None:
            raise ValueError(
                f"document {document.doc_id!r} has no soft labels among {len(self)} documents: "
                "it came in after soft_labels ran; materialize soft_labels again"
            )
        if row[3] != document_digest(document):
            raise ValueError(
                f"document {document.doc_id!r}: its soft labels cover {row[2]} entities of an "
                f"earlier text, it now has {len(document.entities)}: logits would be read as other "
                "pairs'; materialize soft_labels again"
            )

    def logits(self, doc_id: str) -> NDArray[np.float16]:
        """[P, R] float16 of one document, rows in the order of `Document.pairs`."""
        shard, offset, entities, *_ = self._rows[doc_id]
        return self._logits[shard][offset : offset + entities * (entities - 1)]

    def evidence(self, doc_id: str) -> PairEvidence:
        """Of the pairs of one document that the teacher gives a relation."""
        shard, *_, place = self._rows[doc_id]
        return self._evidence[shard].at(place)


def _repeated(doc_id: str, here: Path, there: Path) -> str:
    return (
        f"{here}: expected each document's soft labels once, but document {doc_id!r} has some in "
        f"{there} too, and nothing tells which are right; materialize soft_labels again, for the "
        "shards as distant_documents has them now"
    )


def _required_origin(folder: Path) -> dict[str, Any]:
    if not (folder / ORIGIN).is_file():
        raise ValueError(
            f"{folder}: expected a shard of soft labels, found no {ORIGIN}; the student would "
            "learn without them; materialize soft_labels for this shard"
        )
    origin: dict[str, Any] = read_json(folder / ORIGIN)
    return origin


def _require_origin(folder: Path, origin: dict[str, Any], name: str, expected: str) -> None:
    if origin[name] != expected:
        raise ValueError(
            f"{folder}: soft labels were made with {name} {origin[name]}, but {expected} is "
            "needed, so their columns or values mean something else; materialize soft_labels again"
        )


def open_shard(folder: Path) -> tuple[NDArray[np.float16], pl.DataFrame]:
    """A shard's logits [N, R] float16, memory-mapped, and its manifest (`MANIFEST_SCHEMA`).

    Raises:
        ValueError: if the file of logits is truncated.
    """
    return _map_logits(folder), pl.read_parquet(folder / MANIFEST)


def _map_logits(folder: Path) -> NDArray[np.float16]:
    return mapped(folder / LOGITS)["logits"]
