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
    """When it ended, and by what code and command and where it was run.

    Its own load is a part of ``other_work``.
    """
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": _commit(),
        "command": {name: _told(value) for name, value in vars(options).items()},
        "machine": _machine(),
        "other_work": os.getloadavg()[0],
    }


def _commit() -> str | None:
    """Of the code, with ``-dirty`` where files differ from it; None without git or its folder."""
    if shutil.which("git") is None:
        return None
    asked = ("git", "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*")
    answer = subprocess.run(
        asked, cwd=Path(__file__).parent, capture_output=True, text=True, check=False
    )
    return answer.stdout.strip() or None


def _told(value: Any) -> Any:
    return str(value) if isinstance(value, Path) else value


def _machine() -> dict[str, Any]:
    """What the figures were measured on."""
    about = {"cpu": _cpu(), "cores": os.cpu_count(), "python": platform.python_version()}
    return about | {name: version(name) for name in _LIBRARIES}


def _cpu() -> str:
    """The processor's name as Linux tells it, else what Python knows."""
    listing = Path("/proc/cpuinfo")
    lines = listing.read_text().splitlines() if listing.is_file() else []
    names = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()
