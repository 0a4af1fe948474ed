"""Runs the questions of docs/queries.md and writes their results into the page.

``python -m benchmarks.queries [--warehouse artefacts/warehouse.duckdb]`` after ``make demo``.
"""

from __future__ import annotations

import argparse
import contextlib
import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import duckdb

PAGE: Final = Path(__file__).parents[1] / "docs" / "queries.md"

_BLOCK: Final = re.compile(r"```sql\n(?P<sql>.*?)```\n(?P<shown>(?:\n(?:\|[^\n]*\n)+)?)", re.DOTALL)
_TITLE: Final = re.compile(r"^## (.*)$", re.MULTILINE)


@dataclass(frozen=True)
class Question:
    """A query of the page."""

    title: str
    """The heading above it."""
    sql: str
    shown: str
    """Its result as the page shows it, a table in Markdown; empty where it shows none."""

    @property
    def columns(self) -> list[str]:
        """Names of the columns that the page shows."""
        return _cells(self.shown.strip().split("\n")[0])

    @property
    def rows(self) -> list[list[str]]:
        """The rows that the page shows."""
        return [_cells(line) for line in self.shown.strip().split("\n")[2:]]


def questions(page: str) -> list[Question]:
    """All queries of the page, in its order."""
    return [_question(page, block) for block in _BLOCK.finditer(page)]


def _question(page: str, block: re.Match[str]) -> Question:
    title = _TITLE.findall(page, 0, block.start())[-1]
    return Question(title, block["sql"], block["shown"])


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split(" | ")]


@dataclass(frozen=True)
class Answer:
    """What a query gives."""

    columns: list[str]
    rows: list[tuple[Any, ...]]

    def table(self) -> str:
        """It as a table in Markdown."""
        lines = [self.columns, ["---"] * len(self.columns), *map(_texts, self.rows)]
        return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _texts(row: tuple[Any, ...]) -> list[str]:
    return [_text(value) for value in row]


def _text(value: Any) -> str:
    """A value as a cell shows it."""
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.3f}"
    if isinstance(value, list):
        return ", ".join(map(_text, value))
    if isinstance(value, dict):
        return ", ".join(f"{name} {_text(number)}" for name, number in value.items())
    return " ".join(str(value).replace("|", "\\|").split())


def answer(connection: duckdb.DuckDBPyConnection, sql: str) -> Answer:
    """Run a query; what it exports lands in the working directory."""
    rows = connection.execute(sql).fetchall()
    return Answer([column[0] for column in connection.description or ()], rows)


def answered(page: str, connection: duckdb.DuckDBPyConnection) -> str:
    """The page with the results that its queries have now.

    Raises:
        ValueError: if a query finds nothing, which would show nobody how to read its result.
    """

    def filled(block: re.Match[str]) -> str:
        question, found = _question(page, block), answer(connection, block["sql"])
        if not found.rows:
            raise ValueError(
                f"docs/queries.md, {question.title!r}: expected rows, found none in this "
                "warehouse; the page would show an empty table. Ask of something that is there"
            )
        return f"```sql\n{block['sql']}```\n\n{found.table()}"

    return _BLOCK.sub(filled, page)


@contextlib.contextmanager
def opened(warehouse: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A warehouse for reading, with exports going to a folder that is removed afterwards."""
    with (
        duckdb.connect(warehouse.resolve(), read_only=True) as connection,
        tempfile.TemporaryDirectory() as folder,
        contextlib.chdir(folder),
    ):
        yield connection


def main() -> None:
    """Rewrite the page."""
    parser = argparse.ArgumentParser(description=__doc__, prog="benchmarks.queries")
    parser.add_argument("--warehouse", type=Path, default=Path("artefacts/warehouse.duckdb"))
    options = parser.parse_args()
    page = PAGE.read_text(encoding="utf-8")
    with opened(options.warehouse) as connection:
        PAGE.write_text(answered(page, connection), encoding="utf-8")


if __name__ == "__main__":
    main()
