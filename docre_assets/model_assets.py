"""Teacher, soft labels, student and fine-tuned model: one way of training, three sets of inputs."""

import shutil
from datetime import timedelta

import dagster as dg

from corpus.artefacts import digest_of
from corpus.schema import Split
from docre_assets.corpus_assets import annotated_documents, distant_documents
from docre_assets.guard import require_sound
from docre_assets.making import made_from
from docre_assets.metadata import HOLDS, OWNERS, links
from docre_assets.partitions import SHARDS, shards
from docre_assets.soft_labelling import SoftLabeller
from docre_assets.trainer import Trainer, Training
from docre_assets.training import StageInputs
from models.checkpoint_files import checkpoint_digest
from resources.compute import Compute
from resources.method import Method
from resources.storage import Storage

GROUP = "models"
GPU_POOL = "gpu"
SOFT_LABELS_CODE = "2"
FRESH = dg.FreshnessPolicy.time_window(
    fail_window=timedelta(days=15), warn_window=timedelta(days=8)
)
"""What the weekly schedule keeps, with a day to spare; one missed week warns, two fail."""


@dg.asset(
    deps=[annotated_documents],
    group_name=GROUP,
    kinds={"pytorch", "safetensors"},
    owners=OWNERS,
    tags={HOLDS: "model"},
    code_version="5",
    pool=GPU_POOL,
)
def teacher_model(
    context: dg.AssetExecutionContext,
    config: Training,
    storage: Storage,
    method: Method,
    compute: Compute,
) -> dg.MaterializeResult:
    """The teacher: trained on annotated documents alone, or a model that is there already.

    - **Made from** the train split of `annotated_documents`; dev chooses the epoch and fits the
      calibration. `DOCRE_TEACHER` names a checkpoint that is taken instead.
    - **For** `soft_labels`: what it makes of the distant documents.
    - **In the paper:** the teacher of knowledge distillation, with adaptive focal loss.
    - **More** in `docs/method.md`: network, losses, presets.
    """
    require_sound(context, storage)
    trainer = Trainer(context, config, storage, method.settings().model, compute)
    if checkpoint := method.teacher_checkpoint():
        return trainer.adopt(checkpoint, method.settings().student)
    inputs = StageInputs(
        [storage.annotated(Split.TRAIN)], storage.annotated(Split.DEV), storage.relations
    )
    return trainer.train("teacher", method.settings().teacher, inputs)


@dg.asset(
    deps=[distant_documents, teacher_model],
    partitions_def=shards,
    backfill_policy=dg.BackfillPolicy.single_run(),
    group_name=GROUP,
    kinds={"pytorch", "safetensors"},
    owners=OWNERS,
    tags={HOLDS: "logits"},
    code_version=SOFT_LABELS_CODE,
    pool=GPU_POOL,
)
def soft_labels(context: dg.AssetExecutionContext, storage: Storage, compute: Compute) -> None:
    """The teacher's logits on the distant documents; a shard that is still right is kept.

    - **Made from** `distant_documents` and `teacher_model`, one partition for each shard.
    - **For** `student_model`, whose logits are drawn towards them.
    - **In the paper:** the soft labels of knowledge distillation, for every pair and relation.
    - **More** in `docs/method.md`; how they are judged in `docs/quality.md`.
    """
    require_sound(context, storage)
    labeller = SoftLabeller(storage.model("teacher"), SOFT_LABELS_CODE, compute.runtime)
    documents = dict(zip(SHARDS, storage.distant_shards(SHARDS), strict=True))
    versions, wanted = [], made_from(context, checkpoint_digest(labeller.checkpoint))
    with storage.seal("soft_labels").renewed(wanted):
        for shard in context.partition_keys:
            labelled = labeller.label(documents[shard], storage.soft_label_shard(shard))
            versions.append(labelled.digest)
            context.log.info("%s: %s", shard, labelled)
            shown = labelled.metadata() | links(storage, context.run.run_id)
            context.add_asset_metadata(shown, partition_key=shard)
        remove_other_shards(storage)
    context.set_data_version(context.asset_key, dg.DataVersion(digest_of(*versions)))


@dg.asset(
    deps=[annotated_documents, distant_documents, teacher_model, soft_labels],
    group_name=GROUP,
    kinds={"pytorch", "safetensors"},
    owners=OWNERS,
    tags={HOLDS: "model"},
    code_version="5",
    pool=GPU_POOL,
)
def student_model(
    context: dg.AssetExecutionContext,
    config: Training,
    storage: Storage,
    method: Method,
    compute: Compute,
) -> dg.MaterializeResult:
    """The student: trained on the distant documents' labels and on the teacher's soft labels.

    - **Made from** `distant_documents` and `soft_labels`; dev chooses the epoch and fits the
      calibration.
    - **For** `finetuned_model`, which goes on from it.
    - **In the paper:** the student, with adaptive focal loss on distant labels plus mean squared
      error to the teacher's logits.
    - **More** in `docs/method.md`, *The objectives*.
    """
    require_sound(context, storage)
    inputs = StageInputs(
        storage.distant_shards(SHARDS),
        storage.annotated(Split.DEV),
        storage.relations,
        previous=storage.model("teacher"),
        soft_labels=[storage.soft_label_shard(shard) for shard in SHARDS],
        teacher=storage.model("teacher"),
    )
    trainer = Trainer(context, config, storage, method.settings().model, compute)
    return trainer.train("student", method.settings().student, inputs)


@dg.asset(
    deps=[annotated_documents, student_model],
    group_name=GROUP,
    kinds={"pytorch", "safetensors"},
    owners=OWNERS,
    tags={HOLDS: "model"},
    code_version="5",
    pool=GPU_POOL,
    freshness_policy=FRESH,
)
def finetuned_model(
    context: dg.AssetExecutionContext,
    config: Training,
    storage: Storage,
    method: Method,
    compute: Compute,
) -> dg.MaterializeResult:
    """The final model: the student, trained further on annotated documents.

    - **Made from** `student_model` and the train split of `annotated_documents`; dev chooses the
      epoch and the share of the student's weights, and fits the calibration.
    - **For** `production_model`, where it replaces the model in use if it is not worse.
    - **In the paper:** continued training on annotated data, the last step and the final model.
    - **More** in `docs/method.md`, and `docs/operations.md`, *Champion and challenger*.
    """
    require_sound(context, storage)
    inputs = StageInputs(
        [storage.annotated(Split.TRAIN)],
        storage.annotated(Split.DEV),
        storage.relations,
        previous=storage.model("student"),
    )
    trainer = Trainer(context, config, storage, method.settings().model, compute)
    return trainer.train("finetuned", method.settings().finetune, inputs)


def remove_other_shards(storage: Storage) -> None:
    """Remove soft labels of shards that the distant corpus has no more, of another DOCRE_SHARDS."""
    for folder in storage.soft_labels.glob("[!.]*"):
        if folder.name not in SHARDS:
            shutil.rmtree(folder)
