"""Without the UI: ``python -m docre_assets`` distils, ``--promote`` puts a version in use."""

import argparse
import os
import sys
import time
import uuid
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
from dagster._core.instance.ref import InstanceRef

from corpus.schema import Split
from docre_assets.definitions import defs
from docre_assets.lost_runs import at_work, close_lost
from docre_assets.scoring import headline
from docre_assets.serving_assets import QUERY
from quality.pages.site import FIRST_PAGE
from resources.storage import Storage
from resources.warehouse import Warehouse

HEADLESS = {
    "compute_logs": {
        "module": "dagster._core.storage.noop_compute_log_manager",
        "class": "NoOpComputeLogManager",
    },
    "telemetry": {"enabled": False},
}
"""Standard output and error stay the terminal's, so that progress bars know it; nothing is sent."""


def main(arguments: Sequence[str] = ()) -> int:
    """Run everything once; 0 if all assets were made and no check failed with an error."""
    parser = argparse.ArgumentParser("python -m docre_assets", description=__doc__)
    parser.epilog = "Settings are environment variables, such as DOCRE_CORPUS; see README.md."
    parser.add_argument("--promote", metavar="VERSION", help="put this version in use, and predict")
    version = parser.parse_args(arguments).promote
    started = time.monotonic()
    if not sys.stderr.isatty():
        os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    try:
        definitions = defs()
    except ValueError as error:
        say(f"Nothing was run. {error}")
        return 2
    with instance_of_environment() as instance:
        result = run(definitions, instance, version)
    checks = result.get_asset_check_evaluations()
    failed = [check for check in checks if is_error(check)]
    if failed or not result.success:
        say("\nThe run did not finish: FAILED, ERROR or INTERRUPTED above tells where and why.")
        return 1
    if version:
        say(f"\n{version} is in use, and the warehouse has its predictions.")
        return 0
    say(summary(definitions.resources or {}, minutes=(time.monotonic() - started) / 60))
    say(warnings(checks))
    return 0


def run(
    definitions: dg.Definitions, instance: dg.DagsterInstance, version: str | None
) -> dg.ExecuteInProcessResult:
    """Distil, or put a version in use; runs that were killed before hold up nothing.

    Args:
        definitions: the workflow.
        instance: Dagster's records.
        version: to be put in use; None distils.
    """
    run_id, home = str(uuid.uuid4()), os.environ.get("DAGSTER_HOME")
    choice = {"ops": {"production_model": {"config": {"version": version}}}} if version else {}
    with ExitStack() as stack:
        if home:
            for lost in close_lost(instance, Path(home)):
                say(f"Run {lost} was killed; this one goes on from what it has left.\n")
            stack.enter_context(at_work(Path(home), run_id))
        job = definitions.resolve_job_def("promote_model" if version else "redistillation")
        return job.execute_in_process(
            instance=instance,
            raise_on_error=False,
            run_id=run_id,
            run_config={"loggers": {"story": {}}, **choice},
        )


def instance_of_environment() -> dg.DagsterInstance:
    """The instance in DAGSTER_HOME, where the UI finds the run; without it one that forgets."""
    home = os.environ.get("DAGSTER_HOME")
    if home is None:
        say("DAGSTER_HOME is not set: the UI will not know of this run (`make demo` sets it).\n")
        return dg.DagsterInstance.ephemeral()
    Path(home).mkdir(parents=True, exist_ok=True)
    return dg.DagsterInstance.from_ref(InstanceRef.from_dir(home, overrides=HEADLESS))


def is_error(check: dg.AssetCheckEvaluation) -> bool:
    """Whether a check failed, and not only with a warning."""
    return not check.passed and check.severity is dg.AssetCheckSeverity.ERROR


def warnings(checks: Sequence[dg.AssetCheckEvaluation]) -> str:
    """Which checks failed without stopping anything, so that nobody has to look for them."""
    passed: dict[str, bool] = {}
    for check in checks:  # those of shards each have several
        name = f"{check.asset_key.to_user_string()}/{check.check_name}"
        passed[name] = passed.get(name, True) and check.passed
    warned = [name for name, well in passed.items() if not well]
    if not warned:
        return f"All {len(passed)} checks passed."
    return f"{len(warned)} of {len(passed)} checks warn, and say above why: {', '.join(warned)}"


def summary(resources: Mapping[str, Any], minutes: float) -> str:
    """How good the models are, and where to look next."""
    storage: Storage = resources["storage"]
    warehouse: Warehouse = resources["warehouse"]
    file, python = _from_here(warehouse.file), _from_here(Path(sys.executable))
    query = f"duckdb.connect('{file}', read_only=True).sql('{QUERY}')"
    return "\n".join(
        [
            "",
            scores_table(pl.read_parquet(storage.scores)),
            "",
            f"All of it took {minutes:.1f} minutes.",
            f"Predictions are in {file}; a query to try:",
            f'  {python} -c "import duckdb; print({query})"',
            f"To read them in their documents: {_from_here(storage.report / FIRST_PAGE)}",
            "To see assets, checks and curves: make ui, then http://127.0.0.1:3000/asset-groups",
        ]
    )


def _from_here(path: Path) -> Path:
    """The shortest way to name a path: from the working directory, if it lies below."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def scores_table(scores: pl.DataFrame) -> str:
    """F1 and Ign F1 of each model on test, or on dev where test has no labels."""
    table = headline(scores)
    split = str(Split.TEST if Split.TEST in table["split"] else Split.DEV)
    rows = table.filter(pl.col("split") == split).iter_rows(named=True)
    lines = [f"{row['model']:<12}{row['F1']:>8.2f}{row['Ign F1']:>10.2f}" for row in rows]
    return "\n".join([f"{f'on {split}':<12}{'F1':>8}{'Ign F1':>10}", *lines])


def say(text: str) -> None:
    """Write to standard output, after all that was written before."""
    sys.stderr.flush()
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
