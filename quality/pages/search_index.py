"""What the search finds, as a script: pages opened from a folder may not load JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final, TextIO

from quality.pages.names import document_page, relation_page
from quality.pages.reading import Reading

_START: Final = "window.docreIndex = {\n"
_ESCAPED: Final = {ord(sign): f"\\u{ord(sign):04x}" for sign in "<>&\u2028\u2029"}


def write_index(reading: Reading, path: Path) -> None:
    """Write the index, row by row.

    - documents: title, split, page; in the order of their places
    - relations: name, id, page; in the order of theirs
    - entities: name, type, and for each document with it [place of the document, entity]
    - facts: head, place of the relation, tail, probability, place of the document, number there
    """
    with path.open("w", encoding="utf-8") as stream:
        stream.write(_START)
        _write(
            stream,
            "documents",
            (
                [row["title"], row["split"], document_page(row["doc_id"])]
                for row in reading.rows("list")
            ),
        )
        _write(
            stream,
            "relations",
            (
                [row["name"], row["relation"], relation_page(row["relation"])]
                for row in reading.rows("relations")
            ),
        )
        _write(
            stream,
            "entities",
            (
                [row["name"], row["type"], [list(place.values()) for place in row["places"]]]
                for row in reading.rows("entities")
            ),
        )
        _write(
            stream,
            "facts",
            (
                [*list(row.values())[:3], round(row["probability"], 4), row["place"], row["number"]]
                for row in reading.rows("facts")
            ),
        )
        stream.write("};\n")


def _write(stream: TextIO, name: str, rows: Iterable[list[Any]]) -> None:
    stream.write(f"{name}: [\n")
    for row in rows:
        stream.write(json.dumps(row, ensure_ascii=False).translate(_ESCAPED) + ",\n")
    stream.write("],\n")
