"""A stage of training as Dagster sees it: kept or trained, its epochs told, its outcome shown."""

import shutil
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg
from pydantic import Field

from corpus.artefacts import digest_of
from docre_assets.adoption import adopt, adopted_from, require_lasting
from docre_assets.making import made_from, make
from docre_assets.metadata import links, picture
from docre_assets.training import (
    Resumption,
    StageInputs,
    StageOutputs,
    Trained,
    provenance,
    train_stage,
)
from models.config import ModelConfig, Stage
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
        states = self.storage.training_state(name)

        def write(outputs: StageOutputs) -> None:
            runtime = self.compute.runtime()
            # What the last bits depend on, beside all that the result does.
            identity = digest_of(
                wanted, stage.budgets(), str(runtime), *map(version, ("torch", "transformers"))
            )
            train_stage(
                self.model,
                stage,
                inputs,
                outputs,
                runtime=runtime,
                resumption=Resumption(states, identity),
                on_epoch=observe_epochs(self.context),
            )

        return self._made(name, wanted, write)

    def adopt(self, name: str, checkpoint: Path, dev: Path) -> dg.MaterializeResult:
        """Take a model that is there already, unless the same was taken before.

        Args:
            name: of the model whose place it takes.
            checkpoint: the model.
            dev: table of labelled documents that its calibration is fitted on.
        """
        require_lasting(checkpoint, self.storage.model(name).parent)
        relations = self.storage.relations
        wanted = made_from(self.context, "adopted", adopted_from(checkpoint, dev, relations))

        def write(outputs: StageOutputs) -> None:
            adopt(checkpoint, dev, relations, outputs, self.compute.runtime())

        return self._made(name, wanted, write, adopted=str(checkpoint))

    def _made(
        self, name: str, wanted: str, write: Callable[[StageOutputs], None], **told: str
    ) -> dg.MaterializeResult:
        outputs = StageOutputs(self.storage.model(name), self.storage.dev_logits(name))
        made = make(
            self.context,
            self.storage.seal(self.context.asset_key.to_user_string()),
            wanted,
            lambda: write(outputs),
            force=self.config.force,
        )
        # After the seal: until then the state of a training may be needed.
        shutil.rmtree(self.storage.training_state(name), ignore_errors=True)
        trained = Trained.read(outputs.checkpoint)
        shown = {**told, "kept": made.kept, **links(self.storage, self.context.run.run_id)}
        return materialized(trained, outputs.checkpoint, shown)


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


def materialized(trained: Trained, path: Path, told: Mapping[str, Any]) -> dg.MaterializeResult:
    """A training's outcome as Dagster shows it.

    Args:
        trained: the outcome.
        path: the checkpoint.
        told: what else is shown.
    """
    kept = trained.epochs[trained.kept - 1]
    curve = training_curve(trained.epochs, trained.kept)
    headline = {} if kept["dev_f1"] is None else {"dev_f1": 100 * kept["dev_f1"]}
    if trained.calibration is not None:
        headline |= asdict(trained.calibration)
    return dg.MaterializeResult(
        data_version=dg.DataVersion(trained.digest),
        metadata={
            **headline,
            "loss": kept["loss"],
            "kept_epoch": kept["number"],
            "epochs": len(trained.epochs),
            "minutes": trained.epochs[-1]["seconds"] / 60,
            "documents": trained.documents,
            "weights": trained.weights,
            "computed_on": trained.computed_on,
            **told,
            "training_curve": picture(curve, "loss and dev F1 by epoch"),
            "dagster/uri": str(path),
        },
    )
