"""Memory is taken and given back as told: large blocks one by one, few shapes kept by oneDNN."""

import ctypes
import os
import subprocess
import sys

import pytest

from models.allocation import LARGE, give_back_large_blocks

SIZES = ("arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks", "uordblks")


class Statistics(ctypes.Structure):
    """Of GNU's malloc: ``hblkhd`` are the bytes of blocks that are taken one by one."""

    _fields_ = [(name, ctypes.c_size_t) for name in (*SIZES, "fordblks", "keepcost")]


library = ctypes.CDLL(None)
library.malloc.restype = ctypes.c_void_p
library.free.argtypes = [ctypes.c_void_p]
gnu = pytest.mark.skipif(not hasattr(library, "mallinfo2"), reason="of GNU's C library")


def apart() -> int:
    library.mallinfo2.restype = Statistics
    return library.mallinfo2().hblkhd


@gnu
def test_large_blocks_are_given_back_even_after_larger_ones():
    assert give_back_large_blocks()
    library.free(library.malloc(8 * LARGE))  # from which the library would learn to keep them
    before = apart()
    block = library.malloc(LARGE)
    assert apart() >= before + LARGE
    library.free(block)
    assert apart() == before
    small = library.malloc(LARGE // 2)
    assert apart() == before
    library.free(small)


def test_another_library_is_left_alone(monkeypatch):
    monkeypatch.setattr(ctypes, "CDLL", lambda _: object())
    assert not give_back_large_blocks()


@pytest.mark.parametrize(
    ("given", "found"), [({}, "64"), ({"ONEDNN_PRIMITIVE_CACHE_CAPACITY": "7"}, "7")]
)
def test_few_shapes_are_kept_unless_told_otherwise(given, found):
    name = "ONEDNN_PRIMITIVE_CACHE_CAPACITY"
    environment = {k: v for k, v in os.environ.items() if k != name} | given
    code = f"import sys, models, os; print(os.environ[{name!r}], 'torch' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == [found, "False"]
