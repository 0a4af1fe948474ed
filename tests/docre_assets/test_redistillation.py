"""What has not changed is kept; what was damaged is told and made again; new documents come in."""

import shutil
from collections.abc import Iterator

import dagster as dg
import polars as pl
import pytest
from little_corpus import LONG_ENOUGH, Workplace, article

from corpus.artefacts import digest
from docre_assets.model_versions import ModelVersions
from models.checkpoint_files import model_version
from resources.storage import Storage

pytest_plugins = ["little_places"]

pytestmark = [pytest.mark.slow, pytest.mark.breaks]

BAD = {"student.training.epochs": 1, "finetune.training.head_lr": 1e-9}
"""With these a fine-tuned model finds nothing."""


@pytest.fixture
def again(distilled, tmp_path) -> Iterator[Workplace]:
    """A copy of everything that was made, to be changed; its corpus is a copy too."""
    made: Workplace = distilled[0]
    shutil.copytree(made.storage.folder, tmp_path / "artefacts")
    shutil.copytree(made.corpus, tmp_path / "corpus")
    with dg.DagsterInstance.ephemeral() as instance:
        storage = Storage(root=str(tmp_path / "artefacts"))
        yield Workplace(tmp_path / "corpus", storage, instance)


def _kept(result) -> dict[str, bool]:
    events = [event.materialization for event in result.get_asset_materialization_events()]
    return {
        e.asset_key.to_user_string(): e.metadata["kept"].value
        for e in events
        if "kept" in e.metadata
    }


def _versions(result) -> dict[str, str]:
    events = [event.materialization for event in result.get_asset_materialization_events()]
    return {e.asset_key.to_user_string(): e.tags["dagster/data_version"] for e in events}


def _refusal(result, asset) -> str:
    return result.failure_data_for_node(asset).user_failure_data.description


def _nothing_computed(monkeypatch):
    def stumble(*_, **__):
        raise AssertionError("computed again")

    for work in ("models.train.fit", "models.predictions.predict", "models.infer.infer"):
        monkeypatch.setattr(work, stumble)


def test_a_second_run_computes_nothing_and_ends_the_same(distilled, again, monkeypatch):
    _nothing_computed(monkeypatch)
    result = again.distil(**LONG_ENOUGH)
    assert result.success
    kept = _kept(result)
    assert all(kept.values())
    assert {"teacher_model", "student_model", "finetuned_model", "soft_labels"} <= set(kept)
    first, second = _versions(distilled[1]), _versions(result)
    anew = {"warehouse", "report"}
    assert {n: v for n, v in first.items() if n not in anew} == {
        n: v for n, v in second.items() if n not in anew
    }


def test_a_changed_setting_trains_its_stage_alone_and_force_trains_in_any_case(again):
    changed = LONG_ENOUGH | {"finetune.training.epochs": 2}
    kept = _kept(again.distil("student_model", "finetuned_model", **changed))
    assert kept == {"student_model": True, "finetuned_model": False}
    before = digest(again.storage.model("finetuned") / "model.safetensors")
    forced = again.run(
        "redistillation",
        "finetuned_model",
        overrides=changed,
        config={"finetuned_model": {"force": True}},
    )
    assert _kept(forced) == {"finetuned_model": False}
    assert digest(again.storage.model("finetuned") / "model.safetensors") == before


@pytest.mark.parametrize(
    ("asset", "place", "downstream"),
    [
        ("raw_documents", "raw_documents/dev.parquet", "annotated_documents"),
        ("knowledge_base", "knowledge_base.parquet", "distant_documents"),
        ("teacher_model", "models/teacher/model.safetensors", "student_model"),
        ("soft_labels", "soft_labels/shard-002/logits.safetensors", "student_model"),
        ("student_model", "dev_logits/student/logits.safetensors", "finetuned_model"),
        ("predictions", "predictions.parquet", "warehouse"),
    ],
)
@pytest.mark.parametrize("fault", ["flipped", "cut short"])
def test_nothing_is_built_on_a_damaged_artefact(again, asset, place, downstream, fault):
    file = again.storage.folder / place
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.unlink()  # the model in use is linked to the same bytes
    file.write_bytes(content if fault == "flipped" else content[:-7])
    result = again.distil(downstream, **LONG_ENOUGH)
    assert not result.get_asset_materialization_events()
    told = _refusal(result, downstream)
    assert "expected content digest" in told
    assert f"Materialize {asset} again" in told


@pytest.mark.parametrize(
    ("asset", "place"),
    [("knowledge_base", "knowledge_base.parquet"), ("student_model", "models/student/config.json")],
)
def test_a_damaged_artefact_is_made_again_as_it_was(again, asset, place):
    file = again.storage.folder / place
    content = file.read_bytes()
    file.write_bytes(content[:-1])
    result = again.distil(asset, **LONG_ENOUGH)
    assert result.success
    assert _kept(result) == {asset: False}
    assert file.read_bytes() == content


