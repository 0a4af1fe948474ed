"""Checks of label distributions and noise between the stages, over `quality`.

Each stage has two: `critical`, hard limits that block what is downstream, and `drift`, softer ones
that warn. Both come from one reading of the stage's artefacts, which also leaves its statistics for
the warehouse, its headline numbers as an observation of the asset, and its figures with the first.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import polars as pl

from docre_assets.corpus_assets import annotated_documents, distant_documents
from docre_assets.metadata import pictures, totals_metadata, verdict_result
from docre_assets.model_assets import finetuned_model, soft_labels, student_model, teacher_model
from docre_assets.serving_assets import predictions
from docre_assets.stage_readings import (
    Reading,
    annotated_of,
    read_annotated,
    read_distant,
    read_model,
    read_predictions,
    read_soft_labels,
)
from docre_assets.targets import has_target
from quality.history import history, record
from quality.history_figure import history_panels
from quality.limits import StageLimits
from quality.stages import StageReport
from quality.verdict import Verdict
from resources.quality import Quality
from resources.storage import Storage

SUITES = {
    "critical": "Hard limits of the stage's statistics; a broken one stops what is downstream.",
    "drift": "Softer limits of the stage's statistics; a broken one warns.",
}
HEADLINES = (
    "labels_per_document",
    "na_rate",
    "js_bits",
    "type_inconsistent_excess",
    "true_false_positive_rate",
    "true_false_negative_rate",
    "estimated_false_positive_rate",
    "estimated_false_negative_rate",
    "cohen_kappa",
    "above_th_share",
    "near_th_share",
    "entropy_bits",
    "ece_predicted",
    "brier_predicted",
)
"""Statistics that the UI shows and plots over time; the others are in the warehouse."""

OVER_RUNS = {
    "annotated/na_rate": "share of pairs without a label",
    "distant/js_bits": "divergence from the annotated (bits)",
    "teacher/dev_f1": "dev F1",
    "soft_labels/js_bits": "divergence from the annotated (bits)",
    "soft_labels/estimated_false_positive_rate": "estimated false positives",
    "soft_labels/estimated_false_negative_rate": "estimated false negatives",
    "soft_labels/cohen_kappa": "agreement with distant labels (κ)",
    "student/dev_f1": "dev F1",
    "finetuned/dev_f1": "dev F1",
    "predictions/js_bits": "divergence from the annotated (bits)",
}
"""Statistics whose course over runs is drawn, with their captions."""


def stage_checks(
    stage: str,
    asset: dg.AssetsDefinition,
    read: Callable[[Storage], Reading],
    beside: Sequence[dg.AssetsDefinition] = (),
) -> dg.AssetChecksDefinition:
    """Both checks of a stage.

    Args:
        stage: its name in statistics and limits.
        asset: what they are of.
        read: takes the statistics of the stage's artefacts.
        beside: assets that it reads too and that are not upstream of ``asset``.
    """

    @dg.multi_asset_check(
        name=f"{stage}_quality",
        can_subset=True,
        specs=[
            dg.AssetCheckSpec(
                suite,
                asset=asset,
                blocking=suite == "critical",
                description=description,
                additional_deps=beside or None,
            )
            for suite, description in SUITES.items()
        ],
    )
    def checks(
        context: dg.AssetCheckExecutionContext,
        storage: Storage,
        quality: Quality,
    ) -> Iterator[dg.AssetCheckResult]:
        reading, run = read(storage), context.run.run_id
        statistics = reading.report.statistics
        record(statistics, storage.statistics(run, stage), run=run, time=datetime.now(UTC))
        limits = _limits(stage, context.op_execution_context.instance, asset.key, quality)
        docs = storage.data_docs(run) if quality.docs else None
        verdicts = _judged(reading.report, limits, storage, docs)
        numbers = totals_metadata(statistics.filter(pl.col("statistic").is_in(HEADLINES)))
        context.op_execution_context.log_event(dg.AssetObservation(asset.key, metadata=numbers))
        figures = {**reading.figures, **_over_runs(storage, stage)}
        selected = {key.name for key in context.selected_asset_check_keys}
        for suite, verdict in verdicts.items():
            if suite not in selected:
                continue
            blocks = quality.enforce and (suite == "critical" or verdict.has_error)
            shown = numbers | pictures(figures) if suite == "critical" else {}
            yield verdict_result(asset.key, suite, verdict, blocks=blocks, shown=shown)

    return checks


def _over_runs(storage: Storage, stage: str) -> dict[str, Callable[[], bytes]]:
    """The figure of a stage's statistics over runs; none if nothing of it is drawn."""
    captions = {key: told for key, told in OVER_RUNS.items() if key.startswith(f"{stage}/")}

    def draw() -> bytes:
        totals = history(storage.all_statistics()).filter(pl.col("relation").is_null())
        return history_panels(totals.collect(), captions)

    return {"over runs": draw} if captions else {}


def _limits(
    stage: str, instance: dg.DagsterInstance, asset: dg.AssetKey, quality: Quality
) -> StageLimits:
    """A stage's limits; of predictions with a target they warn, as they are those of TH's.

    Who asks for few triples that hold gets few, and of fewer relations: that is no fault.
    """
    limits = quality.limits(stage)
    return limits.warning_only() if has_target(instance, asset) else limits


def _judged(
    report: StageReport, limits: StageLimits, storage: Storage, docs: Path | None
) -> dict[str, Verdict]:
    """What both suites say of a stage."""
    from quality.suites import judge

    annotated = annotated_of(storage)
    return judge(
        report.stage,
        report.statistics,
        annotated.reference(),
        limits=limits,
        sample=report.sample,
        relations=annotated.vocabulary.relations,
        offenders=report.offenders,
        docs=docs,
    )


QUALITY_CHECKS = [
    stage_checks("annotated", annotated_documents, read_annotated),
    stage_checks("distant", distant_documents, read_distant, [annotated_documents]),
    stage_checks("teacher", teacher_model, read_model("teacher")),
    stage_checks("soft_labels", soft_labels, read_soft_labels, [annotated_documents]),
    stage_checks("student", student_model, read_model("student")),
    stage_checks("finetuned", finetuned_model, read_model("finetuned")),
    stage_checks("predictions", predictions, read_predictions),
]
