"""How long the workflow takes to start, and to find that there is nothing to do.

``python -m benchmarks.start [--json OUT]`` times, each in processes of their own: loading the
definitions; a first run over the bundled corpus until its first asset stands, counted from the
start of the process; and the same run again, which makes nothing anew. Training is of the preset
``tiny``, whose quality no limit is set for; checks and documents are those of ``make demo``.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import dagster as dg

from benchmarks.aims import Aim, shown
from benchmarks.circumstances import circumstances
from corpus.artefacts import write_json

ROOT: Final = Path(__file__).parents[1]
LOADING: Final = ("-c", "from docre_assets.definitions import defs; defs()")
RUNNING: Final = ("-m", "docre_assets")


def environment(root: Path) -> dict[str, str]:
    """Of processes whose records and artefacts are below ``root``, which is made."""
    home = root / "dagster"
    home.mkdir(parents=True)
    shutil.copy(ROOT / "instance" / "dagster.yaml", home)
    own = {name: value for name, value in os.environ.items() if not name.startswith("DOCRE_")}
    return own | {
        "DAGSTER_HOME": str(home),
        "DOCRE_STORAGE": str(root / "artefacts"),
        "DOCRE_INBOX": str(root / "inbox"),
        "DOCRE_PRESET": "tiny",
        "DOCRE_QUALITY": "observe",
    }


def seconds_of(command: tuple[str, ...], environ: Mapping[str, str]) -> float:
    """Of a process of this Python, from start to end."""
    started = time.perf_counter()
    subprocess.run([sys.executable, *command], cwd=ROOT, env=environ, check=True)
    return time.perf_counter() - started


def first_materialization(home: Path) -> float:
    """When the first asset of all stood, in seconds since the epoch."""
    with dg.DagsterInstance.from_config(str(home)) as instance:
        return min(
            record.timestamp
            for key in instance.all_asset_keys()
            for record in instance.fetch_materializations(key, limit=1, ascending=True).records
        )


def measured(root: Path, rounds: int) -> dict[str, float]:
    """Seconds of each start; of loading, the fastest of ``rounds``."""
    environ = environment(root)
    os.environ["DAGSTER_HOME"] = environ["DAGSTER_HOME"]  # which dagster.yaml asks for
    loading = min(seconds_of(LOADING, environ) for _ in range(rounds))
    started = time.time()
    whole = seconds_of(RUNNING, environ)
    first = first_materialization(Path(environ["DAGSTER_HOME"])) - started
    return {
        "definitions": loading,
        "first asset": first,
        "first run": whole,
        "run without any change": seconds_of(RUNNING, environ),
    }


def aims(seconds: Mapping[str, float]) -> Iterator[Aim]:
    """What is aimed at, on two cores."""
    most = {"definitions": 3, "first asset": 15, "run without any change": 60}
    for name, limit in most.items():
        yield Aim(f"{name}, seconds", seconds[name], most=limit)


def main() -> None:
    """Parse the command, measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, prog="benchmarks.start")
    parser.add_argument("--rounds", type=int, default=3, help="of loading the definitions")
    parser.add_argument("--json", type=Path, help="where to write the report")
    options = parser.parse_args()
    about = circumstances(options)
    with tempfile.TemporaryDirectory() as folder:
        seconds = measured(Path(folder) / "run", options.rounds)
    found = {"seconds": seconds, "aims": shown(aims(seconds))}
    if options.json:
        write_json(about | found, options.json)


if __name__ == "__main__":
    main()
