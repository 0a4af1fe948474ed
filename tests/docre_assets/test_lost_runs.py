"""A run whose process was killed is closed, and holds no place in a pool any more."""

import subprocess
import sys
import uuid

import dagster as dg
import pytest

from docre_assets.lost_runs import at_work, close_lost

pytestmark = pytest.mark.breaks

HOLD = """
import sys, time
from pathlib import Path
from docre_assets.lost_runs import at_work
with at_work(Path(sys.argv[1]), sys.argv[2]):
    print("held", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def instance(tmp_path):
    pools = {"concurrency": {"pools": {"granularity": "op", "default_limit": 1}}}
    with dg.instance_for_test(temp_dir=str(tmp_path), overrides=pools) as held:
        yield held


def started(instance: dg.DagsterInstance, pool: str = "gpu") -> str:
    """A run at work that has a place in a pool."""
    run_id = str(uuid.uuid4())
    run = dg.DagsterRun(job_name="j", run_id=run_id, status=dg.DagsterRunStatus.STARTED)
    instance.add_run(run)
    instance.event_log_storage.initialize_concurrency_limit_to_default(pool)
    claimed = instance.event_log_storage.claim_concurrency_slot(pool, run_id, "teacher_model")
    assert claimed.slot_status.value == "CLAIMED"
    return run_id


def held_by(instance: dg.DagsterInstance) -> set[str]:
    return set(instance.event_log_storage.get_concurrency_run_ids())


def test_a_killed_run_is_closed_and_gives_its_place_back(instance, tmp_path):
    run_id = started(instance)
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path), run_id], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "held\n"
    assert close_lost(instance, tmp_path) == []
    assert held_by(instance) == {run_id}
    process.kill()
    process.wait()
    assert close_lost(instance, tmp_path) == [run_id]
    assert instance.get_run_by_id(run_id).status is dg.DagsterRunStatus.FAILURE
    assert held_by(instance) == set()
    assert close_lost(instance, tmp_path) == []


def test_a_run_that_ended_leaves_no_lock(instance, tmp_path):
    with at_work(tmp_path, started(instance)):
        pass
    assert close_lost(instance, tmp_path) == []
    assert list((tmp_path / "at_work").iterdir()) == []
