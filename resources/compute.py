"""What networks are computed on."""

from typing import TYPE_CHECKING

import dagster as dg
from pydantic import Field

if TYPE_CHECKING:
    from models.runtime import Runtime


class Compute(dg.ConfigurableResource):
    """Device, precision and threads; the `gpu` pool keeps two trainings off one device."""

    device: str = Field(
        default="auto", description="`auto` takes CUDA, else MPS, else the CPU; or a torch device."
    )
    precision: str = Field(default="auto", description="`auto`, `float32` or `bfloat16`.")
    threads: int | None = Field(
        default=None, gt=0, description="CPU threads; without a number, torch's choice."
    )

    def runtime(self) -> "Runtime":
        """The device and precision as the models take them; imports torch."""
        from models.runtime import Runtime

        return Runtime(self.device, self.precision, self.threads)
