"""Labels that join entities of types which nobody has seen joined so."""

from __future__ import annotations

from typing import Final

import numpy as np
import polars as pl

from quality.labels import Labelled
from quality.statistics import by_relation, joined, share, totals

WORST: Final = 10

_TYPES: Final = ("relation", "head_type", "tail_type")


def type_statistics(stage: str, labelled: Labelled, reference: Labelled) -> pl.DataFrame:
    """Labels whose pair of entity types the reference never has with their relation.

    Of each relation that the reference has: ``type_inconsistent_share``, of its labels. Of all:
    ``type_inconsistent_share``, among labels of relations that the reference has;
    ``type_inconsistent_excess``, how much more that is, with 97.5 % certainty, than what comes of
    having seen few documents: the share of the reference's own labels that its other documents
    would make inconsistent; and ``unseen_relation_share``, labels of relations that the reference
    lacks, of whose types nothing is known.

    Args:
        stage: what the labels are of.
        labelled: the stage's labels.
        reference: those of the annotated documents.
    """
    counted = (
        judged(labelled, reference)
        .group_by("relation", "seen")
        .agg(labels=pl.len(), inconsistent=pl.col("inconsistent").sum())
        .collect(engine="streaming")
    )
    seen, n_labels = counted.filter("seen"), int(counted["labels"].sum())
    n_seen = int(seen["labels"].sum())
    inconsistent, by_chance = share(int(seen["inconsistent"].sum()), n_seen), _by_chance(reference)
    values = {
        "type_inconsistent_share": inconsistent,
        "type_inconsistent_excess": None if inconsistent is None else inconsistent - by_chance,
        "unseen_relation_share": share(n_labels - n_seen, n_labels),
    }
    shares = seen.select(
        "relation", type_inconsistent_share=pl.col("inconsistent") / pl.col("labels")
    )
    return joined([totals(stage, values), by_relation(stage, shares)])


def _by_chance(reference: Labelled) -> float:
    """What share of a document's labels may be inconsistent with all other documents.

    A label is if no other document has its types with its relation. The share of such labels, plus
    1.96 times its standard error: labels of one document are no independent ones, so that it is a
    ratio of sums over documents.
    """
    only_here = pl.col("doc_id").n_unique().over(_TYPES) == 1
    by_document = (
        reference.labels.with_columns(alone=only_here)
        .group_by("doc_id")
        .agg(labels=pl.len(), alone=pl.col("alone").sum())
        .collect()
    )
    if by_document.is_empty():
        return 0.0
    labels, alone = (by_document[side].to_numpy() for side in ("labels", "alone"))
    share_alone = alone.sum() / labels.sum()
    error = np.sqrt(np.square(alone - share_alone * labels).sum()) / labels.sum()
    return float(share_alone + 1.96 * error)


def inconsistent_documents(labelled: Labelled, reference: Labelled) -> pl.DataFrame:
    """The ten documents with the most type-inconsistent labels: ``doc_id``, ``labels``."""
    return (
        judged(labelled, reference)
        .filter("inconsistent")
        .group_by("doc_id")
        .agg(labels=pl.len())
        .sort(pl.col("labels"), "doc_id", descending=[True, False])
        .head(WORST)
        .collect(engine="streaming")
    )


def judged(labelled: Labelled, reference: Labelled) -> pl.LazyFrame:
    """`LABELS` with ``seen`` (the reference has the relation) and ``inconsistent``."""
    relations = reference.labels.select("relation").unique().with_columns(seen=pl.lit(True))
    known = reference.labels.select(_TYPES).unique().with_columns(known=pl.lit(True))
    placed = labelled.labels.join(relations, on="relation", how="left")
    return (
        placed.join(known, on=_TYPES, how="left", nulls_equal=True)
        .with_columns(pl.col("seen", "known").fill_null(value=False))
        .with_columns(inconsistent=pl.col("seen") & ~pl.col("known"))
    )
