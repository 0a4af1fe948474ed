"""Axial attention over the entity-pair tables of several documents, without padding."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from models.attention import attend

_AXES: Final = ((1, 2, 0, 3), (0, 2, 1, 3))
"""[head, tail, attention head, width] with the axis along which is attended in third place: heads,
then tails."""


def _rows(cells: Tensor, table_sizes: Sequence[int], heads: int, parts: int) -> list[Tensor]:
    """Cells [C, 2 · parts · D] as views [E, H, E, w], rows in which cells attend to each other.

    They come document by document, both axes of each, the parts of each axis.
    """
    width = cells.shape[1] // (2 * parts * heads)
    by_cell = cells.view(len(cells), 2, parts, heads, width)
    by_document = by_cell.split([size * size for size in table_sizes])
    return [
        rows.unflatten(0, (size, size))[:, :, axis, part].permute(order)
        for rows, size in zip(by_document, table_sizes, strict=True)
        for axis, order in enumerate(_AXES)
        for part in range(parts)
    ]


def _fill(places: Sequence[Tensor], tables: Sequence[Tensor]) -> None:
    for place, table in zip(places, tables, strict=True):
        place.copy_(table)


class _QueriesKeysValues(torch.autograd.Function):
    """Cells [C, 6D] as the `_rows` of queries, keys and values; their gradients as cells again.

    Autograd by itself would go over them five times, most of it to add up zeros.
    """

    @staticmethod
    def forward(
        ctx: Any, cells: Tensor, table_sizes: Sequence[int], heads: int
    ) -> tuple[Tensor, ...]:
        ctx.shape, ctx.table_sizes, ctx.heads = cells.shape, table_sizes, heads
        return tuple(_rows(cells, table_sizes, heads, 3))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None, None]:
        grad = grads[0].new_empty(ctx.shape)
        _fill(_rows(grad, ctx.table_sizes, ctx.heads, 3), grads)
        return grad, None, None


class _JoinedLinear(torch.autograd.Function):
    """A linear map of what is attended along both axes, given as `_rows` and joined to cells.

    Fused attention keeps its results for its own backward pass. So they are kept here as they are,
    and joined again: as cells they would take the room of two more tables in every layer. Products
    are of the rows' type.
    """

    @staticmethod
    def forward(
        ctx: Any, weight: Tensor, bias: Tensor, table_sizes: Sequence[int], *rows: Tensor
    ) -> Tensor:
        ctx.save_for_backward(weight, bias, *rows)
        ctx.table_sizes = table_sizes
        joined = _joined(rows, table_sizes)
        return torch.addmm(bias.to(joined.dtype), joined, weight.T.to(joined.dtype))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        weight, bias, *rows = ctx.saved_tensors
        joined = _joined(rows, ctx.table_sizes)
        grad = grads[0].to(joined.dtype)
        of_weight, of_bias = (grad.T @ joined).to(weight.dtype), grad.sum(0).to(bias.dtype)
        of_joined = grad @ weight.to(joined.dtype)
        return of_weight, of_bias, None, *_rows(of_joined, ctx.table_sizes, rows[0].shape[1], 1)


def _joined(rows: Sequence[Tensor], table_sizes: Sequence[int]) -> Tensor:
    """Rows of both axes [E, H, E, w] of each document to cells [C, 2D]."""
    _, heads, _, width = rows[0].shape
    joined = rows[0].new_empty(sum(e * e for e in table_sizes), 2 * heads * width)
    _fill(_rows(joined, table_sizes, heads, 1), rows)
    return joined


class AxialLayer(nn.Module):
    """Attention along heads and along tails, summed, then LayerNorm(Linear(x + attention)).

    A cell (s, o) sees all (p, o) and all (s, p) of its own document, self-pairs included, and
    so the two hops that may imply its relation. The linear maps run over the cells of all
    documents at once; only the attention itself runs document by document.
    """

    def __init__(self, size: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(size, 6 * size, bias=False)
        self.out = nn.Linear(2 * size, size)
        self.linear = nn.Linear(size, size)
        self.norm = nn.LayerNorm(size)

    def forward(self, cells: Tensor, table_sizes: Sequence[int]) -> Tensor:
        """``cells`` [C, D], C = Σ E², to the same shape."""
        qkv = _QueriesKeysValues.apply(self.qkv(cells), table_sizes, self.heads)  # type: ignore[no-untyped-call] # because torch leaves it untyped
        attended = [attend(*qkv[i : i + 3]) for i in range(0, len(qkv), 3)]
        mixed = _JoinedLinear.apply(self.out.weight, self.out.bias, table_sizes, *attended)  # type: ignore[no-untyped-call] # because torch leaves it untyped
        normed: Tensor = self.norm(self.linear(cells + mixed))
        return normed


class AxialAttention(nn.Module):
    """Layers of axial attention with one residual connection around them all."""

    def __init__(self, size: int, layers: int, heads: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(AxialLayer(size, heads) for _ in range(layers))

    def forward(self, cells: Tensor, table_sizes: Sequence[int]) -> Tensor:
        """``cells`` [C, D], C = Σ E², to the same shape."""
        if not self.layers:
            return cells
        mixed = cells
        for layer in self.layers:
            mixed = layer(mixed, table_sizes)
        return cells + mixed
