"""What training documents and documents to be scored on have in common."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from corpus.knowledge_base import normalized, triples_of
from quality.statistics import joined, share, totals

WORST = 10


def leakage_statistics(
    training: Mapping[str, pl.LazyFrame], held_out: Mapping[str, pl.LazyFrame]
) -> pl.DataFrame:
    """What each held-out split shares with what is trained on; the stage is the training split.

    For a held-out split ``dev``: ``dev_titles_shared`` and ``dev_texts_shared``, the share of its
    documents whose title (normalized) or whose letters and digits, whatever stands between them, a
    training document has too, and
    ``dev_facts_shared``, the share of its facts (normalized names of head and tail, relation) that
    training documents' labels hold. Shared documents are a fault; shared facts are usual, and what
    Ign F1 leaves out.

    Args:
        training: `DOCUMENTS` by name.
        held_out: `DOCUMENTS` by name.
    """
    return joined(
        totals(
            learnt,
            {
                f"{name}_titles_shared": _shared(_titles(scored), _titles(documents)),
                f"{name}_texts_shared": _shared(_texts(scored), _texts(documents)),
                f"{name}_facts_shared": _shared(_facts(scored), _facts(documents)),
            },
        )
        for learnt, documents in training.items()
        for name, scored in held_out.items()
    )


def shared_documents(training: pl.LazyFrame, held_out: pl.LazyFrame) -> pl.DataFrame:
    """The first ten held-out documents that training has too: ``doc_id``, ``title``, ``by``.

    ``by`` is "title", "text" or "title and text".
    """
    titles = held_out.join(_titles(training), left_on=_title(), right_on="key", how="semi")
    texts = held_out.join(_texts(training), left_on=_text(), right_on="key", how="semi")
    found = pl.concat(
        [
            shared.select("doc_id", "title", by=pl.lit(by))
            for shared, by in ((titles, "title"), (texts, "text"))
        ]
    )
    return (
        found.group_by("doc_id", "title", maintain_order=True)
        .agg(pl.col("by").str.join(" and "))
        .head(WORST)
        .collect(engine="streaming")
    )


def repetition_statistics(stage: str, documents: pl.LazyFrame) -> pl.DataFrame:
    """``repeated_texts_share``: documents whose letters and digits another one before them has.

    What is repeated is learnt as often, and counts as often in every other statistic.
    """
    counted = documents.select(texts=_text()).select(
        documents=pl.len(), texts=pl.col("texts").n_unique()
    )
    n_documents, n_texts = counted.collect(engine="streaming").row(0)
    return totals(stage, {"repeated_texts_share": share(n_documents - n_texts, n_documents)})


def repeated_documents(documents: pl.LazyFrame) -> pl.DataFrame:
    """The first ten documents whose words another one has: ``doc_id``, ``times``."""
    return (
        documents.select("doc_id", key=_text())
        .group_by("key")
        .agg(pl.col("doc_id").min(), times=pl.len())
        .filter(pl.col("times") > 1)
        .sort("times", "doc_id", descending=[True, False])
        .select("doc_id", "times")
        .head(WORST)
        .collect(engine="streaming")
    )


def _shared(scored: pl.LazyFrame, learnt: pl.LazyFrame) -> float | None:
    keys = scored.collect_schema().names()
    both = scored.join(learnt, on=keys, how="semi").select(pl.len())
    part, whole = pl.collect_all([both, scored.select(pl.len())], engine="streaming")
    return share(part.item(), whole.item())


def _title() -> pl.Expr:
    return normalized(pl.col("title"))


def _text() -> pl.Expr:
    words = pl.col("sentences").list.eval(pl.element().list.join(" ")).list.join(" ")
    letters = words.str.to_lowercase().str.replace_all(r"[^\p{L}\p{N}]", "")
    return letters.hash(seed=0)


def _titles(documents: pl.LazyFrame) -> pl.LazyFrame:
    return documents.select(key=_title()).unique()


def _texts(documents: pl.LazyFrame) -> pl.LazyFrame:
    return documents.select(key=_text()).unique()


def _facts(documents: pl.LazyFrame) -> pl.LazyFrame:
    names = normalized(pl.col("head_name", "tail_name"))
    return triples_of(documents).with_columns(names).unique()
