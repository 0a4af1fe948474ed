"""Keeps an asset from being built on one whose checks failed, in an earlier run too.

Dagster's blocking checks stop what is downstream within their run only: materialized on its own
afterwards, an asset would be built on what was found to be broken.
"""

from collections.abc import Iterable, Mapping

import dagster as dg
from dagster._core.storage.asset_check_execution_record import (
    AssetCheckExecutionRecord,
    AssetCheckExecutionRecordStatus,
)


def require_checks_passed(context: dg.AssetExecutionContext) -> None:
    """Raise unless the latest outcome of every blocking check upstream is good.

    A check that has never run keeps nobody; one that was planned and did not come to its end, as
    it failed itself or its run was stopped, has not passed.

    Raises:
        dagster.Failure: naming the checks, the runs in which they failed, and what to do.
    """
    keys = blocking_checks_upstream(context)
    latest = context.instance.event_log_storage.get_latest_asset_check_execution_by_key(keys)
    if not (open_ := {key: record for key, record in latest.items() if not passed(record)}):
        return
    raise dg.Failure(
        f"{context.asset_key.to_user_string()} is not materialized: expected that every blocking "
        f"check of what it is made from has passed, found {_told(open_)}. What would be learnt "
        f"from it is worth nothing. Mend the cause, then materialize {_assets(open_)} again with "
        "their checks; to look closer, run the checks alone",
        allow_retries=False,
    )


def blocking_checks_upstream(context: dg.AssetExecutionContext) -> list[dg.AssetCheckKey]:
    """Blocking checks of the assets that an asset is made from directly."""
    # The job's own graph knows the checks of the selected assets alone.
    graph = context.job_def.asset_layer.asset_graph.source_asset_graph
    parents = graph.get(context.asset_key).parent_keys
    return [
        key
        for key in graph.asset_check_keys
        if key.asset_key in parents and graph.get(key).blocking
    ]


def passed(record: AssetCheckExecutionRecord) -> bool:
    """Whether a check came to its end and found nothing worse than a warning."""
    found = _evaluation(record)
    return found is not None and (found.passed or found.severity is dg.AssetCheckSeverity.WARN)


def _evaluation(record: AssetCheckExecutionRecord) -> dg.AssetCheckEvaluation | None:
    """What a check found; None for one that was planned and has not come to its end."""
    planned = record.status is AssetCheckExecutionRecordStatus.PLANNED
    return None if planned else record.evaluation


def _told(records: Mapping[dg.AssetCheckKey, AssetCheckExecutionRecord]) -> str:
    return "; ".join(
        f"{key.name} of {key.asset_key.to_user_string()} {_outcome(record)}"
        for key, record in records.items()
    )


def _outcome(record: AssetCheckExecutionRecord) -> str:
    found = _evaluation(record)
    how = "without an outcome" if found is None else f"failed ({found.description})"
    return f"{how} in run {record.run_id}"


def _assets(keys: Iterable[dg.AssetCheckKey]) -> str:
    return ", ".join(dict.fromkeys(key.asset_key.to_user_string() for key in keys))
