"""DocRED's files, streamed to a table of documents; what is wrong with a document keeps it out.

A document of DocRED has ``title``, ``sents`` (sentences of words), ``vertexSet`` (entities: lists
of mentions with ``name``, ``sent_id``, ``pos`` = [start, end), ``type``) and perhaps ``labels``
(``h``, ``t``, ``r``, ``evidence``). Format: github.com/thunlp/DocRED. The same in Parquet is a
table with these columns, nested alike.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Final

import duckdb
import polars as pl

from corpus.artefacts import whole
from corpus.json_files import connected, literal, pattern
from corpus.relations import RelationVocabulary
from corpus.schema import DOCUMENTS, REJECTED, Split
from corpus.staging import stage
from corpus.tables import ROW_GROUP, write_table
from corpus.validation import find_rejected

_ACCEPTED: Final = """
CREATE TEMP VIEW gathered AS {gathered};
CREATE TEMP VIEW accepted AS SELECT * FROM gathered ANTI JOIN kept_out USING (file, position);
CREATE TEMP TABLE ids AS
SELECT file, position, {prefix} || '/' || title ||
       CASE WHEN nth = 1 AND NOT regexp_matches(title, '#[0-9]+$') THEN '' ELSE '#' || nth END
       AS doc_id
FROM (SELECT file, position, title,
             row_number() OVER (PARTITION BY title ORDER BY file, position) AS nth
      FROM gathered)
"""

_MENTION: Final = """{
    'name': coalesce(nullif(m.name, ''),
                     array_to_string(sents[m.sent_id + 1][m.pos[1] + 1:m.pos[2]], ' ')),
    'sentence': m.sent_id, 'start': m.pos[1], 'end': m.pos[2]}"""

_ENTITIES: Final = f"""list_transform(entities, lambda e: {{
    'type': coalesce(list_any_value(list_transform(e, lambda m: m.type)), ''),
    'mentions': list_transform(e, lambda m: {_MENTION})}})"""

_EVIDENCE: Final = "coalesce(TRY_CAST(l.evidence::JSON AS INTEGER[]), []::INTEGER[])"

_LABELS: Final = f"""list_transform(labels, lambda l: {{
    'head': l.h, 'tail': l.t, 'relation': l.r, 'evidence': {_EVIDENCE}}})"""

_TRIPLES: Final = "list_transform(labels, lambda l: {'h': l.h, 't': l.t, 'r': l.r})"

_MERGED: Final = """list_transform(
    list_filter(converted, lambda l, i:
        list_position(triples, {'h': l.head, 't': l.tail, 'r': l.relation}) = i),
    lambda l: {'head': l.head, 'tail': l.tail, 'relation': l.relation,
        'evidence': list_sort(list_distinct(flatten(list_transform(
            list_filter(converted, lambda o:
                o.head = l.head AND o.tail = l.tail AND o.relation = l.relation),
            lambda o: o.evidence))))})"""

_COLUMNS: Final = f"""
SELECT file, position, sents AS sentences, {_ENTITIES} AS entities, {_LABELS} AS converted,
       {_TRIPLES} AS triples, len(list_distinct({_TRIPLES})) AS n_triples, title
FROM accepted"""

_WRITE: Final = f"""
COPY (
    SELECT doc_id, title, $split AS split, sentences, entities,
           CASE WHEN n_triples < len(converted) THEN {_MERGED} ELSE converted END AS labels
    FROM ({_COLUMNS}) JOIN ids USING (file, position)
    ORDER BY file, position
) TO $path (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE $row_group)
"""

_COUNTS: Final = f"""
SELECT count(*), count(labels),
       coalesce(sum(len(labels) - len(list_distinct({_TRIPLES}))), 0)::BIGINT
