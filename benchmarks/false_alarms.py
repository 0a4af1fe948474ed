"""Whether sound corpora pass the checks between the stages.

``python -m benchmarks.false_alarms [--seeds 1,2,3] [--data FOLDER --annotated N --distant M]
[--overrides JSON] [--json OUT]`` distils the demo corpus of each seed, and documents of a folder
if one is given, with all limits enforced, and tells which checks fail: a blocking one is a false
alarm.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from pathlib import Path
from typing import Any

import dagster as dg

from benchmarks.circumstances import circumstances
from benchmarks.real_corpus import cut
from corpus.artefacts import write_json
from docre_assets.definitions import defs
from resources.corpus_source import CorpusSource
from resources.inbox import Inbox
from resources.method import Method
from resources.quality import Quality
from resources.storage import Storage
from resources.warehouse import Warehouse


def distil(source: CorpusSource, method: Method, folder: Path) -> dict[str, Any]:
    """Everything once; which checks fail and what they say."""
    definitions = defs()
    storage = Storage(root=str(folder / "artefacts"))
    replaced = {
        "storage": storage,
        "corpus_source": source,
        "method": method,
        "quality": Quality(docs=False),
        "warehouse": Warehouse(path=str(storage.warehouse)),
        "inbox": Inbox(root=str(folder / "inbox")),
    }
    job = dg.Definitions(
        assets=definitions.assets,
        asset_checks=definitions.asset_checks,
        jobs=definitions.jobs,
        resources={**(definitions.resources or {}), **replaced},
        loggers=definitions.loggers,
    ).resolve_job_def("redistillation")
    started = time.monotonic()
    with dg.DagsterInstance.ephemeral() as instance:
        result = job.execute_in_process(
            instance=instance, raise_on_error=False, run_config={"loggers": {"story": {}}}
        )
    failed = [check for check in result.get_asset_check_evaluations() if not check.passed]
    return {
        "finished": result.success,
        "minutes": round((time.monotonic() - started) / 60, 2),
        "alarms": _told(failed, dg.AssetCheckSeverity.ERROR),
        "warnings": _told(failed, dg.AssetCheckSeverity.WARN),
    }


def _told(checks: list[dg.AssetCheckEvaluation], severity: dg.AssetCheckSeverity) -> dict[str, str]:
    return {
        f"{check.asset_key.to_user_string()}/{check.check_name}": check.description or ""
        for check in checks
        if check.severity is severity
    }


def main() -> None:
    """Parse the command, distil each corpus, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, prog="benchmarks.false_alarms")
    parser.add_argument("--seeds", default="1,2,3,4,5,6,7,8,9,10", help="of demo corpora")
    parser.add_argument("--data", type=Path, help="folder of DocRED-format files")
    parser.add_argument("--annotated", type=int, default=300)
    parser.add_argument("--distant", type=int, default=300)
    parser.add_argument("--seed", type=int, default=13, help="draws the folder's documents")
    parser.add_argument("--overrides", type=json.loads, default={}, help="JSON of dotted names")
    parser.add_argument("--json", type=Path, help="where to write the report")
    options = parser.parse_args()
    about = circumstances(options)
    corpora: list[str | Path] = list(filter(None, options.seeds.split(",")))
    found: dict[str, dict[str, Any]] = {}
    for name in [*corpora, *filter(None, [options.data])]:
        with tempfile.TemporaryDirectory() as scratch:
            found[str(name)] = _one(name, options, Path(scratch))
        print(f"{name}: {_outcome(found[str(name)])}", flush=True)
        if options.json:  # after each, as all of them take hours
            write_json(about | {"corpora": found}, options.json)


def _outcome(found: dict[str, Any]) -> str:
    quiet = "no alarm" if found["finished"] else "did not finish"
    return str(found["alarms"] or quiet)


def _one(name: str | Path, options: argparse.Namespace, scratch: Path) -> dict[str, Any]:
    if isinstance(name, Path):
        sizes = {"annotated": options.annotated, "distant": options.distant, "dev": 100}
        folder = cut(name, scratch / "corpus", **sizes, seed=options.seed)
        source, preset = CorpusSource(spec=str(folder)), "small"
    else:
        source, preset = CorpusSource(spec="demo", seed=int(name)), "demo"
    return distil(source, Method(preset=preset, overrides=options.overrides), scratch)


if __name__ == "__main__":
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    main()
