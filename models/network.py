"""The network: a batch of documents to the logits of their entity pairs."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.axial import AxialAttention
from models.batch import Batch, Layout
from models.bilinear import GroupedBilinear
from models.config import ModelConfig
from models.encoder import Encoder


class DocRENetwork(nn.Module):
    """KD-DocRE's network (Tan et al. 2022, section 3).

    Encoder; logsumexp pooling of mentions and localized context pooling (ATLOP); grouped bilinear
    pair table; axial attention over it; linear classifier with TH in column 0.
    """

    def __init__(self, encoder: Encoder, config: ModelConfig, n_classes: int) -> None:
        super().__init__()
        size, hidden = config.emb_size, encoder.hidden_size
        self.encoder = encoder
        self.head_extractor = nn.Linear(2 * hidden, size)
        self.tail_extractor = nn.Linear(2 * hidden, size)
        self.bilinear = GroupedBilinear(size, config.block_size, size)
        self.axial = AxialAttention(size, config.axial_layers, config.axial_heads)
        self.classifier = nn.Linear(size, n_classes)

    def forward(self, batch: Batch) -> Tensor:
        """Logits [P, R] of all pairs, document after document, heads first."""
        pooled = [
            pool_document(layout, hidden, attention)
            for layout, (hidden, attention) in zip(batch.layouts, self.encoder(batch), strict=True)
        ]
        context = torch.cat([context for _, context in pooled])
        head = self._extract(self.head_extractor, pooled, context, repeat_heads=True)
        tail = self._extract(self.tail_extractor, pooled, context, repeat_heads=False)
        cells = self.axial(self.bilinear(head, tail), batch.table_sizes)
        logits: Tensor = self.classifier(cells[batch.pair_cells])
        return logits

    def _extract(
        self,
        extractor: nn.Linear,
        pooled: list[tuple[Tensor, Tensor]],
        context: Tensor,
        *,
        repeat_heads: bool,
    ) -> Tensor:
        """tanh(W_e · entity + W_c · context + b) [C, emb]; W_e runs over entities, not cells."""
        of_entity, of_context = extractor.weight.chunk(2, dim=1)
        entities = F.linear(torch.cat([e for e, _ in pooled]), of_entity, extractor.bias)
        tables = [
            part.repeat_interleave(len(part), 0) if repeat_heads else part.repeat(len(part), 1)
            for part in entities.split([len(e) for e, _ in pooled])
        ]
        return torch.tanh(torch.cat(tables) + F.linear(context, of_context))


def pool_document(layout: Layout, hidden: Tensor, attention: Tensor) -> tuple[Tensor, Tensor]:
    """Entities [E, D] and the context of every cell [E², D] of one document.

    Args:
        layout: where its mentions are.
        hidden: [T, D].
        attention: [H, M, T], attention of the mentions' start markers.
    """
    missing = layout.mention_slots < 0
    mentions = hidden[layout.mention_starts[layout.mention_slots.clamp_min(0)]].float()
    entities = mentions.masked_fill(missing[..., None], -torch.inf).logsumexp(1)
    return entities, _context(_mention_mean(layout) @ attention, hidden)


def _mention_mean(layout: Layout) -> Tensor:
    """[E, M] float32 that averages over each entity's mentions."""
    slots, n_mentions = layout.mention_slots, len(layout.mention_starts)
    spare_last = slots.where(slots >= 0, n_mentions)
    chosen = torch.zeros(len(slots), n_mentions + 1, device=slots.device)
    chosen = chosen.scatter(1, spare_last, 1.0)[:, :n_mentions]
    return chosen / chosen.sum(1, keepdim=True)


def _context(attention: Tensor, hidden: Tensor) -> Tensor:
    """Localized context pooling (Zhou et al. 2021, section 3.2) of all cells [E², D].

    The product of two entities' attention, summed over attention heads, is a small matrix product
    for every token, so that [H, E, E, T] is never made.
    """
    by_token = attention.permute(2, 1, 0)  # [T, E, H]
    joint = (by_token @ by_token.transpose(1, 2)).flatten(1).T.float()  # [E², T]
    weights = joint / joint.sum(1, keepdim=True).clamp_min(torch.finfo(joint.dtype).tiny)
    return weights.to(hidden.dtype) @ hidden
