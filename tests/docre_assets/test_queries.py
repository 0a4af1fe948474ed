"""The questions of docs/queries.md can be asked, and their results look as the page shows them."""

import re
import subprocess
import sys
from pathlib import Path

import duckdb
import polars as pl
import pytest

from benchmarks.generated_warehouse import GeneratedWarehouse
from benchmarks.queries import PAGE, answer, answered, opened, questions
from corpus.schema import ALL, SLICES
from quality.warehouse import build_warehouse

TEXT = PAGE.read_text(encoding="utf-8")
QUESTIONS = questions(TEXT)
NUMBERED = re.compile(r"^(\d+)\. ")


@pytest.fixture(scope="session")
def place(tmp_path_factory) -> Path:
    """A folder that holds ``artefacts`` with a little warehouse, as a run leaves them."""
    folder = tmp_path_factory.mktemp("queried")
    generated = GeneratedWarehouse(folder / "source", 200)
    generated.generate()
    (folder / "artefacts").mkdir()
    build_warehouse(folder / "artefacts" / "warehouse.duckdb", generated.tables)
    return folder


@pytest.fixture
def warehouse(place):
    with opened(place / "artefacts" / "warehouse.duckdb") as connection:
        yield connection


def test_there_are_fifteen_questions_and_each_shows_its_result():
    numbers = [int(found[1]) for q in QUESTIONS if (found := NUMBERED.match(q.title))]
    assert sorted(set(numbers)) == list(range(1, 16))
    assert all(question.rows for question in QUESTIONS)
    assert TEXT.count("```sql") == len(QUESTIONS)


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.title)
def test_the_query_runs_and_gives_the_columns_that_are_shown(warehouse, question):
    assert answer(warehouse, question.sql).columns == question.columns


def test_most_queries_find_something_in_generated_documents(warehouse):
    """So that the test above does not look at empty results alone."""
    found = [bool(answer(warehouse, question.sql).rows) for question in QUESTIONS]
    assert sum(found) > len(found) / 2


def shown(number: int) -> list[dict[str, str]]:
    """The rows of a question's result as the page shows them."""
    (question,) = (q for q in QUESTIONS if q.title.startswith(f"{number}. "))
    return [dict(zip(question.columns, row, strict=True)) for row in question.rows]


@pytest.mark.parametrize(
    ("number", "score", "low", "high"),
    [
        (10, "f1", "f1_low", "f1_high"),
        (11, "precision", "precision_low", "precision_high"),
        (12, "f1", "low", "high"),
    ],
)
def test_shown_intervals_are_of_draws_of_documents(number, score, low, high):
    """Such intervals are hardly ever symmetric: those of made-up numbers are."""
    widths = [
        (float(row[score]) - float(row[low]), float(row[high]) - float(row[score]))
        for row in shown(number)
    ]
    assert all(below >= 0 and above >= 0 for below, above in widths)
    assert any(abs(below - above) > 0.002 for below, above in widths)


def test_the_shown_slices_are_those_that_there_are_and_each_tells_its_labels():
    """The demo corpus has no test document of twenty entities."""
    rows = shown(12)
    assert {row["slice"] for row in rows} == {ALL, *SLICES} - {"entities_20_up"}
    assert all(int(row["gold"]) > 0 for row in rows)


def test_exports_can_be_read_again(warehouse):
    exports = [question.sql for question in QUESTIONS if question.sql.startswith("COPY")]
    counts = [answer(warehouse, sql).rows for sql in exports]
    assert len(exports) == 2
    assert [[(pl.read_parquet("facts.parquet").height,)], [(pl.read_csv("facts.csv").height,)]] == (
        counts
    )


def test_every_python_block_runs(place):
    blocks = re.findall(r"```python\n(.*?)```", TEXT, flags=re.DOTALL)
    assert len(blocks) == 2
    for code in blocks:
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=place, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout


def test_the_page_names_every_table_and_view(warehouse):
    query = (
        "SELECT table_name FROM duckdb_tables() UNION ALL "
        "SELECT view_name FROM duckdb_views() WHERE NOT internal"
    )
    there = {name for (name,) in warehouse.execute(query).fetchall()}
    tables = TEXT[TEXT.index("## Tables and views") :]
    listed = re.findall(r"^\| ((?:`\w+`(?:, )?)+) \|", tables, flags=re.MULTILINE)
    assert {name for names in listed for name in re.findall(r"\w+", names)} == there


def test_results_take_the_place_of_those_that_are_shown():
    page = (
        "# Page\n\n## 1. One?\n\n```sql\nSELECT 0.5::DOUBLE AS half, NULL AS none, ['a', 'b|c'] AS "
        "list;\n```\n\n| old |\n| --- |\n| 1 |\n\nText.\n"
    )
    with duckdb.connect() as connection:
        filled = answered(page, connection)
        table = "| half | none | list |\n| --- | --- | --- |\n| 0.500 |  | a, b\\|c |\n"
        assert f"```\n\n{table}\nText." in filled
        assert answered(filled, connection) == filled
        assert questions(filled)[0].columns == ["half", "none", "list"]
        with pytest.raises(ValueError, match=r"'1. One\?': expected rows"):
            answered("## 1. One?\n\n```sql\nSELECT 1 WHERE false;\n```\n", connection)
