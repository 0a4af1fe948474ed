"""Weights between those that a training started from and those that it ended with.

Linear interpolation of weights (WiSE-FT, Wortsman et al. 2022): a fine-tuned model and the one that
it was fine-tuned from often lie in one basin of the loss, and then points on the line between them
can be better than both ends.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor, nn

from models.choice import clearly_worse, f1_of
from models.thresholds import Candidates
from models.weights import trained_on_cpu

_log = logging.getLogger(__name__)

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


def mix(
    network: nn.Module, start: Mapping[str, Tensor], judge: Callable[[], Candidates]
) -> Mixture:
    """Give a network the mixture of its weights and a start's that ranks dev's triples best.

    A ranking does not see where TH is, so mixtures whose F1 is clearly worse than the end's
    (`models.choice`) are left out. Of those that rank equally well, the one with less of the start.

    Args:
        network: with the weights that a training ended with.
        start: the weights that it started from, as `models.weights.trained_on_cpu` gives them.
        judge: what the network as it is when called would predict on dev.

    Raises:
        FloatingPointError: if a logit of the end is not finite; a mixture with one is left out.
    """
    end = trained_on_cpu(network)

    def judged(share: float) -> Candidates | None:
        _move(network, end, start, share)
        return _judged(judge, share)

    tried = {share: found for share in SHARES if (found := judged(share))}
    allowed = [x for x in tried if not clearly_worse(tried[x].counts, tried[0.0].counts)]
    best = max(allowed, key=lambda share: tried[share].average_precision)
    _move(network, end, start, best)
    return Mixture(best, tried[best].average_precision, f1_of(tried[best].counts))


def _judged(judge: Callable[[], Candidates], share: float) -> Candidates | None:
    """What a mixture would predict; None if it computes what is not finite."""
    try:
        found = judge()
    except FloatingPointError as error:
        if share == 0:
            raise
        _log.warning("%.0f %% start: left out, %s", 100 * share, error)
        return None
    told = (100 * x for x in (share, found.average_precision, f1_of(found.counts)))
    _log.info("%.0f %% start: average precision %.2f, F1 %.2f on dev", *told)
    return found


@torch.no_grad()
def _move(
    network: nn.Module, end: Mapping[str, Tensor], start: Mapping[str, Tensor], share: float
) -> None:
    """Give a network the weights at a share of the way from the end back to the start."""
    for name, weight in end.items():
        network.get_parameter(name).copy_(torch.lerp(weight, start[name], share))
