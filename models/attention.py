"""Scaled dot-product attention by whichever way is fastest where it runs."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def attend(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    mask: Tensor | None = None,
    *,
    scale: float | None = None,
    dropout: float = 0.0,
) -> Tensor:
    """softmax(query · keyᵀ · scale + mask) · value, all [..., T, d].

    It is torch's fused function but for training in bfloat16 on a CPU: there the fused backward
    pass takes two to six times as long as plain matrix products (torch 2.13, measured by
    ``python -m benchmarks.attention``).

    Args:
        query: [..., T, d].
        key: [..., S, d].
        value: [..., S, d].
        mask: broadcasts to [..., T, S]; bool, True where seen, or float to be added.
        scale: 1 / √d if not given.
        dropout: share of attention weights that are dropped.
    """
    slow = query.device.type == "cpu" and query.dtype == torch.bfloat16
    if not (slow and torch.is_grad_enabled()):
        return F.scaled_dot_product_attention(
            query, key, value, attn_mask=mask, dropout_p=dropout, scale=scale
        )
    scores = (query * (scale or query.shape[-1] ** -0.5)) @ key.transpose(-1, -2)
    if mask is not None:
        scores = scores + additive(mask, scores.dtype)
    return F.dropout(scores.softmax(-1), dropout) @ value


def additive(mask: Tensor, dtype: torch.dtype) -> Tensor:
    """A mask as numbers to add to scores; a bool one becomes 0 where seen and -∞ elsewhere."""
    if mask.dtype != torch.bool:
        return mask
    return torch.zeros_like(mask, dtype=dtype).masked_fill(~mask, -torch.inf)
