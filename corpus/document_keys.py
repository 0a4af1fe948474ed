"""What a document's soft labels are kept under: its id, and a digest of its text and entities."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import fields
from operator import attrgetter
from pathlib import Path
from typing import Any, Final, TypeAlias

import polars as pl

from corpus.artefacts import digest_of
from corpus.schema import Document, Entity, Mention
from corpus.tables import sliced

DocumentKey: TypeAlias = tuple[str, str]
"""Id and `document_digest` of a document."""

_MENTION_FIELDS: Final = tuple(field.name for field in fields(Mention))
_values_of: Final = attrgetter(*_MENTION_FIELDS)


def document_digest(document: Document) -> str:
    """Digest of a document's sentences and entities; labels do not move logits."""
    return digest_of(document.sentences, [_written(entity) for entity in document.entities])


def _written(entity: Entity) -> dict[str, Any]:
    """An entity as a row has it; `dataclasses.asdict` takes ten times as long."""
    mentions = [
        dict(zip(_MENTION_FIELDS, _values_of(mention), strict=True)) for mention in entity.mentions
    ]
    return {"type": entity.type, "mentions": mentions}


def document_keys(documents: Path) -> Iterator[DocumentKey]:
    """The key of each row of `DOCUMENTS`, a slice of them in memory at once.

    By way of JSON, which takes a fifth of the time that making each a `Document` does.
    """
    text = pl.struct("sentences", "entities").struct.json_encode()
    table = pl.scan_parquet(documents, glob=False).select("doc_id", text)
    for rows in sliced(table):
        for doc_id, written in rows.iter_rows():
            yield doc_id, digest_of(*json.loads(written).values())
