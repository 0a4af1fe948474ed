"""Axial attention equals its definition, cell by cell, values and gradients."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from models.axial import AxialAttention, AxialLayer

SIZES = [(3,), (1,), (2, 3, 5), (4, 0, 1)]


def by_definition(layer: AxialLayer, cells: Tensor, table_sizes: tuple[int, ...]) -> Tensor:
    """LayerNorm(Linear(x + attention)), by loops and by autograd alone."""
    width = cells.shape[1] // layer.heads
    attended = []
    for size, qkv in zip(
        table_sizes, layer.qkv(cells).split([e * e for e in table_sizes]), strict=True
    ):
        tables = qkv.reshape(size, size, 2, 3, layer.heads, width)
        for head in range(size):
            for tail in range(size):
                column, row = tables[:, tail, 0], tables[head, :, 1]
                attended.append(torch.cat([_attended(column, head), _attended(row, tail)]))
    joined = torch.stack(attended)
    return layer.norm(layer.linear(cells + layer.out(joined)))


def _attended(cells: Tensor, place: int) -> Tensor:
    """What one of the cells [E, 3, H, w] sees of all of them."""
    query, (keys, values) = cells[place, 0], cells[:, 1:].unbind(1)
    scores = (keys * query).sum(-1) * query.shape[-1] ** -0.5
    return (scores.softmax(0).unsqueeze(-1) * values).sum(0).flatten()


def layer_and_cells(table_sizes, dtype=torch.float64) -> tuple[AxialLayer, Tensor]:
    torch.manual_seed(1)
    cells = torch.randn(sum(e * e for e in table_sizes), 12, dtype=dtype, requires_grad=True)
    return AxialLayer(12, 3).to(dtype), cells


def gradients(layer: AxialLayer, cells: Tensor, outcome: Tensor) -> list[Tensor]:
    torch.manual_seed(2)
    loss = (outcome.double() * torch.randn_like(outcome, dtype=torch.float64)).sum()
    return list(torch.autograd.grad(loss, [cells, *layer.parameters()]))


@pytest.mark.parametrize("table_sizes", SIZES)
def test_it_is_the_definition_and_so_are_its_gradients(table_sizes):
    layer, cells = layer_and_cells(table_sizes)
    found, expected = layer(cells, table_sizes), by_definition(layer, cells, table_sizes)
    torch.testing.assert_close(found, expected)
    pairs = zip(gradients(layer, cells, found), gradients(layer, cells, expected), strict=True)
    for own, defined in pairs:
        torch.testing.assert_close(own, defined)


def test_gradients_are_those_of_small_differences():
    layer, cells = layer_and_cells((2, 3))
    assert torch.autograd.gradcheck(lambda x: layer(x, (2, 3)), cells)


def test_in_bfloat16_gradients_are_near_and_of_their_weights_type():
    layer, cells = layer_and_cells((2, 3, 5), torch.float32)
    with torch.autocast("cpu", torch.bfloat16):
        found = layer(cells, (2, 3, 5))
    expected = by_definition(layer, cells, (2, 3, 5))
    pairs = zip(gradients(layer, cells, found), gradients(layer, cells, expected), strict=True)
    for own, defined in pairs:
        assert own.dtype == torch.float32
        assert F.cosine_similarity(own.flatten(), defined.flatten(), dim=0) > 0.99


def test_frozen_weights_get_no_gradient_and_hinder_no_other():
    layer, cells = layer_and_cells((3,))
    layer.out.requires_grad_(False)
    layer(cells, (3,)).sum().backward()
    assert layer.out.weight.grad is None
    assert cells.grad is not None
    assert layer.qkv.weight.grad.abs().sum() > 0


def test_without_layers_cells_stay_as_they_are():
    cells = torch.randn(9, 12)
    assert AxialAttention(12, 0, 3)(cells, (3,)) is cells
