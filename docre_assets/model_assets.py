"""Teacher, soft labels, student and fine-tuned model: one way of training, three sets of inputs."""

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import dagster as dg

from corpus.artefacts import digest_of
from corpus.schema import Split
from docre_assets.corpus_assets import annotated_documents, distant_documents
from docre_assets.guard import require_checks_passed
from docre_assets.metadata import OWNERS, picture
from docre_assets.partitions import SHARDS, shards
from docre_assets.soft_labelling import SoftLabeller
from docre_assets.training import StageInputs, StageOutputs, Trained, train_stage
from models.config import ModelConfig, Stage
from quality.figures import training_curve
from resources.compute import Compute
from resources.method import Method
from resources.storage import Storage

if TYPE_CHECKING:
    from models.runtime import Runtime
    from models.train import Epoch

GROUP = "models"
GPU_POOL = "gpu"
SOFT_LABELS_CODE = "1"


@dg.asset(
    deps=[annotated_documents],
    group_name=GROUP,
    kinds={"pytorch", "safetensors"},
    owners=OWNERS,
    code_version="2",
    pool=GPU_POOL,
)
def teacher_model(
    context: dg.AssetExecutionContext, storage: Storage, method: Method, compute: Compute
) -> dg.MaterializeResult:
    """The teacher: trained on annotated documents alone."""
    require_checks_passed(context)
    inputs = StageInputs(
        [storage.annotated(Split.TRAIN)], storage.annotated(Split.DEV), storage.relations
    )
    settings, outputs = method.settings(), outputs_of("teacher", storage)
    runtime = compute.runtime()
    return train(context, settings.model, settings.teacher, inputs, outputs, runtime=runtime)


@dg.asset(
    deps=[distant_documents, teacher_model],
    partitions_def=shards,
    backfill_policy=dg.BackfillPolicy.single_run(),
    group_name=GROUP,
    kinds={"pytorch", "safetensors"},
    owners=OWNERS,
    code_version=SOFT_LABELS_CODE,
    pool=GPU_POOL,
)
def soft_labels(context: dg.AssetExecutionContext, storage: Storage, compute: Compute) -> None:
    """The teacher's logits on the distant documents; a shard that is still right is kept."""
    require_checks_passed(context)
    labeller = SoftLabeller(storage.model("teacher"), SOFT_LABELS_CODE, compute.runtime())
    documents = dict(zip(SHARDS, storage.distant_shards(SHARDS), strict=True))
    versions = []
    for shard in context.partition_keys:
        labelled = labeller.label(documents[shard], storage.soft_label_shard(shard))
        versions.append(labelled.digest)
        context.log.info("%s: %s", shard, labelled)
        context.add_asset_metadata(labelled.metadata(), partition_key=shard)
    context.set_data_version(context.asset_key, dg.DataVersion(digest_of(*versions)))


@dg.asset(
    deps=[annotated_documents, distant_documents, teacher_model, soft_labels],
    group_name=GROUP,
    kinds={"pytorch", "safetensors"},
    owners=OWNERS,
    code_version="2",
    pool=GPU_POOL,
)
def student_model(
    context: dg.AssetExecutionContext, storage: Storage, method: Method, compute: Compute
) -> dg.MaterializeResult:
    """The student: trained on the distant documents' labels and on the teacher's soft labels."""
    require_checks_passed(context)
    inputs = StageInputs(
        storage.distant_shards(SHARDS),
        storage.annotated(Split.DEV),
        storage.relations,
        previous=storage.model("teacher"),
        soft_labels=[storage.soft_label_shard(shard) for shard in SHARDS],
        teacher=storage.model("teacher"),
    )
    settings, outputs = method.settings(), outputs_of("student", storage)
    runtime = compute.runtime()
    return train(context, settings.model, settings.student, inputs, outputs, runtime=runtime)


@dg.asset(
    deps=[annotated_documents, student_model],
    group_name=GROUP,
    kinds={"pytorch", "safetensors"},
    owners=OWNERS,
    code_version="2",
    pool=GPU_POOL,
)
def finetuned_model(
    context: dg.AssetExecutionContext, storage: Storage, method: Method, compute: Compute
) -> dg.MaterializeResult:
    """The final model: the student, trained further on annotated documents."""
    require_checks_passed(context)
    inputs = StageInputs(
        [storage.annotated(Split.TRAIN)],
        storage.annotated(Split.DEV),
        storage.relations,
        previous=storage.model("student"),
    )
    settings, outputs = method.settings(), outputs_of("finetuned", storage)
    runtime = compute.runtime()
    return train(context, settings.model, settings.finetune, inputs, outputs, runtime=runtime)


def outputs_of(model: str, storage: Storage) -> StageOutputs:
    """Where a model's stage writes."""
    return StageOutputs(storage.model(model), storage.dev_logits(model))


def train(
    context: dg.AssetExecutionContext,
    model: ModelConfig,
    stage: Stage,
    inputs: StageInputs,
    outputs: StageOutputs,
    *,
    runtime: "Runtime",
) -> dg.MaterializeResult:
    """Train a stage, telling Dagster of each epoch and of the outcome."""
    trained = train_stage(
        model, stage, inputs, outputs, runtime=runtime, on_epoch=observe_epochs(context)
    )
    return materialized(trained, outputs.checkpoint)


def observe_epochs(context: dg.AssetExecutionContext) -> "Callable[[Epoch], None]":
    """What tells Dagster of each epoch: an observation, which it plots, and a line in the log."""

    def observe(epoch: "Epoch") -> None:
        metadata: dict[str, float] = {"epoch": epoch.number, "loss": epoch.loss}
        told = f"epoch {epoch.number}: loss {epoch.loss:.4f}"
        if epoch.dev_f1 is not None:
            metadata["dev_f1"] = 100 * epoch.dev_f1
            told += f", dev F1 {100 * epoch.dev_f1:.2f}"
        context.log.info("%s, %.0f s", told, epoch.seconds)
        context.log_event(dg.AssetObservation(context.asset_key, metadata=metadata))

    return observe


def materialized(trained: Trained, path: Path) -> dg.MaterializeResult:
    """A training's outcome as Dagster shows it."""
    epochs = trained.history.epochs
    best = epochs[trained.history.best - 1]
    headline = {} if best.dev_f1 is None else {"dev_f1": 100 * best.dev_f1}
    if trained.calibration is not None:
        headline |= asdict(trained.calibration)
    return dg.MaterializeResult(
        data_version=dg.DataVersion(trained.digest),
        metadata={
            **headline,
            "loss": best.loss,
            "best_epoch": best.number,
            "epochs": len(epochs),
            "minutes": epochs[-1].seconds / 60,
            "documents": trained.n_documents,
            "weights": trained.n_weights,
            "computed_on": trained.runtime,
            "training_curve": picture(training_curve(trained.epochs), "loss and dev F1 by epoch"),
            "dagster/uri": str(path),
        },
    )
