"""Ends the runs that a code server took with it, once its successor answers.

Runs are child processes of the code server. Killed with it, they stay ``STARTED`` in Dagster's
records for three days, hold their place in the pool `gpu`, and keep every other training waiting.
Ended as failed, they are retried as `run_retries` says, and a training goes on from its last state.

Usage: python close_lost_runs.py LOCATION PORT STARTED, with DAGSTER_HOME set: the name of the code
location, the code server's port, and the time before it was started, in seconds since 1970.
"""

import socket
import sys
import time
from datetime import UTC, datetime

import dagster as dg
from dagster._core.storage.tags import GRPC_INFO_TAG

from docre_assets.lost_runs import close, free_pools

AT_WORK = [
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]
WHY = "The code server that this run was a child process of has ended."
GIVE_UP = 600
"""Seconds within which a code server has loaded the definitions, or never will."""
NOTICED = 30
"""Seconds in which the daemon finds a new code server; a retry before that would be given up."""


def main(location: str, port: str, started: str) -> None:
    """Wait for the new code server, then close the runs of the one before and name them."""
    wait_until_answered(int(port), GIVE_UP)
    time.sleep(NOTICED)
    with dg.DagsterInstance.get() as instance:
        for run in close_lost_runs(instance, location, datetime.fromtimestamp(int(started), UTC)):
            sys.stdout.write(f"closed run {run}: its code server has ended\n")


def wait_until_answered(port: int, give_up: float) -> None:
    """Return once somebody listens on a port of this machine.

    Raises:
        TimeoutError: if nobody does for so many seconds.
    """
    deadline = time.monotonic() + give_up
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(1)
        else:
            return
    raise TimeoutError(
        f"port {port}: expected the code server within {give_up:g} s, found nobody; runs that were "
        "lost with the one before it stay STARTED: see the code server's log, then start it again"
    )


def close_lost_runs(instance: dg.DagsterInstance, location: str, before: datetime) -> list[str]:
    """Close the runs that a location's code server was at work on before a time.

    Args:
        instance: Dagster's records.
        location: of the code server.
        before: runs whose status has changed since are the new code server's.

    Returns:
        The ids of the runs that were closed.
    """
    at_work = instance.get_runs(dg.RunsFilter(statuses=AT_WORK, updated_before=before))
    lost = [run for run in at_work if is_child(run, location)]
    for run in lost:
        close(instance, run, WHY)
    free_pools(instance)
    return [run.run_id for run in lost]


def is_child(run: dg.DagsterRun, location: str) -> bool:
    """Whether a location's code server started a run; `make demo` and `dg launch` use none."""
    origin = run.remote_job_origin
    return GRPC_INFO_TAG in run.tags and origin is not None and origin.location_name == location


if __name__ == "__main__":
    main(*sys.argv[1:])
