"""Keeps an asset from being built on one whose checks failed or whose artefacts were damaged.

Dagster's blocking checks stop what is downstream within their run only: materialized on its own
afterwards, an asset would be built on what was found to be broken.
"""

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet

import dagster as dg
from dagster._core.definitions.data_version import DATA_VERSION_TAG
from dagster._core.storage.asset_check_execution_record import (
    AssetCheckExecutionRecord,
    AssetCheckExecutionRecordStatus,
)

from corpus.seals import BrokenSealError
from resources.storage import Storage

RECENT = 20
"""Executions of a check among which one that came to its end is looked for."""

WAITS, SECONDS_TO_WAIT = 30, 60
"""How often, and how long, the checks of another run that is at work are waited for."""


def require_sound(context: dg.AssetExecutionContext, storage: Storage) -> None:
    """Raise unless all that an asset is made from has passed its checks and is still the same.

    Raises:
        dagster.Failure: naming the checks or the artefacts, and what to do.
    """
    require_checks_passed(context)
    try:
        for parent in sorted(_parents(context)):
            storage.seal(parent.to_user_string()).require_unbroken()
    except BrokenSealError as error:
        told = f"{context.asset_key.to_user_string()} is not materialized: {error}"
        raise dg.Failure(told, allow_retries=False) from error


def _parents(context: dg.AssetExecutionContext) -> AbstractSet[dg.AssetKey]:
    # The job's own graph knows the checks of the selected assets alone.
    graph = context.job_def.asset_layer.asset_graph.source_asset_graph
    return graph.get(context.asset_key).parent_keys


def require_checks_passed(context: dg.AssetExecutionContext) -> None:
    """Raise unless every blocking check upstream has passed on its asset as it is now.

    An asset that this instance has never materialized, as it came with its artefacts, keeps nobody
    unless a check of it failed. A check that was planned and did not come to its end says nothing
    of what an earlier one has looked at; without an earlier one it has not passed.

    Raises:
        dagster.Failure: naming the checks, the runs in which they failed, and what to do.
        dagster.RetryRequested: if another run is about to check what it has made.
    """
    keys = blocking_checks_upstream(context)
    outcomes = {key: outcome(context.instance, key) for key in keys}
    if not (open_ := {key: told for key, told in outcomes.items() if told}):
        return
    if all(_is_being_checked(context, key) for key in open_):
        context.log.info("waiting for another run to check what it has made: %s", _told(open_))
        raise dg.RetryRequested(WAITS, SECONDS_TO_WAIT)
    raise dg.Failure(
        f"{context.asset_key.to_user_string()} is not materialized: expected that every blocking "
        f"check of what it is made from has passed, found {_told(open_)}. What would be learnt "
        f"from it is worth nothing. Mend the cause, then materialize {_assets(open_)} again with "
        "their checks; to look closer, run the checks alone",
        allow_retries=False,
    )


def blocking_checks_upstream(context: dg.AssetExecutionContext) -> list[dg.AssetCheckKey]:
    """Blocking checks of the assets that an asset is made from directly."""
    graph, parents = context.job_def.asset_layer.asset_graph.source_asset_graph, _parents(context)
    return [
        key
        for key in graph.asset_check_keys
        if key.asset_key in parents and graph.get(key).blocking
    ]


def outcome(instance: dg.DagsterInstance, key: dg.AssetCheckKey) -> str | None:
    """In words, why a check has not passed on its asset as it is now; None if it has."""
    made = instance.fetch_materializations(key.asset_key, limit=1).records
    records = instance.event_log_storage.get_asset_check_execution_history(key, limit=RECENT)
    ended = [(record, found) for record in records if (found := _evaluation(record))]
    if not ended:
        never = "has never been run" if made else None
        return f"without an outcome in run {records[0].run_id}" if records else never
    record, found = ended[0]
    if not (found.passed or found.severity is dg.AssetCheckSeverity.WARN):
        return f"failed ({found.description}) in run {record.run_id}"
    looked_at = found.target_materialization_data
    if made and not (
        looked_at and _is_same(instance, key.asset_key, looked_at.storage_id, made[0])
    ):
        return f"has passed in run {record.run_id}, but not on what was made since"
    return None


def _is_same(
    instance: dg.DagsterInstance, asset: dg.AssetKey, storage_id: int, made: dg.EventLogRecord
) -> bool:
    """Whether a materialization is the newest one, or has its content: the asset was kept."""
    if storage_id >= made.storage_id:
        return True
    wanted = dg.AssetRecordsFilter(asset_key=asset, storage_ids=[storage_id])
    earlier = instance.fetch_materializations(wanted, limit=1).records
    version = _version(made)
    return version is not None and [_version(record) for record in earlier] == [version]


def _version(record: dg.EventLogRecord) -> str | None:
    materialization = record.asset_materialization
    return (materialization.tags or {}).get(DATA_VERSION_TAG) if materialization else None


def _is_being_checked(context: dg.AssetExecutionContext, key: dg.AssetCheckKey) -> bool:
    """Whether another run has just made the asset, and its checks are still to come."""
    made = context.instance.fetch_materializations(key.asset_key, limit=1).records
    if not made or made[0].run_id == context.run.run_id:
        return False
    run = context.instance.get_run_by_id(made[0].run_id)
    return run is not None and not run.is_finished


def _evaluation(record: AssetCheckExecutionRecord) -> dg.AssetCheckEvaluation | None:
    """What a check found; None for one that was planned and has not come to its end."""
    planned = record.status is AssetCheckExecutionRecordStatus.PLANNED
    return None if planned else record.evaluation


def _told(outcomes: Mapping[dg.AssetCheckKey, str]) -> str:
    return "; ".join(
        f"{key.name} of {key.asset_key.to_user_string()} {told}" for key, told in outcomes.items()
    )


def _assets(keys: Iterable[dg.AssetCheckKey]) -> str:
    return ", ".join(dict.fromkeys(key.asset_key.to_user_string() for key in keys))
