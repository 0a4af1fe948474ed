"""Weights between those that a training started from and those that it ended with.

Wortsman et al. 2022 (WiSE-FT): a fine-tuned model and the one that it was fine-tuned from lie in
one basin of the loss, and the line between them has points that are better than both ends.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor, nn

from models.thresholds import Candidates

SHARES: Final = (0.0, 0.2, 0.4, 0.6, 0.8)
"""Shares of the start that are tried."""


@dataclass(frozen=True)
class Mixture:
    """How much of the start's weights a training's outcome has."""

    start_share: float
    """From 0, nothing of them, to below 1."""
    average_precision: float
    """Of the mixture on dev, by which it was chosen, from 0 to 1."""
    dev_f1: float
    """F1 of the mixture on dev, from 0 to 1."""


def copied(network: nn.Module) -> dict[str, Tensor]:
    """A network's weights as they are now."""
    return {name: weight.detach().clone() for name, weight in network.state_dict().items()}


def mix(
    network: nn.Module, start: Mapping[str, Tensor], judge: Callable[[], Candidates]
) -> Mixture:
    """Give a network the mixture of its weights and a start's that ranks dev's triples best.

    Of mixtures that rank them equally well, the one with less of the start.

    Args:
        network: with the weights that a training ended with.
        start: the weights that it started from.
        judge: what the network as it is when called would predict on dev.
    """
    end = copied(network)

    def judged(share: float) -> Mixture:
        network.load_state_dict(_between(end, start, share))
        found = judge()
        return Mixture(share, found.average_precision, found.f1)

    best = max(map(judged, SHARES), key=lambda mixture: mixture.average_precision)
    network.load_state_dict(_between(end, start, best.start_share))
    return best


def _between(
    end: Mapping[str, Tensor], start: Mapping[str, Tensor], share: float
) -> dict[str, Tensor]:
    """Weights at a share of the way from the end back to the start; counters are the end's."""
    return {
        name: torch.lerp(weight, start[name], share) if weight.is_floating_point() else weight
        for name, weight in end.items()
    }
