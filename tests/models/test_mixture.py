"""A training's outcome between its start and its end."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from little_training import found_at
from torch import nn

from models.mixture import SHARES, copied, mix


class Network(nn.Module):
    """One weight, and a counter."""

    def __init__(self, weight: float, count: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor([weight], dtype=torch.float64))
        self.register_buffer("count", torch.tensor(count))


START = copied(Network(1.0, 3))
"""With an end of 0, the weight of a mixture is the start's share in it."""


@given(ranks=st.lists(st.integers(0, 9), min_size=len(SHARES), max_size=len(SHARES)))
def test_the_mixture_that_ranks_best_is_the_outcome(ranks):
    """In any landscape; of those that rank equally well, the one with less of the start."""
    network, by_share = Network(0.0, 7), dict(zip(SHARES, ranks, strict=True))
    found = mix(network, START, lambda: found_at(by_share[round(network.weight.item(), 6)]))
    best = SHARES[ranks.index(min(ranks))]
    assert found.start_share == best
    assert found.average_precision == pytest.approx(1 / (1 + min(ranks)))
    assert found.dev_f1 == pytest.approx(2 / (2 + min(ranks)))
    assert network.weight.item() == pytest.approx(best)
    assert network.count.item() == 7


def test_a_share_of_nothing_leaves_the_end_as_it_is():
    """To the last bit, though other mixtures were tried."""
    network = Network(1 / 3, 7)
    mix(network, START, lambda: found_at(int(network.weight.item() != 1 / 3)))
    assert network.weight.item() == 1 / 3


def test_what_is_copied_stays_when_the_network_moves():
    network = Network(2.0, 1)
    before = copied(network)
    with torch.no_grad():
        network.weight.add_(1.0)
    assert before["weight"].item() == 2.0
