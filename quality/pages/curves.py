"""Training curves as points of a picture, a panel a model."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final

WIDTH: Final = 240
HEIGHT: Final = 110
"""Of the area that a panel's lines lie in; y grows downwards."""


@dataclass(frozen=True, slots=True)
class Panel:
    """The training of one model."""

    model: str
    epochs: int
    loss: str
    """Points of the line, as SVG has them, from 0 to the highest loss."""
    last_loss: float
    dev_f1: str
    """The same of F1 on dev, from 0 to 1; empty where it was not measured."""
    kept: tuple[float, float, float, int] | None
    """x, y and value of F1 on dev in the epoch that was kept, and the epoch."""


def panels(rows: Iterable[Mapping[str, Any]]) -> list[Panel]:
    """A panel for each model, in the order of the rows.

    Args:
        rows: mappings with ``model``, ``epoch``, ``loss``, ``dev_f1`` (None where it was not
            measured) and ``kept``, ordered by the first two.
    """
    return [_panel(model, list(epochs)) for model, epochs in groupby(rows, lambda r: r["model"])]


def _panel(model: str, epochs: Sequence[Mapping[str, Any]]) -> Panel:
    last = epochs[-1]["epoch"]
    losses = [(epoch["epoch"], epoch["loss"]) for epoch in epochs]
    scored = [(epoch["epoch"], epoch["dev_f1"]) for epoch in epochs if epoch["dev_f1"] is not None]
    highest = max(loss for _, loss in losses) or 1.0
    numbers = [epoch["epoch"] for epoch in epochs if epoch["kept"]]
    kept = next((point for point in scored if point[0] in numbers), None)
    return Panel(
        model,
        epochs=last,
        loss=_points([_place(n, loss / highest, last) for n, loss in losses]),
        last_loss=losses[-1][1],
        dev_f1=_points([_place(n, f1, last) for n, f1 in scored]),
        kept=None if kept is None else (*_place(*kept, last), kept[1], kept[0]),
    )


def _place(epoch: int, share: float, last: int) -> tuple[float, float]:
    """Where an epoch's share of the panel's height stands; a single epoch in the middle."""
    x = WIDTH * (epoch - 1) / (last - 1) if last > 1 else WIDTH / 2
    return round(x, 1), round(HEIGHT * (1 - share), 1)


def _points(places: Iterable[tuple[float, float]]) -> str:
    return " ".join(f"{x},{y}" for x, y in places)
