"""A training's outcome between its start and its end."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from little_training import standing
from torch import nn

from models.mixture import SHARES, copied, copied_trained, mix


class Network(nn.Module):
    """One weight that is trained, one that is not, and a counter."""

    def __init__(self, weight: float, count: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor([weight], dtype=torch.float64))
        self.frozen = nn.Parameter(torch.tensor([weight]), requires_grad=False)
        self.register_buffer("count", torch.tensor(count))


START = copied_trained(Network(1.0, 3))
"""With an end of 0, the weight of a mixture is the start's share in it."""

five = st.lists(st.integers(0, 9), min_size=len(SHARES), max_size=len(SHARES))


def share_of(network: Network) -> float:
    return round(network.weight.item(), 6)


@given(ranks=five, correct=five)
def test_the_outcome_ranks_best_of_those_that_are_no_worse_at_th(ranks, correct):
    """In any landscape; documents that all agree make any lower F1 clearly lower."""
    network = Network(0.0, 7)
    landscape = {x: (rank, n) for x, rank, n in zip(SHARES, ranks, correct, strict=True)}
    found = mix(network, START, lambda: standing(*landscape[share_of(network)]))
    allowed = [share for share in SHARES if landscape[share][1] >= correct[0]]
    best = min(allowed, key=lambda share: landscape[share][0])  # of equal ones the first
    rank, n = landscape[best]
    assert found.start_share == best
    assert found.average_precision == 1 / (1 + rank)
    assert found.dev_f1 == pytest.approx(n / 9)
    assert network.weight.item() == pytest.approx(best)


def test_a_mixture_that_finds_nothing_is_none_however_well_it_ranks():
    network = Network(0.0, 7)
    found = mix(network, START, lambda: standing(1) if share_of(network) == 0 else standing(0, 0))
    assert found.start_share == 0
    assert found.dev_f1 > 0


def test_what_is_not_trained_stays_the_end_s():
    network = Network(0.0, 7)
    assert mix(network, START, lambda: standing(share_of(network) != 0.8)).start_share == 0.8
    assert network.frozen.item() == 0
    assert network.count.item() == 7


def test_a_share_of_nothing_leaves_the_end_as_it_is():
    """To the last bit, though other mixtures were tried."""
    network = Network(1 / 3, 7)
    mix(network, START, lambda: standing(int(network.weight.item() != 1 / 3)))
    assert network.weight.item() == 1 / 3


@pytest.mark.parametrize("copy", [copied, copied_trained])
def test_what_is_copied_stays_when_the_network_moves(copy):
    network = Network(2.0, 1)
    before = copy(network)
    with torch.no_grad():
        network.weight.add_(1.0)
    assert before["weight"].item() == 2.0


def test_only_what_is_trained_is_copied_for_mixing():
    assert START.keys() == {"weight"}
    assert copied(Network(1.0, 3)).keys() == {"weight", "frozen", "count"}
