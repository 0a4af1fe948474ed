"""The inbox is watched without haste, and failed runs are told with what to do."""

import os
import uuid

import dagster as dg
import pytest
from dagster_shared.error import SerializableErrorInfo
from little_corpus import Workplace, article

from docre_assets.automation import advice, inbox_sensor

pytest_plugins = ["little_places"]


def _tick(workplace: Workplace) -> list[dg.RunRequest]:
    context = dg.build_sensor_context(
        instance=workplace.instance,
        resources={"inbox": workplace.inbox, "storage": workplace.storage},
    )
    return list(inbox_sensor(context))


def _requested(workplace: Workplace) -> dict[str, str]:
    return {request.job_name: request.run_key for request in _tick(workplace)}


def test_an_empty_inbox_asks_for_nothing(workplace):
    assert _tick(workplace) == []


def test_each_folder_has_its_job_and_the_same_files_one_run(workplace):
    workplace.arrive("distant", "a.json", [article(1)])
    workplace.arrive("unlabelled", "b.json", [article(2, labelled=False)])
    first = _requested(workplace)
    assert set(first) == {"take_in", "prediction"}
    assert _requested(workplace) == first
    workplace.arrive("distant", "c.json", [article(3)])
    second = _requested(workplace)
    assert second["prediction"] == first["prediction"]
    assert second["take_in"] != first["take_in"]


def test_a_name_that_is_no_text_stops_nobody(workplace):
    file = workplace.arrive("distant", "a.json", [article(1)])
    file.rename(os.fsdecode(os.fsencode(file.parent) + b"/caf\xe9.json"))
    assert set(_requested(workplace)) == {"take_in"}


def test_what_was_taken_and_not_predicted_is_asked_for_again(workplace):
    table = workplace.storage.arrived("unlabelled") / "20260101T000000Z-0123456789abcdef.parquet"
    table.parent.mkdir(parents=True)
    table.touch()
    assert _requested(workplace) == {}, "the first distillation will see to it"
    workplace.storage.production.mkdir()
    assert set(_requested(workplace)) == {"prediction"}
    place = workplace.storage.new_predictions(table)
    place.parent.mkdir()
    place.touch()
    assert _requested(workplace) == {}


def test_what_is_still_being_written_is_left_alone(workplace):
    workplace.arrive("distant", "a.json.part", [article(1)])
    workplace.arrive("distant", ".b.json", [article(1)])
    assert _tick(workplace) == []


@pytest.mark.parametrize(
    ("status", "asked"),
    [
        (dg.DagsterRunStatus.STARTING, False),
        (dg.DagsterRunStatus.STARTED, False),
        (dg.DagsterRunStatus.FAILURE, True),
        (dg.DagsterRunStatus.SUCCESS, True),
    ],
)
def test_nothing_is_asked_for_while_a_run_is_at_work(workplace, status, asked):
    workplace.arrive("distant", "a.json", [article(1)])
    workplace.instance.add_run(
        dg.DagsterRun(job_name="take_in", run_id=str(uuid.uuid4()), status=status)
    )
    assert bool(_tick(workplace)) == asked


def _error(cls: str, message: str) -> SerializableErrorInfo:
    return SerializableErrorInfo(message=message, stack=[], cls_name=cls)


def test_the_reason_and_what_to_do_are_told():
    errors = [_error("ValueError", "train.json: expected JSON, found nothing")]
    told = advice("redistillation", {"raw_documents": errors})
    assert "raw_documents: train.json: expected JSON, found nothing" in told
    assert "dg launch --job redistillation" in told


@pytest.mark.parametrize(
    "failures",
    [{}, {"teacher_model": [_error("DagsterExecutionInterruptedError", "raise error_cls()")]}],
)
def test_a_process_that_was_stopped_is_told_as_such(failures):
    told = advice("redistillation", failures)
    assert "was interrupted" in told
    assert "launches it again" in told
    assert "raise error_cls" not in told
