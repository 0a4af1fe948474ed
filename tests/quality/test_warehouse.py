"""The warehouse: what its tables and views answer, that they fit, and that it is swapped whole."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

from corpus.knowledge_base import normalized
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
from quality import integrity
from quality.history import record
from quality.statistics import totals
from quality.training_history import TrainedModel, training_history
from quality.warehouse import build_warehouse
from quality.warehouse_tables import WarehouseTables

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
SHOUTED = replace(
    ADA,
    doc_id="shouted",
    title="Shouted",
    entities=(Entity("PER", (Mention("ADA", 0, 0, 1),)), *ADA.entities[1:]),
    labels=None,
)
"""Nobody has labelled it, and it writes a name otherwise."""
FAR = replace(ADA, doc_id="far", title="Far", labels=None)
NEW = replace(ADA, doc_id="new-1a2b3c4d/new", title="New", labels=None)
NAMES = {"P17": "country", "P19": "place of birth"}


def prediction(
    document: Document, cell: tuple[int, int, str], probability: float, *evidence: int, **other: Any
) -> dict[str, Any]:
    head, tail, relation = cell
    return {
        "doc_id": document.doc_id,
        "title": document.title,
        "head": head,
        "tail": tail,
        "head_name": document.entities[head].name,
        "tail_name": document.entities[tail].name,
        "relation": relation,
        "relation_name": NAMES[relation],
        "margin": 2.5,
        "probability": probability,
        "rank": 1,
        "evidence": list(evidence),
        "model_version": "2" * 16,
    } | other


PREDICTED = [
    prediction(ADA, (0, 1, "P19"), 0.75, 0),
    prediction(FAR, (0, 1, "P19"), 0.875, 0, 2),
    prediction(FAR, (0, 2, "P17"), 0.625, 1, rank=2),
    prediction(SHOUTED, (0, 1, "P19"), 0.5),
]
FORMERLY = [
    prediction(ADA, (0, 1, "P19"), 0.25, 0, model_version="1" * 16),
    prediction(FAR, (1, 2, "P17"), 0.375, model_version="1" * 16),
    prediction(replace(FAR, doc_id="gone"), (0, 1, "P19"), 0.5, model_version="1" * 16),
]


def write_predictions(rows: list[dict[str, Any]], path: Path) -> Path:
    write_table(pl.DataFrame(rows, PREDICTIONS), path)
    return path


def scores() -> pl.DataFrame:
    rows = [
        ("teacher", "dev", "all", None, "f1", 0.5, 0.25, 0.75),
        ("teacher", "dev", "all", None, "ign_f1_annotated", 0.25, None, None),
        ("teacher", "dev", "long_tail", None, "f1", 0.125, None, None),
        ("teacher", "dev", "relation", "P19", "f1", 0.625, None, None),
        ("teacher", "dev", "relation", "P19", "precision", 0.875, 0.75, 1.0),
        ("teacher", "dev", "relation", "P19", "gold", 8.0, None, None),
        ("student", "dev", "all", None, "f1", 0.75, 0.5, 1.0),
    ]
    return pl.DataFrame(rows, EVALUATION, orient="row")


def trained(folder: Path) -> TrainedModel:
    epochs = [
        {"number": 1, "loss": 3.0, "terms": {"hard": 3.0}, "dev_f1": 0.5, "seconds": 9.0},
        {"number": 2, "loss": 2.0, "terms": {"hard": 1.5, "soft": 0.5}, "dev_f1": None}
        | {"seconds": 18.0},
    ]
    metrics = {"epochs": epochs, "kept": 2, "weights": 7, "mixture": {"start_share": 0.2}}
    (folder / "metrics.json").write_text(json.dumps(metrics))
    return TrainedModel("student", "5" * 16, folder / "metrics.json")


def write_tables(folder: Path) -> WarehouseTables:
    labelled = replace(FAR, labels=(Label(0, 1, "P19"), Label(1, 2, "P17")))
    write_documents([ADA, BARE], folder / "train.parquet", Split.TRAIN)
    write_documents([FAR, SHOUTED], folder / "unlabelled.parquet", Split.UNLABELLED)
    write_documents([labelled], folder / "shard-000.parquet", Split.UNLABELLED)
    write_documents([], folder / "shard-001.parquet", Split.UNLABELLED)
    rejected = dict.fromkeys(REJECTED, "x") | {"position": 3}
    write_table(scores(), folder / "evaluation.parquet")
    write_table(pl.DataFrame([rejected], REJECTED), folder / "rejected.parquet")
    RelationVocabulary.of_relations(NAMES, NAMES).save(folder / "relations.json")
    record(totals("distant", {"labels": 2}), folder / "distant.parquet", run="r", time=NOON)
    return WarehouseTables(
        raw_documents=[folder / "train.parquet", folder / "unlabelled.parquet"],
        annotated_documents=[folder / "train.parquet"],
        distant_documents=[folder / "shard-000.parquet", folder / "shard-001.parquet"],
        predictions=[write_predictions(PREDICTED, folder / "predictions.parquet")],
        former_predictions=write_predictions(FORMERLY, folder / "former.parquet"),
        evaluation=folder / "evaluation.parquet",
        rejected=[folder / "rejected.parquet"],
        relations=folder / "relations.json",
        statistics=[folder / "distant.parquet"],
        trained=[trained(folder)],
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
        "documents": 4,
        "sentences": 10,
        "entities": 9,
        "mentions": 14,
        "labels": 4,
        "predictions": 4,
        "former_predictions": 3,
        "facts": 2,
        "evaluation": 7,
        "relations": 3,
        "rejected_documents": 1,
        "provenance": 0,
        "quality_statistics": 1,
        "training_history": 2,
        "model_history": 0,
    }


@pytest.mark.parametrize(
    ("query", "answer"),
    [
        (
            "FROM documents ORDER BY doc_id",
            [
                ("ada", "Ada's life", "train", "annotated", TEXT, 3, 3, 6, 2, 1, 1),
                ("bare", "Bare", "train", "annotated", "Nothing", 1, 0, 0, 0, 0, 0),
                ("far", "Far", "unlabelled", "distant", TEXT, 3, 3, 6, 2, 2, 1),
                ("shouted", "Shouted", "unlabelled", None, TEXT, 3, 3, 6, 0, 1, 0),
            ],
        ),
        (
            "FROM sentences WHERE doc_id = 'ada' ORDER BY sentence",
            [
                ("ada", 0, "Ada left Arden", 3, ["Ada", "left", "Arden"]),
                ("ada", 1, "Arden is in Esk", 4, ["Arden", "is", "in", "Esk"]),
                ("ada", 2, "She returned", 2, ["She", "returned"]),
            ],
        ),
        (
            "FROM entities WHERE doc_id = 'shouted' ORDER BY entity",
            [
                ("shouted", 0, "ADA", "ada", "PER", 1),
                ("shouted", 1, "Arden", "arden", "LOC", 2),
                ("shouted", 2, "Esk", "esk", "LOC", 1),
            ],
        ),
        (
            "FROM mentions WHERE doc_id = 'ada' AND entity = 0 ORDER BY sentence",
            [("ada", 0, "Ada", 0, 0, 1), ("ada", 0, "She", 2, 0, 1)],
        ),
        (
            "FROM labels ORDER BY doc_id, head",
            [
                ("ada", 0, 1, "Ada", "P19", "place of birth", "Arden", [0], "annotated", 0.75),
                ("ada", 1, 2, "Arden", "P17", "country", "Esk", [], "annotated", None),
                ("far", 0, 1, "Ada", "P19", "place of birth", "Arden", [], "distant", 0.875),
                ("far", 1, 2, "Arden", "P17", "country", "Esk", [], "distant", None),
            ],
        ),
        (
            """SELECT head_name, relation_name, tail_name, probability, margin, rank, evidence,
            origin, former_probability, model_version FROM predictions ORDER BY doc_id, rank""",
            [
                ("Ada", "place of birth", "Arden", 0.75, 2.5, 1, [0], "annotated", 0.25, "2" * 16),
                (
                    "Ada",
                    "place of birth",
                    "Arden",
                    0.875,
                    2.5,
                    1,
                    [0, 2],
                    "distant",
                    None,
                    "2" * 16,
                ),
                ("Ada", "country", "Esk", 0.625, 2.5, 2, [1], "new", None, "2" * 16),
                ("ADA", "place of birth", "Arden", 0.5, 2.5, 1, [], "new", None, "2" * 16),
            ],
        ),
        (
            """SELECT doc_id, head, tail, probability, present_probability FROM former_predictions
            ORDER BY doc_id""",
            [("ada", 0, 1, 0.25, 0.75), ("far", 1, 2, 0.375, None), ("gone", 0, 1, 0.5, None)],
        ),
        (
            "SELECT * EXCLUDE (relation, relation_name) FROM facts ORDER BY support DESC",
            [
                (
                    *("Ada", "Arden", 3, 0.875, 1 - 0.25 * 0.125 * 0.5, "annotated"),
                    *(["far", "ada", "shouted"], "ada", "arden"),
                ),
                ("Ada", "Esk", 1, 0.625, 0.625, "new", ["far"], "ada", "esk"),
            ],
        ),
        (
            "SELECT doc_id, head, tail, relation FROM new_facts ORDER BY doc_id",
            [("far", 0, 2, "P17"), ("shouted", 0, 1, "P19")],
        ),
        (
            """SELECT doc_id, tail_name, sentence, text FROM supporting_sentences
            ORDER BY doc_id, probability DESC, sentence""",
            [
                ("ada", "Arden", 0, "Ada left Arden"),
                ("far", "Arden", 0, "Ada left Arden"),
                ("far", "Arden", 2, "She returned"),
                ("far", "Esk", 1, "Arden is in Esk"),
            ],
        ),
        (
            """SELECT doc_id, head, tail, relation, kind, source, probability FROM disagreements
            ORDER BY doc_id, kind""",
            [
                ("ada", 1, 2, "P17", "missed", "annotated", None),
                ("far", 1, 2, "P17", "missed", "distant", None),
                ("far", 0, 2, "P17", "unlabelled", "distant", 0.625),
            ],
        ),
        (
            """SELECT doc_id, head, tail, change, former_probability, probability, document_before
            FROM changes ORDER BY doc_id, head, tail""",
            [
                ("ada", 0, 1, "kept", 0.25, 0.75, True),
                ("far", 0, 1, "gained", None, 0.875, True),
                ("far", 0, 2, "gained", None, 0.625, True),
                ("far", 1, 2, "lost", 0.375, None, True),
                ("shouted", 0, 1, "gained", None, 0.5, False),
            ],
        ),
        (
            "FROM label_counts",
            [("P17", "country", 1, 1, 1), ("P19", "place of birth", 1, 1, 3)],
        ),
        (
            "SELECT model, f1, f1_low, f1_high, ign_f1, f1_long_tail FROM scores ORDER BY model",
            [("student", 0.75, 0.5, 1.0, None, None), ("teacher", 0.5, 0.25, 0.75, 0.25, 0.125)],
        ),
        (
            "SELECT model, relation_name, f1, precision, precision_low, gold FROM relation_scores",
            [("teacher", "place of birth", 0.625, 0.875, 0.75, 8)],
        ),
        (
            "FROM training_history ORDER BY epoch",
            [
                ("student", "5" * 16, 1, 3.0, {"hard": 3.0}, 0.5, 9.0, False, None),
                ("student", "5" * 16, 2, 2.0, {"hard": 1.5, "soft": 0.5}, None, 18.0, True, 0.2),
            ],
        ),
        ("FROM relations WHERE column_index = 0", [("Na", 0, "Na")]),
        ("SELECT position, remedy FROM rejected_documents", [(3, "x")]),
        ("FROM provenance", [("finetuned_model", "1a2b")]),
    ],
)
def test_answers(served: Path, query: str, answer: list[tuple[Any, ...]]) -> None:
    assert ask(served, query) == answer


def test_names_are_compared_as_those_of_a_knowledge_base(
    tmp_path: Path, tables: WarehouseTables
) -> None:
    names = ["Straße", "STRASSE", "A , b", "a, B", "İs", "東 京", "東京", " x\u00a0y ", "X y"]
    documents = [
        replace(ADA, doc_id=f"{n}", entities=(Entity("PER", (Mention(name, 0, 0, 1),)),) * 2)
        for n, name in enumerate(names)
    ]
    write_documents(documents, tmp_path / "odd.parquet", Split.DISTANT)
    found = [prediction(document, (0, 1, "P17"), 0.5) for document in documents]
    odd = replace(
        tables,
        raw_documents=[*tables.raw_documents, tmp_path / "odd.parquet"],
        predictions=[*tables.predictions, write_predictions(found, tmp_path / "found.parquet")],
    )
    build_warehouse(tmp_path / "warehouse.duckdb", odd)
    spelt = pl.DataFrame({"name": names}).with_columns(key=normalized(pl.col("name")))
    groups = spelt.group_by("key").agg(pl.len(), pl.col("name").sort()).sort("key")
    assert groups.height < len(names)
    query = "SELECT head_key, support, list_sort(documents) FROM facts WHERE relation = 'P17'"
    facts = {key: (n, documents) for key, n, documents in ask(tmp_path / "warehouse.duckdb", query)}
    del facts["ada"]
    assert facts == {
        key: (n, sorted(str(names.index(name)) for name in spellings))
        for key, n, spellings in groups.iter_rows()
    }


def test_a_fact_counts_a_document_once_and_is_shown_as_it_is_mostly_spelt(
    tmp_path: Path, tables: WarehouseTables
) -> None:
    twice = replace(SHOUTED, entities=(*SHOUTED.entities, SHOUTED.entities[0]))
    write_documents([FAR, twice], tables.raw_documents[1], Split.UNLABELLED)
    found = [
        prediction(twice, (0, 1, "P19"), 0.5),
        prediction(twice, (3, 1, "P19"), 0.75),
        prediction(FAR, (0, 1, "P19"), 0.25),
    ]
    write_predictions(found, tables.predictions[0])
    build_warehouse(tmp_path / "warehouse.duckdb", tables)
    query = "SELECT head_name, support, best, noisy_or, documents FROM facts"
    told = [("ADA", 2, 0.75, 1 - 0.25 * 0.75, ["shouted", "far"])]
    assert ask(tmp_path / "warehouse.duckdb", query) == told


def test_certainty_stays_certainty(tmp_path: Path, tables: WarehouseTables) -> None:
    found = [prediction(ADA, (0, 1, "P19"), 1.0), prediction(FAR, (0, 1, "P19"), 0.5)]
    write_predictions(found, tables.predictions[0])
    build_warehouse(tmp_path / "warehouse.duckdb", tables)
    assert ask(tmp_path / "warehouse.duckdb", "SELECT noisy_or FROM facts") == [(1.0,)]


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ([prediction(ADA, (0, 1, "P19"), 0.5)] * 2, "each triple of a document once, found 1 rows"),
        ([prediction(replace(ADA, doc_id="gone"), (0, 1, "P19"), 0.5)], "document 'gone'"),
        ([prediction(ADA, (0, 1, "P19"), 0.5, tail=3)], "different entities"),
        ([prediction(ADA, (0, 1, "P19"), 0.5, tail=0)], "different entities"),
        ([prediction(ADA, (0, 1, "P19"), 0.5, 3)], "evidence"),
        ([prediction(ADA, (0, 1, "P19"), 0.5, relation="P1")], "relations of the vocabulary"),
    ],
)
def test_rows_that_refer_to_nothing_or_stand_twice_are_told(
    warehouse: Path, tables: WarehouseTables, rows: list[dict[str, Any]], told: str
) -> None:
    write_predictions(rows, tables.predictions[0])
    with pytest.raises(ValueError, match=rf"expected in predictions .*{told}.*materialize pred"):
        build_warehouse(warehouse, tables)
    assert ask(warehouse, "SELECT count(*) FROM predictions") == [(4,)]


def test_two_documents_of_one_name_are_told(warehouse: Path, tables: WarehouseTables) -> None:
    twice = replace(tables, new_documents=[tables.raw_documents[0]])
    told = r"expected in documents each document once, .*'ada'.*materialize raw_documents and new_"
    with pytest.raises(ValueError, match=told):
        build_warehouse(warehouse, twice)
    assert ask(warehouse, "SELECT count(*) FROM predictions") == [(4,)]


def test_former_predictions_that_stand_twice_are_told(
    warehouse: Path, tables: WarehouseTables
) -> None:
    assert tables.former_predictions is not None
    write_predictions([FORMERLY[0]] * 2, tables.former_predictions)
    told = r"expected in former_predictions each triple of a document once.*'ada'.*remove the table"
    with pytest.raises(ValueError, match=told):
        build_warehouse(warehouse, tables)


def test_the_keys_of_small_tables_are_declared(served: Path) -> None:
    query = """SELECT table_name, constraint_column_names FROM duckdb_constraints()
    WHERE constraint_type = 'PRIMARY KEY' ORDER BY 1"""
    assert ask(served, query) == [
        ("documents", ["doc_id"]),
        ("provenance", ["name"]),
        ("relations", ["relation"]),
        ("training_history", ["model", "epoch"]),
    ]


def test_no_column_is_described_twice() -> None:
    """The second comment would silently take the place of the first."""
    files = Path(integrity.__file__).with_name("sql").glob("*.sql")
    described = [
        target for file in files for target in re.findall(r"COMMENT ON (.+?) IS", file.read_text())
    ]
    assert len(described) > 150
    assert sorted(set(described)) == sorted(described)


def test_the_first_version_has_changed_nothing(tmp_path: Path, tables: WarehouseTables) -> None:
    build_warehouse(tmp_path / "warehouse.duckdb", replace(tables, former_predictions=None))
    assert ask(tmp_path / "warehouse.duckdb", "FROM changes") == []
    described = ask(tmp_path / "warehouse.duckdb", "DESCRIBE former_predictions")
    assert set(PREDICTIONS) < {column[0] for column in described}


def test_a_checkpoint_of_before_epochs_were_called_kept_is_told(tables: WarehouseTables) -> None:
    now = training_history(tables.trained)
    metrics = json.loads(tables.trained[0].metrics.read_text())
    metrics["best"] = metrics.pop("kept")
    tables.trained[0].metrics.write_text(json.dumps(metrics))
    assert training_history(tables.trained).equals(now)
    assert now["kept"].to_list() == [False, True]


@pytest.mark.parametrize("mixture", [None, "absent"])
def test_a_model_without_a_mixture_has_no_share_of_its_start(
    tables: WarehouseTables, mixture: str | None
) -> None:
    metrics = json.loads(tables.trained[0].metrics.read_text())
    metrics["mixture"] = mixture
    if mixture == "absent":
        del metrics["mixture"]
    tables.trained[0].metrics.write_text(json.dumps(metrics))
    assert training_history(tables.trained)["start_share"].to_list() == [None, None]


def test_a_training_that_tells_something_else_is_named(
    tmp_path: Path, tables: WarehouseTables
) -> None:
    tables.trained[0].metrics.write_text('{"epochs": [{"number": 1}], "kept": 1}')
    with pytest.raises(ValueError, match=r"metrics\.json: expected the epochs of a training"):
        build_warehouse(tmp_path / "warehouse.duckdb", tables)


def test_every_table_and_view_and_each_of_their_columns_has_a_comment(served: Path) -> None:
    for function in ("duckdb_tables()", "duckdb_views()", "duckdb_columns()"):
        assert ask(served, f"FROM {function} WHERE comment IS NULL AND NOT internal") == []
    ((columns,),) = ask(served, "SELECT count(*) FROM duckdb_columns() WHERE NOT internal")
    assert columns > 150


def test_older_programs_can_open_it(served: Path) -> None:
    query = "SELECT tags['storage_version'] FROM duckdb_databases() WHERE NOT internal"
    assert ask(served, query) == [("v1.2.0+",)]


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
        assert process.communicate("\n", timeout=60)[0] == "4\n"
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
        "print(seen <= {1, 4}, counted())"
    )
    with subprocess.Popen(
        [sys.executable, "-c", reader, warehouse],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "4\n"
        for rows in (1, 4, 1):
            write_predictions(PREDICTED[:rows], tables.predictions[0])
            build_warehouse(warehouse, tables)
        assert process.communicate("\n", timeout=60)[0] == "True 1\n"


def test_a_failure_leaves_the_old_warehouse_and_nothing_else(
    warehouse: Path, tables: WarehouseTables
) -> None:
    before = sorted(warehouse.parent.iterdir())
    pl.DataFrame({"doc_id": ["ada"]}).write_parquet(tables.predictions[0])
    with pytest.raises(duckdb.Error, match="head_name"):
        build_warehouse(warehouse, tables)
    assert sorted(warehouse.parent.iterdir()) == before
    assert ask(warehouse, "SELECT count(*) FROM predictions") == [(4,)]


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
    assert rows["predictions"] == 4


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
    write_predictions([prediction(NEW, (0, 1, "P19"), 0.5, 0)], tmp_path / "found.parquet")
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
    changed = f"FROM changes WHERE doc_id = '{NEW.doc_id}'"
    assert ask(tmp_path / "after.duckdb", changed) == [], "the version before was not asked"


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
