"""What the pages show, read from a warehouse; all SQL is in pages.sql."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import duckdb

_AT_ONCE: Final = 64
"""Rows in memory at once, where they are documents."""


class Reading:
    """A warehouse, and the documents of it that have a page."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection

    def rows(self, view: str) -> Iterator[dict[str, Any]]:
        """The rows of a view of pages.sql, streamed: one view is read to its end, then another.

        Args:
            view: its name without ``page_``.
        """
        self._connection.execute(f"FROM page_{view}")
        names = [column[0] for column in self._connection.description or ()]
        while found := self._connection.fetchmany(_AT_ONCE):
            yield from (dict(zip(names, row, strict=True)) for row in found)

    def table(self, view: str) -> list[dict[str, Any]]:
        """The same, all at once, for what is small."""
        return list(self.rows(view))


@contextmanager
def opened(warehouse: Path, most_documents: int) -> Iterator[Reading]:
    """Open a warehouse for the pages, read-only.

    Args:
        warehouse: a DuckDB file as `quality.warehouse.build_warehouse` writes it.
        most_documents: how many documents get a page.

    Raises:
        FileNotFoundError: if it is not there.
        ValueError: if it is of an earlier version.
    """
    if not warehouse.is_file():
        raise FileNotFoundError(
            f"{warehouse}: expected a warehouse, found none: there is nothing to show; materialize "
            "the asset warehouse first"
        )
    with duckdb.connect(warehouse, read_only=True) as connection:
        try:
            connection.execute("SET VARIABLE most_documents = ?", [most_documents])
            connection.execute(_views())
        except (duckdb.CatalogException, duckdb.BinderException) as error:
            raise ValueError(
                f"{warehouse}: expected the tables that quality/sql makes, found others "
                f"({error}): it is of another version; materialize the asset warehouse again"
            ) from error
        yield Reading(connection)


def _views() -> str:
    return files("quality.pages").joinpath("pages.sql").read_text(encoding="utf-8")
