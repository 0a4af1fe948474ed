"""Axial attention over the entity-pair tables of several documents, without padding."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from models.attention import attend


class AxialLayer(nn.Module):
    """Attention along heads and along tails, summed, then LayerNorm(Linear(x + attention)).

    A cell (s, o) sees all (p, o) and all (s, p) of its own document, self-pairs included, and
    so the two hops that may imply its relation. The linear maps run over the cells of all
    documents at once; only the attention itself runs document by document.
    """

    def __init__(self, size: int, heads: int) -> None:
        super().__init__()
        self.heads, self.width = heads, size // heads
        self.qkv = nn.Linear(size, 6 * size, bias=False)
        self.out = nn.Linear(2 * size, size)
        self.linear = nn.Linear(size, size)
        self.norm = nn.LayerNorm(size)

    def forward(self, cells: Tensor, table_sizes: Sequence[int]) -> Tensor:
        """``cells`` [C, D], C = Σ E², to the same shape."""
        mixed = [
            self._attend(table, size)
            for table, size in zip(
                self.qkv(cells).split([e * e for e in table_sizes]), table_sizes, strict=True
            )
        ]
        normed: Tensor = self.norm(self.linear(cells + self.out(torch.cat(mixed))))
        return normed

    def _attend(self, qkv: Tensor, size: int) -> Tensor:
        """One document's [E², 6D] to [E², 2D]."""
        # [axis, q/k/v, head, tail, attention head, width]
        q, k, v = qkv.view(size, size, 2, 3, self.heads, self.width).permute(3, 2, 0, 1, 4, 5)
        along_heads = attend(
            *(x[0].permute(1, 2, 0, 3) for x in (q, k, v))
        )  # [tail, attention head, head, width]
        along_tails = attend(
            *(x[1].permute(0, 2, 1, 3) for x in (q, k, v))
        )  # [head, attention head, tail, width]
        by_cell = (along_heads.permute(2, 0, 1, 3), along_tails.permute(0, 2, 1, 3))
        return torch.cat([x.reshape(size * size, self.heads * self.width) for x in by_cell], dim=1)


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
