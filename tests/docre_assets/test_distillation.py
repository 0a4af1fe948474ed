"""The whole graph on a handful of documents: all is made, checked, told and fits together."""

import base64
import json
from pathlib import Path

import dagster as dg
import polars as pl
import pytest

from corpus.artefacts import digest, read_json
from corpus.schema import DOCUMENTS, EVALUATION, PREDICTIONS, Split
from docre_assets.assets import ASSETS
from docre_assets.partitions import SHARDS

pytest_plugins = ["little_places"]

pytestmark = pytest.mark.slow

MODELS = ("teacher", "student", "finetuned")
STAGES = {"teacher": "teacher_model", "student": "student_model", "finetuned": "finetuned_model"}


@pytest.fixture(scope="module")
def workplace_made(distilled):
    return distilled[0]


@pytest.fixture(scope="module")
def storage(workplace_made):
    return workplace_made.storage


@pytest.fixture(scope="module")
def result(distilled):
    return distilled[1]


@pytest.fixture(scope="module")
def shown(result) -> dict[str, dict[str, dg.MetadataValue]]:
    """Metadata of each asset's last materialization."""
    events = [event.materialization for event in result.get_asset_materialization_events()]
    return {event.asset_key.to_user_string(): event.metadata for event in events}


def test_everything_is_made_in_one_run(result):
    assert result.success
    made = {e.asset_key.to_user_string() for e in result.get_asset_materialization_events()}
    assert made == {asset.key.to_user_string() for asset in ASSETS}


def test_all_checks_pass(result):
    checks = result.get_asset_check_evaluations()
    assert len(checks) == 37
    structural = [check for check in checks if check.check_name not in ("critical", "drift")]
    assert len(structural) == 23
    assert [check.check_name for check in structural if not check.passed] == []


def test_hard_limits_show_figures_and_numbers(result):
    shown = {
        c.asset_key.to_user_string(): c.metadata
        for c in result.get_asset_check_evaluations()
        if c.check_name == "critical"
    }
    assert len(shown) == 7
    for asset, metadata in shown.items():
        png = metadata["label_distribution"].value.partition("base64,")[2].rstrip(")")
        assert base64.b64decode(png).startswith(b"\x89PNG"), asset
        assert metadata["expectations"].value > 0
    for figure in ("agreement_with_distant_labels", "margins_to_TH", "over_runs"):
        assert "image/png" in shown["soft_labels"][figure].value
    assert "image/png" in shown["teacher_model"]["reliability_of_predictions"].value
    assert shown["soft_labels"]["cohen_kappa"].value <= 1


def test_statistics_of_the_run_are_in_the_warehouse(workplace_made, result):
    query = "SELECT run, count(DISTINCT stage) FROM quality_statistics GROUP BY run"
    with workplace_made.resources()["warehouse"].connect() as connection:
        assert connection.execute(query).fetchall() == [(result.run_id, 7)]
        query = "SELECT value FROM quality_statistics WHERE statistic = 'test_and_dev_facts_shared'"
        assert connection.execute(query).fetchall() == [(0.0,)]


def test_every_shard_is_recorded_with_its_documents(workplace_made, storage):
    key = dg.AssetKey("soft_labels")
    assert workplace_made.instance.get_materialized_partitions(key) == set(SHARDS)
    for shard in SHARDS:
        (record,) = workplace_made.instance.fetch_materializations(
            dg.AssetRecordsFilter(asset_key=key, asset_partitions=[shard]), limit=1
        ).records
        metadata = record.asset_materialization.metadata
        documents = pl.read_parquet(storage.distant(shard)).height
        assert metadata["documents"].value == documents
        assert metadata["dagster/partition_row_count"].value == 6 * documents
        assert metadata["kept"].value is False


def test_tables_tell_rows_columns_and_place(shown, storage):
    tables = {
        "raw_documents": (21, DOCUMENTS),
        "annotated_documents": (14, DOCUMENTS),
        "distant_documents": (7, DOCUMENTS),
        "evaluation": (pl.read_parquet(storage.scores).height, EVALUATION),
        "predictions": (pl.read_parquet(storage.predictions).height, PREDICTIONS),
    }
    for name, (rows, schema) in tables.items():
        metadata = shown[name]
        assert metadata["dagster/row_count"].value == rows, name
        columns = [column.name for column in metadata["dagster/column_schema"].schema.columns]
        assert columns == list(schema), name
        assert Path(metadata["dagster/uri"].value).exists()


