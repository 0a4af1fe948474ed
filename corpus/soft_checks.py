"""Whether a shard of soft labels is what was written, and which of it is of documents as now."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl

from corpus.artefacts import digest, read_json
from corpus.document_keys import DocumentKey, document_keys
from corpus.soft_shards import FILES, MANIFEST, ORIGIN, ShardOrigin
from corpus.tables import gathered
from corpus.text_index import TextIndex

_KEY: Final = ("doc_id", "document")
"""Columns of a manifest that are a `DocumentKey`."""


def shard_is_current(folder: Path, origin: ShardOrigin) -> bool:
    """Whether the shard exists and was made from exactly these inputs."""
    return asdict(origin).items() <= _origin_in(folder).items()


def earlier_rows(folder: Path, origin: ShardOrigin, documents: Path) -> pl.Series:
    """Where an earlier shard has soft labels that are still right, however its corpus has changed.

    Args:
        folder: the shard; if there is none, nothing is right.
        origin: what the shard is about to be made from. Another teacher, vocabulary or code would
            give others.
        documents: a Parquet table of D documents.

    Returns:
        [D] uint32, rows of `corpus.soft_shards.MappedShard`; null for a document that is new, has
        changed or has logits that are not finite, and for all if the shard's content is not what
        was written.
    """
    wanted = {name: value for name, value in asdict(origin).items() if name != "corpus"}
    if not wanted.items() <= _origin_in(folder).items() or _damage(folder):
        n_documents = pl.scan_parquet(documents, glob=False).select(pl.len()).collect().item()
        return pl.repeat(None, n_documents, dtype=pl.UInt32, eager=True)
    rows = ((row,) for row in _finite_rows(folder, document_keys(documents)))
    return gathered(rows, pl.Schema({"row": pl.UInt32}))["row"]


def _finite_rows(folder: Path, keys: Iterable[DocumentKey]) -> Iterator[int | None]:
    """For each document the row of a shard that has its finite logits."""
    manifest = pl.read_parquet(folder / MANIFEST, columns=[*_KEY, "finite"]).with_row_index("row")
    finite = manifest.filter("finite").select("row", key=pl.concat_str("document", "doc_id"))
    rows, index = finite["row"], TextIndex(finite["key"])
    del manifest, finite  # as large as the index
    for doc_id, document in keys:
        place = index.row(document + doc_id)  # in this order no two keys are the same text
        yield None if place is None else rows[place]


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
    manifest = pl.read_parquet(folder / MANIFEST, columns=[*_KEY, "finite"])
    broken = manifest.filter(~pl.col("finite"))["doc_id"]
    return [
        *(f"document {doc_id!r}: logits are not all finite" for doc_id in broken),
        *_coverage(manifest, document_keys(documents)),
    ]


def _damage(folder: Path) -> list[str]:
    """Where a shard's files are not what was written, if anywhere."""
    expected = (*FILES.values(), ORIGIN)
    missing = [name for name in expected if not (folder / name).is_file()]
    if missing:
        return [f"{folder}: expected {', '.join(missing)}, found no such file"]
    origin = _origin_in(folder)
    if not origin:
        return [f"{folder / ORIGIN}: expected a JSON object, found none that can be read"]
    for key, name in FILES.items():
        found, written = digest(folder / name), origin.get(key)
        if found != written:
            return [f"{folder / name}: expected content digest {written}, found {found}"]
    return []


def _coverage(manifest: pl.DataFrame, documents: Iterable[DocumentKey]) -> list[str]:
    """Which documents have no soft labels, or others', and which soft labels are of no document."""
    ids, written = manifest["doc_id"], manifest["document"]
    index, covering, problems = TextIndex(ids), np.zeros(len(ids), bool), []
    for doc_id, now in documents:
        row = index.row(doc_id)
        if row is None or covering[row]:
            problems.append(f"document {doc_id!r}: has no soft labels")
            continue
        covering[row] = True
        if written[row] != now:
            problems.append(
                f"document {doc_id!r}: text or entities changed after its soft labels were made"
            )
    left = (ids[row] for row in np.flatnonzero(~covering).tolist() if index.row(ids[row]) == row)
    return problems + [f"soft labels of {doc_id!r}: no such document" for doc_id in left]
