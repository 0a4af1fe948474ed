"""What stands beside figures in every report, so that the run can be judged and repeated."""

from __future__ import annotations

import argparse
import os
import platform
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

_LIBRARIES: Final = ("torch", "transformers", "duckdb", "numpy", "polars")


def circumstances(command: Mapping[str, Any]) -> dict[str, Any]:
    """When, how and where it was run, and beside what load of the machine."""
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": dict(command),
        "machine": machine(),
        "other_work": os.getloadavg()[0],
    }


def command_of(options: argparse.Namespace) -> dict[str, Any]:
    """A command's options as JSON takes them."""
    return {name: _told(value) for name, value in vars(options).items()}


def _told(value: Any) -> Any:
    return str(value) if isinstance(value, Path) else value


def machine() -> dict[str, Any]:
    """What the figures were measured on."""
    about = {"cpu": _cpu(), "cores": os.cpu_count(), "python": platform.python_version()}
    return about | {name: version(name) for name in _LIBRARIES}


def _cpu() -> str:
    """The processor's name as Linux tells it, else what Python knows."""
    listing = Path("/proc/cpuinfo")
    lines = listing.read_text().splitlines() if listing.is_file() else []
    names = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()