def test_data_versions_are_digests_of_content(result, storage):
    versions = {
        event.asset_key.to_user_string(): event.materialization.tags["dagster/data_version"]
        for event in result.get_asset_materialization_events()
    }
    assert versions["raw_documents"] == digest(storage.raw_documents)
    assert versions["knowledge_base"] == digest(storage.knowledge_base)
    assert versions["predictions"] == digest(storage.predictions)
    nothing = {"distant_arrivals", "new_documents", "new_predictions"}
    assert len({versions[name] for name in nothing}) == 1, "nothing has arrived"
    assert versions.pop("production_model") == versions["finetuned_model"]
    assert len(set(versions.values())) == len(versions) - len(nothing) + 1


@pytest.mark.parametrize("asset", STAGES.values())
def test_training_is_shown_as_numbers_and_as_a_picture(shown, asset):
    metadata = shown[asset]
    assert 0 <= metadata["dev_f1"].value <= 100
    assert metadata["epochs"].value >= metadata["kept_epoch"].value >= 1
    assert metadata["weights"].value > 0
    assert ("start_share" in metadata) == (asset == "finetuned_model"), "the one stage that mixes"
    png = metadata["training_curve"].value.partition("base64,")[2].rstrip(")")
    assert base64.b64decode(png).startswith(b"\x89PNG")


@pytest.mark.parametrize("model", MODELS)
def test_every_epoch_is_observed(workplace_made, storage, model):
    records = workplace_made.instance.fetch_observations(dg.AssetKey(STAGES[model]), limit=50)
    every = [record.asset_observation.metadata for record in records.records]
    observed = [metadata for metadata in every if "epoch" in metadata]
    epochs = read_json(storage.model(model) / "metrics.json")["epochs"]
    assert [o["epoch"].value for o in observed] == [e["number"] for e in reversed(epochs)]
    assert [o["loss"].value for o in observed] == [e["loss"] for e in reversed(epochs)]
    assert all("dev_f1" in o for o in observed)


def test_checkpoints_tell_what_they_were_made_from(storage):
    student = read_json(storage.model("student") / "provenance.json")
    assert student["seed"] == 13
    assert student["inputs"]["raw_documents/relations.json"] == digest(storage.relations)
    assert {f"soft_labels/{shard}" for shard in SHARDS} <= set(student["inputs"])
    finetuned = read_json(storage.model("finetuned") / "provenance.json")
    assert "models/student" in finetuned["inputs"]
    assert "models/teacher" not in finetuned["inputs"]


def test_all_models_are_scored_on_dev_and_test(shown, storage):
    scores = pl.read_parquet(storage.scores)
    scored = scores.select("model", "split").unique(maintain_order=True).rows()
    assert scored == [(model, split) for model in MODELS for split in ("dev", "test")]
    overall = scores.filter(slice="all")
    f1 = overall.filter(metric="f1")
    assert f1.filter(pl.col("value") > 0).height > 0, "a model that finds nothing tests nothing"
    for model, split, value in f1.select("model", "split", "value").iter_rows():
        assert shown["evaluation"][f"{model}_{split}_f1"].value == pytest.approx(100 * value)
    assert {"ign_f1_annotated", "evidence_f1", "ece_na"} <= set(overall["metric"])
    assert {"long_tail", "infer", "distance_0", "relation"} <= set(scores["slice"])


def test_the_submission_has_docreds_fields_and_only_test_documents(storage):
    submission = json.loads(storage.submission.read_text())
    titles = set(pl.read_parquet(storage.annotated(Split.TEST))["title"])
    assert submission
    assert {row["title"] for row in submission} <= titles
    assert all(set(row) == {"title", "h_idx", "t_idx", "r", "evidence"} for row in submission)


def test_predictions_cover_all_splits(storage):
    predicted = pl.read_parquet(storage.predictions)
    documents = storage.all_raw().select("doc_id", "split").collect()
    splits = set(predicted.join(documents, on="doc_id")["split"])
    assert splits == {"train", "dev", "test", "unlabelled"}


def test_the_warehouse_answers(workplace_made, storage):
    with workplace_made.resources()["warehouse"].connect() as connection:
        count = "SELECT count(*) FROM {}"
        (documents,) = connection.execute(count.format("documents")).fetchall()
        (predictions,) = connection.execute(count.format("predictions")).fetchall()
        provenance = dict(connection.execute("SELECT * FROM provenance").fetchall())
    assert documents == (21,)
    assert predictions == (pl.read_parquet(storage.predictions).height,)
    assert provenance["predictions"] == digest(storage.predictions)
    assert provenance["target"] == "TH"
