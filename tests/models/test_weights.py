"""Copies of weights."""

import pytest
import torch
from torch import nn

from models.weights import snapshot, trained_on_cpu


def network() -> nn.Module:
    """With weights that are trained, weights that are not, and buffers."""
    found = nn.Sequential(nn.Linear(1, 2), nn.BatchNorm1d(2), nn.Linear(2, 1))
    found[2].requires_grad_(False)
    return found


@pytest.mark.parametrize("copy", [snapshot, trained_on_cpu])
def test_a_copy_stays_when_the_network_moves(copy):
    moved = network()
    before = copy(moved)
    kept = {name: weight.clone() for name, weight in before.items()}
    with torch.no_grad():
        for weight in moved.parameters():
            weight.add_(1.0)
    assert before
    assert all(torch.equal(before[name], kept[name]) for name in kept)


def test_a_copy_holds_all_or_what_is_trained():
    assert snapshot(network()).keys() == network().state_dict().keys()
    assert trained_on_cpu(network()).keys() == {"0.weight", "0.bias", "1.weight", "1.bias"}
