"""The statistics of each stage of the distillation, from its artefacts on disk."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import polars as pl

from corpus.distant import label_distantly
from corpus.knowledge_base import triples_of
from corpus.logits import Calibration, relations_above_th
from corpus.relations import RelationVocabulary
from corpus.schema import TRIPLES
from quality.calibration import Margins, Truth, calibration_statistics, margins_and_truth
from quality.distribution import divergence_statistics, label_statistics
from quality.labels import LABELS, Labelled
from quality.leakage import (
    leakage_statistics,
    repeated_documents,
    repetition_statistics,
    shared_documents,
)
from quality.noise import disagreeing_documents, noise_statistics, true_noise_statistics
from quality.shares import share_statistics
from quality.soft import SoftSummary, soft_statistics, summarize
from quality.soft_blocks import Shard, shards_of
from quality.statistics import joined, share, totals
from quality.types import inconsistent_documents, type_statistics

SAMPLE: Final = 1000
"""Labels that are looked at one by one."""


@dataclass(frozen=True)
class StageReport:
    """What a stage's artefacts are like."""

    stage: str
    statistics: pl.DataFrame
    """`quality.statistics.STATISTICS`."""
    sample: pl.DataFrame | None = None
    """At most `SAMPLE` rows of `quality.labels.LABELS`."""
    offenders: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """By statistic, in words: the ten documents that are most to blame for it."""


@dataclass(frozen=True)
class Annotated:
    """What people labelled: the measure of all other stages."""

    train: Path
    """`DOCUMENTS` that models learn from."""
    held_out: Mapping[str, Path]
    """`DOCUMENTS` that models are chosen and scored on, by the split's name."""
    vocabulary: RelationVocabulary

    @property
    def labelled(self) -> Labelled:
        """Labels of the training documents."""
        return Labelled.of_documents(pl.scan_parquet(self.train))

    def reference(self) -> pl.DataFrame:
        """Statistics of the training documents that limits of other stages are taken from."""
        statistics = label_statistics("annotated", self.labelled)
        na_rate = statistics.filter(statistic="na_rate")["value"].to_list()
        return joined(
            [statistics, *(totals("annotated", {"labelled_share": 1 - r}) for r in na_rate)]
        )


def annotated_report(annotated: Annotated) -> StageReport:
    """Label distribution of the training documents, and what they share with dev and test."""
    train = pl.scan_parquet(annotated.train)
    held_out = {name: pl.scan_parquet(path) for name, path in annotated.held_out.items()}
    learnt = {"annotated": train}
    with_labels = held_out["dev"].filter(pl.col("labels").list.len() > 0)
    statistics = [
        annotated.reference(),
        totals("annotated", {"dev_documents": with_labels.select(pl.len()).collect().item()}),
        leakage_statistics(learnt, held_out),
        leakage_statistics({"annotated": held_out["dev"]}, {"test_and_dev": held_out["test"]}),
        repetition_statistics("annotated", train),
    ]
    return StageReport(
        "annotated", joined(statistics), _sample(annotated.labelled), _leaks(train, held_out)
    )


def distant_report(
    documents: Sequence[Path], annotated: Annotated, knowledge_base: Path
) -> StageReport:
    """Distant labels beside the annotated ones.

    Args:
        documents: `DOCUMENTS` of all shards.
        annotated: what people labelled.
        knowledge_base: `TRIPLES` that the documents were labelled by.
    """
    table = pl.scan_parquet(list(documents))
    distant, reference = Labelled.of_documents(table), annotated.labelled
    train = pl.scan_parquet(annotated.train)
    held_out = {name: pl.scan_parquet(path) for name, path in annotated.held_out.items()}
    statistics = [
        label_statistics("distant", distant),
        divergence_statistics("distant", distant, reference, annotated.vocabulary.relations),
        share_statistics("distant", distant, reference, annotated.vocabulary.relations),
        type_statistics("distant", distant, reference),
        leakage_statistics({"distant": table}, {"train": train, **held_out}),
        repetition_statistics("distant", table),
        _true_noise(train, pl.scan_parquet(knowledge_base), annotated.vocabulary),
    ]
    inconsistent = inconsistent_documents(distant, reference)
    offenders = {"type_inconsistent_excess": _in_words(inconsistent, "{doc_id} ({labels} labels)")}
    return StageReport(
        "distant", joined(statistics), _sample(distant), offenders | _leaks(table, held_out)
    )


def _true_noise(
    train: pl.LazyFrame, facts: pl.LazyFrame, vocabulary: RelationVocabulary
) -> pl.DataFrame:
    """Noise of a knowledge base's labels on documents that people labelled.

    Nothing if the knowledge base holds only what these documents state: it would be right.
    """
    own = triples_of(train)
    if facts.join(own, on=list(TRIPLES), how="anti").head(1).collect().is_empty():
        return joined([])
    bare = train.with_columns(labels=pl.lit(None, train.collect_schema()["labels"]))
    given = Labelled.of_documents(label_distantly(bare, facts))
    return true_noise_statistics("distant", given, Labelled.of_documents(train), vocabulary)


@dataclass(frozen=True)
class SoftReport:
    """A `StageReport` of soft labels, and what its figures are drawn from."""

    report: StageReport
    summary: SoftSummary


