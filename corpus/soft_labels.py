"""Soft labels of any number of shards, found by ``doc_id``, never by position in a list."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from corpus.artefacts import read_json
from corpus.document_keys import document_digest
from corpus.evidence import PairEvidence
from corpus.schema import Document
from corpus.soft_shards import MANIFEST, ORIGIN, MappedShard, SoftLabel
from corpus.text_index import TextIndex

_PLACES: Final = pl.Schema({"shard": pl.Int32, "row": pl.UInt32, "document": pl.String})
"""Row of a shard's manifest, and the beginning of the digest of the document that it is of."""

_LETTERS: Final = 12
"""Of a digest that are compared: 48 bits, which Polars keeps without a copy beside the column."""


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
        self._shards: list[MappedShard] = []
        for folder in folders:
            origin = _required_origin(folder)
            teacher = teacher or origin["teacher"]
            _require_origin(folder, origin, "vocabulary", vocabulary)
            _require_origin(folder, origin, "teacher", teacher)
            self._shards.append(MappedShard(folder))
        keys = _keys_of(folders)
        self._index = TextIndex(keys["doc_id"])
        _require_once(keys, self._index, folders)
        self._places = keys.select(*_PLACES)

    def __len__(self) -> int:
        return len(self._index)

    def require(self, document: Document) -> None:
        """Raise a ValueError unless there are soft labels for this very text and entities."""
        place = self._index.row(document.doc_id)
        if place is None:
            raise ValueError(
                f"document {document.doc_id!r} has no soft labels among {len(self)} documents: "
                "it came in after soft_labels ran; materialize soft_labels again"
            )
        shard, row, digest = self._places.row(place)
        if digest != document_digest(document)[:_LETTERS]:
            raise ValueError(
                f"document {document.doc_id!r}: its soft labels cover "
                f"{self._shards[shard].entities(row)} entities of an earlier text, it now has "
                f"{len(document.entities)}: logits would be read as other pairs'; materialize "
                "soft_labels again"
            )

    def logits(self, doc_id: str) -> NDArray[np.float16]:
        """[P, R] float16 of one document, rows in the order of `Document.pairs`."""
        return self._at(doc_id).logits

    def evidence(self, doc_id: str) -> PairEvidence:
        """Of the pairs of one document that the teacher gives a relation."""
        return self._at(doc_id).evidence

    def _at(self, doc_id: str) -> SoftLabel:
        place = self._index.row(doc_id)
        if place is None:
            raise KeyError(doc_id)
        shard, row, _ = self._places.row(place)
        return self._shards[shard].at(row)


def _keys_of(folders: Sequence[Path]) -> pl.DataFrame:
    """``doc_id`` and `_PLACES` of all documents of shards, one shard after another."""
    tables = [pl.DataFrame(schema={"doc_id": pl.String, **_PLACES})]
    for number, folder in enumerate(folders):
        table = pl.read_parquet(folder / MANIFEST, columns=["doc_id", "document"])
        shard = pl.lit(number, pl.Int32).alias("shard")
        begun = pl.col("document").str.head(_LETTERS)
        tables.append(table.with_row_index("row").select("doc_id", shard, "row", begun))
    return pl.concat(tables)


def _require_once(keys: pl.DataFrame, index: TextIndex, folders: Sequence[Path]) -> None:
    again = index.first_repeated()
    if again is not None:
        doc_id, here, *_ = keys.row(again)
        there = keys.filter(pl.col("doc_id") == doc_id)["shard"][0]
        raise ValueError(_repeated(doc_id, folders[here], folders[there]))


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
