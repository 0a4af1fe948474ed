"""Work in a process of its own, which holds nothing that other work has left behind."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any, TypeVar

T = TypeVar("T")


def alone(
    work: Callable[..., T], *arguments: Any, initializer: Callable[[], None] | None = None
) -> T:
    """Do something in a fresh process, after ``initializer``, and give what it gave."""
    context = get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context, initializer=initializer) as pool:
        return pool.submit(work, *arguments).result()


def alone_on_two_cores(work: Callable[..., T], *arguments: Any) -> T:
    """The same on two cores, as the machines have that the figures are told of."""
    return alone(work, *arguments, initializer=_take_two_cores)


def _take_two_cores() -> None:
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:2])
