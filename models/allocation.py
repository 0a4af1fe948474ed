"""How much memory a computing process keeps for later: no more than it will use again."""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Callable
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
    if set_option := _of_gnu("mallopt"):
        set_option(_MMAP_THRESHOLD, LARGE)
        set_option(_TRIM_THRESHOLD, TOP)


def give_back_gaps() -> None:
    """Give back what is free between the blocks of the heap, in a hundredth of a second.

    Batches of ever other sizes leave ever more of it: after 4,000 documents a quarter of the heap.
    """
    if trim := _of_gnu("malloc_trim"):
        trim(0)


def _of_gnu(name: str) -> Callable[..., int] | None:
    """A function of GNU's C library; None with another one, or where users have set their own."""
    if sys.platform != "linux" or any(name in os.environ for name in _SET_BY_USERS):
        return None
    function: Callable[..., int] | None = getattr(ctypes.CDLL(None), name, None)
    return function
