"""The optimizer: its learning rates over the run, and its state by the parameters' names."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn

from models.config import TrainConfig
from models.network import DocRENetwork


def optimizer_of(network: DocRENetwork, config: TrainConfig) -> torch.optim.AdamW:
    """AdamW with one learning rate for the encoder and one for all that is above it."""
    encoder = [w for w in network.encoder.parameters() if w.requires_grad]
    within = {id(w) for w in network.encoder.parameters()}
    head = [w for w in network.parameters() if id(w) not in within]
    groups = [
        {"params": encoder, "lr": config.encoder_lr},
        {"params": head, "lr": config.head_lr},
    ]
    return torch.optim.AdamW(groups, weight_decay=config.weight_decay, fused=True)


def linear_schedule(steps: int, warmup: float) -> Callable[[int], float]:
    """Factor of the learning rate at a step: up from 0 over the warm-up, then down to 0."""
    rising = int(steps * warmup)

    def factor(step: int) -> float:
        if step < rising:
            return (step + 1) / (rising + 1)
        return max(0.0, (steps - step) / max(1, steps - rising))

    return factor


def state_by_name(network: nn.Module, optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """What fused AdamW keeps of each parameter, all tensors, as ``parameter/quantity``."""
    return {
        f"{name}/{quantity}": value
        for name, weight in network.named_parameters()
        for quantity, value in optimizer.state.get(weight, {}).items()
    }


def restore_by_name(
    network: nn.Module, optimizer: torch.optim.Optimizer, state: Mapping[str, Tensor]
) -> None:
    """Give an optimizer what `state_by_name` told, each parameter's on the parameter's device."""
    weights = dict(network.named_parameters())
    for place, value in state.items():
        name, _, quantity = place.rpartition("/")
        weight = weights[name]
        optimizer.state[weight][quantity] = value.to(weight.device, copy=True)
