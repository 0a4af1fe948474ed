"""A report tells enough to judge and to repeat its run, in what JSON can hold."""

import argparse
import json
import re
import subprocess
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import pytest

from benchmarks.circumstances import circumstances, commit_of


def test_circumstances_go_through_json_and_tell_command_time_and_machine(monkeypatch):
    monkeypatch.setattr("os.getloadavg", lambda: (1.25, 0.5, 0.0))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    options = argparse.Namespace(data=Path("corpus"), documents=[10, 20], json=None)
    before = datetime.now(UTC).replace(microsecond=0)
    told = circumstances(options)
    assert json.loads(json.dumps(told)) == told
    assert told["command"] == {"data": "corpus", "documents": [10, 20], "json": None}
    assert before <= datetime.fromisoformat(told["date"]) <= datetime.now(UTC)
    assert told["commit"] == commit_of(Path(__file__).parents[2])
    assert told["machine"]["torch"] == version("torch")
    assert told["machine"]["omp_num_threads"] == "1"
    assert told["other_work"] == 1.25


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A repository of one commit."""
    (tmp_path / "code.py").write_text("1\n")
    author = ("-c", "user.name=nobody", "-c", "user.email=nobody@example.org")
    for asked in (("init", "-q"), ("add", "."), (*author, "commit", "-q", "-m", "first")):
        subprocess.run(["git", "-C", tmp_path, *asked], check=True)
    return tmp_path


def test_a_commit_is_told_and_whether_files_differ_from_it(project):
    told = commit_of(project)
    assert re.fullmatch("[0-9a-f]{12}", told)
    (project / "code.py").write_text("2\n")
    assert commit_of(project) == told + "-dirty"
    (project / "code.py").write_text("1\n")
    (project / "more.py").write_text("3\n")
    assert commit_of(project) == told + "-dirty"


def test_what_is_no_repository_has_no_commit(project, tmp_path_factory, monkeypatch):
    (project / "unpacked").mkdir()
    assert commit_of(project / "unpacked") is None
    assert commit_of(tmp_path_factory.mktemp("nowhere")) is None
    monkeypatch.setattr("shutil.which", lambda _: None)
    assert commit_of(project) is None