FROM accepted
"""


@dataclass(frozen=True, eq=False)
class Judged:
    """The documents of some file: how many there are, and which of them are bad."""

    documents: int
    """All documents, the bad ones included."""
    rejected: pl.DataFrame
    """The bad ones, in the `REJECTED` schema; positions count from 0."""


@dataclass(frozen=True, eq=False)
class Conversion:
    """What became of the documents of one split."""

    accepted: int
    """Documents in the table."""
    rejected: pl.DataFrame
    """Documents that were kept out, in the `REJECTED` schema; positions count from 0."""
    merged_labels: int = 0
    """Labels that repeated another one of their document."""
    labelled: int = 0
    """Accepted documents that have labels, were it the empty list."""
    files: tuple[Judged, ...] = ()
    """The same file by file, in the order in which they were given."""


def convert(
    source: Path | Sequence[Path],
    destination: Path,
    vocabulary: RelationVocabulary,
    split: Split,
    *,
    prefix: str | None = None,
) -> Conversion:
    """Write the documents of DocRED files as one `DOCUMENTS` table, whole.

    A document's id is ``prefix/title``, with ``#2``, ``#3`` … where a title repeats within the
    table (and ``#1`` where the title itself ends so), hence unique over a corpus and the same in
    every run; files that are added after the others change no id. Labels are null where the file
    has none for the document, and for all documents of the splits `unlabelled` and `new`;
    repeated labels are merged and their evidence united. An absent name of a mention is taken
    from its words, an absent type is the empty text.

    Args:
        source: A JSON file, plain or ``.gz``, an array or one document a line, or a Parquet file
            (``.parquet``); or several.
        destination: The Parquet file; where the source cannot be read it stays as it was.
        vocabulary: The relations that labels may use.
        split: What the documents are for.
        prefix: What their ids begin with; by default the split.

    Raises:
        ValueError: if a file is missing, empty, cut short or not of its format; it names the file.
    """
    sources = [source] if isinstance(source, Path) else list(source)
    if not sources:
        write_table(pl.DataFrame(schema=DOCUMENTS), destination)
        return Conversion(0, pl.DataFrame(schema=REJECTED))
    destination.parent.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory(dir=destination.parent, prefix=".staged-") as folder,
        connected(Path(folder)) as connection,
    ):
        staged = [Path(folder) / f"{number}.parquet" for number in range(len(sources))]
        with_labels = split not in (Split.UNLABELLED, Split.NEW)
        judged = tuple(
            _judged(connection, file, draft, vocabulary, with_labels=with_labels)
            for file, draft in zip(sources, staged, strict=True)
        )
        rejected = [file.rejected for file in judged]
        _gather(connection, staged, rejected, split if prefix is None else prefix)
        accepted, labelled, merged = _write(connection, destination, split)
    return Conversion(accepted, pl.concat(rejected), merged, labelled, judged)


def _judged(
    connection: duckdb.DuckDBPyConnection,
    file: Path,
    staged: Path,
    vocabulary: RelationVocabulary,
    *,
    with_labels: bool,
) -> Judged:
    """Read a file into a Parquet table of its own fields, and judge its documents."""
    stage(connection, file, staged, with_labels=with_labels)
    connection.execute(
        f"CREATE OR REPLACE TEMP VIEW staged AS SELECT * FROM read_parquet({pattern(staged)})"
    )
    find_rejected(connection, vocabulary)
    rejected = connection.sql("SELECT * FROM rejected ORDER BY position").pl()
    named = rejected.select(pl.lit(file.name).alias("file"), pl.all()).cast(dict(REJECTED))
    [(documents,)] = connection.execute("SELECT count(*) FROM staged").fetchall()
    return Judged(documents, named)


def _gather(
    connection: duckdb.DuckDBPyConnection,
    staged: Sequence[Path],
    rejected: Sequence[pl.DataFrame],
    prefix: str,
) -> None:
    """Make ``accepted``, the good documents of all files, and ``ids``, the ids of all documents."""
    gathered = " UNION ALL ".join(
        f"SELECT {number} AS file, * FROM read_parquet({pattern(draft)})"
        for number, draft in enumerate(staged)
    )
    connection.execute("CREATE TEMP TABLE kept_out (file INTEGER, position BIGINT)")
    for number, bad in enumerate(rejected):
        positions = bad["position"].to_list()
        connection.execute(
            "INSERT INTO kept_out SELECT ?, unnest(?::BIGINT[])", [number, positions]
        )
    connection.execute(_ACCEPTED.format(gathered=gathered, prefix=literal(prefix)))


def _write(
    connection: duckdb.DuckDBPyConnection, destination: Path, split: Split
) -> tuple[int, int, int]:
    """Write the accepted documents; counts of them, of the labelled ones, of merged labels."""
    with whole(destination) as draft:
        path, row_group = literal(str(draft)), ROW_GROUP
        query = Template(_WRITE).substitute(split=literal(split), path=path, row_group=row_group)
        connection.execute(query)
    accepted, labelled, merged = connection.execute(_COUNTS).fetchall()[0]
    return accepted, labelled, merged
