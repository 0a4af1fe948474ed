"""The grouped bilinear map of ATLOP, a block and some pairs at a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import torch
from torch import Tensor, nn

AT_ONCE: Final = 1024
"""Pairs whose outer products are in memory at once: at blocks of 64 in float32 17 MB, most of which
a processor's cache holds between being written and being multiplied."""


class _BlockwiseBilinear(torch.autograd.Function):
    """Σ_k vec(head_k ⊗ tail_k) · W_k; outer products are made again for the backward pass.

    All of them, of C pairs, would be C · emb_size · block_size numbers (0.3 GB for a batch of four
    documents at the published size). Here one buffer holds those of `AT_ONCE` pairs and one block,
    again and again. Products are of the vectors' type, sums of the weights'.
    """

    @staticmethod
    def forward(ctx: Any, head: Tensor, tail: Tensor, weight: Tensor) -> Tensor:
        ctx.save_for_backward(head, tail, weight)
        out = weight.new_zeros(len(head), weight.shape[-1])
        buffer = _buffer(head)
        for k, of_block in enumerate(weight):
            w = of_block.to(head.dtype)
            for rows in _rows(head):
                out[rows] += _outer(head[rows, k], tail[rows, k], buffer) @ w
        return out

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        head, tail, weight = ctx.saved_tensors
        grad = grads[0].to(head.dtype)
        grad_head, grad_tail = torch.empty_like(head), torch.empty_like(tail)
        grad_weight = torch.zeros_like(weight)
        outer, grad_outer = _buffer(head), _buffer(head)
        for k, of_block in enumerate(weight):
            w = of_block.to(head.dtype).T
            for rows in _rows(head):
                h, t = head[rows, k], tail[rows, k]
                _add_product(grad_weight[k], _outer(h, t, outer).T, grad[rows])
                product = torch.mm(grad[rows], w, out=grad_outer[: len(h)])
                by_place = product.view(len(h), h.shape[1], t.shape[1])
                grad_head[rows, k] = (by_place @ t.unsqueeze(2)).squeeze(2)
                grad_tail[rows, k] = (h.unsqueeze(1) @ by_place).squeeze(1)
        return grad_head, grad_tail, grad_weight


def _rows(pairs: Tensor) -> Iterator[slice]:
    return (slice(start, start + AT_ONCE) for start in range(0, len(pairs), AT_ONCE))


def _buffer(pairs: Tensor) -> Tensor:
    """Room for the outer products of some pairs and one block."""
    return pairs.new_empty(min(len(pairs), AT_ONCE), pairs.shape[-1] ** 2)


def _outer(head: Tensor, tail: Tensor, buffer: Tensor) -> Tensor:
    """[C, b] and [C, b] to [C, b²], in ``buffer``."""
    products = buffer[: len(head)]
    by_place = products.view(len(head), head.shape[1], tail.shape[1])
    torch.mul(head.unsqueeze(2), tail.unsqueeze(1), out=by_place)
    return products


def _add_product(total: Tensor, one: Tensor, other: Tensor) -> None:
    """Add a matrix product in place; in one go if it is of the same type as the sum."""
    if one.dtype == total.dtype:
        torch.addmm(total, one, other, out=total)  # counted by torch, as addmm_ is not
    else:
        total += one @ other


class GroupedBilinear(nn.Module):
    """Pairs of vectors [C, emb] to [C, out] through emb / block bilinear maps, summed."""

    def __init__(self, emb_size: int, block_size: int, out_size: int) -> None:
        super().__init__()
        self.block_size = block_size
        blocks = emb_size // block_size
        self.weight = nn.Parameter(torch.empty(blocks, block_size**2, out_size))
        # the bound of a linear map over all emb_size · block_size products
        bound = (emb_size * block_size) ** -0.5
        nn.init.uniform_(self.weight, -bound, bound)

    def forward(self, head: Tensor, tail: Tensor) -> Tensor:
        """``head`` and ``tail`` [C, emb], of any float type, to [C, out] of the weights'."""
        in_blocks = (len(head), len(self.weight), self.block_size)
        mapped: Tensor = _BlockwiseBilinear.apply(  # type: ignore[no-untyped-call] # because torch leaves it untyped
            head.view(in_blocks), tail.view(in_blocks), self.weight
        )
        return mapped
