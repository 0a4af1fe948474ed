"""A computing process keeps little for later, unless its user wants it otherwise."""

import os
import subprocess
import sys

import pytest

from models.allocation import LARGE, TOP

# Prints whether a block of some bytes is given back once it is free, after a larger one was, from
# which GNU's C library would learn to keep such blocks; then what oneDNN is told.
GIVEN_BACK = f"""
import ctypes, os
from models.runtime import Runtime

class Statistics(ctypes.Structure):
    names = "arena ordblks smblks hblks apart usmblks fsmblks uordblks fordblks keepcost"
    _fields_ = [(name, ctypes.c_size_t) for name in names.split()]

library = ctypes.CDLL(None)
library.mallinfo2.restype = Statistics
library.malloc.restype = ctypes.c_void_p
library.free.argtypes = [ctypes.c_void_p]

Runtime("cpu").prepare()
library.free(library.malloc(8 * {LARGE}))
for size in ({LARGE}, {LARGE} // 2):
    before = library.mallinfo2().apart
    block = library.malloc(size)
    print(library.mallinfo2().apart > before)
    library.free(block)
small = [library.malloc({LARGE} // 2) for _ in range(2 * {TOP} // {LARGE} - 2)]
grown = library.mallinfo2().arena
for block in reversed(small):
    library.free(block)
print(library.mallinfo2().arena == grown)
print(os.environ["ONEDNN_PRIMITIVE_CACHE_CAPACITY"])
"""

GAPS = """
import ctypes
from models.allocation import give_back_gaps

library = ctypes.CDLL(None)
library.malloc.restype = ctypes.c_void_p
library.memset.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_size_t]
library.free.argtypes = [ctypes.c_void_p]

def held():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("RssAnon"))

blocks = [library.malloc(100_000) for _ in range(1000)]
for block in blocks:
    library.memset(block, 1, 100_000)
for block in blocks[:-1]:
    library.free(block)
before = held()
give_back_gaps()
print(before - held() > 80_000)
"""
"""Prints whether 100 MB that lie free before a block at the heap's end are given back."""

gnu = pytest.mark.skipif(
    sys.platform != "linux" or "glibc" not in os.confstr("CS_GNU_LIBC_VERSION"),
    reason="of GNU's C library",
)
OWN = ("MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_", "ONEDNN_PRIMITIVE_CACHE_CAPACITY")


def told(code: str = GIVEN_BACK, **given: str) -> list[str]:
    """What a fresh process prints that has these variables of its user."""
    environment = {name: value for name, value in os.environ.items() if name not in OWN} | given
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return done.stdout.split()


@gnu
def test_large_blocks_alone_are_given_back_and_few_shapes_are_kept():
    assert told() == ["True", "False", "True", "64"]


@gnu
def test_what_users_have_set_stays():
    own = {"MALLOC_MMAP_THRESHOLD_": str(8 * LARGE), "ONEDNN_PRIMITIVE_CACHE_CAPACITY": "7"}
    assert told(**own)[:2] == ["False", "False"]
    assert told(**own)[-1] == "7"


@gnu
def test_gaps_in_the_heap_are_given_back_unless_users_have_set_their_own():
    assert told(GAPS) == ["True"]
    assert told(GAPS, MALLOC_TRIM_THRESHOLD_="1000000000") == ["False"]
