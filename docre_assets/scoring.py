"""Scores of all models on the labelled documents of dev and test; knows no Dagster."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from corpus.knowledge_base import triples_of
from corpus.schema import ALL, EVALUATION, PREDICTIONS, Document, Split
from corpus.submission import to_docred
from corpus.tables import read_documents
from models.confidence import TopConfidence
from models.evaluation import Score, evaluate_triples
from models.slices import DOCRED_FREQUENT
from models.thresholds import Thresholds
from models.triples import Facts, facts_of, most_frequent, triples_in

if TYPE_CHECKING:
    from models.extractor import Extractor
    from models.runtime import Runtime


HEADLINE = {
    "f1": "F1",
    "ign_f1_annotated": "Ign F1",
    "evidence_f1": "evidence F1",
    "ece_relation": "ECE",
}
"""Metrics of all triples that tell most, with their captions."""


@dataclass(frozen=True)
class Benchmark:
    """Labelled documents, and what Ign F1 and frequent relations are judged by."""

    splits: Mapping[Split, Sequence[Document]]
    """Documents by split; those without labels are left out of scores."""
    annotated_facts: Facts
    """Of the scored documents' facts, those that the training documents state."""
    distant_facts: Facts
    """Of the scored documents' facts, those that the distant documents state."""
    frequent: frozenset[str]

    @classmethod
    def read(
        cls, splits: Mapping[Split, Path], train: Path, distant: Sequence[Path]
    ) -> "Benchmark":
        """From tables of documents; DocRED's frequent relations are taken where they occur."""
        training = list(read_documents(train))
        known = {label.relation for document in training for label in document.labels or ()}
        scored = {split: list(read_documents(path)) for split, path in splits.items()}
        gold = facts_of(chain.from_iterable(scored.values()))
        return cls(
            splits=scored,
            annotated_facts=_stated(gold, [train]),
            distant_facts=_stated(gold, distant),
            frequent=DOCRED_FREQUENT if known >= DOCRED_FREQUENT else most_frequent(training),
        )

    def scores(self, model: str, split: Split, predicted: pl.DataFrame) -> pl.DataFrame:
        """Every score of a model's `PREDICTIONS` on a split as an `EVALUATION` table.

        It is empty where the split has no labelled document.
        """
        labelled = [document for document in self.splits[split] if document.labels is not None]
        if not labelled:
            return EVALUATION.to_frame()
        ids = {document.doc_id for document in labelled}
        triples = [triple for triple in triples_in(predicted) if triple.doc_id in ids]
        facts = (self.annotated_facts, self.distant_facts)
        return table_of(model, split, evaluate_triples(labelled, triples, *facts, self.frequent))


def table_of(model: str, split: Split, scores: Iterable[Score]) -> pl.DataFrame:
    """Scores of a model on a split as an `EVALUATION` table."""
    rows = [{"model": model, "split": str(split), **asdict(score)} for score in scores]
    return pl.DataFrame(rows, EVALUATION)


@dataclass(frozen=True)
class Evaluated:
    """Scores, and the predictions that they are of."""

    scores: pl.DataFrame
    """An `EVALUATION` table."""
    predictions: Mapping[tuple[str, Split], pl.DataFrame]
    """`PREDICTIONS` tables by model and split."""

    def submission(self, model: str) -> list[Mapping[str, Any]]:
        """A model's test predictions in the format of DocRED's submissions."""
        return to_docred(self.predictions[model, Split.TEST])


def evaluate(
    checkpoints: Mapping[str, Path], benchmark: Benchmark, runtime: "Runtime"
) -> Evaluated:
    """Score models on all splits of a benchmark.

    Args:
        checkpoints: models by name; scores follow their order.
        benchmark: what they are scored on.
        runtime: device and precision.

    Raises:
        ValueError: if there is no labelled document in any split.
    """
    from models.checkpoint import load_checkpoint

    tables, predictions = [EVALUATION.to_frame()], {}
    for model, checkpoint in checkpoints.items():
        extractor = load_checkpoint(checkpoint)
        for split, documents in benchmark.splits.items():
            predictions[model, split], errors = predict_and_judge(documents, extractor, runtime)
            tables.append(benchmark.scores(model, split, predictions[model, split]))
            confidence = (Score(ALL, None, name, error) for name, error in errors.items())
            tables.append(table_of(model, split, confidence))
    scores = pl.concat(tables)
    if scores.is_empty():
        raise ValueError(
            "evaluation: expected labelled documents in dev or test, found none: no model can be "
            "scored. Add dev.json with labels to the corpus folder"
        )
    return Evaluated(scores, predictions)


def predict_and_judge(
    documents: Iterable[Document], extractor: "Extractor", runtime: "Runtime"
) -> tuple[pl.DataFrame, dict[str, float]]:
    """A `PREDICTIONS` table, and the calibration errors of labelled documents, from one pass."""
    from models.infer import infer
    from models.predictions import UNCALIBRATED, rows_of

    confidence = TopConfidence(extractor.vocabulary, extractor.calibration or UNCALIBRATED)

    def rows() -> Iterator[dict[str, Any]]:
        for document, inferred in infer(extractor, documents, runtime):
            yield from rows_of(extractor, document, inferred)
            if document.labels is not None:
                confidence.add(document, inferred.logits)

    return pl.DataFrame(rows(), PREDICTIONS), confidence.errors()


def predict_all(
    tables: Sequence[Path],
    checkpoint: Path,
    runtime: "Runtime",
    thresholds: Thresholds | None = None,
) -> pl.DataFrame:
    """A model's triples on the documents of all tables, as one `PREDICTIONS` table.

    Args:
        tables: of documents.
        checkpoint: of the model.
        runtime: device and precision.
        thresholds: what is predicted; TH tells it if not given.
    """
    from models.checkpoint import load_checkpoint
    from models.predictions import predict

    extractor = load_checkpoint(checkpoint)
    found = [predict(read_documents(table), extractor, runtime, thresholds) for table in tables]
    return pl.concat([PREDICTIONS.to_frame(), *found])


def headline(scores: pl.DataFrame) -> pl.DataFrame:
    """`HEADLINE` in per cent, a row for each model and split."""
    shown = scores.filter(pl.col("metric").is_in(list(HEADLINE)), slice=ALL)
    wide = shown.with_columns(pl.col("value") * 100).pivot(
        "metric", on_columns=list(HEADLINE), index=["model", "split"], values="value"
    )
    return wide.rename(HEADLINE)


def _stated(facts: Facts, tables: Sequence[Path]) -> frozenset[tuple[str, str, str]]:
    """Those of the facts that the labels of documents state, a table at a time, in Polars.

    Correct predictions are the scored documents' own facts, so others need not be held: those of
    a distant corpus would be millions of Python objects.
    """
    names = ("head_name", "tail_name", "relation")
    wanted = pl.DataFrame(sorted(facts), dict.fromkeys(names, pl.String), orient="row")
    found = (
        triples_of(pl.scan_parquet(table)).join(wanted.lazy(), on=names, how="semi")
        for table in tables
    )
    return frozenset(fact for seen in found for fact in seen.select(names).collect().iter_rows())