def test_what_arrives_is_distilled_or_predicted_and_each_file_once(again):
    distant = [article(n, labelled=False) for n in (200, 201)]
    again.arrive("distant", "more.json", distant)
    again.arrive("distant", "broken.json", [{"title": "no sentences"}])
    new = again.arrive("unlabelled", "new.json", [article(300, labelled=False)])
    assert again.run("take_in").success
    assert again.run("prediction").success
    assert (again.inbox.rejected / "broken.json.reason.txt").read_text()
    assert not new.exists()
    with again.resources()["warehouse"].connect() as connection:
        query = "SELECT split, count(*) FROM documents WHERE split = 'new' GROUP BY split"
        assert connection.execute(query).fetchall() == [("new", 1)]
        query = "SELECT count(*) FROM predictions WHERE doc_id LIKE 'new-%'"
        (predicted,) = connection.execute(query).fetchall()[0]
    assert predicted > 0
    again.arrive("unlabelled", "new_again.json", [article(300, labelled=False)])
    result = again.run("prediction")
    (event,) = [
        e.materialization
        for e in result.get_asset_materialization_events()
        if e.asset_key.to_user_string() == "new_predictions"
    ]
    assert event.metadata["files"].value == event.metadata["files_kept"].value == 1
    soft = again.distil(
        "raw_documents", "annotated_documents", "knowledge_base", "distant_documents", "soft_labels"
    )
    documents = pl.scan_parquet(again.storage.distant_documents / "*.parquet")
    assert documents.select(pl.len()).collect().item() == 7 + len(distant)
    computed = [
        e.materialization.metadata["documents_computed"].value
        for e in soft.get_asset_materialization_events()
        if e.asset_key.to_user_string() == "soft_labels"
    ]
    assert sum(computed) == len(distant)


def test_a_worse_model_is_refused_and_a_rollback_restores_the_predictions(again):
    champion, predicted = _in_use(again), digest(again.storage.predictions)
    stages = ("student_model", "finetuned_model", "production_model", "predictions")
    result = again.distil(*stages, **BAD)
    (check,) = [
        c for c in result.get_asset_check_evaluations() if c.check_name == "challenger_not_worse"
    ]
    assert not check.passed
    assert "refused" in check.description
    assert _in_use(again) == champion
    assert _kept(result)["predictions"]
    challenger = pl.read_parquet(again.storage.production / "history.parquet")["version"][-1]
    assert again.run("promote_model", config=_choose(challenger)).success
    assert _in_use(again) == challenger != champion
    assert digest(again.storage.predictions) != predicted
    assert again.run("promote_model", config=_choose(champion)).success
    assert _in_use(again) == champion
    assert digest(again.storage.predictions) == predicted
    with again.resources()["warehouse"].connect() as connection:
        query = "SELECT event FROM model_history ORDER BY time"
        events = [event for (event,) in connection.execute(query).fetchall()]
    assert events == ["promoted", "refused", "promoted", "rolled_back"]


def _choose(version: str) -> dict[str, dict[str, str]]:
    return {"production_model": {"version": version}}


def _in_use(workplace: Workplace) -> str:

    return ModelVersions(workplace.storage.production).current.version


@pytest.mark.parametrize("damaged", ["model.safetensors", "calibration.json"])
def test_the_way_back_does_not_depend_on_what_one_goes_back_from(again, damaged):
    first = _in_use(again)
    changed = LONG_ENOUGH | {"finetune.training.epochs": 3}
    again.distil("finetuned_model", **changed)
    challenger = model_version(again.storage.model("finetuned"))
    assert again.run("promote_model", config=_choose(challenger)).success
    assert _versions_told(again) == (first, challenger)
    for folder in (
        again.storage.model("finetuned"),
        ModelVersions(again.storage.production).current.path,
    ):
        (folder / damaged).write_text("damaged")
    refused = again.distil("production_model", **changed)
    assert "Materialize finetuned_model again" in _refusal(refused, "production_model")
    assert again.run("promote_model", config=_choose(first)).success
    assert _in_use(again) == first
    assert _versions_told(again) == (challenger, first)


def _versions_told(workplace: Workplace) -> tuple[str, str]:
    """The model versions that the warehouse compares: the one before, and the one in use."""
    query = "SELECT DISTINCT model_version FROM {}"
    with workplace.resources()["warehouse"].connect() as connection:
        (former,) = connection.execute(query.format("former_predictions")).fetchall()
        (present,) = connection.execute(query.format("predictions")).fetchall()
    return former[0], present[0]


def test_what_waits_in_the_inbox_at_the_very_first_run_is_predicted(workplace):
    workplace.arrive("unlabelled", "new.json", [article(300, labelled=False)])
    assert workplace.distil(**LONG_ENOUGH).success
    with workplace.resources()["warehouse"].connect() as connection:
        query = "SELECT count(*) FROM documents WHERE split = 'new'"
        assert connection.execute(query).fetchall() == [(1,)]


def test_nothing_can_be_predicted_before_the_first_distillation(workplace):
    workplace.arrive("unlabelled", "new.json", [article(300, labelled=False)])
    result = workplace.run("prediction")
    assert "run the job redistillation" in _refusal(result, "new_predictions")
    assert len(workplace.storage.new_documents()) == 1
