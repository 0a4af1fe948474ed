"""The warehouse: what its tables and views answer, and that it is swapped in whole."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

from corpus.relations import RelationVocabulary
from corpus.schema import (
    EVALUATION,
    MODEL_HISTORY,
    PREDICTIONS,
    REJECTED,
    Document,
    Entity,
    Label,
    Mention,
    Split,
)
from corpus.tables import write_documents, write_table
from quality.history import record
from quality.statistics import totals
from quality.warehouse import WarehouseTables, build_warehouse

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
ADA = Document(
    doc_id="ada",
    title="Ada's life",
    sentences=(("Ada", "left", "Arden"), ("Arden", "is", "in", "Esk"), ("She", "returned")),
    entities=(
        Entity("PER", (Mention("Ada", 0, 0, 1), Mention("She", 2, 0, 1))),
        Entity("LOC", (Mention("Arden", 0, 2, 3), Mention("Arden", 1, 0, 1))),
        Entity("LOC", (Mention("Esk", 1, 3, 4),)),
    ),
    labels=(Label(0, 1, "P19", (0,)), Label(1, 2, "P17", ())),
)
TEXT = "Ada left Arden Arden is in Esk She returned"
BARE = Document("bare", "Bare", (("Nothing",),), (), ())
FAR = replace(ADA, doc_id="far", title="Far", labels=None)
NEW = replace(ADA, doc_id="new-1a2b3c4d/new", title="New", labels=None)
NAMES = {"P17": "country", "P19": "place of birth"}


def prediction(doc_id: str, head: int, tail: int, relation: str, score: float) -> dict[str, Any]:
    return {
        "doc_id": doc_id,
        "title": doc_id.title(),
        "head": head,
        "tail": tail,
        "head_name": ADA.entities[head].name,
        "tail_name": ADA.entities[tail].name,
        "relation": relation,
        "relation_name": NAMES[relation],
        "score": score,
    }


def write_tables(folder: Path) -> WarehouseTables:
    labelled = replace(FAR, labels=(Label(0, 1, "P19"), Label(1, 2, "P17")))
    write_documents([ADA, BARE], folder / "train.parquet", Split.TRAIN)
    write_documents([FAR], folder / "unlabelled.parquet", Split.UNLABELLED)
    write_documents([labelled], folder / "shard-000.parquet", Split.UNLABELLED)
    write_documents([], folder / "shard-001.parquet", Split.UNLABELLED)
    predicted = [
        prediction("ada", 0, 1, "P19", 0.75),
        prediction("far", 0, 1, "P19", 0.875),
        prediction("far", 0, 2, "P17", 0.625),
    ]
    scores = [
        {"model": "teacher", "split": "dev", "metric": "f1", "value": 0.5},
        {"model": "teacher", "split": "dev", "metric": "ign_f1_annotated", "value": 0.25},
        {"model": "student", "split": "dev", "metric": "f1", "value": 0.75},
    ]
    rejected = dict.fromkeys(REJECTED, "x") | {"position": 3}
    write_table(pl.DataFrame(predicted, PREDICTIONS), folder / "predictions.parquet")
    write_table(pl.DataFrame(scores, EVALUATION), folder / "evaluation.parquet")
    write_table(pl.DataFrame([rejected], REJECTED), folder / "rejected.parquet")
    RelationVocabulary.of_relations(NAMES, NAMES).save(folder / "relations.json")
    record(totals("distant", {"labels": 2}), folder / "distant.parquet", run="r", time=NOON)
    return WarehouseTables(
        raw_documents=[folder / "train.parquet", folder / "unlabelled.parquet"],
        annotated_documents=[folder / "train.parquet"],
        distant_documents=[folder / "shard-000.parquet", folder / "shard-001.parquet"],
        predictions=[folder / "predictions.parquet"],
        evaluation=folder / "evaluation.parquet",
        rejected=[folder / "rejected.parquet"],
        relations=folder / "relations.json",
        statistics=[folder / "distant.parquet"],
    )


@pytest.fixture
def tables(tmp_path: Path) -> WarehouseTables:
    return write_tables(tmp_path)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A warehouse that tests only read."""
    folder = tmp_path_factory.mktemp("served")
    build_warehouse(folder / "warehouse.duckdb", write_tables(folder), {"finetuned_model": "1a2b"})
    return folder / "warehouse.duckdb"


