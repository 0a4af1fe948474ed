"""Facts by name: read from a knowledge base, or taken from annotated documents."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import polars as pl

from corpus.json_files import connected, naming, records, require_json
from corpus.relations import RelationVocabulary
from corpus.schema import TRIPLES

_KEYS: Final[Mapping[str, tuple[str, ...]]] = {
    "head_name": ("head_name", "head", "h", "subject"),
    "relation": ("relation", "r", "rel", "predicate", "property"),
    "tail_name": ("tail_name", "tail", "t", "object"),
}
"""Names of fields and columns that are understood, in any case of letters."""

_IDS: Final = r"^P\d+$"
"""Wikidata's relation ids, by which the relation of an unnamed triple is told."""

_UNSPACED: Final = r"\s*([^\w\s]|[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}])\s*"
"""Signs beside which a space is the tokenizer's or a matter of taste: "7 , 1822", "7, 1822"."""


def normalized(name: pl.Expr) -> pl.Expr:
    """A name as it is compared: NFKC, lower case, no space that only tokenizing brings.

    White space is one blank between words, and none beside punctuation and the letters of scripts
    that are written without spaces.
    """
    plain = name.str.normalize("NFKC").str.to_lowercase()
    return plain.str.replace_all(_UNSPACED, "$1").str.replace_all(r"\s+", " ").str.strip_chars()


def read_triples(path: Path, vocabulary: RelationVocabulary | None = None) -> pl.LazyFrame:
    """The triples of a knowledge base, in the `TRIPLES` schema, each once.

    JSON holds a list of objects, or of lists of three texts: head, relation, tail or, as in
    DocRED's lists of facts, head, tail, relation. Which of the two is told by where the
    vocabulary's relations (else Wikidata's ids, else the fewer different texts) stand. CSV has a
    header. Triples with an empty name are left out.

    Args:
        path: ``.json``, ``.jsonl``, ``.csv`` (each also ``.gz``) or ``.parquet``.
        vocabulary: If given, triples of relations that it lacks are left out.

    Raises:
        ValueError: if the file is missing, has another format, or fields of other names.
    """
    kind = path.name.removesuffix(".gz").rpartition(".")[2].lower()
    if kind not in ("json", "jsonl", "csv", "parquet") or not path.is_file():
        raise ValueError(
            f"{path}: expected a knowledge base in .json, .jsonl, .csv (each also .gz) or "
            f".parquet; found {'another format' if path.is_file() else 'nothing there'}"
        )
    if kind == "parquet":
        triples = _renamed(path, pl.scan_parquet(path, glob=False))
    elif kind == "csv":
        triples = _renamed(path, pl.scan_csv(path, infer_schema=False, glob=False))
    else:
        triples = _of_json(path, vocabulary)
    if vocabulary is not None:
        triples = triples.filter(pl.col("relation").is_in(vocabulary.relations))
    named = pl.all_horizontal(pl.all().str.strip_chars().str.len_bytes() > 0)
    return triples.filter(named).unique(maintain_order=True)


def _renamed(path: Path, table: pl.LazyFrame) -> pl.LazyFrame:
    """The three columns of a table under their names in `TRIPLES`."""
    columns = {column.strip().lower(): column for column in table.collect_schema().names()}
    found = {
        field: next((columns[key] for key in keys if key in columns), None)
        for field, keys in _KEYS.items()
    }
    if None in found.values():
        raise ValueError(
            f"{path}: expected columns for {list(TRIPLES)}, named as one of {dict(_KEYS)}; found "
            f"{list(columns.values())[:10]}. Rename the columns, or add a header"
        )
    return table.select(
        pl.col(column or "").cast(pl.String).alias(field) for field, column in found.items()
    )


