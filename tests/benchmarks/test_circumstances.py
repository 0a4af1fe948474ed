"""A report tells enough to judge and to repeat its run, in what JSON can hold."""

import argparse
import json
import re
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
    inside = (Path(__file__).parents[2] / ".git").exists()
    assert bool(re.fullmatch(r"[0-9a-f]{12}(-dirty)?", told["commit"] or "")) == inside
    assert told["machine"]["torch"] == version("torch")
    assert told["other_work"] == 1.25
