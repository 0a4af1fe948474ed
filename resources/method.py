"""How models are trained."""

from pathlib import Path
from typing import Any

import dagster as dg
from pydantic import Field

from models.checkpoint_files import require_files
from models.config import Preset, preset


class Method(dg.ConfigurableResource):
    """A preset of hyper-parameters, with some of them replaced."""

    preset: str = Field(
        default="small", description="`tiny`, `demo`, `small`, `bert-base` or `roberta-large`."
    )
    overrides: dict[str, Any] = Field(
        default={},
        description="Values by dotted name, such as `teacher.training.epochs: 1`.",
    )

    teacher: str = Field(
        default="",
        description="Checkpoint of a model that is taken for the teacher; empty trains one.",
    )

    def setup_for_execution(self, context: dg.InitResourceContext) -> None:  # noqa: ARG002 (Dagster's signature)
        """Refuse what does not exist before anything is computed."""
        self.settings()
        self.adopted()

    def adopted(self) -> Path | None:
        """The checkpoint that is taken for the teacher; None where one is trained.

        Raises:
            ValueError: if there is no such checkpoint.
        """
        if not self.teacher:
            return None
        checkpoint = Path(self.teacher)
        require_files(checkpoint)
        return checkpoint

    def settings(self) -> Preset:
        """The model and the three stages.

        Raises:
            ValueError: if the preset or an overridden field does not exist.
        """
        return preset(self.preset, self.overrides)
