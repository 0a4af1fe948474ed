"""One stage of training, from artefacts on disk to a checkpoint on disk; knows no Dagster.

Teacher, student and fine-tuned model go through the same function and differ in its arguments.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from corpus.artefacts import digest, digest_of
from corpus.logits import Calibration
from corpus.relations import RelationVocabulary
from corpus.soft_labels import ShardOrigin, SoftLabels, document_digest, write_shard
from corpus.tables import read_documents
from models.checkpoint_files import CALIBRATION
from models.config import ModelConfig, Stage, Start

if TYPE_CHECKING:
    from models.dev_logits import DevLogits
    from models.extractor import Extractor
    from models.runtime import Runtime
    from models.train import Epoch, History


@dataclass(frozen=True)
class StageInputs:
    """Artefacts that a stage reads."""

    documents: Sequence[Path]
    """Tables of labelled documents to train on."""
    dev: Path
    """Table of labelled documents that choose the epoch; may be empty."""
    relations: Path
    """The corpus' relation vocabulary."""
    previous: Path | None = None
    """Checkpoint of the stage before; read where the stage starts from it."""
    soft_labels: Sequence[Path] = ()
    """Shards of the teacher's logits; read where the objective distils."""
    teacher: Path | None = None
    """Checkpoint of the teacher that must have made the soft labels."""


@dataclass(frozen=True)
class StageOutputs:
    """Artefacts that a stage writes."""

    checkpoint: Path
    dev_logits: Path
    """The model's logits on the labelled documents of dev, a shard as soft labels have."""


@dataclass(frozen=True)
class Trained:
    """A stage's outcome."""

    digest: str
    """Of the checkpoint, its calibration included."""
    calibration: Calibration | None
    """What makes its margins probabilities; None where dev told none."""
    history: "History"
    n_documents: int
    n_weights: int
    runtime: str
    """Device, precision and threads in words."""

    @property
    def epochs(self) -> list[dict[str, Any]]:
        """All epochs as `quality.figures.training_curve` takes them."""
        return [asdict(epoch) for epoch in self.history.epochs]


def train_stage(
    model: ModelConfig,
    stage: Stage,
    inputs: StageInputs,
    outputs: StageOutputs,
    *,
    runtime: "Runtime",
    on_epoch: "Callable[[Epoch], None] | None" = None,
) -> Trained:
    """Train a model on artefacts, calibrate it on dev, and save both with their provenance.

    Raises:
        ValueError: if there are no documents to train on, or an input is of another corpus or
            model.
    """
    from models.checkpoint import save_checkpoint
    from models.dev_logits import calibrate
    from models.train import fit

    dev = list(read_documents(inputs.dev))
    vocabulary = RelationVocabulary.load(inputs.relations)
    extractor = _starting_point(model, stage, inputs, vocabulary)
    history = fit(
        extractor,
        chain.from_iterable(map(read_documents, inputs.documents)),
        stage,
        runtime=runtime,
        dev=dev,
        soft_labels=_soft_labels(stage, inputs, vocabulary),
        on_epoch=on_epoch,
    )
    dev_logits = calibrate(extractor, dev, runtime)
    metrics = {"best": history.best, "epochs": [asdict(epoch) for epoch in history.epochs]}
    provenance = _provenance(stage, inputs)
    saved = save_checkpoint(extractor, outputs.checkpoint, metrics=metrics, provenance=provenance)
    write_dev_logits(dev_logits, outputs.dev_logits, saved, vocabulary)
    return Trained(
        digest_of(saved, digest(outputs.checkpoint / CALIBRATION)),
        extractor.calibration,
        history,
        pl.scan_parquet(list(inputs.documents)).select(pl.len()).collect().item(),
        sum(weight.numel() for weight in extractor.network.parameters()),
        str(runtime),
    )


def write_dev_logits(
    dev_logits: "DevLogits", folder: Path, model: str, vocabulary: RelationVocabulary
) -> None:
    """Keep what a model was calibrated on, for checks that do without torch.

    Args:
        dev_logits: labelled documents and their logits.
        folder: of the shard.
        model: digest of the checkpoint.
        vocabulary: the relations.
    """
    text = digest_of([(document.doc_id, document_digest(document)) for document, _ in dev_logits])
    origin = ShardOrigin(model, vocabulary.digest, text, code=model)
    write_shard(folder, dev_logits, origin, len(vocabulary))


def _starting_point(
    model: ModelConfig, stage: Stage, inputs: StageInputs, vocabulary: RelationVocabulary
) -> "Extractor":
    """A pretrained encoder under a new head, or the previous stage's model."""
    from models.checkpoint import load_checkpoint
    from models.extractor import Extractor

    if stage.start is Start.ENCODER:
        return Extractor.create(model, vocabulary, stage.training.seed)
    if inputs.previous is None:
        raise ValueError(
            f"start {stage.start.value!r}: expected a stage before this one to start from, found "
            f"none: the teacher is the first; set its start to {Start.ENCODER.value!r}"
        )
    extractor = load_checkpoint(inputs.previous)
    vocabulary.require_same(
        extractor.vocabulary, here=str(inputs.relations), there=str(inputs.previous)
    )
    _require_same_model(model, extractor.config, inputs.previous)
    return extractor


def _require_same_model(configured: ModelConfig, saved: ModelConfig, checkpoint: Path) -> None:
    """Raise a ValueError unless a checkpoint is of the model that is configured."""
    wanted, found = asdict(configured), asdict(saved)
    other = {
        f"model.{name}": f"{found[name]!r} instead of {wanted[name]!r}"
        for name in wanted
        if found[name] != wanted[name]
    }
    if other:
        raise ValueError(
            f"{checkpoint}: expected a model as configured, found {other}; training would go on "
            "with the checkpoint's and pass over the configuration. Train the stage before this "
            "one again, or configure the model as the checkpoint has it"
        )


def _soft_labels(
    stage: Stage, inputs: StageInputs, vocabulary: RelationVocabulary
) -> SoftLabels | None:
    """The teacher's logits, or None where the objective does not look at them."""
    from models.checkpoint import checkpoint_digest

    if not stage.objective.distils:
        return None
    teacher = checkpoint_digest(inputs.teacher) if inputs.teacher else None
    return SoftLabels(inputs.soft_labels, vocabulary=vocabulary.digest, teacher=teacher)


def _provenance(stage: Stage, inputs: StageInputs) -> dict[str, Any]:
    """Digests of everything that was read, and the stage's configuration with its seed."""
    from models.checkpoint import checkpoint_digest

    read = [*inputs.documents, inputs.dev, inputs.relations]
    if stage.objective.distils:
        read.extend(inputs.soft_labels)
    digests = {f"{path.parent.name}/{path.name}": digest(path) for path in read}
    if stage.start is Start.PREVIOUS and inputs.previous:
        previous = inputs.previous
        digests[f"{previous.parent.name}/{previous.name}"] = checkpoint_digest(previous)
    return {"inputs": digests, "stage": asdict(stage), "seed": stage.training.seed}
