"""When a newly fine-tuned model takes the place of the one in use."""

import dagster as dg
from pydantic import Field

from quality.promotion import MARGIN, RISK


class Promotion(dg.ConfigurableResource):
    """How much worse than the champion a challenger may be, and how sure of it one has to be."""

    margin: float = Field(
        default=MARGIN,
        ge=0,
        lt=1,
        description="F1, from 0 to 1, by which a challenger may be worse than the champion on dev.",
    )
    risk: float = Field(
        default=RISK,
        gt=0,
        lt=1,
        description="A challenger is refused if it is worse by more than the margin in a larger "
        "share of bootstrap samples of dev than this.",
    )
