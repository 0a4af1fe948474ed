"""What the data checks of each stage read: its artefacts' statistics and figures of them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import polars as pl

from corpus.artefacts import read_json
from corpus.logits import Calibration
from corpus.schema import ANNOTATED, Split
from docre_assets.partitions import SHARDS
from models.checkpoint_files import CALIBRATION
from quality.calibration import reliability
from quality.confidence_figures import margin_histogram, reliability_diagram
from quality.distribution import label_statistics
from quality.label_figures import agreement, label_distributions
from quality.labels import Labelled
from quality.soft import EDGES
from quality.stages import (
    Annotated,
    StageReport,
    annotated_report,
    distant_report,
    model_report,
    predictions_report,
    soft_labels_report,
)
from resources.storage import Storage

Draw = Callable[[], bytes]


@dataclass(frozen=True)
class Reading:
    """A stage's statistics, and figures by caption that are drawn when they are asked for."""

    report: StageReport
    figures: Mapping[str, Draw]


def annotated_of(storage: Storage) -> Annotated:
    """What people labelled, where the storage has it."""
    held_out = {
        str(split): storage.annotated(split) for split in ANNOTATED if split is not Split.TRAIN
    }
    return Annotated(storage.annotated(Split.TRAIN), held_out, storage.vocabulary())


def read_annotated(storage: Storage) -> Reading:
    """The annotated documents."""
    report = annotated_report(annotated_of(storage))
    return Reading(report, {"label distribution": _distribution(storage, report)})


def read_distant(storage: Storage) -> Reading:
    """The distant documents and their labels."""
    documents = storage.distant_shards(SHARDS)
    report = distant_report(documents, annotated_of(storage), storage.knowledge_base)
    return Reading(report, {"label distribution": _distribution(storage, report)})


def read_soft_labels(storage: Storage) -> Reading:
    """The teacher's logits on the distant documents, beside their labels."""
    folders = [storage.soft_label_shard(shard) for shard in SHARDS]
    documents = storage.distant_shards(SHARDS)
    calibration = calibration_of(storage, "teacher")
    soft = soft_labels_report(folders, documents, annotated_of(storage), calibration)
    statistics, margins = soft.report.statistics, soft.summary.margins
    distant = Labelled.of_documents(pl.scan_parquet(documents))
    between = {"distant labels": label_statistics("distant", distant)}
    names = storage.vocabulary().names
    return Reading(
        soft.report,
        {
            "label distribution": _distribution(storage, soft.report, between),
            "agreement with distant labels": lambda: agreement(statistics, names),
            "margins to TH": lambda: margin_histogram(margins, EDGES),
        },
    )


def read_model(model: str) -> Callable[[Storage], Reading]:
    """What reads a model's logits on dev."""

    def read(storage: Storage) -> Reading:
        calibration = calibration_of(storage, model)
        found = model_report(model, storage.dev_logits(model), annotated_of(storage), calibration)
        predicted = found.margins > 0
        margins, truth = found.margins[predicted], found.truth[predicted]
        before, after = (
            reliability(fitted.probability(margins), truth)
            for fitted in (Calibration(), calibration or Calibration())
        )
        return Reading(
            found.report,
            {
                "label distribution": _distribution(storage, found.report),
                "reliability of predictions": lambda: reliability_diagram(before, after),
            },
        )

    return read


def read_predictions(storage: Storage) -> Reading:
    """The final model's triples in all documents."""
    documents = [*(storage.raw(split) for split in ANNOTATED), *storage.distant_shards(SHARDS)]
    report = predictions_report(storage.predictions, documents, annotated_of(storage))
    return Reading(report, {"label distribution": _distribution(storage, report)})


def calibration_of(storage: Storage, model: str) -> Calibration | None:
    """What makes a model's margins probabilities; None where dev told none, or nobody asked it."""
    path = storage.model(model) / CALIBRATION
    fitted = read_json(path) if path.is_file() else None
    return None if fitted is None else Calibration(**fitted)


def _distribution(
    storage: Storage, report: StageReport, between: Mapping[str, pl.DataFrame] | None = None
) -> Draw:
    """The annotated distribution beside the stage's, and beside others between them."""
    tables = {
        "annotated": annotated_of(storage).reference(),
        **(between or {}),
        report.stage.replace("_", " "): report.statistics,
    }
    return lambda: label_distributions(tables, storage.vocabulary().names)
