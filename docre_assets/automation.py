"""What runs by itself: the schedule, what watches the inbox, and what tells of failed runs."""

import os
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
from dagster._core.storage.dagster_run import NOT_FINISHED_STATUSES
from dagster_shared.error import SerializableErrorInfo

from corpus.artefacts import digest_of
from docre_assets.arrival_assets import files_of
from docre_assets.failures import reasons, told
from docre_assets.jobs import prediction, redistillation, take_in
from resources.environment import cron_from_environment, timezone_from_environment
from resources.inbox import Inbox
from resources.storage import Storage

JOB_OF = {"distant": take_in, "unlabelled": prediction}
"""What takes files out of each folder of the inbox."""

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
    description="Has files taken out of the inbox once nobody writes to them any more.",
)
def inbox_sensor(
    context: dg.SensorEvaluationContext, inbox: Inbox, storage: Storage
) -> Iterator[dg.RunRequest]:
    """Has files taken out of the inbox once nobody writes to them any more."""
    now = datetime.now(UTC)
    for kind, job in JOB_OF.items():
        states = _waiting(kind, inbox, storage, now.timestamp())
        if states and not _at_work(context.instance, job.name):
            yield dg.RunRequest(run_key=_run_key(kind, states, now), job_name=job.name)


def _waiting(kind: str, inbox: Inbox, storage: Storage, now: float) -> dict[Path, str]:
    """Files to be taken; and tables that were taken to be predicted by a run that then failed."""
    waiting = files_of(kind, inbox, storage).pending(now)
    if kind == "unlabelled" and storage.production.is_dir():
        predicted = storage.predicted_documents()
        waiting |= {path: "" for path in storage.new_documents() if path not in predicted}
    return waiting


def _run_key(kind: str, states: Mapping[Path, str], now: datetime) -> str:
    """One run an hour for the same files: one that failed is tried again, but not on each tick."""
    files = {os.fsencode(path).hex(): state for path, state in states.items()}
    return f"{kind}-{digest_of(files)}-{now:%Y%m%dT%H}"


def _at_work(instance: dg.DagsterInstance, job: str) -> bool:
    unfinished = dg.RunsFilter(job_name=job, statuses=NOT_FINISHED_STATUSES)
    return bool(instance.get_run_records(unfinished, limit=1))


@dg.run_failure_sensor(default_status=dg.DefaultSensorStatus.RUNNING, minimum_interval_seconds=30)
def failure_sensor(context: dg.RunFailureSensorContext) -> None:
    """Tells of each failed run what happened and what to do."""
    run = context.dagster_run
    failures = {event.step_key or "": reasons(event) for event in context.get_step_failure_events()}
    ended = context.failure_event.job_failure_data
    if not failures and ended and ended.error:
        failures = {"the run": [ended.error]}
    context.log.error("Run %s of %s %s", run.run_id, run.job_name, advice(run.job_name, failures))


def advice(job: str, failures: Mapping[str, Sequence[SerializableErrorInfo]]) -> str:
    """What happened to a run, and what to do.

    Args:
        job: its job.
        failures: the errors of each step that failed; none where the process died.
    """
    own = {
        step: errors
        for step, errors in failures.items()
        if errors[0].cls_name != "DagsterExecutionInterruptedError"
    }
    if not own:
        return (
            "was interrupted: its process was stopped or killed, or ran out of memory. The daemon "
            "launches it again, twice at most; what is whole is kept, and a training goes on from "
            "its last state. If it ends so again, look at the machine's memory"
        )
    happened = "; ".join(f"{step}: {told(errors)}" for step, errors in own.items())
    return (
        f"failed at {happened}\nMend what the message names, then materialize again what failed, "
        f"or launch the job again (dg launch --job {job}): what is whole is kept"
    )


SCHEDULES = [redistillation_schedule]
SENSORS = [inbox_sensor, failure_sensor]
