"""What the tables of a warehouse promise of each other, held by looking at all rows.

In the database itself `documents`, `relations`, `provenance` and `training_history` have primary
keys, and no table has foreign ones: keys of entities and predictions would make its file three
times as large and the insertion of predictions ten times as slow (measured at a million
predictions), and hold no more than this does.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import duckdb


@dataclass(frozen=True)
class Promise:
    """Something that no row of a table may break."""

    table: str
    expected: str
    """In words."""
    broken: str
    """SELECT of ``doc_id`` of the rows that break it."""
    remedy: str


def require_integrity(
    connection: duckdb.DuckDBPyConnection, promises: Sequence[Promise] | None = None
) -> None:
    """Raise unless all that tables refer to is there and every key is unique.

    Args:
        connection: that of ``quality/sql``, whose temporary views are still there.
        promises: those to look at; `PROMISES` unless told.

    Raises:
        ValueError: naming the table, the first document to blame, and what to do.
    """
    for promise in PROMISES if promises is None else promises:
        query = f"SELECT count(*), min(doc_id) FROM ({promise.broken})"
        ((broken, first),) = connection.execute(query).fetchall()
        if broken:
            raise ValueError(
                f"warehouse: expected in {promise.table} {promise.expected}, found {broken} rows "
                f"where it is not so, the first by name of document {first!r}; joins would lose "
                "or repeat rows. The old warehouse stays. If a run is making these tables anew, "
                f"wait for its end; else {promise.remedy}"
            )


ONE_ROW_A_DOCUMENT: Final = Promise(
    "documents",
    "each document once",
    """SELECT doc_id
    FROM read_parquet(list_concat(getvariable('raw_documents'), getvariable('new_documents')))
    GROUP BY doc_id HAVING count(*) > 1""",
    "materialize raw_documents and new_documents again",
)
"""Looked at before there are tables, whose primary key could not tell what to do."""


def _promises() -> Iterator[Promise]:
    for table, source, remedy in (
        ("labels", "stated", "materialize annotated_documents and distant_documents again"),
        ("predictions", "predicted", "materialize predictions and new_predictions again"),
    ):
        yield Promise(
            table,
            "different entities, and evidence, of documents that are there",
            f"""FROM {table} LEFT JOIN documents USING (doc_id)
            WHERE (
                head BETWEEN 0 AND n_entities - 1 AND tail BETWEEN 0 AND n_entities - 1
                AND head <> tail
                AND coalesce(list_max(evidence), 0) < greatest(n_sentences, 1)
                AND coalesce(list_min(evidence), 0) >= 0
            ) IS NOT TRUE""",
            remedy,
        )
        yield Promise(
            table,
            "relations of the vocabulary",
            f"FROM {table} ANTI JOIN relations USING (relation)",
            remedy,
        )
        yield Promise(  # looked for where it comes from: what is joined with it repeats with it
            table,
            "each triple of a document once",
            _repeated(source),
            remedy,
        )
    yield Promise(
        "former_predictions",
        "each triple of a document once",
        _repeated("formerly_predicted"),
        "remove the table of former predictions: changes are told again from the next version on",
    )
    yield Promise(
        "mentions",
        "sentences of their document",
        """FROM mentions JOIN documents USING (doc_id)
        WHERE sentence NOT BETWEEN 0 AND n_sentences - 1""",
        "materialize raw_documents again",
    )


def _repeated(triples: str) -> str:
    return f"SELECT doc_id FROM {triples} GROUP BY doc_id, head, tail, relation HAVING count(*) > 1"


PROMISES: Final = tuple(_promises())
