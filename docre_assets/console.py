"""A run's story in a terminal: one line for each asset, check and message, not for each event."""

import logging
import sys
from typing import TextIO

import dagster as dg
from dagster import DagsterEvent, DagsterEventType

from docre_assets.assets import ASSETS
from docre_assets.failures import reasons
from docre_assets.failures import told as told_errors

STEPS = frozenset(asset.key.to_python_identifier() for asset in ASSETS)
"""Steps that materialize assets; all others run checks."""


NOT_RUN = "Dependencies for step"
"""How Dagster begins to list what a failed step leaves undone: all that is downstream of it."""


class StoryHandler(logging.Handler):
    """Writes what a run's log records say to people, and leaves the machinery out.

    Args:
        stream: where lines go; standard error if not given.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        super().__init__()
        self._stream = stream or sys.stderr

    def emit(self, record: logging.LogRecord) -> None:
        """Write the record's line, if it has one."""
        line = told(record)
        if line is not None:
            self._stream.write(line + "\n")
            self._stream.flush()


@dg.logger(description="One line for each asset, check and message.")
def story(_context: dg.InitLoggerContext) -> logging.Logger:
    """A logger that writes a run's story to standard error."""
    logger = logging.Logger("docre_assets.story", level=logging.DEBUG)
    logger.addHandler(StoryHandler())
    return logger


def told(record: logging.LogRecord) -> str | None:
    """A record's line, or None where it tells people nothing."""
    metadata = record.dagster_meta
    if metadata["dagster_event"] is not None:
        return _told_event(metadata["dagster_event"])
    if record.levelno < logging.INFO or metadata["step_key"] not in STEPS:
        return None
    if metadata["orig_message"].startswith(NOT_RUN):
        return None
    return f"    {metadata['orig_message']}"


def _told_event(event: DagsterEvent) -> str | None:
    match event.event_type:
        case DagsterEventType.ASSET_CHECK_EVALUATION:
            return _told_check(event.asset_check_evaluation_data)
        case DagsterEventType.STEP_FAILURE:
            return _told_failure(event)
        case DagsterEventType.STEP_START if event.step_key in STEPS:
            return event.step_key
        case DagsterEventType.STEP_SUCCESS if event.step_key in STEPS:
            return f"    made in {event.step_success_data.duration_ms / 1000:.1f} s"
    return None


def _told_check(check: dg.AssetCheckEvaluation) -> str:
    name = f"check {check.asset_key.to_user_string()}/{check.check_name}"
    if check.passed:
        return f"    {name}: passed"
    return f"    {name}: {check.severity.value}\n{check.description}"


def _told_failure(event: DagsterEvent) -> str | None:
    """What the step's error says, what led to it, and where it was raised.

    None of a check that failed, as its outcome has been told already.
    """
    errors = reasons(event)
    if errors[0].cls_name == "DagsterAssetCheckFailedError":
        return None
    if any(error.cls_name == "DagsterExecutionInterruptedError" for error in errors):
        return f"  INTERRUPTED {event.step_key}: the same command goes on from what is whole"
    place = errors[0].stack[-1].strip().splitlines()[0] if errors[0].stack else "no place is known"
    return f"  FAILED {event.step_key}: {told_errors(errors)}\n    ({place})"
