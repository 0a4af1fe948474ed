"""How much memory a computing process keeps for later: no more than it will use again."""

from __future__ import annotations

import ctypes
import os
import sys
from typing import Final

LARGE: Final = 2 << 20
"""Bytes from which on a block is taken from the system by itself, and given back once it is free.

Left alone GNU's C library keeps blocks of up to 32 MB in its heap, where batches of ever other
sizes leave gaps that nothing fits into: a tenth more memory in training. Below 2 MB it would cost
time, as the system clears each block."""

TOP: Final = 16 << 20
"""Bytes that may be free at the heap's end before they are given back.

A step frees and takes them again; given back each time, the system would clear them each time."""

_MMAP_THRESHOLD: Final = -3
_TRIM_THRESHOLD: Final = -1
"""Of malloc.h."""

_SET_BY_USERS: Final = ("MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_", "GLIBC_TUNABLES")

_SHAPES: Final = "ONEDNN_PRIMITIVE_CACHE_CAPACITY"
_FEW: Final = "64"
"""Shapes of matrices whose code oneDNN keeps, by which torch multiplies bfloat16 on CPUs.

By itself it keeps 1,024, half a gigabyte; but batches hardly ever have the shapes of earlier ones,
and one batch needs a few dozen."""


def keep_little() -> None:
    """Set this process so, but for what its user has set. Counts before it first computes."""
    os.environ.setdefault(_SHAPES, _FEW)
    if sys.platform == "linux" and not any(name in os.environ for name in _SET_BY_USERS):
        _give_back_large_blocks()


def _give_back_large_blocks() -> None:
    set_option = getattr(ctypes.CDLL(None), "mallopt", None)
    if set_option is not None:  # another C library than GNU's has none
        set_option(_MMAP_THRESHOLD, LARGE)
        set_option(_TRIM_THRESHOLD, TOP)
