"""One command runs everything, says how good the models are, and fails where something does."""

import shlex
import subprocess
import sys
from pathlib import Path

import dagster as dg
import polars as pl
import pytest
from little_corpus import article, write_corpus

from corpus.schema import ALL, EVALUATION
from docre_assets.__main__ import main, scores_table, warnings
from docre_assets.model_versions import ModelVersions

pytest_plugins = ["little_places"]

ROOT = Path(__file__).parents[2]


@pytest.fixture
def settings(tmp_path, monkeypatch) -> Path:
    """The environment of a run on a handful of articles."""
    monkeypatch.setenv("DOCRE_CORPUS", str(write_corpus(tmp_path / "corpus")))
    monkeypatch.setenv("DOCRE_STORAGE", str(tmp_path / "artefacts"))
    monkeypatch.setenv("DOCRE_INBOX", str(tmp_path / "inbox"))
    monkeypatch.setenv("DOCRE_PRESET", "tiny")
    monkeypatch.setenv("DOCRE_DEVICE", "cpu")
    monkeypatch.setenv("DOCRE_PRECISION", "float32")
    monkeypatch.setenv("DOCRE_THREADS", "1")
    monkeypatch.setenv("DOCRE_QUALITY", "observe")  # a handful of articles says little
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "home"))
    return tmp_path


def _scores(*splits: str) -> pl.DataFrame:
    rows = [
        (model, split, ALL, None, metric, value, None, None)
        for split in splits
        for model, value in (("teacher", 0.5), ("student", 0.25), ("finetuned", 0.625))
        for metric in ("f1", "ign_f1_annotated", "precision")
    ]
    return pl.DataFrame(rows, EVALUATION, orient="row")


def test_the_table_is_of_test_where_test_is_labelled():
    assert scores_table(_scores("dev", "test")).splitlines() == [
        "on test           F1    Ign F1",
        "teacher        50.00     50.00",
        "student        25.00     25.00",
        "finetuned      62.50     62.50",
    ]
    assert scores_table(_scores("dev")).startswith("on dev ")


def _check(asset: str, name: str, *, passed: bool) -> dg.AssetCheckEvaluation:
    severity = dg.AssetCheckSeverity.WARN
    return dg.AssetCheckEvaluation(dg.AssetKey(asset), name, passed, {}, None, severity)


def test_checks_that_warn_are_named_at_the_end_each_once():
    shards = [_check("soft_labels", "critical", passed=passed) for passed in (True, False, False)]
    sound = _check("raw_documents", "spans_valid", passed=True)
    assert warnings([sound, *shards]) == (
        "1 of 2 checks warn, and say above why: soft_labels/critical"
    )
    other = _check("raw_documents", "labels_valid", passed=True)
    assert warnings([sound, other]) == "All 2 checks passed."


@pytest.mark.slow
def test_a_run_ends_with_scores_the_database_and_a_query_that_works(settings, capfd):
    assert main() == 0
    told = capfd.readouterr()
    assert "on test           F1    Ign F1" in told.out
    assert "make ui" in told.out
    assert "checks warn, and say above why: " in told.out
    assert told.err.count("trains on cpu, float32, 1 thread\n") == 3  # teacher, student, fine-tuned
    assert "DEBUG" not in told.err
    assert told.err.count("\n") < 120
    (query,) = [line for line in told.out.splitlines() if "import duckdb" in line]
    python, *arguments = shlex.split(query)
    assert Path(ROOT / python).resolve() == Path(sys.executable).resolve()
    found = subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=True)
    assert "head_name" in found.stdout
    with dg.DagsterInstance.get() as instance:
        (run,) = instance.get_runs()
        assert run.job_name == "redistillation"
        assert run.is_success
    version = ModelVersions(settings / "artefacts" / "production").current.version
    assert main(["--promote", version]) == 0
    assert f"{version} is in use" in capfd.readouterr().out
    assert main(["--promote", "0123456789abcdef"]) == 1
    assert f"Name one of: {version}" in capfd.readouterr().err


def test_a_failing_check_fails_the_run(settings, capfd):
    write_corpus(settings / "corpus", dev=[article(3)])
    assert main() == 1
    told = capfd.readouterr()
    assert "check annotated_documents/splits_disjoint: ERROR" in told.err
    assert "Person3 of City3" in told.err
    assert "Dependencies for step" not in told.err
    assert "FAILED" not in told.err
    assert "did not finish" in told.out
    assert "F1" not in told.out


def test_a_source_that_is_not_there_fails_the_run_with_the_reason(settings, capfd, monkeypatch):
    monkeypatch.setenv("DOCRE_CORPUS", str(settings / "nowhere"))
    assert main() == 1
    told = capfd.readouterr()
    assert "FAILED raw_documents: ValueError: corpus" in told.err
    assert "nowhere" in told.err


def test_without_a_home_a_run_is_not_kept_and_says_so(settings, capfd, monkeypatch):
    monkeypatch.delenv("DAGSTER_HOME")
    monkeypatch.setenv("DOCRE_CORPUS", str(settings / "nowhere"))
    assert main() == 1
    assert "DAGSTER_HOME is not set" in capfd.readouterr().out


def test_a_setting_that_does_not_exist_is_told_and_nothing_is_run(settings, capfd, monkeypatch):
    monkeypatch.setenv("DOCRE_LIMITS", '{"distant.critical.js_bit.most": 0.4}')
    assert main() == 2
    assert "Nothing was run. DOCRE_LIMITS: limit" in capfd.readouterr().out
    assert not (settings / "artefacts").exists()


def test_it_explains_itself_and_runs_nothing_on_what_it_does_not_know(capsys):
    for arguments, code in ((["--help"], 0), (["--epochs", "1"], 2)):
        with pytest.raises(SystemExit) as left:
            main(arguments)
        assert left.value.code == code
    assert "DOCRE_CORPUS" in capsys.readouterr().out
