"""JSON files as they come: plain or gzipped, an array or one document a line, perhaps cut short."""

from __future__ import annotations

import codecs
import gzip
import json
import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Final, cast

import duckdb

MEMORY_LIMIT: Final = "1GB"
"""What DuckDB may hold at once; the rest is spilled beside the destination."""

_BLOCK: Final = 1 << 20


def read_whole(path: Path) -> Any:
    """The value of a small JSON file, plain or gzipped.

    Raises:
        ValueError: if the file is empty, cut short or no JSON; it names the file.
    """
    require_json(path)
    try:
        with _opened(path) as stream:
            return json.load(stream)
    except ValueError as error:
        raise ValueError(_not_json(path, str(error))) from error


def require_json(path: Path) -> str:
    """Look at both ends of a file and tell DuckDB's format for it: ``array`` or ``auto``.

    DuckDB reads an array that was cut after a comma without complaint, hence this look.

    Raises:
        ValueError: if the file is missing, empty, cut short or obviously no JSON.
    """
    if not path.is_file():
        raise ValueError(f"{path}: expected a JSON file, found nothing there; check the path")
    try:
        first, last = _ends(path)
    except (EOFError, OSError, zlib.error) as error:
        raise ValueError(_not_json(path, f"a damaged gzip stream ({error})")) from error
    if not first:
        raise ValueError(_not_json(path, "an empty file"))
    if first not in (b"[", b"{"):
        raise ValueError(_not_json(path, f"a file that begins with {first!r}"))
    closing = {b"[": b"]", b"{": b"}"}[first]
    if last != closing:
        raise ValueError(
            _not_json(path, f"a file cut short: it ends with {last!r} instead of {closing!r}")
        )
    return "array" if first == b"[" else "auto"


def _ends(path: Path) -> tuple[bytes, bytes]:
    """First and last byte of a file that are not white space; empty where there is none."""
    first = last = b""
    with _opened(path) as stream:
        for block in _blocks(path, stream):
            text = block.strip()
            first, last = first or text[:1], text[-1:] or last
    return first, last


def _blocks(path: Path, stream: IO[bytes]) -> Iterator[bytes]:
    """The first block and the rest; of a plain file only its tail, as far as it is blank."""
    head = stream.read(_BLOCK)
    if head.startswith(codecs.BOM_UTF8):
        raise ValueError(_not_json(path, "a byte order mark at its start; save it without one"))
    yield head
    if path.suffix != ".gz":
        stream.seek(max(stream.tell(), path.stat().st_size - _BLOCK))
    while block := stream.read(_BLOCK):
        yield block


def _opened(path: Path) -> IO[bytes]:
    return cast("IO[bytes]", gzip.open(path)) if path.suffix == ".gz" else path.open("rb")


def _not_json(path: Path, found: str) -> str:
    return (
        f"{path}: expected JSON, either an array or one document a line, UTF-8, plain or .gz; "
        f"found {found}. Nothing was written: fetch or export the file again"
    )


@contextmanager
def connected(spill: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A DuckDB connection in memory, bounded, that spills into the folder ``spill``."""
    settings: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": MEMORY_LIMIT,
        "threads": min(4, os.cpu_count() or 1),
        "temp_directory": str(spill),
        "preserve_insertion_order": True,
    }
    with duckdb.connect(config=settings) as connection:
        yield connection


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Turn DuckDB's complaints about a JSON file into a ValueError that names it."""
    try:
        yield
    except (duckdb.InvalidInputException, duckdb.IOException) as error:
        found = str(error).splitlines()[0]
        raise ValueError(_not_json(path, f"what DuckDB calls: {found}")) from error


def records(path: Path, form: str) -> str:
    """SQL for the table of a file's documents: one column ``json``, in the order of the file."""
    return (
        f"read_json({pattern(path)}, columns = {{json: 'JSON'}}, records = false, "
        f"format = '{form}')"
    )


def pattern(path: Path) -> str:
    """SQL literal that DuckDB reads as exactly this path, whatever signs are in it."""
    plain = "".join(f"[{sign}]" if sign in "*?[" else sign for sign in str(path))
    return literal(plain)


def literal(text: str) -> str:
    """SQL literal of a text."""
    return "'" + text.replace("'", "''") + "'"
