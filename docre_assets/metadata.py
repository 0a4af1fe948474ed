"""What assets and checks show about themselves in Dagster."""

import base64
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl

from corpus.schema import Split
from quality.report import Problem, Report
from quality.verdict import Failure, Verdict

OWNERS = ["team:docre"]


def table_metadata(table: pl.LazyFrame, path: Path) -> dict[str, Any]:
    """Rows, columns and place of a table."""
    schema = table.collect_schema()
    return {
        "dagster/row_count": table.select(pl.len()).collect().item(),
        "dagster/column_schema": dg.TableSchema(
            [dg.TableColumn(name, str(dtype)) for name, dtype in schema.items()]
        ),
        "dagster/uri": str(path),
    }


def documents_metadata(tables: Mapping[Split, Path], folder: Path) -> dict[str, Any]:
    """What `table_metadata` says of the tables together, and the documents of each split."""
    documents = pl.scan_parquet(list(tables.values()))
    counted = documents.group_by("split").len().collect()
    counts = dict(counted.iter_rows())
    labels = documents.select(pl.col("labels").list.len().sum()).collect().item()
    return {
        **table_metadata(documents, folder),
        **{f"documents_{split}": counts.get(str(split), 0) for split in tables},
        "labels": int(labels or 0),
    }


def picture(png: bytes, caption: str) -> dg.MarkdownMetadataValue:
    """A PNG inside Markdown, so that it needs no place on a server."""
    return dg.MetadataValue.md(
        f"![{caption}](data:image/png;base64,{base64.b64encode(png).decode()})"
    )


def totals_metadata(statistics: pl.DataFrame) -> dict[str, float]:
    """Those of `STATISTICS` that are about all relations, which the UI plots over time."""
    totals = statistics.filter(pl.col("relation").is_null()).select("statistic", "value")
    return dict(totals.iter_rows())


def pictures(figures: Mapping[str, Callable[[], bytes]]) -> dict[str, dg.MetadataValue]:
    """Figures by caption, drawn here; one that cannot be drawn says why in its place.

    No figure is worth a run.
    """
    return {caption.replace(" ", "_"): _drawn(draw, caption) for caption, draw in figures.items()}


def _drawn(draw: Callable[[], bytes], caption: str) -> dg.MetadataValue:
    try:
        return picture(draw(), caption)
    except Exception as error:  # whatever it is, the checks' outcome does not hang on it
        return dg.MetadataValue.text(f"{type(error).__name__}: {error}")


def verdict_result(
    asset: dg.AssetKey,
    suite: str,
    verdict: Verdict,
    *,
    blocks: bool,
    shown: Mapping[str, Any],
) -> dg.AssetCheckResult:
    """A suite's verdict; a failing one shows what was expected and found as a table.

    Args:
        asset: what was judged.
        suite: the check's name.
        verdict: what was found.
        blocks: whether a failure is an error and stops what is downstream, or only warns.
        shown: what else the UI shows with it.
    """
    severity = dg.AssetCheckSeverity.ERROR if blocks else dg.AssetCheckSeverity.WARN
    metadata: dict[str, Any] = {"expectations": verdict.n_expectations, **shown}
    if verdict.failures:
        metadata["failures"] = dg.MetadataValue.table(
            [dg.TableRecord(_failure(failure)) for failure in verdict.failures]
        )
    if verdict.docs:
        metadata["data_docs"] = dg.MetadataValue.path(str(verdict.docs))
    return dg.AssetCheckResult(
        passed=verdict.passed,
        asset_key=asset,
        check_name=suite,
        severity=severity,
        metadata=metadata,
        description=None if verdict.passed else str(verdict),
    )


def _failure(failure: Failure) -> dict[str, str]:
    return {
        "statistic": failure.statistic,
        "expected": failure.expected,
        "observed": failure.observed,
        "worst": ", ".join(failure.worst),
        "remedy": failure.remedy,
    }


def check_result(report: Report) -> dg.AssetCheckResult:
    """A structural check's report; a failing one shows its first problems as a table."""
    metadata: dict[str, Any] = {"problems": report.total}
    if report.problems:
        metadata["first_problems"] = dg.MetadataValue.table(_records(report.problems))
    return dg.AssetCheckResult(
        passed=report.passed,
        severity=dg.AssetCheckSeverity.ERROR,
        metadata=metadata,
        description=None if report.passed else str(report),
    )


def _records(problems: Sequence[Problem]) -> list[dg.TableRecord]:
    return [
        dg.TableRecord(
            {
                "where": problem.where,
                "expected": problem.expected,
                "found": problem.found,
                "remedy": problem.remedy,
            }
        )
        for problem in problems
    ]
