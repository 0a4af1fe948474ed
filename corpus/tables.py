"""Tables of documents as Parquet: written whole, scanned lazily, read one document at a time."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any, Final

import polars as pl

from corpus.artefacts import whole
from corpus.schema import DOCUMENTS, Document, Split, from_row, to_row

ROW_GROUP: Final = 2048
"""Rows in a row group of Parquet, the fewest that DuckDB writes."""

SLICE: Final = 256
"""Rows that a reader of documents holds at once: a row group of them takes 15 MB more."""


def write_table(
    table: pl.DataFrame | pl.LazyFrame, path: Path, told: Mapping[str, str] | None = None
) -> None:
    """Write a table as Parquet (zstd), whole; a lazy one is streamed.

    Args:
        table: its rows.
        path: where it goes.
        told: what the file says of itself beside its rows, as Parquet's metadata.
    """
    with whole(path) as draft:
        table.lazy().sink_parquet(
            draft, compression="zstd", row_group_size=ROW_GROUP, metadata=dict(told or {})
        )


def gathered(rows: Iterable[tuple[Any, ...]], schema: pl.Schema) -> pl.DataFrame:
    """Rows as a table, a row group of them as Python objects, which take ten times the room."""
    return pl.concat([pl.DataFrame(schema=schema), *_pieces(rows, schema)])


def write_rows(rows: Iterable[tuple[Any, ...]], schema: pl.Schema, path: Path) -> None:
    """Write rows as they come as one table, a row group of them in memory at once."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".rows-") as folder:
        pieces = [pl.LazyFrame(schema=schema)]
        for number, piece in enumerate(_pieces(rows, schema)):
            file = Path(folder) / f"{number}.parquet"
            piece.write_parquet(file)
            pieces.append(pl.scan_parquet(file, glob=False))
        write_table(pl.concat(pieces), path)


def _pieces(rows: Iterable[tuple[Any, ...]], schema: pl.Schema) -> Iterator[pl.DataFrame]:
    stream = iter(rows)
    while piece := list(islice(stream, ROW_GROUP)):
        yield pl.DataFrame(piece, schema, orient="row")


def write_documents(documents: Iterable[Document], path: Path, split: Split) -> None:
    """Write documents as one `DOCUMENTS` table."""
    rows = [to_row(document, split) for document in documents]
    write_table(pl.DataFrame(rows, schema=DOCUMENTS), path)


def read_documents(path: Path) -> Iterator[Document]:
    """Documents of a Parquet file in the order of their rows, `SLICE` rows in memory at once.

    Only one of them as Python objects, which take ten times the room: many tables may be open.
    """
    for rows in sliced(pl.scan_parquet(path, glob=False)):
        yield from map(from_row, rows.iter_rows(named=True, buffer_size=1))


def sliced(table: pl.LazyFrame) -> Iterator[pl.DataFrame]:
    """The rows of a table, `SLICE` of them at once."""
    for offset in range(0, table.select(pl.len()).collect().item(), SLICE):
        yield table.slice(offset, SLICE).collect()
