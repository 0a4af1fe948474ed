"""How models are trained."""

from pathlib import Path
from typing import Any

import dagster as dg
from pydantic import Field

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
        """Refuse a preset or an override that does not exist before anything is computed."""
        self.settings()

    def teacher_checkpoint(self) -> Path | None:
        """The model that is taken for the teacher, which may not be there; None trains one."""
        return Path(self.teacher) if self.teacher else None

    def settings(self) -> Preset:
        """The model and the three stages.

        Raises:
            ValueError: if the preset or an overridden field does not exist.
        """
        return preset(self.preset, self.overrides)
