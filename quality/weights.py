"""Structural check of trained weights, read as bytes: no torch, nothing loaded but a view."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open

from quality.report import Problem, Report


def _count_in_floats(numbers: NDArray[Any]) -> int:
    return int(numbers.size - np.isfinite(numbers).sum())


def _count_in_bfloat16(bits: NDArray[Any]) -> int:
    """bfloat16 is non-finite where all eight bits of its exponent are one, as in float32."""
    return int((bits & 0x7F80 == 0x7F80).sum())


_NON_FINITE: Final[dict[str, tuple[str, Callable[[NDArray[Any]], int]]]] = {
    "F64": ("<f8", _count_in_floats),
    "F32": ("<f4", _count_in_floats),
    "F16": ("<f2", _count_in_floats),
    "BF16": ("<u2", _count_in_bfloat16),
}
"""How to look at the bytes of each floating type of safetensors, and to count in them."""

_INTEGERS: Final = frozenset({"BOOL", "I8", "U8", "I16", "U16", "I32", "U32", "I64", "U64"})


def check_weights(path: Path) -> Report:
    """The file is whole safetensors, and all its numbers are finite (F64, F32, F16, BF16)."""
    try:
        with safe_open(path, framework="np"):
            return Report.of(_problems(path))
    except (SafetensorError, OSError) as error:
        remedy = "materialize the model again"
        return Report.of([Problem(str(path), "a whole safetensors file", str(error), remedy)])


def _problems(path: Path) -> Iterator[Problem]:
    for name, dtype, view in _tensors(path):
        where = f"{path.name}, tensor {name}"
        if view is None:
            remedy = "store weights as float32, float16 or bfloat16"
            yield Problem(where, f"one of {', '.join(_NON_FINITE)}", dtype, remedy)
        elif bad := _NON_FINITE[dtype][1](view):
            yield Problem(
                where,
                "finite numbers",
                f"{bad} of {view.size} are infinite or not a number",
                "train again with a lower learning rate, or in float32",
            )


def _tensors(path: Path) -> Iterator[tuple[str, str, NDArray[Any] | None]]:
    """Name, type and flat view of each tensor that is not of integers; None for other types."""
    with path.open("rb") as stream:
        start = 8 + (size := int.from_bytes(stream.read(8), "little"))
        header = json.loads(stream.read(size))
    for name, entry in header.items():
        if name == "__metadata__" or entry["dtype"] in _INTEGERS:
            continue
        begin, end = entry["data_offsets"]
        yield name, entry["dtype"], _view(path, start + begin, end - begin, entry["dtype"])


def _view(path: Path, offset: int, size: int, dtype: str) -> NDArray[Any] | None:
    if dtype not in _NON_FINITE:
        return None
    numbers = np.dtype(_NON_FINITE[dtype][0])
    if size == 0:
        return np.empty(0, numbers)
    return np.memmap(path, numbers, mode="r", offset=offset, shape=(size // numbers.itemsize,))
