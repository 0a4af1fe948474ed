"""An asset is not built on one whose checks failed, whatever run they failed in."""

import dagster as dg
import pytest
from dagster._core.definitions.data_version import DATA_VERSION_TAG
from little_corpus import article, write_corpus

from corpus.sources import SourceUnavailableError
from docre_assets.__main__ import is_error
from docre_assets.assets import ASSETS
from docre_assets.checks import CHECKS
from resources import corpus_source

pytest_plugins = ["little_places"]

LEAK = article(20)
"""A document of dev."""


def _leak(workplace):
    """Make the annotated documents with one of dev in train: their check fails."""
    write_corpus(workplace.corpus, train_annotated=[LEAK, *map(article, range(8))])
    result = workplace.distil("raw_documents", "annotated_documents")
    (failed,) = [c for c in result.get_asset_check_evaluations() if is_error(c)]
    assert failed.check_name == "splits_disjoint"
    return result.run_id


def _refusal(result, asset):
    return result.failure_data_for_node(asset).user_failure_data.description


def test_a_later_run_does_not_build_on_what_failed_its_check(workplace):
    run = _leak(workplace)
    result = workplace.distil("teacher_model")
    assert not result.success
    assert not workplace.storage.model("teacher").exists()
    told = _refusal(result, "teacher_model")
    assert "splits_disjoint of annotated_documents failed" in told
    assert run in told
    assert "materialize annotated_documents again" in told


def test_once_mended_it_goes_on(workplace):
    _leak(workplace)
    write_corpus(workplace.corpus)
    assert workplace.distil("raw_documents", "annotated_documents").success
    assert workplace.distil("teacher_model", **{"teacher.training.epochs": 1}).success


def test_a_check_that_was_planned_and_never_ended_has_not_passed(workplace, monkeypatch):
    def stumble(*_):
        raise RuntimeError("the disk is gone")

    with monkeypatch.context() as patched:
        patched.setattr("docre_assets.checks.check_splits", stumble)
        assert not workplace.distil("raw_documents", "annotated_documents").success
    told = _refusal(workplace.distil("teacher_model"), "teacher_model")
    assert "splits_disjoint of annotated_documents without an outcome" in told


def test_a_warning_keeps_nobody(workplace):
    write_corpus(workplace.corpus, unlabelled=[article(20, labelled=False)])
    workplace.distil("raw_documents", "knowledge_base", "annotated_documents", "distant_documents")
    result = workplace.distil("teacher_model", **{"teacher.training.epochs": 1})
    assert result.success


def test_what_was_made_since_a_check_passed_is_not_built_upon(workplace):
    assert workplace.distil("raw_documents", "annotated_documents").success
    workplace.instance.report_runless_asset_event(dg.AssetMaterialization("annotated_documents"))
    told = _refusal(workplace.distil("teacher_model"), "teacher_model")
    assert "splits_disjoint of annotated_documents has passed in run" in told
    assert "not on what was made since" in told


def test_what_was_made_since_and_is_the_same_has_passed(workplace):
    assert workplace.distil("raw_documents", "annotated_documents").success
    made = workplace.instance.get_latest_materialization_event(dg.AssetKey("annotated_documents"))
    version = {DATA_VERSION_TAG: made.asset_materialization.tags[DATA_VERSION_TAG]}
    again = dg.AssetMaterialization("annotated_documents", tags=version)
    workplace.instance.report_runless_asset_event(again)
    assert workplace.distil("teacher_model", **{"teacher.training.epochs": 1}).success


def test_the_checks_of_another_run_that_is_at_work_are_waited_for(workplace, monkeypatch):
    assert workplace.distil("raw_documents", "annotated_documents").success
    workplace.instance.report_runless_asset_event(dg.AssetMaterialization("annotated_documents"))
    waited = []

    def still(_context, key):
        waited.append(key)
        return len(waited) < 3

    monkeypatch.setattr("docre_assets.guard._is_being_checked", still)
    monkeypatch.setattr("docre_assets.guard.SECONDS_TO_WAIT", 0)
    assert not workplace.distil("teacher_model").success
    assert len(waited) == 3


def test_a_run_that_only_planned_a_check_takes_nothing_back(workplace, monkeypatch):
    assert workplace.distil("raw_documents", "annotated_documents").success

    def stumble(*_):
        raise RuntimeError("the disk is gone")

    with monkeypatch.context() as patched:
        patched.setattr("docre_assets.corpus_assets.make", stumble)
        assert not workplace.distil("raw_documents", "annotated_documents").success
    assert workplace.distil("teacher_model", **{"teacher.training.epochs": 1}).success


def test_an_asset_whose_checks_never_ran_is_not_built_upon(workplace):
    workplace.instance.report_runless_asset_event(dg.AssetMaterialization("annotated_documents"))
    told = _refusal(workplace.distil("teacher_model"), "teacher_model")
    assert "splits_disjoint of annotated_documents has never been run" in told


@pytest.mark.parametrize(
    ("asset", "upstream"),
    [
        (asset.key.to_user_string(), parent.to_user_string())
        for asset in ASSETS
        for parent in sorted(asset.asset_deps[asset.key])
        if parent != dg.AssetKey("warehouse")  # it is checked before it is swapped in
    ],
)
def test_every_asset_is_guarded_against_each_that_it_is_made_from(workplace, asset, upstream):
    blocking = [
        key
        for check in CHECKS
        for key in check.check_keys
        if key.asset_key == dg.AssetKey(upstream) and check.get_spec_for_check_key(key).blocking
    ]
    assert blocking
    for key in blocking:
        workplace.instance.report_runless_asset_event(
            dg.AssetCheckEvaluation(asset_key=key.asset_key, check_name=key.name, passed=False)
        )
    told = _refusal(workplace.distil(asset), asset)
    assert all(f"{key.name} of {upstream} failed" in told for key in blocking)


@pytest.mark.parametrize(
    ("error", "attempts"), [(SourceUnavailableError("hub"), 3), (ValueError("format"), 1)]
)
def test_only_a_source_that_may_be_there_later_is_asked_again(
    workplace, monkeypatch, error, attempts
):
    asked, there = [], corpus_source.open_source

    def sometimes(spec, cache, seed):
        asked.append(spec)
        if len(asked) < 3:
            raise error
        return there(spec, cache, seed)

    monkeypatch.setattr(corpus_source, "open_source", sometimes)
    monkeypatch.setattr(corpus_source, "SECONDS_TO_WAIT", 0)
    result = workplace.distil("raw_documents")
    assert len(asked) == attempts
    assert result.success == (attempts == 3)
