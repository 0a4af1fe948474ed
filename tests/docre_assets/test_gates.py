"""What is wrong is told, and nothing is built upon it."""

import shutil

import dagster as dg
import numpy as np
import polars as pl
import pytest
from little_corpus import article, labels, write_corpus
from safetensors.numpy import load_file, save_file

from corpus.artefacts import write_json
from corpus.schema import Split
from corpus.tables import write_table
from docre_assets.__main__ import is_error
from docre_assets.checks import CHECKS
from resources.storage import Storage

pytest_plugins = ["little_places"]

CORPUS = ("raw_documents", "knowledge_base", "annotated_documents", "distant_documents")


def _failed(result: dg.ExecuteInProcessResult) -> dict[str, dg.AssetCheckEvaluation]:
    return {c.check_name: c for c in result.get_asset_check_evaluations() if is_error(c)}


def _made(result: dg.ExecuteInProcessResult) -> set[str]:
    return {e.asset_key.to_user_string() for e in result.get_asset_materialization_events()}


def _problems(check: dg.AssetCheckEvaluation) -> list[dict[str, str]]:
    return [record.data for record in check.metadata["first_problems"].records]


def test_a_failing_check_stops_what_is_downstream(workplace):
    leaked = article(20)
    write_corpus(workplace.corpus, train_annotated=[leaked, *map(article, range(8))])
    result = workplace.distil()
    assert not result.success
    assert set(_failed(result)) == {"splits_disjoint"}
    assert "annotated_documents" in _made(result)
    assert not {"teacher_model", "soft_labels", "finetuned_model", "warehouse"} & _made(result)
    (problem,) = _problems(_failed(result)["splits_disjoint"])
    assert "Person20 of City20" in problem["where"]
    assert problem["found"] == "train and dev"
    assert problem["expected"] == "one split"
    assert problem["remedy"]


def test_at_most_ten_problems_are_shown_and_all_are_counted(workplace):
    training = list(map(article, range(14)))
    write_corpus(workplace.corpus, train_annotated=training, dev=training)
    check = _failed(workplace.distil("raw_documents", "annotated_documents"))["splits_disjoint"]
    assert len(_problems(check)) == 10
    assert check.metadata["problems"].value >= 14


def test_without_distant_documents_the_run_says_what_is_missing(workplace):
    write_corpus(workplace.corpus)
    (workplace.corpus / "unlabelled.json").unlink()
    result = workplace.distil("raw_documents", "knowledge_base", "distant_documents")
    failure = result.failure_data_for_node("distant_documents")
    message = failure.error.cause.message
    assert "expected distantly labelled or unlabelled documents, found none" in message
    assert "unlabelled.json" in message
    assert not workplace.storage.distant_documents.exists()


def test_without_test_labels_dev_is_scored_and_the_submission_written(workplace):
    write_corpus(workplace.corpus, test=[article(n, labelled=False) for n in (30, 31)])
    result = workplace.distil(**{"teacher.training.epochs": 1, "student.training.epochs": 1})
    assert result.success
    assert set(pl.read_parquet(workplace.storage.scores)["split"]) == {"dev"}
    assert workplace.storage.submission.is_file()


def test_facts_come_from_annotations_where_no_knowledge_base_is_given(workplace):
    distant = [article(n, labelled=False) for n in range(8)]
    distant = [d | {"title": f"More on {d['title']}"} for d in distant]
    write_corpus(workplace.corpus, unlabelled=distant)
    (workplace.corpus / "knowledge_base.json").unlink()
    assert workplace.distil(*CORPUS).success
    shards = pl.read_parquet(workplace.storage.distant_documents / "*.parquet")
    assert shards["labels"].list.len().to_list() == [len(labels())] * 8


def test_facts_of_relations_that_no_column_has_are_left_out_and_counted(workplace):
    known = [["Person100", "City100", "P19"], ["Person101", "City101", "P19"]]
    write_corpus(workplace.corpus, knowledge_base=[*known, ["Person102", "City102", "P999"]])
    result = workplace.distil(*CORPUS)
    assert result.success
    (made,) = result.asset_materializations_for_node("knowledge_base")
    metadata = made.metadata
    assert metadata["dagster/row_count"].value == 2
    assert metadata["left_out_of_unknown_relations"].value == 1


@pytest.fixture
def spoilt(distilled, tmp_path) -> Storage:
    """A copy of good artefacts, to be spoilt."""
    shutil.copytree(distilled[0].storage.folder, tmp_path / "artefacts")
    return Storage(root=str(tmp_path / "artefacts"))


