"""Fused against plain attention on this machine's CPU, forward and backward, in milliseconds.

``python -m benchmarks.attention [--json OUT]``: `models.attention.attend` takes the plain way
where this shows it to be faster.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import torch
import torch.nn.functional as F
from torch import Tensor

from corpus.artefacts import write_json

SHAPES: Final = {"encoder": (4, 12, 300, 32), "pair table": (20, 8, 20, 32)}
"""[batch, attention heads, length, width] of a batch of four documents, and of one's table."""


def plain(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """Attention by two matrix products."""
    scores = (query * query.shape[-1] ** -0.5) @ key.transpose(-1, -2)
    return scores.softmax(-1) @ value


def milliseconds(attention: Callable[..., Tensor], inputs: list[Tensor], times: int = 20) -> float:
    """Median of forward and backward."""
    taken = []
    for _ in range(times):
        started = time.perf_counter()
        attention(*inputs).sum().backward()
        taken.append(time.perf_counter() - started)
    return sorted(taken)[times // 2] * 1e3


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, prog="benchmarks.attention")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    rows: list[dict[str, Any]] = []
    for name, shape in SHAPES.items():
        for dtype in (torch.float32, torch.bfloat16):
            inputs = [torch.randn(shape, dtype=dtype, requires_grad=True) for _ in range(3)]
            fused = milliseconds(F.scaled_dot_product_attention, inputs)
            row = {"what": name, "dtype": str(dtype), "fused": fused}
            rows.append(row | {"plain": milliseconds(plain, inputs)})
            print(rows[-1])
    if options.json:
        write_json(rows, options.json)


if __name__ == "__main__":
    main()
