"""How a process takes memory from the system and gives it back, by GNU's C library."""

from __future__ import annotations

import ctypes
from typing import Final

LARGE: Final = 3 << 20
"""Bytes from which on a block is taken from the system by itself, and given back once it is free.

Left alone the library keeps blocks of up to 32 MB in its heap, where batches of ever other sizes
leave gaps that nothing fits into: a fifth more memory in training, and more with every hour. Below
3 MB it would cost time, as the system clears each block."""

_MMAP_THRESHOLD: Final = -3
_TRIM_THRESHOLD: Final = -1
"""Of malloc.h."""


def give_back_large_blocks() -> bool:
    """Set the library so, for all of this process; whether it is one that can be."""
    set_option = getattr(ctypes.CDLL(None), "mallopt", None)
    if set_option is None:
        return False
    options = {_MMAP_THRESHOLD: LARGE, _TRIM_THRESHOLD: 2 * LARGE}
    return all(set_option(option, size) == 1 for option, size in options.items())
