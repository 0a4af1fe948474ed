"""A training's outcome between its start and its end."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from little_training import candidates
from torch import nn

from models.mixture import SHARES, mix
from models.thresholds import Candidates
from models.weights import trained_on_cpu


class Network(nn.Module):
    """One weight that is trained, one that is not, and a counter."""

    def __init__(self, weight: float, count: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor([weight], dtype=torch.float64))
        self.frozen = nn.Parameter(torch.tensor([weight]), requires_grad=False)
        self.register_buffer("count", torch.tensor(count))

    @property
    def share(self) -> float:
        """Of the start, with an end of 0."""
        return round(self.weight.item(), 6)


START = trained_on_cpu(Network(1.0, 3))
five = st.lists(st.integers(0, 9), min_size=len(SHARES), max_size=len(SHARES))


def agreed(rank: int, correct: int = 5) -> Candidates:
    """So many of 9 triples are found in each of three documents: none of them speaks otherwise."""
    return candidates([[9, 9, correct]] * 3, rank)


@given(ranks=five, correct=five)
def test_the_outcome_ranks_best_of_those_that_are_no_worse_at_th(ranks, correct):
    """In any landscape; documents that all agree make any lower F1 clearly lower."""
    network = Network(0.0, 7)
    landscape = {x: (rank, n) for x, rank, n in zip(SHARES, ranks, correct, strict=True)}
    found = mix(network, START, lambda: agreed(*landscape[network.share]))
    allowed = [share for share in SHARES if landscape[share][1] >= correct[0]]
    best = min(allowed, key=lambda share: landscape[share][0])  # of equal ones the first
    rank, n = landscape[best]
    assert found.start_share == best
    assert found.average_precision == pytest.approx(1 / (1 + rank) / 27)
    assert found.dev_f1 == pytest.approx(n / 9)
    assert network.weight.item() == pytest.approx(best)


@pytest.mark.parametrize(("correct", "share"), [((3, 6, 6), 0.4), ((1, 2, 2), 0.0)])
def test_a_lower_f1_speaks_against_a_mixture_only_where_documents_agree(correct, share):
    """The end finds 5 of 9 in each: the first mixture is worse in one document alone."""
    network, counts = Network(0.0, 7), [[9, 9, n] for n in correct]
    better = {0.4: candidates(counts, rank=0)}
    found = mix(network, START, lambda: better.get(network.share, agreed(rank=1)))
    assert sum(correct) <= 15
    assert found.start_share == share


def test_a_mixture_that_finds_nothing_is_none_however_well_it_ranks():
    network = Network(0.0, 7)
    found = mix(network, START, lambda: agreed(1) if network.share == 0 else agreed(0, correct=0))
    assert found.start_share == 0
    assert found.dev_f1 > 0


def test_what_is_not_trained_stays_the_end_s():
    network = Network(0.0, 7)
    assert mix(network, START, lambda: agreed(int(network.share != 0.8))).start_share == 0.8
    assert network.frozen.item() == 0
    assert network.count.item() == 7


def test_a_share_of_nothing_leaves_the_end_as_it_is():
    """To the last bit, though other mixtures were tried."""
    network = Network(1 / 3, 7)
    mix(network, START, lambda: agreed(int(network.weight.item() != 1 / 3)))
    assert network.weight.item() == 1 / 3


def test_a_mixture_that_is_not_finite_is_left_out(caplog):
    """It is as if it had not been tried; the end must be sound."""
    network = Network(0.0, 7)

    def judge() -> Candidates:
        if network.share == broken:
            raise FloatingPointError("document 'd': expected finite logits")
        return agreed(5 - SHARES.index(network.share))

    broken = 0.8
    assert mix(network, START, judge).start_share == 0.6
    assert "80 % start: left out, document 'd'" in caplog.text
    network, broken = Network(0.0, 7), 0.0
    with pytest.raises(FloatingPointError, match="document 'd'"):
        mix(network, START, judge)
