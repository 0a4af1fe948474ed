"""A report tells enough to judge and to repeat its run, in what JSON can hold."""

import argparse
import json
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from benchmarks.circumstances import circumstances


def test_circumstances_go_through_json_and_tell_command_time_and_machine(monkeypatch):
    monkeypatch.setattr("os.getloadavg", lambda: (1.25, 0.5, 0.0))
    options = argparse.Namespace(data=Path("corpus"), documents=[10, 20], json=None)
    before = datetime.now(UTC).replace(microsecond=0)
    told = circumstances(options)
    assert json.loads(json.dumps(told)) == told
    assert told["command"] == {"data": "corpus", "documents": [10, 20], "json": None}
    assert before <= datetime.fromisoformat(told["date"]) <= datetime.now(UTC)
    assert told["machine"]["torch"] == version("torch")
    assert told["other_work"] == 1.25
