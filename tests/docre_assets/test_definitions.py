"""Definitions load quickly and without heavy imports, and every asset tells about itself."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import dagster as dg
import pytest
import yaml

from docre_assets.definitions import defs
from docre_assets.metadata import HOLDS
from docre_assets.partitions import SHARDS

ROOT = Path(__file__).parents[2]
HEAVY = ("torch", "transformers", "great_expectations", "matplotlib", "pandas")
ASSETS = {
    "distant_arrivals",
    "raw_documents",
    "knowledge_base",
    "annotated_documents",
    "distant_documents",
    "teacher_model",
    "soft_labels",
    "student_model",
    "finetuned_model",
    "evaluation",
    "production_model",
    "predictions",
    "new_documents",
    "new_predictions",
    "warehouse",
    "report",
}
MODELS = {"teacher_model", "student_model", "finetuned_model"}

LOADING = f"""
import sys, time, warnings
warnings.simplefilter("error", DeprecationWarning)
started = time.process_time()
from docre_assets.definitions import defs
defs()
seconds = time.process_time() - started
heavy = [name for name in {HEAVY!r} if name in sys.modules]
assert not heavy, f"loaded with the definitions: {{heavy}}"
assert seconds < 3, f"definitions took {{seconds:.1f}} s of processor time to load"
"""


@pytest.fixture(scope="module")
def definitions() -> dg.Definitions:
    return defs()


@pytest.fixture(scope="module")
def specs(definitions) -> dict[str, dg.AssetSpec]:
    return {spec.key.to_user_string(): spec for spec in definitions.resolve_all_asset_specs()}


def test_definitions_load_under_three_seconds_without_heavy_imports():
    found = subprocess.run(
        [sys.executable, "-c", LOADING], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert found.returncode == 0, found.stderr
    assert "Warning" not in found.stderr


def test_definitions_are_loadable(definitions):
    dg.Definitions.validate_loadable(definitions)


def test_all_assets_are_there(specs):
    assert set(specs) == ASSETS


def test_every_asset_says_what_it_is(specs):
    for name, spec in specs.items():
        assert spec.group_name in {"corpus", "models", "evaluation", "serving"}, name
        assert spec.kinds, name
        assert spec.owners, name
        assert spec.code_version, name
        assert spec.tags[HOLDS], name
        for told in ("- **Made from** ", "- **For** ", "- **In the paper:** ", "- **More** in "):
            assert told in spec.description, (name, told)


def test_descriptions_name_pages_and_chapters_that_are_there(specs):
    for name, spec in specs.items():
        _, _, more = spec.description.partition("- **More** in ")
        pages = re.findall(r"`(docs/\w+\.md)`(?:,\s\*([^*]+)\*)?", more)
        assert pages, name
        for page, chapter in pages:
            text = (ROOT / page).read_text()
            assert not chapter or f"\n## {chapter}\n" in text, (name, page, chapter)


def test_lineage_is_that_of_the_design(specs):
    upstream = {
        name: {dep.asset_key.to_user_string() for dep in spec.deps} for name, spec in specs.items()
    }
    assert upstream["raw_documents"] == {"distant_arrivals"}
    assert upstream["distant_arrivals"] == upstream["new_documents"] == set()
    assert upstream["knowledge_base"] == {"raw_documents"}
    assert upstream["distant_documents"] == {"raw_documents", "knowledge_base"}
    assert upstream["teacher_model"] == {"annotated_documents"}
    assert upstream["soft_labels"] == {"distant_documents", "teacher_model"}
    assert {"distant_documents", "soft_labels"} <= upstream["student_model"]
    assert upstream["finetuned_model"] == {"annotated_documents", "student_model"}
    assert upstream["evaluation"] >= MODELS
    assert upstream["production_model"] == {"annotated_documents", "finetuned_model"}
    thresholds = {"annotated_documents", "production_model"}
    assert upstream["predictions"] == {"raw_documents", "distant_documents"} | thresholds
    assert upstream["new_predictions"] == {"new_documents"} | thresholds
    assert {"predictions", "new_predictions", "evaluation"} <= upstream["warehouse"]
    assert upstream["report"] == {"warehouse"}


def test_what_needs_a_device_or_the_database_waits_for_its_pool(definitions):
    graph = definitions.resolve_asset_graph()
    pools = {key.to_user_string(): graph.get(key).pools for key in graph.get_all_asset_keys()}
    for name in MODELS | {"soft_labels", "evaluation", "predictions"}:
        assert pools[name] == {"gpu"}, name
    assert pools["warehouse"] == {"duckdb"}
    assert not pools["raw_documents"]


def test_hard_limits_block_and_every_asset_before_the_last_has_one(definitions):
    graph = definitions.resolve_asset_graph()
    checks = {key: graph.get_check_spec(key) for key in graph.asset_check_keys}
    free = {key.name for key, spec in checks.items() if not spec.blocking}
    assert free == {"drift", "challenger_not_worse"}
    guarded = {key.asset_key.to_user_string() for key, spec in checks.items() if spec.blocking}
    assert guarded == ASSETS - {"warehouse", "report"}
    assert all(spec.description for spec in checks.values())


def test_every_stage_has_hard_limits_and_softer_ones(definitions):
    names = {"critical": set(), "drift": set()}
    for key in definitions.resolve_asset_graph().asset_check_keys:
        if key.name in names:
            names[key.name].add(key.asset_key.to_user_string())
    stages = {"annotated_documents", "distant_documents", "soft_labels", "predictions"} | MODELS
    assert names == {"critical": stages, "drift": stages}


def test_soft_labels_have_a_partition_for_each_shard(definitions):
    node = definitions.resolve_asset_graph().get(dg.AssetKey("soft_labels"))
    assert node.partitions_def.get_partition_keys() == SHARDS


def test_the_job_covers_all_assets_and_all_shards(definitions):
    job = definitions.resolve_job_def("redistillation")
    assert {key.to_user_string() for key in job.asset_layer.executable_asset_keys} == ASSETS
    assert job.tags["dagster/asset_partition_range_start"] == SHARDS[0]
    assert job.tags["dagster/asset_partition_range_end"] == SHARDS[-1]


def test_the_other_jobs_cover_what_they_are_for(definitions):
    covered = {
        job: {
            key.to_user_string()
            for key in definitions.resolve_job_def(job).asset_layer.executable_asset_keys
        }
        for job in ("take_in", "prediction", "promote_model")
    }
    predicted = {"new_predictions", "warehouse", "report"}
    assert covered == {
        "take_in": {"distant_arrivals"},
        "prediction": {"new_documents"} | predicted,
        "promote_model": {"production_model", "predictions"} | predicted,
    }


def test_what_goes_stale_has_a_freshness_policy(specs):
    assert {name for name, spec in specs.items() if spec.freshness_policy} == {
        "finetuned_model",
        "predictions",
    }


def test_schedule_and_sensors_run_without_being_switched_on(definitions):
    schedule = definitions.resolve_schedule_def("redistillation_schedule")
    assert schedule.default_status is dg.DefaultScheduleStatus.RUNNING
    assert schedule.job_name == "redistillation"
    for name in ("inbox_sensor", "failure_sensor"):
        sensor = definitions.resolve_sensor_def(name)
        assert sensor.default_status is dg.DefaultSensorStatus.RUNNING


def test_workspace_and_project_name_the_same_location():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]
    workspace = yaml.safe_load((ROOT / "workspace.yaml").read_text())
    (location,) = workspace["load_from"]
    named = project["dg"]["project"]
    assert location["python_module"]["module_name"] == named["code_location_target_module"]
    assert location["python_module"]["location_name"] == named["code_location_name"] == "docre"
    assert "dagster" not in project, "[tool.dagster] would silently beat workspace.yaml"


def test_the_instance_settings_are_valid_and_send_nothing(tmp_path, monkeypatch):
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    (tmp_path / "dagster.yaml").write_text((ROOT / "instance" / "dagster.yaml").read_text())
    with dg.DagsterInstance.get() as instance:
        assert not instance.telemetry_enabled
        assert not instance.nux_enabled
        assert instance.run_monitoring_enabled
        pools = instance.get_settings("concurrency")["pools"]
        assert pools["default_limit"] == 1


@pytest.mark.parametrize("package", ["docre_assets", "resources"])
def test_annotations_are_not_postponed_where_dagster_reads_them(package):
    postponed = [
        path.name
        for path in (ROOT / package).rglob("*.py")
        if "from __future__ import annotations" in path.read_text()
    ]
    assert not postponed