@pytest.fixture
def warehouse(tmp_path: Path, tables: WarehouseTables) -> Path:
    build_warehouse(tmp_path / "warehouse.duckdb", tables)
    return tmp_path / "warehouse.duckdb"


def ask(path: Path, query: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(path, read_only=True) as connection:
        return connection.execute(query).fetchall()


def test_rows_are_counted_by_table(tmp_path: Path, tables: WarehouseTables) -> None:
    assert build_warehouse(tmp_path / "warehouse.duckdb", tables) == {
        "documents": 3,
        "sentences": 7,
        "entities": 6,
        "mentions": 10,
        "labels": 4,
        "predictions": 3,
        "evaluation": 3,
        "relations": 3,
        "rejected_documents": 1,
        "provenance": 0,
        "quality_statistics": 1,
        "model_history": 0,
    }


@pytest.mark.parametrize(
    ("query", "answer"),
    [
        (
            "FROM documents ORDER BY doc_id",
            [
                ("ada", "Ada's life", "train", TEXT, 3, 3, 6, 2),
                ("bare", "Bare", "train", "Nothing", 1, 0, 0, 0),
                ("far", "Far", "unlabelled", TEXT, 3, 3, 6, 2),
            ],
        ),
        (
            "FROM sentences WHERE doc_id = 'ada' ORDER BY sentence",
            [
                ("ada", 0, "Ada left Arden", 3),
                ("ada", 1, "Arden is in Esk", 4),
                ("ada", 2, "She returned", 2),
            ],
        ),
        (
            "FROM entities WHERE doc_id = 'ada' ORDER BY entity",
            [
                ("ada", 0, "Ada", "PER", 2),
                ("ada", 1, "Arden", "LOC", 2),
                ("ada", 2, "Esk", "LOC", 1),
            ],
        ),
        (
            "FROM mentions WHERE doc_id = 'ada' AND entity = 0 ORDER BY sentence",
            [("ada", 0, "Ada", 0, 0, 1), ("ada", 0, "She", 2, 0, 1)],
        ),
        (
            "FROM labels WHERE relation = 'P19' ORDER BY doc_id",
            [
                ("ada", 0, 1, "Ada", "Arden", "P19", "place of birth", [0], "annotated"),
                ("far", 0, 1, "Ada", "Arden", "P19", "place of birth", [], "distant"),
            ],
        ),
        (
            "SELECT head_name, relation_name, tail_name, score FROM predictions ORDER BY score",
            [
                ("Ada", "country", "Esk", 0.625),
                ("Ada", "place of birth", "Arden", 0.75),
                ("Ada", "place of birth", "Arden", 0.875),
            ],
        ),
        (
            "FROM facts ORDER BY documents DESC",
            [
                ("Ada", "place of birth", "Arden", "P19", 2, 0.875, 0.8125),
                ("Ada", "country", "Esk", "P17", 1, 0.625, 0.625),
            ],
        ),
        ("SELECT doc_id, head, tail, relation FROM new_facts", [("far", 0, 2, "P17")]),
        (
            "SELECT doc_id, sentence, text FROM supporting_sentences ORDER BY doc_id",
            [("ada", 0, "Ada left Arden"), ("far", 0, "Ada left Arden")],
        ),
        (
            "FROM label_counts",
            [("P17", "country", 1, 1, 1), ("P19", "place of birth", 1, 1, 2)],
        ),
        (
            "SELECT model, f1, ign_f1 FROM scores ORDER BY model",
            [("student", 0.75, None), ("teacher", 0.5, 0.25)],
        ),
        ("FROM relations WHERE column_index = 0", [("Na", 0, "Na")]),
        ("SELECT position, remedy FROM rejected_documents", [(3, "x")]),
        ("FROM provenance", [("finetuned_model", "1a2b")]),
    ],
)
def test_answers(served: Path, query: str, answer: list[tuple[Any, ...]]) -> None:
    assert ask(served, query) == answer


def test_every_table_view_and_column_of_a_table_has_a_comment(served: Path) -> None:
    for function, condition in [
        ("duckdb_tables()", "true"),
        ("duckdb_views()", "NOT internal"),
        ("duckdb_columns()", "table_name IN (SELECT table_name FROM duckdb_tables())"),
    ]:
        query = f"FROM {function} WHERE comment IS NULL AND NOT internal AND {condition}"
        assert ask(served, query) == []


def test_a_reader_keeps_the_old_warehouse(warehouse: Path, tables: WarehouseTables) -> None:
    reader = (
        "import sys, duckdb; c = duckdb.connect(sys.argv[1], read_only=True); print('open'); "
        "sys.stdout.flush(); sys.stdin.readline(); "
        "print(c.execute('SELECT count(*) FROM predictions').fetchall()[0][0])"
    )
    with subprocess.Popen(
        [sys.executable, "-c", reader, warehouse],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "open\n"
        write_table(PREDICTIONS.to_frame(), tables.predictions[0])
        build_warehouse(warehouse, tables)
        assert process.communicate("\n", timeout=60)[0] == "3\n"
    assert ask(warehouse, "SELECT count(*) FROM predictions") == [(0,)]


def test_whoever_opens_it_during_swaps_sees_one_of_them_whole(
    warehouse: Path, tables: WarehouseTables
) -> None:
    reader = (
        "import sys, duckdb, select\n"
        "def counted():\n"
        "    with duckdb.connect(sys.argv[1], read_only=True) as c:\n"
        "        return c.execute('SELECT count(*) FROM predictions').fetchall()[0][0]\n"
        "print(counted(), flush=True)\n"
        "seen = set()\n"
        "while not select.select([sys.stdin], [], [], 0)[0]: seen.add(counted())\n"
        "print(seen <= {3, 6}, counted())"
    )
    with subprocess.Popen(
        [sys.executable, "-c", reader, warehouse],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "3\n"
        for times in (2, 1, 2):
            build_warehouse(warehouse, replace(tables, predictions=tables.predictions * times))
        assert process.communicate("\n", timeout=60)[0] == "True 6\n"


def test_a_failure_leaves_the_old_warehouse_and_nothing_else(
    warehouse: Path, tables: WarehouseTables
) -> None:
    before = sorted(warehouse.parent.iterdir())
    pl.DataFrame({"doc_id": ["ada"]}).write_parquet(tables.predictions[0])
    with pytest.raises(duckdb.Error, match="title"):
        build_warehouse(warehouse, tables)
    assert sorted(warehouse.parent.iterdir()) == before
    assert ask(warehouse, "SELECT count(*) FROM predictions") == [(3,)]


def test_missing_files_are_named(tmp_path: Path, tables: WarehouseTables) -> None:
    wrong = {
        f"{kind}, found no file at all": replace(tables, **{kind: []})
        for kind in ("distant_documents", "predictions", "rejected")
    } | {
        rf"files of {kind}, found no .*gone\.parquet": replace(
            tables, **{kind: [tmp_path / "gone.parquet"]}
        )
        for kind in ("predictions", "rejected", "new_documents")
    }
    for told, without in wrong.items():
        with pytest.raises(FileNotFoundError, match=told):
            build_warehouse(tmp_path / "warehouse.duckdb", without)


def test_paths_are_taken_as_they_are(tmp_path: Path, tables: WarehouseTables) -> None:
    odd = tmp_path / "it's [here]"
    odd.mkdir()
    moved = tables.predictions[0].rename(odd / "predictions.parquet")
    rows = build_warehouse(odd / "warehouse.duckdb", replace(tables, predictions=[moved]))
    assert rows["predictions"] == 3


def test_statistics_of_runs_are_a_table(served: Path) -> None:
    query = "SELECT run, stage, statistic, relation, value FROM quality_statistics"
    assert ask(served, query) == [("r", "distant", "labels", None, 2.0)]


def test_before_any_check_has_run_that_table_is_empty(
    tmp_path: Path, tables: WarehouseTables
) -> None:
    build_warehouse(tmp_path / "warehouse.duckdb", replace(tables, statistics=[]))
    assert ask(tmp_path / "warehouse.duckdb", "SELECT * FROM quality_statistics") == []


def test_documents_that_arrived_stand_beside_those_of_the_corpus(
    tmp_path: Path, tables: WarehouseTables
) -> None:
    arrived = [tmp_path / "arrived.parquet", tmp_path / "arrived-later.parquet"]
    write_documents([NEW], arrived[0], Split.NEW)
    write_documents([], arrived[1], Split.NEW)
    found = [prediction("new", 0, 1, "P19", 0.5) | {"doc_id": NEW.doc_id}]
    write_table(pl.DataFrame(found, PREDICTIONS), tmp_path / "found.parquet")
    rejected = dict.fromkeys(REJECTED, "y") | {"position": 7}
    write_table(pl.DataFrame([rejected], REJECTED), tmp_path / "bad.parquet")
    before = build_warehouse(tmp_path / "before.duckdb", tables)
    more = replace(
        tables,
        new_documents=arrived,
        predictions=[*tables.predictions, tmp_path / "found.parquet"],
        rejected=[*tables.rejected, tmp_path / "bad.parquet"],
    )
    after = build_warehouse(tmp_path / "after.duckdb", more)
    grown = {"documents": 1, "sentences": 3, "entities": 3, "mentions": 5}
    grown |= {"predictions": 1, "rejected_documents": 1}
    assert after == {name: rows + grown.get(name, 0) for name, rows in before.items()}
    for table, key in [("documents", "split"), ("supporting_sentences", "text")]:
        query = f"SELECT {key} FROM {table} WHERE doc_id = '{NEW.doc_id}'"
        assert ask(tmp_path / "after.duckdb", query) == [
            ({"split": "new", "text": "Ada left Arden"}[key],)
        ]


def test_the_history_of_models_is_a_table_in_its_order(
    tmp_path: Path, tables: WarehouseTables
) -> None:
    rows = [
        dict.fromkeys(MODEL_HISTORY) | told
        for told in (
            {"time": NOON, "event": "promoted", "version": "b" * 16, "dev_f1": 0.5},
            {"time": NOON, "event": "refused", "version": "a" * 16, "champion": "b" * 16},
        )
    ]
    write_table(pl.DataFrame(rows, MODEL_HISTORY), tmp_path / "model_history.parquet")
    told = replace(tables, model_history=tmp_path / "model_history.parquet")
    build_warehouse(tmp_path / "warehouse.duckdb", told)
    query = "SELECT time = '2026-11-24 12:00+00', event, dev_f1, champion FROM model_history"
    assert ask(tmp_path / "warehouse.duckdb", query) == [
        (True, "promoted", 0.5, None),
        (True, "refused", None, "b" * 16),
    ]


@pytest.mark.parametrize("name", [None, "not there.parquet"])
def test_before_a_model_was_judged_that_table_is_empty(
    tmp_path: Path, tables: WarehouseTables, name: str | None
) -> None:
    path = None if name is None else tmp_path / name
    build_warehouse(tmp_path / "warehouse.duckdb", replace(tables, model_history=path))
    columns = ask(tmp_path / "warehouse.duckdb", "DESCRIBE model_history")
    assert [column[0] for column in columns] == list(MODEL_HISTORY)
    assert ask(tmp_path / "warehouse.duckdb", "FROM model_history") == []
