"""Structural checks: what must hold of artefacts before anything reads them.

Tables are checked lazily in Polars, so that a corpus of 100k documents is read once or twice and
never becomes Python objects. All checks return a `Report`.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce
from operator import and_

import polars as pl

from corpus.relations import RelationVocabulary
from corpus.schema import DOCUMENTS
from quality.report import Problem, Report

_REINGEST = "correct the source file and materialize raw_documents again"


def check_documents(documents: pl.LazyFrame, vocabulary: RelationVocabulary) -> Report:
    """All that must hold within one `DOCUMENTS` table: schema, ids, mentions and labels."""
    schema = check_schema(documents)
    if not schema.passed:
        return schema
    return Report.joined(
        [check_ids(documents), check_mentions(documents), check_labels(documents, vocabulary)]
    )


def check_schema(documents: pl.LazyFrame) -> Report:
    """Columns and types are those of `DOCUMENTS`, nothing more and nothing less."""
    actual = documents.collect_schema()
    return Report.of(
        Problem(
            where=f"column {name!r}",
            expected=str(DOCUMENTS.get(name, "no such column")),
            found=str(actual.get(name, "no such column")),
            remedy="write the table with corpus.tables, or materialize it again",
        )
        for name in dict.fromkeys([*DOCUMENTS, *actual])
        if DOCUMENTS.get(name) != actual.get(name)
    )


def check_ids(documents: pl.LazyFrame) -> Report:
    """Each document has a ``doc_id``, and no two have the same."""
    repeated = documents.group_by("doc_id", maintain_order=True).agg(
        times=pl.len(), titles=pl.col("title").fill_null("null").head(3).str.join(", ")
    )
    return Report.of_rows(
        repeated.filter(pl.col("doc_id").is_null() | (pl.col("times") > 1)),
        where=_document(),
        expected=pl.lit("an id of its own for each document"),
        found=pl.format("{} documents, titled {}", "times", "titles"),
        remedy=_REINGEST,
    )


def check_mentions(documents: pl.LazyFrame) -> Report:
    """Each entity has a mention, and each mention is a non-empty span inside its sentence."""
    entities = _entities(documents)
    mentions = _mentions(entities)
    unmentioned = Report.of_rows(
        entities.filter((pl.col("mentions").list.len() > 0).not_().fill_null(value=True)),
        where=pl.format("{}, entity {}", _document(), "entity"),
        expected=pl.lit("at least one mention"),
        found=pl.lit("none"),
        remedy=_REINGEST,
    )
    outside = Report.of_rows(
        mentions.filter(_holds(_in_range("sentence", "n_sentences"), *_span_holds()).not_()),
        where=pl.format("{}, entity {}, mention {}", _document(), "entity", _text("name")),
        expected=pl.when(_in_range("sentence", "n_sentences"))
        .then(pl.format("words start < end within the {} of sentence {}", "words", "sentence"))
        .otherwise(pl.format("a sentence from 0 to {}", pl.col("n_sentences").cast(pl.Int64) - 1)),
        found=pl.format(
            "sentence {}, words {} to {}", _text("sentence"), _text("start"), _text("end")
        ),
        remedy=_REINGEST,
    )
    return Report.joined([unmentioned, outside])


def check_labels(documents: pl.LazyFrame, vocabulary: RelationVocabulary) -> Report:
    """Labels join two different entities by a known relation, with evidence in the document."""
    labels = _labels(documents)
    known = pl.col("relation").is_in(list(vocabulary.relations))
    place = pl.format("{}, label {}", _document(), "label")
    indices = Report.of_rows(
        labels.filter(
            _holds(_in_range("head", "n_entities"), _in_range("tail", "n_entities")).not_()
        ),
        where=place,
        expected=pl.format("head and tail among its {} entities", "n_entities"),
        found=pl.format("head {}, tail {}", _text("head"), _text("tail")),
        remedy=_REINGEST,
    )
    loops = Report.of_rows(
        labels.filter(pl.col("head") == pl.col("tail")),
        where=place,
        expected=pl.lit("head and tail to be different entities"),
        found=pl.format("entity {} twice", "head"),
        remedy=_REINGEST,
    )
    unknown = Report.of_rows(
        labels.filter(_holds(known).not_()),
        where=place,
        expected=pl.lit(f"one of the vocabulary's {len(vocabulary.relations)} relations"),
        found=_text("relation"),
        remedy="give the corpus a rel2id.json or rel_info.json that lists this relation",
    )
    evidence = pl.col("evidence")
    inside = (evidence.list.min() >= 0) & (evidence.list.max() < pl.col("n_sentences"))
    astray = Report.of_rows(
        labels.filter(inside.not_()),
        where=place,
        expected=pl.format("evidence among its {} sentences", "n_sentences"),
        found=pl.format("sentences {}", evidence.cast(pl.List(pl.String)).list.join(", ")),
        remedy=_REINGEST,
    )
    return Report.joined([indices, loops, unknown, astray])


def check_labelled(documents: pl.LazyFrame) -> Report:
    """Each document has labels; an empty list will do, a null says that nobody has labelled it."""
    return Report.of_rows(
        documents.filter(pl.col("labels").is_null()),
        where=_document(),
        expected=pl.lit("labels, if only an empty list"),
        found=pl.lit("null, which means not labelled"),
        remedy="materialize distant_documents again, with a knowledge base",
    )


def check_splits(splits: Mapping[str, pl.LazyFrame]) -> Report:
    """No ``doc_id`` and no title stands in two splits.

    A test document that was trained on, or that the teacher saw before it labelled it, makes
    scores look better than they are.
    """
    together = pl.concat(
        [table.select("doc_id", "title", split=pl.lit(name)) for name, table in splits.items()]
    )
    return Report.joined(_in_two_splits(together, key) for key in ("doc_id", "title"))


def _in_two_splits(documents: pl.LazyFrame, key: str) -> Report:
    splits = documents.group_by(key).agg(pl.col("split").unique(maintain_order=True))
    return Report.of_rows(
        splits.filter(pl.col("split").list.len() > 1).sort(key),
        where=pl.format("{} {}", pl.lit(key), _text(key)),
        expected=pl.lit("one split"),
        found=pl.col("split").list.join(" and "),
        remedy="leave the document out of all splits but one: it leaks from training to evaluation",
    )


def _entities(documents: pl.LazyFrame) -> pl.LazyFrame:
    """One row an entity, with the lengths of its document's sentences."""
    return (
        documents.select(
            "doc_id",
            "entities",
            lengths=pl.col("sentences").list.eval(pl.element().list.len()),
            entity=pl.int_ranges(pl.col("entities").list.len()),
        )
        .explode("entities", "entity", keep_nulls=False)
        .select("doc_id", "entity", "lengths", pl.col("entities").struct.field("mentions"))
    )


