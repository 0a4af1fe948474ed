"""What assets and checks show about themselves in Dagster."""

import base64
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl

from corpus.schema import DOCUMENT_COLUMNS, Split
from quality.data_docs import FIRST_PAGE as FIRST_PAGE_OF_DATA_DOCS
from quality.pages.site import FIRST_PAGE
from quality.report import Problem, Report
from quality.verdict import Failure, Verdict
from resources.storage import Storage

OWNERS = ["team:docre"]

HOLDS = "docre/holds"
"""Tag of what an asset holds, to find assets by in the catalog and in the lineage."""


def table_metadata(
    table: pl.LazyFrame,
    path: Path,
    columns: Mapping[str, str],
    lineage: dg.TableColumnLineage | None = None,
) -> dict[str, Any]:
    """Rows, columns and place of a table.

    Args:
        table: what lies there.
        path: its file or folder.
        columns: what each column holds, fields of a struct among it.
        lineage: the columns that its columns are made from; None where they come from outside.
    """
    metadata = {
        "dagster/row_count": table.select(pl.len()).collect().item(),
        "dagster/column_schema": table_schema(_types(table.collect_schema()), columns, lineage),
        "dagster/uri": str(path),
    }
    return metadata | ({"dagster/column_lineage": lineage} if lineage else {})


def table_schema(
    types: Mapping[str, str],
    columns: Mapping[str, str],
    lineage: dg.TableColumnLineage | None = None,
) -> dg.TableSchema:
    """Columns with their types, and in words what they hold and what they are made from.

    The lineage stands in words too: only Dagster+ draws that of columns.
    """
    sources = lineage.deps_by_column if lineage else {}
    return dg.TableSchema(
        [
            dg.TableColumn(name, kind, _told(columns.get(name), sources.get(name, ())))
            for name, kind in types.items()
        ]
    )


def _types(schema: pl.Schema) -> dict[str, str]:
    """Each column's type in a word or two: all fields of a struct would leave no room."""
    return {name: _type(dtype) for name, dtype in schema.items()}


def _type(dtype: pl.DataType) -> str:
    if isinstance(dtype, pl.List):
        return f"List({_type(dtype.inner)})"
    return "Struct" if isinstance(dtype, pl.Struct) else str(dtype)


def _told(holds: str | None, sources: Iterable[dg.TableColumnDep]) -> str | None:
    named = [f"{source.asset_key.to_user_string()}.{source.column_name}" for source in sources]
    told = [holds.rstrip(".")] if holds else []
    told += [f"From {', '.join(named)}"] if named else []
    return ". ".join([*told, ""]).strip() or None


def documents_metadata(
    documents: pl.LazyFrame,
    folder: Path,
    splits: Iterable[Split],
    lineage: dg.TableColumnLineage | None = None,
) -> dict[str, Any]:
    """What `table_metadata` says of `DOCUMENTS`, the documents of each split, and the labels."""
    counted = documents.group_by("split").len().collect()
    counts = dict(counted.iter_rows())
    labels = documents.select(pl.col("labels").list.len().sum()).collect().item()
    return {
        **table_metadata(documents, folder, DOCUMENT_COLUMNS, lineage),
        "documents": sum(counts.values()),
        **{f"documents_{split}": counts.get(str(split), 0) for split in splits},
        "labels": int(labels or 0),
    }


def small_table(frame: pl.DataFrame) -> dg.TableMetadataValue:
    """A table of words and numbers, all of it."""
    schema = table_schema(_types(frame.schema), {})
    records = [dg.TableRecord(row) for row in frame.iter_rows(named=True)]
    return dg.MetadataValue.table(records, schema)


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


def links(storage: Storage, run: str | None = None) -> dict[str, dg.PathMetadataValue]:
    """Pages that tell more, to open in a browser.

    Args:
        storage: where they lie.
        run: the run whose data checks look at the asset; None where none do.
    """
    pages = {"report": storage.report / FIRST_PAGE}
    if run:
        pages["data_docs"] = storage.data_docs(run) / FIRST_PAGE_OF_DATA_DOCS
    return {name: dg.MetadataValue.path(str(page)) for name, page in pages.items()}


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
