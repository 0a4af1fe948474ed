"""Files of records as they come: JSON, plain or gzipped, an array or one a line; or Parquet.

Either may be cut short or damaged; the reader gets a column ``json``, or typed ones, or an error
with the file's name.
"""

from __future__ import annotations

import codecs
import gzip
import json
import os
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Final, cast

import duckdb

from corpus.artefacts import unwritable

MEMORY_LIMIT: Final = "1GB"
"""What DuckDB may hold at once; the rest is spilled beside the destination."""

PARQUET: Final = ".parquet"
"""Ending of files that are read as Parquet."""

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
        connection.execute("SET enable_progress_bar = false")  # it would be written to logs too
        yield connection


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Turn DuckDB's complaints about a file that it reads into a ValueError that names it.

    What a good file can meet with, too little memory or disk space, stays DuckDB's own error.
    """
    refused = _not_parquet if path.suffix == PARQUET else _not_json
    try:
        yield
    except (duckdb.OutOfMemoryException, duckdb.InterruptException):
        raise
    except duckdb.Error as error:  # damaged Parquet raises no class below it
        if unwritable(error):
            raise
        found = (str(error).splitlines() or ["an error without a message"])[0]
        raise ValueError(refused(path, f"what DuckDB calls: {found}")) from error


def records(path: Path, form: str) -> str:
    """SQL for the table of a file's documents: one column ``json``, in the order of the file."""
    return (
        f"read_json({pattern(path)}, columns = {{json: 'JSON'}}, records = false, "
        f"format = '{form}')"
    )


def typed_records(path: Path, form: str, fields: Mapping[str, str]) -> str:
    """SQL for a file's documents with a typed column for each field, in the order of the file.

    Reading fails at a document of another form. A field that a document lacks is null, and so is
    each field of a document that is null.
    """
    columns = ", ".join(f'"{name}": {literal(kind)}' for name, kind in fields.items())
    return f"read_json({pattern(path)}, columns = {{{columns}}}, records = true, format = '{form}')"


def parquet_records(
    connection: duckdb.DuckDBPyConnection,
    path: Path,
    needed: Sequence[str],
    optional: Sequence[str] = (),
) -> str:
    """SQL for the rows of a Parquet file as `records` gives those of JSON, in their order.

    Args:
        connection: Reads the names of the columns.
        path: The file.
        needed: Columns that become fields of the ``json``.
        optional: Columns that do where they are there; any others are passed over.

    Raises:
        ValueError: if the file is missing, cut short or no Parquet, or lacks a needed column.
    """
    if not path.is_file():
        raise ValueError(f"{path}: expected a Parquet file, found nothing there; check the path")
    # Without binary_as_string, texts of writers that do not mark them as such would be bytes.
    table = f"read_parquet({pattern(path)}, binary_as_string = true)"
    with naming(path):
        described = connection.execute(f"DESCRIBE SELECT * FROM {table}").fetchall()
    columns = [name for name, *_ in described]
    if not {*needed} <= {*columns}:
        raise ValueError(
            f"{path}: expected the columns {list(needed)}, found {columns[:20]}. Nothing was "
            "written: export the file with these columns, nested as in JSON"
        )
    fields = (f'{literal(c)}: "{c}"' for c in (*needed, *optional) if c in columns)
    return f"(SELECT to_json({{{', '.join(fields)}}}) AS json FROM {table})"


def _not_parquet(path: Path, found: str) -> str:
    return (
        f"{path}: expected Parquet, found {found}. Nothing was written: fetch or export the file "
        "again"
    )


def pattern(path: Path) -> str:
    """SQL literal that DuckDB reads as exactly this path, whatever signs are in it."""
    plain = "".join(f"[{sign}]" if sign in "*?[" else sign for sign in str(path))
    return literal(plain)


def literal(text: str) -> str:
    """SQL literal of a text."""
    return "'" + text.replace("'", "''") + "'"
