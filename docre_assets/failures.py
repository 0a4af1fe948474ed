"""What a failed step's error says to people."""

from collections.abc import Iterator

from dagster import DagsterEvent
from dagster_shared.error import SerializableErrorInfo


def reasons(event: DagsterEvent) -> list[SerializableErrorInfo]:
    """A failed step's own error and those that led to it, without Dagster's wrapping."""
    causes = list(_causes(event))
    own = [error for error in causes if not (error.cls_name or "").startswith("Dagster")]
    return own or causes


def told(errors: list[SerializableErrorInfo]) -> str:
    """What errors say, outermost first."""
    return "\n    because of ".join(error.message.strip() for error in errors)


def _causes(event: DagsterEvent) -> Iterator[SerializableErrorInfo]:
    """A failed step's error and all that led to it, outermost first."""
    error = event.step_failure_data.error
    while error is not None:
        yield error
        error = error.cause
