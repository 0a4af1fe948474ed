"""What runs by itself: the schedule, what watches the inbox, and what tells of failed runs."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg

from corpus.artefacts import digest_of
from docre_assets.arrival_assets import files_of
from docre_assets.jobs import prediction, redistillation, take_in
from resources.environment import cron_from_environment, timezone_from_environment
from resources.inbox import Inbox
from resources.storage import Storage

JOB_OF = {"distant": take_in, "unlabelled": prediction}
"""What takes files out of each folder of the inbox."""

UNFINISHED = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]

redistillation_schedule = dg.ScheduleDefinition(
    name="redistillation_schedule",
    job=redistillation,
    cron_schedule=cron_from_environment(),
    execution_timezone=timezone_from_environment(),
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Distils again with what has arrived; without changes it trains nothing.",
)


@dg.sensor(
    jobs=list(JOB_OF.values()),
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.RUNNING,
)
def inbox_sensor(
    context: dg.SensorEvaluationContext, inbox: Inbox, storage: Storage
) -> Iterator[dg.RunRequest]:
    """Has files taken out of the inbox once nobody writes to them any more."""
    now = datetime.now(UTC)
    for kind, job in JOB_OF.items():
        states = files_of(kind, inbox, storage).pending(now.timestamp())
        if states and not _at_work(context.instance, job.name):
            yield dg.RunRequest(run_key=_run_key(kind, states, now), job_name=job.name)


def _run_key(kind: str, states: Mapping[Path, str], now: datetime) -> str:
    """One run an hour for the same files: one that failed is tried again, but not on each tick."""
    files = {str(path): state for path, state in states.items()}
    return f"{kind}-{digest_of(files)}-{now:%Y%m%dT%H}"


def _at_work(instance: dg.DagsterInstance, job: str) -> bool:
    unfinished = dg.RunsFilter(job_name=job, statuses=UNFINISHED)
    return bool(instance.get_run_records(unfinished, limit=1))


@dg.run_failure_sensor(default_status=dg.DefaultSensorStatus.RUNNING, minimum_interval_seconds=30)
def failure_sensor(context: dg.RunFailureSensorContext) -> None:
    """Tells of each failed run what happened and what to do."""
    failures = {
        event.step_key or "": event.step_failure_data.error_display_string
        for event in context.get_step_failure_events()
    }
    run = context.dagster_run
    context.log.error(advice(run.job_name, run.run_id, failures))


def advice(job: str, run: str, failures: Mapping[str, str]) -> str:
    """What happened to a run, and what to do.

    Args:
        job: its job.
        run: its id.
        failures: the error of each step that failed; none where the process died.
    """
    told = [f"{step}: {error.strip().splitlines()[-1]}" for step, error in failures.items()]
    happened = (
        f"failed at {'; '.join(told)}. Mend what the message names"
        if told
        else "ended without an error of its own: its process was killed, or ran out of memory"
    )
    return (
        f"Run {run} of {job} {happened}. Nothing that was finished is lost: materialize again what "
        f"failed, or launch the job again (dg launch --job {job}); what is whole is kept, and a "
        "training goes on from its last state."
    )


SCHEDULES = [redistillation_schedule]
SENSORS = [inbox_sensor, failure_sensor]
