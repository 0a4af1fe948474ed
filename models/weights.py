"""Copies of a network's weights, which stay when training moves it."""

from __future__ import annotations

from torch import Tensor, nn


def snapshot(network: nn.Module) -> dict[str, Tensor]:
    """All weights and buffers, where they are."""
    return {name: weight.detach().clone() for name, weight in network.state_dict().items()}


def trained_on_cpu(network: nn.Module) -> dict[str, Tensor]:
    """The weights that training moves, on the CPU: a GPU has none of them twice."""
    trained = ((name, w) for name, w in network.named_parameters() if w.requires_grad)
    return {name: weight.detach().to("cpu", copy=True) for name, weight in trained}
