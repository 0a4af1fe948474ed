"""What statistics of a stage may be, and what happens where they are not so."""

from typing import TYPE_CHECKING

import dagster as dg
from pydantic import Field

if TYPE_CHECKING:
    from quality.limits import StageLimits


class Quality(dg.ConfigurableResource):
    """Limits of the data checks between the stages."""

    enforce: bool = Field(
        default=True,
        description="Whether a broken hard limit stops what is downstream; else it only warns.",
    )
    overrides: dict[str, float | None] = Field(
        default={},
        description=(
            "Limits by dotted name, such as `distant.critical.js_bits.most: 0.4`; null lifts one."
        ),
    )
    docs: bool = Field(
        default=True, description="Whether Great Expectations' data docs are written for each run."
    )

    def setup_for_execution(self, context: dg.InitResourceContext) -> None:  # noqa: ARG002 (Dagster's signature)
        """Refuse a limit that does not exist before anything is computed."""
        from quality.default_limits import limits

        limits(self.overrides)

    def limits(self, stage: str) -> "StageLimits":
        """A stage's hard limits and softer ones.

        Raises:
            ValueError: if an overridden limit does not exist.
        """
        from quality.default_limits import limits

        return limits(self.overrides)[stage]