def _of_json(path: Path, vocabulary: RelationVocabulary | None) -> pl.LazyFrame:
    """Triples of a JSON file, whose lists and objects may be mixed."""
    table = _records(path)
    bad = table.filter(pl.any_horizontal(pl.all().is_null()))
    if bad.height:
        raise ValueError(
            f"{path}: expected triples, each a list of three texts or an object with "
            f"{dict(_KEYS)}; found {bad.height} of {table.height} to be something else, "
            f"the first at position {bad['position'][0]} counted from 0. Correct or remove them"
        )
    lists = table.filter("is_list")
    order = _order(lists["second"], lists["third"], vocabulary)
    second, third = pl.col("second"), pl.col("third")
    swapped = pl.col("is_list") & (order == "tail first")
    return table.lazy().select(
        pl.col("first").alias("head_name"),
        pl.when(swapped).then(third).otherwise(second).alias("relation"),
        pl.when(swapped).then(second).otherwise(third).alias("tail_name"),
    )


def _records(path: Path) -> pl.DataFrame:
    """The records of a JSON file as three texts each, null where they are no triple."""
    head, relation, tail = (_field(keys) for keys in _KEYS.values())
    query = f"""
        SELECT position, is_list,
               CASE WHEN is_list THEN texts[1] ELSE {head} END AS first,
               CASE WHEN is_list THEN texts[2] ELSE {relation} END AS second,
               CASE WHEN is_list AND len(texts) = 3 THEN texts[3]
                    WHEN NOT is_list THEN {tail} END AS third
        FROM (SELECT json, row_number() OVER () - 1 AS position, json_type(json) = 'ARRAY' AS
                     is_list, TRY_CAST(json AS VARCHAR[]) AS texts
              FROM {records(path, require_json(path))})"""
    with tempfile.TemporaryDirectory() as spill, connected(Path(spill)) as connection, naming(path):
        return connection.sql(query).pl()


def _field(keys: Sequence[str]) -> str:
    return "coalesce(" + ", ".join(f"json ->> '$.{key}'" for key in keys) + ")"


def _order(second: pl.Series, third: pl.Series, vocabulary: RelationVocabulary | None) -> str:
    """Whether lists of three have the relation in the middle or the tail first."""

    def relations(column: pl.Series) -> int:
        if vocabulary is None:
            return int(column.str.contains(_IDS).sum())
        return int(column.is_in(list(vocabulary.relations)).sum())

    evidence = [(relations(column), -column.n_unique()) for column in (second, third)]
    return "tail first" if evidence[1] > evidence[0] else "relation first"


def triples_of(documents: pl.LazyFrame) -> pl.LazyFrame:
    """The facts that documents are labelled with: all names of the head × all of the tail.

    Args:
        documents: `DOCUMENTS`; those without labels give nothing.

    Returns:
        `TRIPLES`, each once, sorted.
    """
    names = names_of(documents)
    heads = names.rename({"entity": "head", "name": "head_name"})
    tails = names.rename({"entity": "tail", "name": "tail_name"})
    return (
        documents.select("doc_id", "labels")
        .explode("labels", empty_as_null=False, keep_nulls=False)
        .unnest("labels")
        .select("doc_id", "head", "tail", "relation")
        .join(heads, on=["doc_id", "head"])
        .join(tails, on=["doc_id", "tail"])
        .select(TRIPLES.names())
        .unique()
        .sort(TRIPLES.names())
    )


def names_of(documents: pl.LazyFrame) -> pl.LazyFrame:
    """Different names of each entity: ``doc_id``, ``entity`` (index, int32), ``name``."""
    return (
        documents.select(
            "doc_id",
            pl.int_ranges(pl.col("entities").list.len(), dtype=pl.Int32).alias("entity"),
            pl.col("entities")
            .list.eval(
                pl.element().struct.field("mentions").list.eval(pl.element().struct.field("name"))
            )
            .alias("name"),
        )
        .explode("entity", "name", empty_as_null=False, keep_nulls=False)
        .explode("name", empty_as_null=False, keep_nulls=False)
        .unique()
    )
