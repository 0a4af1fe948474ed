"""The most memory that this process has held while it did something; Linux only."""

from __future__ import annotations

import ctypes
import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_INTERVAL: Final = 0.02
"""Seconds between two looks at what cannot be asked for afterwards."""


@dataclass
class Peak:
    """Bytes; both are 0 until the work has ended."""

    resident: int = 0
    """All that was in memory at once, exact; pages of mapped files included, which the system takes
    back when it needs them."""
    private: int = 0
    """What nobody else could have used, sampled."""


@contextmanager
def peak_memory() -> Iterator[Peak]:
    """The peak of what is done in the block, which starts from what is held already.

    What others have freed is given back to the system first: it would count as held.
    """
    peak = Peak()
    gc.collect()
    _give_back()
    # without this it would be the peak since the start, or even since before a fork
    Path("/proc/self/clear_refs").write_text("5")
    with _sampled("RssAnon") as private:
        yield peak
    peak.resident, peak.private = held("VmHWM"), max(private)


def _give_back() -> None:
    """Have the C library, where it is GNU's, let go of memory that nothing uses."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def held(name: str) -> int:
    """One of Linux' numbers on this process' memory (``man proc_pid_status``), in bytes."""
    lines = Path("/proc/self/status").read_text().splitlines()
    (kilobytes,) = (int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))
    return kilobytes * 1024


@contextmanager
def _sampled(name: str) -> Iterator[list[int]]:
    """What one of the numbers was, again and again."""
    done, values = threading.Event(), [held(name)]

    def sample() -> None:
        while not done.wait(_INTERVAL):
            values.append(held(name))

    sampler = threading.Thread(target=sample)
    sampler.start()
    try:
        yield values
    finally:
        done.set()
        sampler.join()
        values.append(held(name))
