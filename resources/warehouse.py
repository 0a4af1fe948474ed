"""The DuckDB file that people query."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import dagster as dg
from pydantic import Field

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


class Warehouse(dg.ConfigurableResource):
    """A DuckDB database, rebuilt whole and swapped in, so that readers are never in the way."""

    path: str = Field(default="artefacts/warehouse.duckdb", description="The DuckDB file.")

    @property
    def file(self) -> Path:
        """The file, absolute."""
        return Path(self.path).resolve()

    @contextmanager
    def connect(self) -> "Iterator[DuckDBPyConnection]":
        """A read-only connection.

        Raises:
            FileNotFoundError: if the warehouse has not been built.
        """
        import duckdb

        if not self.file.is_file():
            raise FileNotFoundError(
                f"no warehouse at {self.file}: materialize the asset `warehouse` first"
            )
        with duckdb.connect(str(self.file), read_only=True) as connection:
            yield connection
