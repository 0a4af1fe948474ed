"""Starts are timed from events that Dagster recorded, in places of their own."""

import subprocess
import time
from pathlib import Path

import dagster as dg
import pytest

from benchmarks.start import aims, environment, first_materialization, seconds_of


def test_a_run_has_places_of_its_own_and_no_setting_from_outside(tmp_path, monkeypatch):
    monkeypatch.setenv("DOCRE_SHARDS", "9")
    found = environment(tmp_path / "run")
    places = [Path(found[name]) for name in ("DAGSTER_HOME", "DOCRE_STORAGE", "DOCRE_INBOX")]
    assert all(place.is_relative_to(tmp_path) for place in places)
    assert (places[0] / "dagster.yaml").is_file()
    assert "DOCRE_SHARDS" not in found


def test_the_first_of_all_assets_counts(tmp_path, monkeypatch):
    home = environment(tmp_path / "run")["DAGSTER_HOME"]
    monkeypatch.setenv("DAGSTER_HOME", home)
    with dg.DagsterInstance.from_config(home) as instance:
        for key in ("a", "b", "a"):
            time.sleep(0.02)
            instance.report_runless_asset_event(dg.AssetMaterialization(key))
        records = [
            record.timestamp
            for key in ("a", "b")
            for record in instance.fetch_materializations(dg.AssetKey(key), limit=10).records
        ]
    assert len(records) == 3
    assert first_materialization(Path(home)) == min(records) < max(records)


def test_a_process_that_fails_is_no_time(tmp_path):
    with pytest.raises(subprocess.CalledProcessError, match="exit status 3"):
        seconds_of(("-c", "raise SystemExit(3)"), environment(tmp_path / "run"))


def test_aims_name_what_was_measured():
    seconds = {"definitions": 1.0, "first asset": 20.0, "run without any change": 59.0}
    assert [aim.met for aim in aims(seconds)] == [True, False, True]
