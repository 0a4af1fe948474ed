"""The grouped bilinear map of ATLOP, one block at a time."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn


class _BlockwiseBilinear(torch.autograd.Function):
    """Σ_k vec(head_k ⊗ tail_k) · W_k; outer products are made again for the backward pass.

    All blocks of C pairs would be C · emb_size · block_size numbers (0.3 GB for a batch of four
    documents at the published size); one block at a time needs a share of 1 / blocks of it.
    """

    @staticmethod
    def forward(ctx: Any, head: Tensor, tail: Tensor, weight: Tensor) -> Tensor:
        ctx.save_for_backward(head, tail, weight)
        out = torch.zeros(len(head), weight.shape[-1], device=head.device)
        for h, t, w in _blocks(head, tail, weight):
            out += _outer(h, t) @ w
        return out

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        head, tail, weight = ctx.saved_tensors
        grad = grads[0].to(head.dtype)
        grad_head, grad_tail = torch.empty_like(head), torch.empty_like(tail)
        grad_weight = torch.empty_like(weight)
        for k, (h, t, w) in enumerate(_blocks(head, tail, weight)):
            grad_weight[k] = _outer(h, t).T @ grad
            grad_outer = (grad @ w.T).view(len(h), h.shape[1], t.shape[1])
            grad_head[:, k] = (grad_outer @ t.unsqueeze(2)).squeeze(2)
            grad_tail[:, k] = (h.unsqueeze(1) @ grad_outer).squeeze(1)
        return grad_head, grad_tail, grad_weight


def _blocks(head: Tensor, tail: Tensor, weight: Tensor) -> Any:
    return zip(head.unbind(1), tail.unbind(1), weight.unbind(0), strict=True)


def _outer(head: Tensor, tail: Tensor) -> Tensor:
    """[C, b] and [C, b] to [C, b²]."""
    return (head.unsqueeze(2) * tail.unsqueeze(1)).flatten(1)


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
        """``head`` and ``tail`` [C, emb] to [C, out] float32."""
        in_blocks = (len(head), len(self.weight), self.block_size)
        mapped: Tensor = _BlockwiseBilinear.apply(  # type: ignore[no-untyped-call] # because torch leaves it untyped
            head.view(in_blocks), tail.view(in_blocks), self.weight.to(head.dtype)
        )
        return mapped
