"""Structural check of a knowledge base."""

from __future__ import annotations

import polars as pl

from corpus.schema import TRIPLES
from quality.report import Problem, Report

_REMEDY = "correct the corpus' knowledge_base file and materialize knowledge_base again"


def check_triples(triples: pl.LazyFrame) -> Report:
    """There are facts, and each has a head, a relation and a tail that are not empty."""
    if (schema := triples.collect_schema()) != TRIPLES:
        return Report.of([Problem("knowledge base", str(TRIPLES), str(schema), _REMEDY)])
    if triples.head(1).collect().is_empty():
        return Report.of([Problem("knowledge base", "facts", "none", _REMEDY)])
    present = [(pl.col(name).str.len_chars() > 0).fill_null(value=False) for name in TRIPLES]
    return Report.of_rows(
        triples.with_row_index("row").filter(pl.all_horizontal(present).not_()),
        where=pl.format("triple {}", "row"),
        expected=pl.lit("a head, a relation and a tail"),
        found=pl.format("{} | {} | {}", *(pl.col(name).fill_null("null") for name in TRIPLES)),
        remedy=_REMEDY,
    )