def soft_labels_report(
    folders: Sequence[Path],
    documents: Sequence[Path],
    annotated: Annotated,
    calibration: Calibration | None,
) -> SoftReport:
    """The teacher's soft labels, beside the distant labels and the annotated ones.

    Args:
        folders: shards of soft labels.
        documents: the shards' `DOCUMENTS`, in the same order.
        annotated: what people labelled.
        calibration: of the teacher; None where none could be fitted, and no noise be estimated.
    """
    shards = shards_of(folders, documents, annotated.vocabulary)
    summary = summarize(shards)
    table = pl.scan_parquet(list(documents))
    found = Labelled.of_triples(summary.labels.lazy(), table)
    statistics = [
        soft_statistics("soft_labels", summary, shards, found.pairs),
        noise_statistics("soft_labels", shards, annotated.vocabulary, calibration),
        *_found_statistics("soft_labels", found, annotated),
    ]
    apart = "{doc_id} ({distant_only} labels only distant, {teacher_only} only the teacher's)"
    disagreeing = _in_words(disagreeing_documents(shards), apart)
    blamed = ("cohen_kappa", "estimated_false_positive_rate", "estimated_false_negative_rate")
    report = StageReport(
        "soft_labels", joined(statistics), _sample(found), dict.fromkeys(blamed, disagreeing)
    )
    return SoftReport(report, summary)


@dataclass(frozen=True)
class ModelReport:
    """A `StageReport` of a model, and what its figures are drawn from."""

    report: StageReport
    margins: Margins
    """[N] of all relations of all pairs of dev."""
    truth: Truth
    """[N]."""


def model_report(
    stage: str, dev_logits: Path, annotated: Annotated, calibration: Calibration | None
) -> ModelReport:
    """What a model says of the labelled documents of dev.

    Args:
        stage: the model's name.
        dev_logits: a shard of its logits.
        annotated: what people labelled.
        calibration: of the model; None where none could be fitted.
    """
    dev = annotated.held_out["dev"]
    shard = Shard(dev_logits, dev, annotated.vocabulary)
    summary, (margins, truth) = summarize([shard]), margins_and_truth(shard)
    labelled = pl.scan_parquet(dev).filter(pl.col("labels").is_not_null())
    found = Labelled.of_triples(summary.labels.lazy(), labelled)
    statistics = [
        totals(stage, _dev_scores(shard)),
        soft_statistics(stage, summary, [shard], found.pairs),
        *_found_statistics(stage, found, annotated),
    ]
    if calibration is not None:
        statistics.append(calibration_statistics(stage, margins, truth, calibration))
    return ModelReport(StageReport(stage, joined(statistics), _sample(found)), margins, truth)


def _dev_scores(shard: Shard) -> dict[str, float | None]:
    """Precision, recall and F1 of triples, from 0 to 1."""
    n_found = n_right = 0
    for block in shard.blocks():
        found = relations_above_th(block.margins())
        n_found, n_right = n_found + len(found[0]), n_right + int(block.given()[found].sum())
    n_true = len(shard.rows)
    return {
        "dev_precision": share(n_right, n_found),
        "dev_recall": share(n_right, n_true),
        "dev_f1": share(2 * n_right, n_found + n_true),
    }


def predictions_report(
    predictions: Path, documents: Sequence[Path], annotated: Annotated
) -> StageReport:
    """The final model's triples in all documents.

    Args:
        predictions: a `PREDICTIONS` table.
        documents: the `DOCUMENTS` that were predicted on.
        annotated: what people labelled.
    """
    table = pl.scan_parquet(list(documents))
    found = Labelled.of_triples(pl.scan_parquet(predictions), table)
    statistics = joined(_found_statistics("predictions", found, annotated))
    odd = _in_words(
        inconsistent_documents(found, annotated.labelled), "{doc_id} ({labels} triples)"
    )
    return StageReport("predictions", statistics, _sample(found), {"type_inconsistent_excess": odd})


def _found_statistics(stage: str, found: Labelled, annotated: Annotated) -> list[pl.DataFrame]:
    """Distribution of what a model finds, and how far it is from the annotated one."""
    return [
        label_statistics(stage, found),
        divergence_statistics(stage, found, annotated.labelled, annotated.vocabulary.relations),
        type_statistics(stage, found, annotated.labelled),
    ]


def _sample(labelled: Labelled) -> pl.DataFrame:
    """Labels drawn by the digest of their document, so that the same ones are drawn again."""
    rows = labelled.labels.select(list(LABELS)).bottom_k(
        SAMPLE, by=[pl.struct("doc_id", "head", "tail", "relation").hash(seed=0)]
    )
    return rows.collect(engine="streaming")


def _leaks(
    training: pl.LazyFrame, held_out: Mapping[str, pl.LazyFrame]
) -> dict[str, Sequence[str]]:
    """Documents that training shares with dev or test, or has twice."""
    twice = _in_words(repeated_documents(training), "{doc_id} ({times} times)")
    leaks: dict[str, Sequence[str]] = {"repeated_texts_share": twice}
    for name, documents in held_out.items():
        shared = _in_words(shared_documents(training, documents), "{doc_id} (same {by})")
        leaks |= {f"{name}_titles_shared": shared, f"{name}_texts_shared": shared}
    return leaks


def _in_words(documents: pl.DataFrame, words: str) -> list[str]:
    return [words.format(**row) for row in documents.iter_rows(named=True)]
