"""Distant labels: entity pairs that a knowledge base relates are labelled so, rightly or not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain, zip_longest
from pathlib import Path

import polars as pl

from corpus.artefacts import whole
from corpus.knowledge_base import names_of, normalized
from corpus.schema import DOCUMENTS, Document
from corpus.tables import read_documents, write_table


def label_distantly(documents: pl.LazyFrame, triples: pl.LazyFrame) -> pl.LazyFrame:
    """Label the documents that nobody has labelled by joining their pairs with triples.

    A pair gets a triple's relation if any name of its head and any of its tail are the triple's,
    as `corpus.knowledge_base.normalized` compares them. Lazy and streaming: the work grows with
    the pairs of the documents, whatever the knowledge base holds. (Looking up all triples of a
    head first is quicker for small ones, but needs tens of GB where some heads have thousands.)

    Args:
        documents: `DOCUMENTS`; those with labels keep them.
        triples: `TRIPLES`.

    Returns:
        `DOCUMENTS` in the same order, without a null in ``labels``: what the knowledge base does
        not know gets the empty list. Labels are sorted by head, tail and relation.
    """
    unlabelled = documents.filter(pl.col("labels").is_null())
    found = _labels(names_of(unlabelled).with_columns(normalized(pl.col("name"))).unique(), triples)
    nothing = pl.lit([], dtype=DOCUMENTS["labels"])
    return documents.join(found, on="doc_id", how="left", maintain_order="left").select(
        pl.coalesce("labels", "distant_labels", nothing).alias("labels")
        if column == "labels"
        else column
        for column in DOCUMENTS
    )


def _labels(names: pl.LazyFrame, triples: pl.LazyFrame) -> pl.LazyFrame:
    """Labels of each document that has any: ``doc_id``, ``distant_labels``.

    Args:
        names: ``doc_id``, ``entity``, ``name``, the names normalized.
        triples: `TRIPLES`, names as they stand.
    """
    facts = triples.with_columns(normalized(pl.col("head_name", "tail_name"))).unique()
    heads = names.rename({"entity": "head", "name": "head_name"})
    tails = names.rename({"entity": "tail", "name": "tail_name"})
    heads = heads.join(facts, on="head_name", how="semi")
    tails = tails.join(facts, on="tail_name", how="semi")
    label = pl.struct("head", "tail", "relation", evidence=pl.lit([], dtype=pl.List(pl.Int32)))
    return (
        heads.join(tails, on="doc_id", maintain_order="left")  # streams the left, holds the right
        .filter(pl.col("head") != pl.col("tail"))
        .join(facts, on=["head_name", "tail_name"], maintain_order="left")
        .select("doc_id", "head", "tail", "relation")
        .unique()
        .sort("doc_id", "head", "tail", "relation")
        .group_by("doc_id", maintain_order=True)
        .agg(label.alias("distant_labels"))
    )


def shard_names(n_shards: int) -> list[str]:
    """Names of the pieces of a distant corpus, the one with its first document first."""
    return [f"shard-{number:03d}" for number in range(n_shards)]


def write_shards(documents: pl.LazyFrame, folder: Path, n_shards: int) -> list[Path]:
    """Write documents as ``shard-000.parquet`` …, in turns, so of equal size (± 1).

    Document p is row ``p // n_shards`` of shard ``p % n_shards``: documents that are added at the
    end leave all others where they are, and so their soft labels, too.

    Args:
        documents: `DOCUMENTS`; the query runs once.
        folder: Swapped in whole: of an earlier run with more shards nothing remains.
        n_shards: Number of files; those past the last document are empty tables.

    Returns:
        The files, as `read_shards` takes them.

    Raises:
        ValueError: if there is to be no shard.
    """
    if n_shards < 1:
        raise ValueError(
            f"{folder}: expected at least 1 shard, found {n_shards}: the documents need a place; "
            "set the number of shards to 1 or more"
        )
    names = [f"{name}.parquet" for name in shard_names(n_shards)]
    with whole(folder) as draft:
        draft.mkdir()
        together = draft / "all.parquet"
        write_table(documents, together)
        table = pl.scan_parquet(together, glob=False)
        for number, name in enumerate(names):
            write_table(table.gather_every(n_shards, number), draft / name)
        together.unlink()
    return [folder / name for name in names]


def read_shards(shards: Iterable[Path]) -> Iterator[Document]:
    """Documents of the shards in turns: as they were before `write_shards`, however many it made.

    Of each shard a batch of rows is in memory at once. A shard that ends before the others is
    passed over from there on; a single table is read in the order of its rows.
    """
    turns = chain.from_iterable(zip_longest(*map(read_documents, shards)))
    return (document for document in turns if document is not None)
