"""The real daemon with the shipped settings: schedule and sensors launch runs, nothing is lost."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import duckdb
import pytest
from little_corpus import Workplace, article, write_corpus
from sqlalchemy.exc import OperationalError

from resources.storage import Storage

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
PATIENCE = 600
"""Seconds for anything to happen; the machines are shared."""


@contextmanager
def daemon(place: Path, cron: str) -> Iterator[dg.DagsterInstance]:
    """`dagster-daemon` as `make ui` has it, but for files that settle within a second."""
    home = place / "home"
    home.mkdir()
    (home / "dagster.yaml").write_text((ROOT / "instance" / "dagster.yaml").read_text())
    settings = {
        "DAGSTER_DISABLE_TELEMETRY": 1,
        "DOCRE_CORPUS": place / "corpus",
        "DOCRE_STORAGE": place / "artefacts",
        "DOCRE_INBOX": place / "inbox",
        "DOCRE_INBOX_QUIET": 1,
        "DOCRE_PRESET": "tiny",
        "DOCRE_OVERRIDES": '{"teacher.training.epochs": 12, "student.training.epochs": 6}',
        "DOCRE_DEVICE": "cpu",
        "DOCRE_QUALITY": "observe",
        "DOCRE_CRON": cron,
    }
    environment = os.environ | {name: str(value) for name, value in settings.items()}
    command = [Path(sys.executable).with_name("dagster-daemon"), "run", "-w", "workspace.yaml"]
    with (
        dg.DagsterInstance.from_config(str(home)) as instance,
        (place / "daemon.log").open("w") as log,
    ):
        instance.get_runs()  # makes the tables, which two processes at once would stumble over
        instance.schedule_storage.all_instigator_state()
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=log, stderr=log, start_new_session=True
        )
        try:
            yield instance
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(60)


def wait_for(what: str, happened: Callable[[], bool], log: Path) -> None:
    """Wait until something has happened."""
    until = time.monotonic() + PATIENCE
    while not happened():
        if time.monotonic() > until:
            pytest.fail(f"{what} did not happen in {PATIENCE} s:\n{log.read_text()[-3000:]}")
        time.sleep(1)


def ended(instance: dg.DagsterInstance, job: str) -> list[dg.DagsterRun]:
    """Runs of a job that have ended; none while the daemon holds SQLite's file."""
    over = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE]
    try:
        return list(instance.get_runs(dg.RunsFilter(job_name=job, statuses=over)))
    except OperationalError:
        return []


def test_what_arrives_is_taken_distilled_and_predicted_once(tmp_path, monkeypatch):
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "home"))
    write_corpus(tmp_path / "corpus")
    storage, log = Storage(root=str(tmp_path / "artefacts")), tmp_path / "daemon.log"
    tick = datetime.now(UTC) + timedelta(minutes=3)
    with daemon(tmp_path, f"{tick.minute} {tick.hour} * * *") as instance:
        place = Workplace(tmp_path / "corpus", storage, instance)
        place.arrive("distant", "more.json", [article(200, labelled=False)])
        place.arrive("distant", "bad.json", [{"title": "no sentences"}])
        wait_for("taking in", lambda: bool(ended(instance, "take_in")), log)
        wait_for("redistillation", lambda: bool(ended(instance, "redistillation")), log)
        for name in ("one.json", "same.json"):
            place.arrive("unlabelled", name, [article(300, labelled=False)])
        wait_for("prediction", lambda: bool(ended(instance, "prediction")), log)
    with dg.DagsterInstance.from_config(str(tmp_path / "home")) as instance:
        runs = {job: ended(instance, job) for job in ("take_in", "redistillation", "prediction")}
    told = {job: [(run.status.value, launched_by(run)) for run in of] for job, of in runs.items()}
    assert told == {
        "take_in": [("SUCCESS", "inbox_sensor")],
        "redistillation": [("SUCCESS", "redistillation_schedule")],
        "prediction": [("SUCCESS", "inbox_sensor")],
    }
    rejected = {path.name for path in place.inbox.rejected.iterdir() if path.suffix == ".txt"}
    assert rejected == {"bad.json.reason.txt", "same.json.reason.txt"}
    assert "already taken" in (place.inbox.rejected / "same.json.reason.txt").read_text()
    with duckdb.connect(str(storage.warehouse), read_only=True) as warehouse:
        query = "SELECT split, count(*) FROM documents GROUP BY split ORDER BY split"
        counted = dict(warehouse.execute(query).fetchall())
        query = "SELECT count(*) FROM predictions WHERE starts_with(doc_id, 'new-')"
        predicted = warehouse.execute(query).fetchall()[0][0]
    assert counted["new"] == 1
    assert counted["distant"] == 1
    assert predicted > 0


def launched_by(run: dg.DagsterRun) -> str | None:
    """The schedule or sensor that launched a run."""
    return run.tags.get("dagster/schedule_name") or run.tags.get("dagster/sensor_name")
