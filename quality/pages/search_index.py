"""What the search finds, as a script: pages opened from a folder may not load JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, TextIO, TypeAlias

from quality.pages.names import document_page, relation_page
from quality.pages.reading import Reading
from quality.pages.rendering import percent

_START: Final = "window.docreIndex = {\n"
_ESCAPED: Final = {ord(sign): f"\\u{ord(sign):04x}" for sign in "<>&\u2028\u2029"}

Row: TypeAlias = Mapping[str, Any]


def _document(row: Row) -> list[Any]:
    return [row["title"], row["split"], document_page(row["doc_id"])]


def _relation(row: Row) -> list[Any]:
    return [row["name"], row["relation"], relation_page(row["relation"])]


def _entity(row: Row) -> list[Any]:
    places = [[place["place"], place["entity"]] for place in row["places"]]
    return [row["name"], row["type"], places]


def _fact(row: Row) -> list[Any]:
    ends = [row["head_name"], row["relation"], row["tail_name"]]
    return [*ends, percent(row["probability"]), row["place"], row["number"]]


_PARTS: Final[Sequence[tuple[str, str, Callable[[Row], list[Any]]]]] = (
    ("documents", "list", _document),
    ("relations", "relations", _relation),
    ("entities", "entities", _entity),
    ("facts", "facts", _fact),
)
"""Names in the index, each with the view of pages.sql it comes from and how it writes a row."""


def write_index(reading: Reading, path: Path) -> None:
    """Write the index, row by row.

    - documents: title, split, page; in the order of their places
    - relations: name, id, page; in the order of theirs
    - entities: name, type, and for each document with it [place of the document, entity]
    - facts: head, place of the relation, tail, probability as pages tell it, place of the
      document, number there
    """
    with path.open("w", encoding="utf-8") as stream:
        stream.write(_START)
        for name, view, row_of in _PARTS:
            _write(stream, name, map(row_of, reading.rows(view)))
        stream.write("};\n")


def _write(stream: TextIO, name: str, rows: Iterable[list[Any]]) -> None:
    stream.write(f"{name}: [\n")
    for row in rows:
        stream.write(json.dumps(row, ensure_ascii=False).translate(_ESCAPED) + ",\n")
    stream.write("],\n")
