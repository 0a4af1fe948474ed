"""The network: a batch of documents to the logits of their entity pairs."""

from __future__ import annotations

from dataclasses import dataclass

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
        return self._logits(batch, self._pooled(batch, evident=False))

    def with_evidence(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Logits [P, R], and how each pair's context is spread over sentences [P, S].

        The shares are float32, S is that of the document with most sentences; rows sum to one.
        """
        pooled = self._pooled(batch, evident=True)
        shares = [document.shares for document in pooled]
        longest = max(part.shape[1] for part in shares)
        padded = [F.pad(part, (0, longest - part.shape[1])) for part in shares]
        return self._logits(batch, pooled), torch.cat(padded)[batch.pair_cells]

    def _pooled(self, batch: Batch, *, evident: bool) -> list[Pooled]:
        encoded = zip(batch.layouts, self.encoder(batch), strict=True)
        return [pool_document(layout, *found, evident=evident) for layout, found in encoded]

    def _logits(self, batch: Batch, pooled: list[Pooled]) -> Tensor:
        head = self._extract(self.head_extractor, pooled, repeat_heads=True)
        tail = self._extract(self.tail_extractor, pooled, repeat_heads=False)
        cells = self.axial(self.bilinear(head, tail), batch.table_sizes)
        logits: Tensor = self.classifier(cells[batch.pair_cells])
        return logits

    def _extract(self, extractor: nn.Linear, pooled: list[Pooled], *, repeat_heads: bool) -> Tensor:
        """tanh(W_e · entity + W_c · context + b) [C, emb]; W_e runs over entities, not cells."""
        of_entity, of_context = extractor.weight.chunk(2, dim=1)
        entities = F.linear(torch.cat([p.entities for p in pooled]), of_entity, extractor.bias)
        context = F.linear(torch.cat([p.context for p in pooled]), of_context)
        tables = [
            part.repeat_interleave(len(part), 0) if repeat_heads else part.repeat(len(part), 1)
            for part in entities.split([len(p.entities) for p in pooled])
        ]
        return torch.tanh(torch.cat(tables) + context)


@dataclass(frozen=True, eq=False)
class Pooled:
    """What the encoder says of one document's entities and pairs."""

    entities: Tensor
    """[E, D]."""
    context: Tensor
    """[E², D]: of every cell."""
    shares: Tensor
    """[E², S] float32: how every cell's context is spread over sentences; S is 0 if not asked."""


def pool_document(layout: Layout, hidden: Tensor, attention: Tensor, *, evident: bool) -> Pooled:
    """Entities and the context of every cell of one document.

    Contexts are means of tokens, by the product of two entities' attention. They are divided by
    its sum at the end, as it is as long as the document and they are not.

    Args:
        layout: where its mentions are.
        hidden: [T, D].
        attention: [H, M, T], attention of the mentions' start markers.
        evident: whether to tell how contexts are spread over sentences.
    """
    missing = layout.mention_slots < 0
    mentions = hidden[layout.mention_starts[layout.mention_slots.clamp_min(0)]].float()
    entities = mentions.masked_fill(missing[..., None], -torch.inf).logsumexp(1)
    weights = _context_weights(_mention_mean(layout) @ attention)
    sums = weights.to(hidden.dtype) @ hidden
    context = (sums / _total(weights)).to(sums.dtype)
    none = weights.new_empty(len(weights), 0)
    shares = sentence_shares(layout, weights) if evident else none
    return Pooled(entities, context, shares)


def _mention_mean(layout: Layout) -> Tensor:
    """[E, M] float32 that averages over each entity's mentions."""
    slots, n_mentions = layout.mention_slots, len(layout.mention_starts)
    spare_last = slots.where(slots >= 0, n_mentions)
    chosen = torch.zeros(len(slots), n_mentions + 1, device=slots.device)
    chosen = chosen.scatter(1, spare_last, 1.0)[:, :n_mentions]
    return chosen / chosen.sum(1, keepdim=True)


def _context_weights(attention: Tensor) -> Tensor:
    """Weights of localized context pooling (Zhou et al. 2021, section 3.2), cells [E², T] float32.

    The product of two entities' attention, summed over attention heads, is a small matrix product
    for every token, so that [H, E, E, T] is never made. A cell's weights do not sum to one.
    """
    by_token = attention.permute(2, 1, 0)  # [T, E, H]
    return (by_token @ by_token.transpose(1, 2)).flatten(1).T.float()


def _total(weights: Tensor) -> Tensor:
    """Sum of each row, above 0."""
    return weights.sum(1, keepdim=True).clamp_min(torch.finfo(weights.dtype).tiny)


def sentence_shares(layout: Layout, weights: Tensor) -> Tensor:
    """How the context of every cell is spread over the document's sentences (Ma et al. 2023).

    Class token and separator are no part of a sentence; the rest is taken as the whole.

    Args:
        layout: where sentences start.
        weights: [E², T] of the cells' contexts, in any proportion.

    Returns:
        [E², S] float32, rows sum to one.
    """
    places = torch.arange(layout.length, device=weights.device)
    sentence = torch.bucketize(places, layout.sentence_starts, right=True) - 1
    words = slice(1, layout.length - 1)  # all but the class token and the separator
    shares = weights.new_zeros(len(weights), len(layout.sentence_starts))
    shares = shares.index_add(1, sentence[words], weights[:, words])
    return shares / _total(shares)
