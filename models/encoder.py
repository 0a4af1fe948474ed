"""A pretrained encoder over windows of tokens, giving hidden states and attention at mentions."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import AttentionInterface, AutoModel, PretrainedConfig, PreTrainedModel
from transformers.masking_utils import AttentionMaskInterface, sdpa_mask

from models.attention import additive, attend
from models.batch import Batch, Layout, Window

ATTENTION: Final = "docre_sdpa"
"""Name under which the attention below is registered with transformers."""

FAMILIES: Final = ("bert", "roberta", "xlm-roberta", "electra", "modernbert")
"""Encoders that are tested to work."""


@dataclass
class LastAttention:
    """Queries and keys of the attention layer that ran last."""

    query: Tensor = field(default_factory=lambda: torch.empty(0))
    """[W, H, T, d]."""
    key: Tensor = field(default_factory=lambda: torch.empty(0))
    """[W, H, T, d]."""
    mask: Tensor | None = None
    """[W, 1, T, T] bool, or float to be added; None where every token is seen."""
    scaling: float = 1.0
    dropout: float = 0.0

    def rows(self, window: Window, positions: Tensor) -> Tensor:
        """Attention of some tokens of one window to all of it, its added tokens left out.

        Args:
            window: which one.
            positions: [K] int64, places within the window's row.

        Returns:
            [H, K, end - start] float32; rows of a window with added tokens sum to less than one.
        """
        seen = slice(window.lead, window.lead + window.end - window.start)
        query, key = self.query[window.row][:, positions], self.key[window.row]
        scores = (query @ key.transpose(1, 2)).float() * self.scaling
        if self.mask is not None:
            scores = scores + additive(self.mask[window.row][:, positions], scores.dtype)
        return F.dropout(scores.softmax(-1), self.dropout)[:, :, seen]


def _attend(  # the signature that transformers calls
    module: nn.Module,  # noqa: ARG001 because transformers passes it
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    *,
    last_attention: LastAttention | None = None,
    scaling: float | None = None,
    dropout: float = 0.0,
    **_: Any,
) -> tuple[Tensor, None]:
    """Attention that leaves its queries and keys in ``last_attention``."""
    if last_attention is not None:
        last_attention.query, last_attention.key = query, key
        last_attention.mask, last_attention.dropout = attention_mask, dropout
        last_attention.scaling = scaling or query.shape[-1] ** -0.5
    attended = attend(query, key, value, attention_mask, scale=scaling, dropout=dropout)
    return attended.transpose(1, 2).contiguous(), None


AttentionInterface.register(ATTENTION, _attend)
AttentionMaskInterface.register(ATTENTION, sdpa_mask)


def require_supported(config: PretrainedConfig) -> None:
    """Raise a ValueError that names the encoder unless its attention can be watched."""
    model_class = AutoModel._model_mapping.get(type(config), None)
    if not getattr(model_class, "_supports_attention_backend", False):
        raise ValueError(
            f"encoder type {config.model_type!r} does not run its attention through transformers' "
            "attention interface, so the attention at mentions, which localized context pooling "
            f"needs, cannot be read; use one of these types: {', '.join(FAMILIES)}"
        )


class Encoder(nn.Module):
    """A pretrained transformer, read window by window."""

    def __init__(self, transformer: PreTrainedModel) -> None:
        super().__init__()
        if getattr(transformer, "pooler", None) is not None:
            transformer.pooler = None  # would be trained by nothing and saved for nothing
        self.transformer = transformer

    @property
    def hidden_size(self) -> int:
        """D of the hidden states."""
        return int(self.transformer.config.hidden_size)

    def forward(self, batch: Batch) -> list[tuple[Tensor, Tensor]]:
        """Per document: hidden states [T, D], attention at mentions [H, M, T] float32."""
        last = LastAttention()
        output = self.transformer(
            input_ids=batch.token_ids, attention_mask=batch.token_mask, last_attention=last
        )
        hidden = output.last_hidden_state
        return [(_hidden(layout, hidden), _attention(layout, last)) for layout in batch.layouts]


def _hidden(layout: Layout, hidden: Tensor) -> Tensor:
    """[W, T, D] of a batch to one document's [T, D], averaged where its windows overlap."""
    pieces = [hidden[w.row, w.lead : w.lead + w.end - w.start] for w in layout.windows]
    if len(pieces) == 1:
        return pieces[0]
    total = hidden.new_zeros(layout.length, hidden.shape[-1])
    times = hidden.new_zeros(layout.length, 1)
    for piece, window in zip(pieces, layout.windows, strict=True):
        margins = (0, 0, window.start, layout.length - window.end)
        total = total + F.pad(piece, margins)
        times[window.start : window.end] += 1
    return total / times


def _attention(layout: Layout, last: LastAttention) -> Tensor:
    """Attention of one document's mentions [H, M, T], windows added, rows summing to one."""
    if len(layout.windows) == 1:
        return last.rows(layout.windows[0], layout.mention_starts)
    n_mentions = len(layout.mention_starts)
    total = torch.zeros(last.query.shape[1], n_mentions, layout.length, device=last.query.device)
    for window in layout.windows:
        within = (layout.mention_starts >= window.start) & (layout.mention_starts < window.end)
        mentions = within.nonzero().squeeze(1)
        places = layout.mention_starts[mentions] - window.start + window.lead
        rows = F.pad(last.rows(window, places), (window.start, layout.length - window.end))
        total = total.index_add(1, mentions, rows)
    return total / total.sum(-1, keepdim=True).clamp_min(1e-10)
