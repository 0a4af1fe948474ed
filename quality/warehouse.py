"""The warehouse: one DuckDB file in which anyone can query documents, labels and predictions."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import Final

import duckdb
import polars as pl

from corpus.artefacts import whole
from corpus.json_files import literal
from corpus.knowledge_base import normalized
from corpus.relations import RelationVocabulary
from corpus.schema import MODEL_HISTORY, PREDICTIONS
from quality.history import history
from quality.integrity import ONE_ROW_A_DOCUMENT, require_integrity
from quality.training_history import TrainedModel, training_history
from quality.warehouse_tables import WarehouseTables

MEMORY_LIMIT: Final = "4GB"
"""What DuckDB may hold at once; the rest is spilled beside the warehouse."""

READABLE_FROM: Final = "v1.2.0"
"""The oldest DuckDB whose command line and libraries open the file; it costs no room."""

SUBJECTS: Final = ("predictions", "documents", "facts", "scores", "provenance", "views")
"""The files of SQL that make tables and views, each of which may use what those before it made."""


_PROVENANCE: Final = {"name": pl.String(), "value": pl.String()}


def build_warehouse(
    path: Path, tables: WarehouseTables, provenance: Mapping[str, str] | None = None
) -> dict[str, int]:
    """Write a DuckDB file with all tables and views of ``quality/sql``, whole.

    DuckDB streams the Parquet files into a draft that then takes the place of ``path``. Whoever
    has the old file open goes on reading it; a failure leaves it where it is.

    Args:
        path: where the warehouse goes.
        tables: what it is made from; files that nobody swaps meanwhile, see `quality.held`.
        provenance: digests of models and versions of code, for the table of that name.

    Returns:
        Number of rows of each table.

    Raises:
        FileNotFoundError: if a file is not there, or a kind of tables that is needed has none.
        ValueError: if rows refer to what is not there, or a key is not unique.
    """
    tables.require_files()
    with whole(path) as draft, _spill(path) as spill:
        try:
            with _connected(draft, spill) as connection:
                _fill(connection, tables, provenance or {}, spill)
                require_integrity(connection)
                _inherit_comments(connection)
                return _rows(connection)
        finally:
            draft.with_name(f"{draft.name}.wal").unlink(missing_ok=True)


@contextmanager
def _spill(path: Path) -> Iterator[Path]:
    """A folder beside the warehouse, named as its drafts are: what is left of it is swept too."""
    folder = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}")
    folder.mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


@contextmanager
def _connected(draft: Path, spill: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    settings: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": MEMORY_LIMIT,
        "temp_directory": str(spill),
        "storage_compatibility_version": READABLE_FROM,
    }
    with duckdb.connect(draft, config=settings) as connection:
        connection.execute("SET enable_progress_bar = false")
        yield connection


def _fill(
    connection: duckdb.DuckDBPyConnection,
    tables: WarehouseTables,
    provenance: Mapping[str, str],
    spill: Path,
) -> None:
    _write_relations(connection, RelationVocabulary.load(tables.relations))
    _write_table(connection, history(tables.statistics).collect(), "quality_statistics")
    _write_table(connection, _model_history(tables.model_history), "model_history")
    _write_training_history(connection, tables.trained)
    told = pl.DataFrame(sorted(provenance.items()), _PROVENANCE, orient="row")
    _write_table(connection, told, "provenance")
    connection.execute(_sql("keys"))
    _name_files(connection, tables, spill)
    require_integrity(connection, [ONE_ROW_A_DOCUMENT])  # the table itself would not say what to do
    _write_spellings(connection, spill)
    for subject in SUBJECTS:
        connection.execute(_sql(subject))


def _sql(subject: str) -> str:
    return files("quality").joinpath("sql", f"{subject}.sql").read_text(encoding="utf-8")


def _name_files(
    connection: duckdb.DuckDBPyConnection, tables: WarehouseTables, spill: Path
) -> None:
    """Set the variables that the SQL reads files by; DuckDB reads no table from no file."""
    named = tables.parquet()
    if not named["former_predictions"]:
        named["former_predictions"] = [spill / "none.parquet"]
        PREDICTIONS.to_frame().write_parquet(spill / "none.parquet")
    for name, paths in named.items():
        connection.execute(f"SET VARIABLE {name} = ?", [[str(path) for path in paths]])


def _write_spellings(connection: duckdb.DuckDBPyConnection, spill: Path) -> None:
    """Make the table of names with what they are compared by, which DuckDB has no function for."""
    names, spellings = spill / "names.parquet", spill / "spellings.parquet"
    connection.execute("SET VARIABLE names = ?", [str(names)])
    connection.execute("SET VARIABLE spellings = ?", [str(spellings)])
    connection.execute(_sql("names"))
    keyed = pl.scan_parquet(names, glob=False).with_columns(name_key=normalized(pl.col("name")))
    keyed.sink_parquet(spellings)
    connection.execute(_sql("spellings"))


def _write_table(connection: duckdb.DuckDBPyConnection, table: pl.DataFrame, name: str) -> None:
    connection.from_arrow(table.to_arrow()).create(name)


def _model_history(path: Path | None) -> pl.DataFrame:
    if path is None or not path.is_file():
        return MODEL_HISTORY.to_frame()
    return pl.read_parquet(path.read_bytes())  # a path is opened twice, before and after a swap


def _write_training_history(
    connection: duckdb.DuckDBPyConnection, trained: Sequence[TrainedModel]
) -> None:
    table = connection.from_arrow(training_history(trained).to_arrow())
    table.select("* REPLACE (map_from_entries(terms) AS terms)").create("training_history")


def _write_relations(connection: duckdb.DuckDBPyConnection, vocabulary: RelationVocabulary) -> None:
    connection.execute(
        "CREATE TABLE relations (relation VARCHAR PRIMARY KEY, column_index INTEGER, name VARCHAR)"
    )
    names = map(vocabulary.name, vocabulary.ids)
    rows = pl.DataFrame({"relation": list(vocabulary.ids), "name": list(names)})
    table = connection.from_arrow(rows.with_row_index("column_index").to_arrow())
    table.select("relation, column_index, name").insert_into("relations")


def _inherit_comments(connection: duckdb.DuckDBPyConnection) -> None:
    """Columns that views take over from predictions mean there what they mean here."""
    taken = """
        SELECT views.table_name, views.column_name, predictions.comment
        FROM duckdb_columns() AS views JOIN duckdb_columns() AS predictions USING (column_name)
        WHERE views.comment IS NULL AND NOT views.internal
            AND views.table_name IN (SELECT view_name FROM duckdb_views() WHERE NOT temporary)
            AND predictions.table_name = 'predictions'
    """
    for view, column, comment in connection.execute(taken).fetchall():
        connection.execute(f"COMMENT ON COLUMN {view}.{column} IS {literal(comment)}")


def _rows(connection: duckdb.DuckDBPyConnection) -> dict[str, int]:
    tables = "SELECT table_name FROM duckdb_tables() WHERE NOT temporary ORDER BY 1"
    return {
        name: connection.execute(f"SELECT count(*) FROM {name}").fetchall()[0][0]
        for (name,) in connection.execute(tables).fetchall()
    }
