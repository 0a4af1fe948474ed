"""A stage of training as Dagster sees it: kept or trained, its epochs told, its outcome shown."""

import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg
from pydantic import Field

from corpus.artefacts import digest_of
from corpus.schema import Split
from docre_assets.adoption import adopt, adoption_inputs
from docre_assets.making import Made, made_from, make
from docre_assets.metadata import links, picture
from docre_assets.training import (
    Resumption,
    StageInputs,
    StageOutputs,
    Trained,
    provenance,
    require_same_model,
    train_stage,
)
from models.checkpoint_files import saved_model
from models.config import ModelConfig, Stage, Start
from quality.training_figure import training_curve
from resources.compute import Compute
from resources.storage import Storage

if TYPE_CHECKING:
    from models.train import Epoch


class Training(dg.Config):
    """How a model's asset goes about training."""

    force: bool = Field(
        default=False,
        description="Train even if neither an input nor the configuration has changed.",
    )


@dataclass(frozen=True)
class Trainer:
    """Trains a stage or adopts a model, or keeps what was made from the same."""

    context: dg.AssetExecutionContext
    config: Training
    storage: Storage
    model: ModelConfig
    compute: Compute

    def train(self, name: str, stage: Stage, inputs: StageInputs) -> dg.MaterializeResult:
        """Train a stage unless nothing that it depends on has changed.

        Args:
            name: of the model: ``teacher``, ``student`` or ``finetuned``.
            stage: loop and objective.
            inputs: artefacts to train on.
        """
        wanted = made_from(self.context, asdict(self.model), provenance(stage, inputs))
        outputs = self._outputs(name)
        states = self.storage.training_state(name)

        def write() -> None:
            runtime = self.compute.runtime()
            self.context.log.info("trains on %s", runtime)
            # What the last bits depend on, beside all that the result does.
            identity = digest_of(
                wanted, stage.budgets(), str(runtime), *map(version, ("torch", "transformers"))
            )
            trained = train_stage(
                self.model,
                stage,
                inputs,
                outputs,
                runtime=runtime,
                resumption=Resumption(states, identity),
                on_epoch=observe_epochs(self.context),
            )
            if mixture := trained.mixture:
                told = (100 * mixture[x] for x in ("start_share", "average_precision", "dev_f1"))
                self.context.log.info(
                    "mixed: %.0f %% start, average precision %.2f, dev F1 %.2f", *told
                )

        made = self._make(wanted, write)
        shutil.rmtree(states, ignore_errors=True)  # after the seal: until then it may be needed
        return self._materialized(outputs.checkpoint, made, of_training)

    def adopt(self, checkpoint: Path, student: Stage) -> dg.MaterializeResult:
        """Take a model for the teacher, unless the same was taken before.

        Args:
            checkpoint: the model, which no run replaces.
            student: what is to learn from it.
        """
        self.storage.require_lasting(checkpoint)
        dev, relations = self.storage.annotated(Split.DEV), self.storage.relations
        read = adoption_inputs(checkpoint, dev, relations)
        if student.start is Start.PREVIOUS:
            require_same_model(self.model, saved_model(checkpoint), checkpoint)
        outputs = self._outputs("teacher")

        def write() -> None:
            self.context.log.info("adopted from %s, calibrated anew on dev", checkpoint)
            adopt(checkpoint, read, dev, outputs, self.compute.runtime())

        made = self._make(made_from(self.context, "adopted", read), write)
        return self._materialized(
            outputs.checkpoint, made, lambda model: {"adopted": str(checkpoint), **of_model(model)}
        )

    def _outputs(self, name: str) -> StageOutputs:
        return StageOutputs(self.storage.model(name), self.storage.dev_logits(name))

    def _make(self, wanted: str, write: Callable[[], None]) -> Made:
        seal = self.storage.seal(self.context.asset_key.to_user_string())
        return make(self.context, seal, wanted, write, force=self.config.force)

    def _materialized(
        self, checkpoint: Path, made: Made, told: Callable[[Trained], dict[str, Any]]
    ) -> dg.MaterializeResult:
        trained = Trained.read(checkpoint)
        return dg.MaterializeResult(
            data_version=dg.DataVersion(trained.digest),
            metadata={
                **told(trained),
                "kept": made.kept,
                **links(self.storage, self.context.run.run_id),
                "dagster/uri": str(checkpoint),
            },
        )


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


def of_training(trained: Trained) -> dict[str, Any]:
    """A training's outcome as Dagster shows it."""
    kept = trained.epochs[trained.kept - 1]
    curve = training_curve(trained.epochs, trained.kept)
    return {
        **_headline(trained.mixture, kept["dev_f1"]),
        **of_model(trained),
        "loss": kept["loss"],
        "kept_epoch": kept["number"],
        "epochs": len(trained.epochs),
        "minutes": trained.epochs[-1]["seconds"] / 60,
        "documents": trained.documents,
        "computed_on": trained.computed_on,
        "training_curve": picture(curve, "loss and dev F1 by epoch"),
    }


def _headline(mixture: dict[str, float] | None, kept_f1: float | None) -> dict[str, float]:
    """F1 on dev of what a training gave; of a mixture also how it came about. All in percent."""
    if kept_f1 is None:
        return {}
    if mixture is None:
        return {"dev_f1": 100 * kept_f1}
    return {name: 100 * value for name, value in mixture.items()} | {
        "kept_epoch_dev_f1": 100 * kept_f1
    }


def of_model(trained: Trained) -> dict[str, Any]:
    """A model's calibration and size as Dagster shows them."""
    calibration = {} if trained.calibration is None else asdict(trained.calibration)
    return {**calibration, "weights": trained.weights}