def _mentions(entities: pl.LazyFrame) -> pl.LazyFrame:
    """One row a mention, with its sentence's number of words, null where there is no sentence."""
    length = pl.col("lengths").list.get(pl.col("sentence"), null_on_oob=True)
    return (
        entities.explode("mentions", keep_nulls=False)
        .unnest("mentions")
        .with_columns(words=length, n_sentences=pl.col("lengths").list.len())
    )


def _labels(documents: pl.LazyFrame) -> pl.LazyFrame:
    """One row a label, with its document's numbers of entities and sentences."""
    return (
        documents.select(
            "doc_id",
            labels="labels",
            label=pl.int_ranges(pl.col("labels").list.len()),
            n_entities=pl.col("entities").list.len(),
            n_sentences=pl.col("sentences").list.len(),
        )
        .explode("labels", "label", keep_nulls=False)
        .unnest("labels")
    )


def _span_holds() -> tuple[pl.Expr, ...]:
    return (
        pl.col("start") >= 0,
        pl.col("start") < pl.col("end"),
        pl.col("end") <= pl.col("words"),
    )


def _in_range(index: str, size: str) -> pl.Expr:
    return (pl.col(index) >= 0) & (pl.col(index) < pl.col(size))


def _holds(*conditions: pl.Expr) -> pl.Expr:
    """All of the conditions; what is null does not hold."""
    return reduce(and_, conditions).fill_null(value=False)


def _document() -> pl.Expr:
    return pl.format("document {}", _text("doc_id"))


def _text(column: str) -> pl.Expr:
    return pl.col(column).cast(pl.String).fill_null("null")
