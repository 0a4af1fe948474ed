"""The terminal gets one line for each asset, check and message, and none for the machinery."""

import io
import logging

import dagster as dg
import pytest

from docre_assets.console import StoryHandler, story


def _story_of(assets, checks, monkeypatch) -> list[str]:
    """Lines that a run of some assets and checks writes."""
    stream = io.StringIO()
    monkeypatch.setattr("sys.stderr", stream)
    definitions = dg.Definitions(
        assets=assets,
        asset_checks=checks,
        loggers={"story": story},
        jobs=[dg.define_asset_job("j")],
    )
    with dg.DagsterInstance.ephemeral() as instance:
        definitions.resolve_job_def("j").execute_in_process(
            instance=instance, raise_on_error=False, run_config={"loggers": {"story": {}}}
        )
    return stream.getvalue().splitlines()


@dg.asset(name="raw_documents")
def told(context: dg.AssetExecutionContext):
    context.log.info("epoch 1: loss 0.5")
    context.log.debug("of no interest")


@dg.asset(name="raw_documents")
def broken():
    try:
        raise KeyError("the inner reason")
    except KeyError as error:
        raise ValueError("the reason: expected 1, found 2") from error


def _check(passed: bool, severity: dg.AssetCheckSeverity) -> dg.AssetChecksDefinition:
    @dg.asset_check(asset="raw_documents", name="valid")
    def check():
        return dg.AssetCheckResult(passed=passed, severity=severity, description="3 problems")

    return check


def test_an_asset_its_messages_and_its_time_are_told(monkeypatch):
    name, message, time = _story_of([told], [], monkeypatch)
    assert name == "raw_documents"
    assert message == "    epoch 1: loss 0.5"
    assert time.startswith("    made in ")


@pytest.mark.parametrize(
    ("passed", "severity", "lines"),
    [
        (True, dg.AssetCheckSeverity.ERROR, ["    check raw_documents/valid: passed"]),
        (
            False,
            dg.AssetCheckSeverity.ERROR,
            ["    check raw_documents/valid: ERROR", "3 problems"],
        ),
        (False, dg.AssetCheckSeverity.WARN, ["    check raw_documents/valid: WARN", "3 problems"]),
    ],
)
def test_a_check_is_told_with_its_problems(monkeypatch, passed, severity, lines):
    told_of = _story_of([told], [_check(passed, severity)], monkeypatch)
    assert told_of[3:] == lines


def test_a_failure_is_told_with_its_reason_and_what_led_to_it(monkeypatch):
    lines = _story_of([broken], [], monkeypatch)
    assert lines[0] == "raw_documents"
    assert lines[1] == "  FAILED raw_documents: ValueError: the reason: expected 1, found 2"
    assert lines[2] == "    because of KeyError: 'the inner reason'"
    assert "test_console.py" in lines[3]
    assert lines[3].endswith("in broken)")


def test_records_that_are_of_no_step_are_left_out():
    stream = io.StringIO()
    record = logging.LogRecord("dagster", logging.INFO, "", 0, "resources are ready", None, None)
    record.dagster_meta = {"dagster_event": None, "step_key": None, "orig_message": record.msg}
    StoryHandler(stream).emit(record)
    assert stream.getvalue() == ""


def test_an_error_of_dagsters_own_is_told_too(monkeypatch):
    @dg.asset(name="raw_documents")
    def misused():
        raise dg.DagsterInvariantViolationError("no such output")

    lines = _story_of([misused], [], monkeypatch)
    assert lines[1].startswith("  FAILED raw_documents: ")
    assert "no such output" in "\n".join(lines)


def test_an_interruption_is_no_failure(monkeypatch):
    @dg.asset(name="raw_documents")
    def interrupted():
        raise dg.DagsterExecutionInterruptedError

    lines = _story_of([interrupted], [], monkeypatch)
    assert lines[1:] == ["  INTERRUPTED raw_documents: the same command goes on from what is whole"]
