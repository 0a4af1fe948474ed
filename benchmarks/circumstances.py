"""What stands beside figures in every report, so that the run can be judged and repeated."""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import subprocess
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

_LIBRARIES: Final = ("torch", "transformers", "duckdb", "numpy", "polars")


def circumstances(options: argparse.Namespace) -> dict[str, Any]:
    """By what code and command, when and where something is about to be measured.

    Asked before the work, ``other_work`` is that of others, and the code is what is measured: it
    may be another when hours have passed.
    """
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": commit_of(Path(__file__).parents[1]),
        "command": {name: _told(value) for name, value in vars(options).items()},
        "machine": _machine(),
        "other_work": os.getloadavg()[0],
    }


def commit_of(project: Path) -> str | None:
    """Of a project's code, ``-dirty`` where files differ from it; None where git does not tell.

    Args:
        project: the repository's own folder; what is unpacked somewhere within one has no commit.
    """
    if shutil.which("git") is None or _git(project, "rev-parse", "--show-prefix") != "":
        return None
    head = _git(project, "rev-parse", "--short=12", "HEAD")
    dirty = "-dirty" if _git(project, "status", "--porcelain") else ""
    return head and head + dirty


def _git(folder: Path, *asked: str) -> str | None:
    """What git answers; None where it fails, as without a repository."""
    command = ["git", "-C", str(folder), *asked]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    return None if answer.returncode else answer.stdout.strip()


def _told(value: Any) -> Any:
    return str(value) if isinstance(value, Path) else value


def _machine() -> dict[str, Any]:
    """What the figures were measured on; without a number of threads, torch takes all cores."""
    about = {"cpu": _cpu(), "cores": os.cpu_count(), "python": platform.python_version()}
    about["omp_num_threads"] = os.environ.get("OMP_NUM_THREADS")
    return about | {name: version(name) for name in _LIBRARIES}


def _cpu() -> str:
    """The processor's name as Linux tells it, else what Python knows."""
    listing = Path("/proc/cpuinfo")
    lines = listing.read_text().splitlines() if listing.is_file() else []
    names = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()
