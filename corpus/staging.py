"""A file of DocRED documents as a table of its own fields, in Parquet, nothing judged yet.

A file whose documents are all of the right form is read as such at once. One that holds any other
is read again document by document as JSON, which is several times slower and tells what is there.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import duckdb

from corpus.json_files import (
    PARQUET,
    literal,
    naming,
    parquet_records,
    records,
    require_json,
    typed_records,
)
from corpus.tables import ROW_GROUP

_NEEDED: Final = {
    "title": "VARCHAR",
    "sents": "VARCHAR[][]",
    "vertexSet": "STRUCT(name VARCHAR, sent_id INTEGER, pos INTEGER[], type VARCHAR)[][]",
}
_OPTIONAL: Final = {"labels": "STRUCT(h INTEGER, t INTEGER, r VARCHAR, evidence JSON)[]"}
_FIELDS: Final = _NEEDED | _OPTIONAL

_STRICT: Final = """
SELECT 'OBJECT' AS kind, title, coalesce(sents, error('no sents')) AS sents,
       coalesce("vertexSet", error('no vertexSet')) AS entities, {labels} AS labels,
       NULL::VARCHAR AS sents_found, NULL::VARCHAR AS entities_found, NULL::VARCHAR AS labels_found
FROM {records}
"""

_LENIENT: Final = """
SELECT kind, d.title AS title, d.sents AS sents, d."vertexSet" AS entities,
       CASE WHEN {with_labels} THEN d.labels END AS labels,
       CASE WHEN d.sents IS NULL THEN left((json -> '$.sents')::VARCHAR, 100) END AS sents_found,
       CASE WHEN d."vertexSet" IS NULL THEN left((json -> '$.vertexSet')::VARCHAR, 100)
       END AS entities_found,
       CASE WHEN {with_labels} AND d.labels IS NULL AND json_type(json, '$.labels') <> 'NULL'
            THEN left((json -> '$.labels')::VARCHAR, 100) END AS labels_found
FROM (SELECT json, json_type(json) AS kind, TRY_CAST(json AS {record}) AS d FROM {records})
"""

_COPY: Final = """
COPY (SELECT row_number() OVER () - 1 AS position, * FROM ({rows}))
TO {path} (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {row_group})
"""


def stage(
    connection: duckdb.DuckDBPyConnection, file: Path, staged: Path, *, with_labels: bool
) -> None:
    """Write ``staged``: what `corpus.validation.find_rejected` judges, in the file's order.

    Its columns: ``position`` (from 0), ``kind`` (of the JSON value), ``title``, ``sents``,
    ``entities``, ``labels`` (null if not ``with_labels``), and what stood in the place of a list
    that is none (``sents_found``, ``entities_found``, ``labels_found``).

    Raises:
        ValueError: if the file is missing, empty, cut short or not of its format; it names it.
    """
    if file.suffix == PARQUET:
        found = parquet_records(connection, file, list(_NEEDED), list(_OPTIONAL))
    else:
        form = require_json(file)
        if _staged_at_once(connection, file, form, staged, with_labels=with_labels):
            return
        found = records(file, form)
    record = "STRUCT(" + ", ".join(f'"{name}" {kind}' for name, kind in _FIELDS.items()) + ")"
    rows = _LENIENT.format(with_labels=with_labels, record=record, records=found)
    with naming(file):
        _copy(connection, rows, staged)


def _staged_at_once(
    connection: duckdb.DuckDBPyConnection,
    file: Path,
    form: str,
    staged: Path,
    *,
    with_labels: bool,
) -> bool:
    """Stage a JSON file if all its documents are of the right form; whether they were."""
    fields = _FIELDS if with_labels else _NEEDED
    labels = "labels" if with_labels else f"NULL::{_OPTIONAL['labels']}"
    rows = _STRICT.format(labels=labels, records=typed_records(file, form, fields))
    with naming(file):
        try:
            _copy(connection, rows, staged)
        except (duckdb.InvalidInputException, duckdb.ConversionException):
            return False
    return True


def _copy(connection: duckdb.DuckDBPyConnection, rows: str, staged: Path) -> None:
    path = literal(str(staged))
    connection.execute(_COPY.format(rows=rows, path=path, row_group=ROW_GROUP))
