"""What assets and checks show about themselves in Dagster."""

import base64
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl

from corpus.schema import Split
from quality.report import Problem, Report

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


def check_result(
    report: Report, severity: dg.AssetCheckSeverity = dg.AssetCheckSeverity.ERROR
) -> dg.AssetCheckResult:
    """A structural check's report; a failing one shows its first problems as a table."""
    metadata: dict[str, Any] = {"problems": report.total}
    if report.problems:
        metadata["first_problems"] = dg.MetadataValue.table(_records(report.problems))
    return dg.AssetCheckResult(
        passed=report.passed,
        severity=severity,
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
