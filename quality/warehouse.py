"""The warehouse: one DuckDB file in which anyone can query documents, labels and predictions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import duckdb
import polars as pl

from corpus.artefacts import whole
from corpus.relations import RelationVocabulary
from corpus.schema import MODEL_HISTORY
from quality.history import history


@dataclass(frozen=True)
class WarehouseTables:
    """Files that the warehouse is made from."""

    raw_documents: Sequence[Path]
    """`DOCUMENTS` tables of all splits."""
    annotated_documents: Sequence[Path]
    """`DOCUMENTS` tables whose labels people made."""
    distant_documents: Sequence[Path]
    """`DOCUMENTS` tables whose labels a knowledge base gave."""
    predictions: Sequence[Path]
    """`PREDICTIONS` tables, those of documents that arrived later among them."""
    evaluation: Path
    """An `EVALUATION` table."""
    rejected: Sequence[Path]
    """`REJECTED` tables."""
    relations: Path
    """The relation vocabulary, as `RelationVocabulary.save` writes it."""
    statistics: Sequence[Path] = ()
    """`quality.history.HISTORY` tables of all runs; none where no check has run."""
    new_documents: Sequence[Path] = ()
    """`DOCUMENTS` tables of what arrived later to be predicted; none before anything has."""
    model_history: Path | None = None
    """A `MODEL_HISTORY` table; it need not be there before a model has been judged."""

    def parquet(self) -> dict[str, list[Path]]:
        """The Parquet files by the name of the variable that warehouse.sql reads them from."""
        return {
            "raw_documents": list(self.raw_documents),
            "new_documents": list(self.new_documents),
            "annotated_documents": list(self.annotated_documents),
            "distant_documents": list(self.distant_documents),
            "predictions": list(self.predictions),
            "evaluation": [self.evaluation],
            "rejected": list(self.rejected),
        }


def build_warehouse(
    path: Path, tables: WarehouseTables, provenance: Mapping[str, str] | None = None
) -> dict[str, int]:
    """Write a DuckDB file with all tables and views of warehouse.sql, whole.

    DuckDB streams the Parquet files into a draft that then takes the place of ``path``. Whoever
    has the old file open goes on reading it; a failure leaves it where it is.

    Args:
        path: where the warehouse goes.
        tables: what it is made from.
        provenance: digests of models and versions of code, for the table of that name.

    Returns:
        Number of rows of each table.

    Raises:
        FileNotFoundError: if a file is not there, or a kind of tables that is needed has none.
    """
    _require_files(tables)
    with whole(path) as draft:
        try:
            with duckdb.connect(draft) as connection:
                _fill(connection, tables, provenance or {})
                return _rows(connection)
        finally:
            draft.with_name(f"{draft.name}.wal").unlink(missing_ok=True)


def _fill(
    connection: duckdb.DuckDBPyConnection, tables: WarehouseTables, provenance: Mapping[str, str]
) -> None:
    _write_relations(connection, RelationVocabulary.load(tables.relations))
    _write_table(connection, history(tables.statistics).collect(), "quality_statistics")
    _write_table(connection, _model_history(tables.model_history), "model_history")
    connection.execute("CREATE TABLE provenance (name VARCHAR, value VARCHAR)")
    for name, value in sorted(provenance.items()):
        connection.execute("INSERT INTO provenance VALUES (?, ?)", [name, value])
    for name, paths in tables.parquet().items():
        connection.execute(f"SET VARIABLE {name} = ?", [[str(path) for path in paths]])
    connection.execute(files("quality").joinpath("warehouse.sql").read_text(encoding="utf-8"))


def _write_table(connection: duckdb.DuckDBPyConnection, table: pl.DataFrame, name: str) -> None:
    connection.from_arrow(table.to_arrow()).create(name)


def _model_history(path: Path | None) -> pl.DataFrame:
    if path is None or not path.is_file():
        return MODEL_HISTORY.to_frame()
    return pl.read_parquet(path.read_bytes())  # a path is opened twice, before and after a swap


def _write_relations(connection: duckdb.DuckDBPyConnection, vocabulary: RelationVocabulary) -> None:
    connection.execute(
        "CREATE TABLE relations (relation VARCHAR, column_index INTEGER, name VARCHAR)"
    )
    for column, relation in enumerate(vocabulary.ids):
        row = [relation, column, vocabulary.name(relation)]
        connection.execute("INSERT INTO relations VALUES (?, ?, ?)", row)


def _rows(connection: duckdb.DuckDBPyConnection) -> dict[str, int]:
    names = connection.execute("SELECT table_name FROM duckdb_tables() ORDER BY 1").fetchall()
    return {
        name: connection.execute(f"SELECT count(*) FROM {name}").fetchall()[0][0]
        for (name,) in names
    }


def _require_files(tables: WarehouseTables) -> None:
    for name, paths in (tables.parquet() | {"relations": [tables.relations]}).items():
        missing = [str(path) for path in paths if not path.is_file()]
        if missing or not (paths or name == "new_documents"):
            raise FileNotFoundError(
                f"warehouse: expected files of {name}, found no {missing or 'file at all'}; its "
                "tables would be empty; materialize that asset first"
            )
