"""The bilinear map in pieces is the plain one: forward, gradients, and in any precision."""

import pytest
import torch
from torch import Tensor

from models import bilinear
from models.bilinear import GroupedBilinear


@pytest.fixture(autouse=True)
def few_at_once(monkeypatch):
    """So that a handful of pairs makes several pieces."""
    monkeypatch.setattr(bilinear, "AT_ONCE", 4)


def plain(head: Tensor, tail: Tensor, weight: Tensor) -> Tensor:
    """All outer products of all blocks at once."""
    blocks, products, _ = weight.shape
    size = int(products**0.5)
    outer = head.view(-1, blocks, size, 1) * tail.view(-1, blocks, 1, size)
    return outer.flatten(1) @ weight.flatten(0, 1)


def vectors(pairs: int, dtype: torch.dtype = torch.float64) -> tuple[Tensor, Tensor]:
    torch.manual_seed(pairs)
    head, tail = torch.randn(2, pairs, 12, dtype=dtype)
    return head.requires_grad_(), tail.requires_grad_()


@pytest.mark.parametrize("pairs", [0, 1, 4, 5, 11])
def test_values_and_gradients_are_the_plain_ones(pairs):
    mapped = GroupedBilinear(12, 4, 5).double()
    head, tail = vectors(pairs)
    inputs = (head, tail, mapped.weight)
    ours, theirs = mapped(head, tail), plain(*inputs)
    torch.testing.assert_close(ours, theirs, atol=1e-12, rtol=1e-12)
    factors = torch.randn(pairs, 5, dtype=torch.float64)
    for one, other in zip(
        torch.autograd.grad((ours * factors).sum(), inputs),
        torch.autograd.grad((theirs * factors).sum(), inputs),
        strict=True,
    ):
        torch.testing.assert_close(one, other, atol=1e-12, rtol=1e-12)


def test_gradients_are_those_of_differences():
    mapped = GroupedBilinear(12, 4, 3).double()
    assert torch.autograd.gradcheck(mapped, vectors(6))


def test_sums_and_gradients_of_weights_are_float32_whatever_the_vectors_are():
    mapped = GroupedBilinear(12, 4, 5)
    head, tail = vectors(11, torch.bfloat16)
    found = mapped(head, tail)
    assert found.dtype == torch.float32
    exact = plain(head.double(), tail.double(), mapped.weight.double())
    torch.testing.assert_close(found.double(), exact, atol=0.1, rtol=0.05)
    found.sum().backward()
    assert mapped.weight.grad.dtype == torch.float32
    assert head.grad.dtype == torch.bfloat16
