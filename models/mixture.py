"""Weights between those that a training started from and those that it ended with.

Wortsman et al. 2022 (WiSE-FT): a fine-tuned model and the one that it was fine-tuned from often lie
in one basin of the loss, and then points on the line between them can be better than both ends.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor, nn

from corpus.arrays import Float64Array
from models.choice import clearly_worse, f1_of

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


@dataclass(frozen=True, eq=False)
class Standing:
    """How a network does on dev."""

    counts: Float64Array
    """[B, 3] gold, predicted and correct triples of each document."""
    average_precision: float
    """How well it ranks triples, from 0 to 1."""


def copied(network: nn.Module) -> dict[str, Tensor]:
    """A network's weights as they are now."""
    return {name: weight.detach().clone() for name, weight in network.state_dict().items()}


def copied_trained(network: nn.Module) -> dict[str, Tensor]:
    """The weights that training moves, as they are now, on the CPU."""
    trained = ((name, w) for name, w in network.named_parameters() if w.requires_grad)
    return {name: weight.detach().to("cpu", copy=True) for name, weight in trained}


def mix(network: nn.Module, start: Mapping[str, Tensor], judge: Callable[[], Standing]) -> Mixture:
    """Give a network the mixture of its weights and a start's that ranks dev's triples best.

    A ranking does not see where TH is, so mixtures whose F1 is clearly worse than the end's
    (`models.choice`) are left out. Of those that rank equally well, the one with less of the start.

    Args:
        network: with the weights that a training ended with.
        start: the weights that it started from, as `copied_trained` gives them.
        judge: how the network as it is when called does on dev.
    """
    end = copied_trained(network)

    def standing(share: float) -> Standing:
        _move(network, end, start, share)
        return judge()

    found = {share: standing(share) for share in SHARES}
    allowed = [x for x in SHARES if not clearly_worse(found[x].counts, found[0.0].counts)]
    best = max(allowed, key=lambda share: found[share].average_precision)
    _move(network, end, start, best)
    return Mixture(best, found[best].average_precision, f1_of(found[best].counts))


@torch.no_grad()
def _move(
    network: nn.Module, end: Mapping[str, Tensor], start: Mapping[str, Tensor], share: float
) -> None:
    """Give a network the weights at a share of the way from the end back to the start."""
    for name, weight in end.items():
        network.get_parameter(name).copy_(torch.lerp(weight, start[name], share))
