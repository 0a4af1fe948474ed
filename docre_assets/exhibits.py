"""Small tables and figures of artefacts that assets show in Dagster."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import dagster as dg
import polars as pl

from docre_assets.columns import of_database
from docre_assets.metadata import small_table, table_schema
from quality.distribution import label_statistics
from quality.labels import Labelled
from quality.statistics import by_relation

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

SHOWN = 10
"""Rows of a table that is an excerpt."""


def splits_table(documents: pl.LazyFrame) -> dg.TableMetadataValue:
    """What each split of `DOCUMENTS` amounts to."""
    entities = pl.col("entities").list.len().cast(pl.Int64)
    counted = documents.group_by("split").agg(
        documents=pl.len(),
        sentences=pl.col("sentences").list.len().sum(),
        entities=entities.sum(),
        pairs=(entities * (entities - 1)).sum(),
        labels=pl.col("labels").list.len().sum(),
    )
    return small_table(counted.sort("split").collect())


def label_shares(
    stages: Mapping[str, pl.LazyFrame], names: Mapping[str, str]
) -> Callable[[], bytes]:
    """The figure of how labels spread over relations in `DOCUMENTS` of each stage."""

    def draw() -> bytes:
        from quality.label_figures import label_distributions

        tables = {
            stage: label_statistics(stage, Labelled.of_documents(documents))
            for stage, documents in stages.items()
        }
        return label_distributions(tables, names)

    return draw


def fact_shares(triples: pl.LazyFrame, names: Mapping[str, str]) -> Callable[[], bytes]:
    """The figure of how `TRIPLES` spread over relations."""

    def draw() -> bytes:
        from quality.label_figures import label_distributions

        counted = triples.group_by("relation").agg(facts=pl.len()).sort("relation").collect()
        shares = counted.select("relation", share=pl.col("facts") / pl.col("facts").sum())
        return label_distributions({"facts": by_relation("facts", shares)}, names)

    return draw


def found_metadata(found: pl.LazyFrame) -> dict[str, Any]:
    """What `PREDICTIONS` amount to, and the most probable ones."""
    counted = found.select(
        triples=pl.len(),
        documents_with_triples=pl.col("doc_id").n_unique(),
        relations_found=pl.col("relation").n_unique(),
        mean_probability=pl.col("probability").mean(),
    ).collect()
    numbers = counted.row(0, named=True).items()
    known = {name: number for name, number in numbers if number is not None}
    return known | {"most_probable": most_probable(found)}


def most_probable(found: pl.LazyFrame) -> dg.TableMetadataValue:
    """The most probable of `PREDICTIONS`, at most one of a document."""
    shown = ["title", "head_name", "relation_name", "tail_name", "probability", "evidence"]
    evidence = pl.col("evidence").cast(pl.List(pl.String)).list.join(", ")
    best = found.filter(pl.col("rank") == 1).top_k(SHOWN, by="probability")
    ordered = best.sort("probability", "doc_id", descending=[True, False])
    return small_table(ordered.select(shown).with_columns(evidence).collect())


def latest_versions(history: pl.DataFrame) -> dg.TableMetadataValue:
    """The last events of a `MODEL_HISTORY`, the latest first; F1 in per cent."""
    shown = history.tail(SHOWN).reverse()
    return small_table(
        shown.select(
            pl.col("time").dt.strftime("%Y-%m-%d %H:%M"),
            "event",
            pl.col("version").str.head(12),
            (pl.col("dev_f1", "difference") * 100).round(2),
        )
    )


def database_metadata(
    database: "DuckDBPyConnection", rows: Mapping[str, int]
) -> dict[str, dg.MetadataValue | dg.TableSchema | dg.TableColumnLineage]:
    """Tables and views of a database, and all their columns as ``table.column``, with comments.

    Args:
        database: an open connection.
        rows: how many each table has; views have none.
    """
    comments = dict(
        database.execute(
            "SELECT table_name, comment FROM duckdb_tables() UNION ALL "
            "SELECT view_name, comment FROM duckdb_views() WHERE NOT internal"
        ).fetchall()
    )
    tables = [(name, rows.get(name), comments[name]) for name in sorted(comments)]
    columns = _columns(database)
    types = {name: kind for name, kind, _ in columns}
    lineage = of_database(types)
    schema = {"table": pl.String, "rows": pl.Int64, "holds": pl.String}
    return {
        "tables": small_table(pl.DataFrame(tables, schema, orient="row")),
        "dagster/column_schema": table_schema(types, {n: told for n, _, told in columns}, lineage),
        "dagster/column_lineage": lineage,
    }


def _columns(database: "DuckDBPyConnection") -> list[tuple[str, str, str]]:
    """Name, type and comment of every column."""
    return database.execute(
        "SELECT table_name || '.' || column_name, data_type, comment FROM duckdb_columns() "
        "WHERE NOT internal ORDER BY table_name, column_index"
    ).fetchall()
