"""One stage of training, from artefacts on disk to a checkpoint on disk; knows no Dagster.

Teacher, student and fine-tuned model go through the same function and differ in its arguments.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from corpus.artefacts import digest, digest_of, read_json
from corpus.distant import read_shards
from corpus.document_keys import document_digest
from corpus.logits import Calibration
from corpus.relations import RelationVocabulary
from corpus.soft_labels import SoftLabels
from corpus.soft_shards import ShardOrigin, write_shard
from corpus.tables import read_documents
from models.checkpoint_files import CALIBRATION, METRICS, checkpoint_digest, model_version
from models.config import ModelConfig, Stage, Start

if TYPE_CHECKING:
    from models.dev_logits import DevLogits
    from models.extractor import Extractor
    from models.runtime import Runtime
    from models.train import Epoch


@dataclass(frozen=True)
class StageInputs:
    """Artefacts that a stage reads."""

    documents: Sequence[Path]
    """Tables of labelled documents to train on; several are shards of one corpus."""
    dev: Path
    """Table of labelled documents that choose the weights to end with; may be empty."""
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
class Resumption:
    """What lets a training that was interrupted go on."""

    states: Path
    """Folder of its states."""
    identity: str
    """Digest of all that its result depends on: a state of another identity is not gone on from."""


@dataclass(frozen=True)
class Trained:
    """A stage's outcome, as its checkpoint tells it."""

    digest: str
    """Of the checkpoint, its calibration included."""
    calibration: Calibration | None
    """What makes its margins probabilities; None where dev told none."""
    epochs: list[dict[str, Any]]
    """All epochs as `quality.training_figure.training_curve` takes them."""
    kept: int
    """Number of the epoch, from 1, whose weights these are, or that the start's are mixed with."""
    documents: int
    """Number of documents trained on."""
    weights: int
    """Number of the network's parameters."""
    computed_on: str
    """Device, precision and threads in words."""
    mixture: dict[str, float] | None = None
    """`models.mixture.Mixture` of the kept epoch's weights and the start's, where there is one."""

    @classmethod
    def read(cls, checkpoint: Path) -> "Trained":
        """What a stage has left."""
        fitted = read_json(checkpoint / CALIBRATION)
        return cls(
            digest=model_version(checkpoint),
            calibration=None if fitted is None else Calibration(**fitted),
            **read_json(checkpoint / METRICS),
        )


def train_stage(
    model: ModelConfig,
    stage: Stage,
    inputs: StageInputs,
    outputs: StageOutputs,
    *,
    runtime: "Runtime",
    resumption: Resumption | None = None,
    on_epoch: "Callable[[Epoch], None] | None" = None,
) -> Trained:
    """Train a model on artefacts, calibrate it on dev, and save both with their provenance.

    Args:
        model: the network.
        stage: loop and objective.
        inputs: artefacts to read.
        outputs: artefacts to write.
        runtime: device and precision.
        resumption: lets the training go on where it was interrupted; without it, it starts anew.
            The caller removes the states once the outcome is safe.
        on_epoch: called after every epoch.

    Raises:
        ValueError: if there are no documents to train on, or an input is of another corpus or
            model.
    """
    from models.checkpoint import save_checkpoint
    from models.dev_logits import calibrate
    from models.resume import TrainingState
    from models.train import fit

    dev = list(read_documents(inputs.dev))
    vocabulary = RelationVocabulary.load(inputs.relations)
    extractor = _starting_point(model, stage, inputs, vocabulary)
    state = TrainingState(resumption.states, resumption.identity) if resumption else None
    history = fit(
        extractor,
        read_shards(inputs.documents),
        stage,
        runtime=runtime,
        dev=dev,
        soft_labels=_soft_labels(stage, inputs, vocabulary),
        on_epoch=on_epoch,
        state=state,
        scratch=outputs.checkpoint.parent,
    )
    dev_logits = calibrate(extractor, dev, runtime)
    metrics = {
        "epochs": [asdict(epoch) for epoch in history.epochs],
        "kept": history.kept,
        "mixture": None if history.mixture is None else asdict(history.mixture),
        "documents": pl.scan_parquet(list(inputs.documents)).select(pl.len()).collect().item(),
        "weights": sum(weight.numel() for weight in extractor.network.parameters()),
        "computed_on": str(runtime),
    }
    made_from = provenance(stage, inputs)
    saved = save_checkpoint(extractor, outputs.checkpoint, metrics=metrics, provenance=made_from)
    write_dev_logits(dev_logits, outputs.dev_logits, saved, vocabulary)
    return Trained.read(outputs.checkpoint)


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
    require_same_model(model, extractor.config, inputs.previous)
    return extractor


def require_same_model(configured: ModelConfig, saved: ModelConfig, checkpoint: Path) -> None:
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
    if not stage.objective.distils:
        return None
    teacher = checkpoint_digest(inputs.teacher) if inputs.teacher else None
    return SoftLabels(inputs.soft_labels, vocabulary=vocabulary.digest, teacher=teacher)


def provenance(stage: Stage, inputs: StageInputs) -> dict[str, Any]:
    """Digests of everything that was read, and the stage's settings with its seed."""
    read = [*inputs.documents, inputs.dev, inputs.relations]
    if stage.objective.distils:
        read.extend(inputs.soft_labels)
    digests = {f"{path.parent.name}/{path.name}": digest(path) for path in read}
    if stage.start is Start.PREVIOUS and inputs.previous:
        previous = inputs.previous
        digests[f"{previous.parent.name}/{previous.name}"] = checkpoint_digest(previous)
    return {"inputs": digests, "stage": stage.settings(), "seed": stage.training.seed}
