"""Runs whose process ended without a word, and the places in pools that they still hold.

Dagster keeps such a run as ``STARTED``, and its place in the pool `gpu` taken: the next training
would wait for ever.
"""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
from dagster._core.storage.dagster_run import FINISHED_STATUSES


@contextmanager
def at_work(home: Path, run_id: str) -> Iterator[None]:
    """Show that this process is at work on a run, by a lock that the system ends with it.

    Args:
        home: DAGSTER_HOME.
        run_id: of the run.
    """
    lock = _locks(home) / run_id
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield
    lock.unlink(missing_ok=True)


def close_lost(instance: dg.DagsterInstance, home: Path) -> list[str]:
    """Close the runs that processes were `at_work` on until they were killed.

    Args:
        instance: Dagster's records.
        home: DAGSTER_HOME.

    Returns:
        The ids of the runs that were closed.
    """
    lost = [lock.name for lock in _locks(home).glob("*") if _is_let_go(lock)]
    runs = [run for run in map(instance.get_run_by_id, lost) if run and not run.is_finished]
    for run in runs:
        close(instance, run, "The process that was at work on this run was killed.")
    free_pools(instance)
    for run_id in lost:
        (_locks(home) / run_id).unlink(missing_ok=True)
    return [run.run_id for run in runs]


def close(instance: dg.DagsterInstance, run: dg.DagsterRun, why: str) -> None:
    """Record the end of a run: as failed, or as canceled if that was asked for."""
    if run.status is dg.DagsterRunStatus.CANCELING:
        instance.report_run_canceled(run, why)
    else:
        instance.report_run_failed(run, why)


def free_pools(instance: dg.DagsterInstance) -> None:
    """Free the places in pools of all runs that have ended, also of those ended by hand."""
    holders = instance.event_log_storage.get_concurrency_run_ids()
    if not holders:
        return
    ended = dg.RunsFilter(run_ids=sorted(holders), statuses=FINISHED_STATUSES)
    for run in instance.get_runs(ended):
        instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)


def _locks(home: Path) -> Path:
    return home / "at_work"


def _is_let_go(lock: Path) -> bool:
    with lock.open() as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True
