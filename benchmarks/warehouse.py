"""What a warehouse of many predictions costs: to build, to keep, to query.

``python -m benchmarks.warehouse [--predictions 10000000] [--folder F] [--json OUT]`` generates
documents and predictions (twenty of each document; the same ones every time), and those of another
model version that differs in a tenth. In a fresh process on two cores it builds the warehouse from
them, and in another it asks every question of docs/queries.md three times; the best time counts,
which is with the file in the system's cache. Linux only.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import duckdb

from benchmarks.circumstances import circumstances
from benchmarks.fresh import alone_on_two_cores
from benchmarks.generated_warehouse import PREDICTED, GeneratedWarehouse
from benchmarks.queries import PAGE, Question, answer, opened, questions
from benchmarks.statistics import Meter
from corpus.artefacts import write_json
from corpus.json_files import literal
from quality.warehouse import build_warehouse

SECONDS: Final = 1.0
"""What a query may take."""
TIMES: Final = 3
AIM: Final = 10_000_000
"""Predictions that `SECONDS` is promised for."""
WELL_KNOWN: Final = "Name 100"
"""An entity of a few thousand documents, of ten million predictions."""


def built(generated: GeneratedWarehouse, path: Path) -> dict[str, Any]:
    """Build the warehouse: seconds, peaks of memory, size of the file, rows of its tables."""
    meter = Meter("warehouse")
    with meter.part("build"):
        rows = build_warehouse(path, generated.tables)
    return meter.rows[0] | {"file_gb": path.stat().st_size / 1e9, "rows": rows}


def asked(path: Path) -> list[dict[str, Any]]:
    """Ask every question of the page.

    Raises:
        ValueError: if one has no answer, or asks about nothing that the page names.
    """
    page = questions(PAGE.read_text(encoding="utf-8"))
    with opened(path) as connection:
        asked_of = _of_known(page, _known(connection))
        return [{"question": each.title, **_timed(connection, each)} for each in asked_of]


def _known(connection: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """What the page asks about, by what there is of it in a generated warehouse."""
    query = """
        SELECT head_name, relation_name, tail_name, documents[1] FROM facts
        WHERE head_name = ? ORDER BY support DESC, tail_name LIMIT 1
    """
    found = connection.execute(query, [WELL_KNOWN]).fetchall()
    if not found:
        raise ValueError(
            f"benchmark: expected facts about {WELL_KNOWN!r}, found none: the questions about an "
            "entity would be answered by nothing. Generate more predictions"
        )
    ((head, relation, tail, document),) = found
    return {
        "thomas fliseau": head.lower(),
        "Nestec": head,
        "country": relation,
        "Dentador": tail,
        "test/Karl H. Shelasgren": document,
    }


def _of_known(page: Sequence[Question], known: Mapping[str, str]) -> list[Question]:
    """The questions, about what there is in a generated warehouse."""
    for asked_for in known:
        if not any(f"'{asked_for}'" in question.sql for question in page):
            raise ValueError(
                f"{PAGE.name}: expected a query about '{asked_for}', found none: what is asked "
                "instead would be answered by nothing, and fast. Name in benchmarks/warehouse.py "
                "what the page asks about now"
            )
    return [replace(question, sql=_replaced(question.sql, known)) for question in page]


def _replaced(sql: str, known: Mapping[str, str]) -> str:
    for asked_for, there in known.items():
        sql = sql.replace(f"'{asked_for}'", literal(there))
    return sql


def _timed(connection: duckdb.DuckDBPyConnection, question: Question) -> dict[str, Any]:
    seconds, rows = [], 0
    for _ in range(TIMES):
        started = time.perf_counter()
        rows = len(answer(connection, question.sql).rows)
        seconds.append(time.perf_counter() - started)
    if not rows:
        raise ValueError(
            f"{question.title}: expected rows, found none: nothing is answered fast. Generate what "
            f"it asks about: {question.sql}"
        )
    return {"best_s": min(seconds), "first_s": seconds[0], "rows": rows}


def measured(folder: Path, predictions: int) -> dict[str, Any]:
    """All of it; what is in the folder already is not generated again."""
    generated, path = GeneratedWarehouse(folder, predictions // PREDICTED), folder / "all.duckdb"
    if not generated.tables.relations.is_file():
        alone_on_two_cores(generated.generate)
    build = alone_on_two_cores(built, generated, path)
    queries = alone_on_two_cores(asked, path)
    slowest = max(query["best_s"] for query in queries)
    told = {"within": slowest <= SECONDS} if predictions >= AIM else {}
    return {"build": build, "slowest_s": slowest, **told, "queries": queries}


def main() -> None:
    """Generate, build, ask, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, prog="benchmarks.warehouse")
    parser.add_argument("--predictions", type=int, default=AIM)
    parser.add_argument("--folder", type=Path, help="keeps what is generated for the next time")
    parser.add_argument("--json", type=Path, help="where to write the report")
    options = parser.parse_args()
    about = circumstances(options)
    with tempfile.TemporaryDirectory() as temporary:
        found = measured(options.folder or Path(temporary), options.predictions)
    print(found["build"])
    for query in found["queries"]:
        print(f"{query['best_s']:7.3f} s  {query['rows']:6} rows  {query['question']}")
    if options.json:
        write_json(about | found, options.json)


if __name__ == "__main__":
    main()
