"""Structural checks of what models give: vocabularies, predictions and scores."""

from __future__ import annotations

import polars as pl

from corpus.relations import RelationVocabulary
from corpus.schema import EVALUATION, PREDICTIONS
from quality.report import Problem, Report


def check_vocabulary(found: RelationVocabulary, expected: RelationVocabulary, where: str) -> Report:
    """A model's relations stand in the same columns as the corpus'."""
    try:
        expected.require_same(found, here="the corpus", there=where)
    except ValueError as error:
        columns = f"the corpus' {len(expected)} classes"
        return Report.of([Problem(where, columns, str(error), "materialize the model again")])
    return Report()


def check_predictions(
    predictions: pl.LazyFrame, documents: pl.LazyFrame, vocabulary: RelationVocabulary
) -> Report:
    """Each predicted triple joins two entities of a document by a known relation, once.

    Args:
        predictions: a `PREDICTIONS` table.
        documents: the `DOCUMENTS` that the model was given.
        vocabulary: the corpus' relations.
    """
    if (schema := predictions.collect_schema()) != PREDICTIONS:
        found = ", ".join(f"{name} {dtype}" for name, dtype in schema.items())
        return Report.of([Problem("predictions", f"columns {PREDICTIONS}", found, _AGAIN)])
    sizes = documents.select(
        "doc_id",
        n_entities=pl.col("entities").list.len(),
        n_sentences=pl.col("sentences").list.len(),
    )
    placed = predictions.join(sizes, on="doc_id", how="left", maintain_order="left")
    return Report.joined(
        [
            _faulty(placed, _known_pair().not_(), "two different entities of a document"),
            _faulty(
                placed,
                pl.col("relation").is_in(list(vocabulary.relations)).not_(),
                f"one of the vocabulary's {len(vocabulary.relations)} relations",
            ),
            _faulty(
                placed, pl.col("probability").is_between(0, 1).not_(), "a probability from 0 to 1"
            ),
            _faulty(placed, pl.col("margin").is_finite().not_(), "a finite margin"),
            _faulty(placed, _known_evidence().not_(), "evidence among the document's sentences"),
            _faulty(
                placed,
                pl.struct("doc_id", "head", "tail", "relation").is_duplicated(),
                "each triple once",
            ),
        ]
    )


def check_evaluation(evaluation: pl.LazyFrame) -> Report:
    """Scores are there, and each is a finite number that is not negative."""
    if evaluation.collect_schema() != EVALUATION or evaluation.head(1).collect().is_empty():
        expected = f"rows with columns {EVALUATION}"
        return Report.of([Problem("evaluation", expected, "none", _EVALUATE_AGAIN)])
    value = pl.col("value")
    return Report.of_rows(
        evaluation.filter((value.is_finite() & (value >= 0)).fill_null(value=False).not_()),
        where=pl.format(
            "{} on {}, {} {}",
            "model",
            "split",
            pl.coalesce("relation", "slice"),
            "metric",
        ),
        expected=pl.lit("a finite number from 0"),
        found=value.cast(pl.String).fill_null("null"),
        remedy=_EVALUATE_AGAIN,
    )


_AGAIN = "materialize predictions again"
_EVALUATE_AGAIN = "materialize evaluation again"


def _known_pair() -> pl.Expr:
    """Head and tail are different and among the document's entities; null where it is unknown."""
    inside = [(pl.col(end) >= 0) & (pl.col(end) < pl.col("n_entities")) for end in ("head", "tail")]
    return (inside[0] & inside[1] & (pl.col("head") != pl.col("tail"))).fill_null(value=False)


def _known_evidence() -> pl.Expr:
    """Evidence is a list of the document's sentences; what has no known document is let through."""
    evidence, n_sentences = pl.col("evidence"), pl.col("n_sentences")
    inside = (evidence.list.min() >= 0) & (evidence.list.max() < n_sentences)
    unknown = (evidence.list.len() == 0) | n_sentences.is_null()
    return evidence.is_not_null() & (unknown | inside)


def _faulty(placed: pl.LazyFrame, fault: pl.Expr, expected: str) -> Report:
    """A report of the triples that have a fault; what is null has it."""
    return Report.of_rows(
        placed.filter(fault.fill_null(value=True)),
        where=pl.format("prediction on document {}", pl.col("doc_id").fill_null("null")),
        expected=pl.lit(expected),
        found=pl.format(
            "head {}, tail {}, relation {}, probability {}",
            *(pl.col(c).cast(pl.String).fill_null("null") for c in _TRIPLE),
        ),
        remedy=_AGAIN,
    )


_TRIPLE = ("head", "tail", "relation", "probability")
