"""What stands beside figures in every report, so that the run can be judged and repeated."""

from __future__ import annotations

import argparse
import os
import platform
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

_LIBRARIES: Final = ("torch", "transformers", "duckdb", "numpy", "polars")


def circumstances(options: argparse.Namespace) -> dict[str, Any]:
    """When, by what command and where it was run; its own load is a part of ``other_work``."""
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": {name: _told(value) for name, value in vars(options).items()},
        "machine": _machine(),
        "other_work": os.getloadavg()[0],
    }


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