def _check(name: str, asset: str, storage: Storage) -> dg.AssetCheckResult:
    (check,) = (
        c
        for c in CHECKS
        for key in c.check_keys
        if key.name == name and key.asset_key.to_user_string() == asset
    )
    return check(storage=storage)


def _without_last_word(storage: Storage) -> None:
    documents = pl.read_parquet(storage.raw(Split.TRAIN))
    shorter = pl.col("sentences").list.eval(pl.element().list.head(2))
    write_table(documents.with_columns(shorter), storage.raw(Split.TRAIN))


def _without_labels(storage: Storage) -> None:
    documents = pl.read_parquet(storage.annotated(Split.DEV))
    unlabelled = documents.with_columns(labels=pl.lit(None, documents.schema["labels"]))
    write_table(unlabelled, storage.annotated(Split.DEV))


def _with_unknown_relations(storage: Storage) -> None:
    path = storage.distant("shard-000")
    documents = pl.read_parquet(path)
    renamed = pl.element().struct.with_fields(relation=pl.lit("P0"))
    write_table(documents.with_columns(pl.col("labels").list.eval(renamed)), path)


def _with_an_empty_name(storage: Storage) -> None:
    triples = pl.read_parquet(storage.knowledge_base)
    write_table(triples.with_columns(head_name=pl.lit("")), storage.knowledge_base)


def _without_a_shard(storage: Storage) -> None:
    shutil.rmtree(storage.soft_label_shard("shard-001"))


def _with_another_teacher(storage: Storage) -> None:
    shutil.rmtree(storage.model("teacher"))
    shutil.copytree(storage.model("student"), storage.model("teacher"))


def _with_other_dev_documents(storage: Storage) -> None:
    dev = pl.read_parquet(storage.annotated(Split.DEV))
    renamed = pl.element().struct.with_fields(type=pl.lit("MISC"))
    changed = dev.with_columns(pl.col("entities").list.eval(renamed))
    write_table(changed, storage.annotated(Split.DEV))


def _without_dev_logits(storage: Storage) -> None:
    shutil.rmtree(storage.dev_logits("student"))


def _with_nan(storage: Storage) -> None:
    path = storage.model("teacher") / "model.safetensors"
    weights = load_file(path)
    name = max(weights, key=lambda key: weights[key].size)
    weights[name] = np.full_like(weights[name], np.nan)
    save_file(weights, path)


def _with_other_columns(storage: Storage) -> None:
    write_json({"ids": ["Na", "P1"], "names": {}}, storage.model("student") / "relations.json")


def _with_an_entity_too_many(storage: Storage) -> None:
    predictions = pl.read_parquet(storage.predictions)
    write_table(predictions.with_columns(head=pl.lit(99, pl.Int32)), storage.predictions)


def _with_a_score_that_is_no_number(storage: Storage) -> None:
    scores = pl.read_parquet(storage.scores)
    write_table(scores.with_columns(value=pl.lit(float("nan"))), storage.scores)


@pytest.mark.parametrize(
    ("spoil", "name", "asset"),
    [
        (_without_last_word, "documents_valid", "raw_documents"),
        (_with_an_empty_name, "facts_complete", "knowledge_base"),
        (_without_labels, "annotations_valid", "annotated_documents"),
        (_with_unknown_relations, "distant_labels_valid", "distant_documents"),
        (_without_a_shard, "shards_complete", "soft_labels"),
        (_with_another_teacher, "made_by_teacher", "soft_labels"),
        (_with_nan, "weights_finite", "teacher_model"),
        (_with_another_teacher, "dev_logits_current", "teacher_model"),
        (_with_other_dev_documents, "dev_logits_current", "finetuned_model"),
        (_without_dev_logits, "dev_logits_current", "student_model"),
        (_with_other_columns, "vocabulary_matches", "student_model"),
        (_with_an_entity_too_many, "predictions_valid", "predictions"),
        (_with_a_score_that_is_no_number, "scores_finite", "evaluation"),
    ],
)
def test_each_check_sees_what_it_is_for(spoilt, spoil, name, asset):
    assert _check(name, asset, spoilt).passed
    spoil(spoilt)
    result = _check(name, asset, spoilt)
    assert not result.passed
    assert result.severity is dg.AssetCheckSeverity.ERROR
    record = result.metadata["first_problems"].records[0].data
    assert set(record) == {"where", "expected", "found", "remedy"}
    assert all(record.values())
