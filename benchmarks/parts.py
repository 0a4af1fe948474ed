"""Seconds of every part of the network, forward and backward, while it is run as it always is."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final
from unittest import mock

from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from benchmarks.operations import AXIAL, BILINEAR, CLASSIFIER, ENCODER, PAIRS
from models.network import DocRENetwork

BATCHING: Final = "batching"
LOSS: Final = "loss"
OPTIMIZER: Final = "optimizer"

FORWARD: Final = "forward"
BACKWARD: Final = "backward"

Part = tuple[str, str | None]
"""Name and direction; batching and the optimizer have none."""


class Clock:
    """Attributes all time between its start and its stop to the part that ends next."""

    def __init__(self) -> None:
        self.seconds: dict[Part, float] = {}
        self._last = time.perf_counter()

    def ended(self, name: str, direction: str | None = None) -> None:
        """A part has ended; it began where the one before it ended."""
        now = time.perf_counter()
        part = name, direction
        self.seconds[part] = self.seconds.get(part, 0.0) + now - self._last
        self._last = now


@contextmanager
def timed_parts(network: DocRENetwork) -> Iterator[Clock]:
    """A clock that is told by the network, in this block, whenever a part has ended.

    Backward, autograd runs what was run last first, so a part has ended when the gradient of what
    went into it is asked for; and `Tensor.backward` tells where the loss ends. What lies between a
    batch and the next is `BATCHING`, but for what the caller ends before.
    """
    clock = Clock()
    modules = {
        ENCODER: network.encoder,
        BILINEAR: network.bilinear,
        AXIAL: network.axial,
        CLASSIFIER: network.classifier,
    }
    hooks = [hook for name, module in modules.items() for hook in _hooked(clock, name, module)]
    with mock.patch.object(Tensor, "backward", _timed_backward(clock)):
        try:
            yield clock
        finally:
            for hook in hooks:
                hook.remove()


_BEFORE: Final[Mapping[str, Part]] = {ENCODER: (BATCHING, None), BILINEAR: (PAIRS, FORWARD)}
"""What ends where a module begins; others begin where another module ends."""

_AFTER: Final = {ENCODER: PAIRS, BILINEAR: AXIAL, AXIAL: CLASSIFIER, CLASSIFIER: LOSS}
"""What comes after a module, and ends backward where the module's backward pass begins."""


def _hooked(clock: Clock, name: str, module: nn.Module) -> list[RemovableHandle]:
    """Tell the clock when a module begins and when it ends, in both directions."""

    def begins(_module: nn.Module, inputs: Any) -> None:
        if name in _BEFORE:
            clock.ended(*_BEFORE[name])
        if name == BILINEAR:
            _when_first_reached(inputs, lambda: clock.ended(BILINEAR, BACKWARD))

    def ends(_module: nn.Module, _inputs: Any, outputs: Any) -> None:
        clock.ended(name, FORWARD)
        _when_first_reached(outputs, lambda: clock.ended(_AFTER[name], BACKWARD))

    return [module.register_forward_pre_hook(begins), module.register_forward_hook(ends)]


def _when_first_reached(tensors: Any, tell: Callable[[], None]) -> None:
    """Call once the backward pass has come to any of some tensors."""
    waiting = [tell]

    def reached(_gradient: Tensor) -> None:
        if waiting:
            waiting.pop()()

    for tensor in _tensors(tensors):
        if tensor.requires_grad:
            tensor.register_hook(reached)


def _tensors(found: Any) -> Iterator[Tensor]:
    """All tensors in nested lists and tuples."""
    if isinstance(found, Tensor):
        yield found
    elif isinstance(found, list | tuple):
        for part in found:
            yield from _tensors(part)


def _timed_backward(clock: Clock) -> Callable[..., None]:
    """`Tensor.backward`; before it ends the loss, and in it, last of all, the encoder."""
    backward = Tensor.backward

    def timed(tensor: Tensor, *arguments: Any, **named: Any) -> None:
        clock.ended(LOSS, FORWARD)
        backward(tensor, *arguments, **named)
        clock.ended(ENCODER, BACKWARD)

    return timed
