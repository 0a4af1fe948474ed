"""Tensors of a safetensors file, memory-mapped, without torch."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

_LENGTH_BYTES: Final = 8
_KINDS: Final = {"F16": "<f2", "I32": "<i4"}


def mapped(path: Path) -> dict[str, NDArray[Any]]:
    """All tensors of a file of a shard by name, float16 or int32.

    Raises:
        ValueError: if the file is truncated, or longer than its tensors.
    """
    _require_size(path, _LENGTH_BYTES, at_least=True)
    with path.open("rb") as stream:
        (length,) = struct.unpack("<Q", stream.read(_LENGTH_BYTES))
        start = _LENGTH_BYTES + length
        _require_size(path, start, at_least=True)
        entries = json.loads(stream.read(length))
    _require_size(path, start + max(entry["data_offsets"][1] for entry in entries.values()))
    return {name: _tensor(path, start, entry) for name, entry in entries.items()}


def _require_size(path: Path, expected: int, *, at_least: bool = False) -> None:
    found = path.stat().st_size
    if found < expected or (found > expected and not at_least):
        raise ValueError(
            f"{path}: expected {'at least ' * at_least}{expected} bytes, found {found}: the shard "
            "is truncated; materialize soft_labels for it again"
        )


def _tensor(path: Path, start: int, entry: dict[str, Any]) -> NDArray[Any]:
    kind, shape = np.dtype(_KINDS[entry["dtype"]]), tuple(entry["shape"])
    if 0 in shape:
        return np.empty(shape, kind)
    return np.memmap(path, kind, "r", offset=start + entry["data_offsets"][0], shape=shape)
