"""The picture of a training: its loss and its F1 on dev, epoch by epoch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from quality.figure_style import COLOURS, INK, blank_figure, marker_size, note, png_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def training_curve(epochs: Sequence[Mapping[str, Any]], kept: int) -> bytes:
    """Loss and, where it was measured, F1 on dev by epoch, the one that is kept marked.

    Args:
        epochs: at least one mapping with ``number``, ``loss`` and ``dev_f1`` (from 0 to 1, or
            None where dev was not scored).
        kept: number of the epoch that is marked.

    Returns:
        A PNG.

    Raises:
        ValueError: if there is no epoch.
    """
    if not epochs:
        raise ValueError(
            "training curve: expected at least one epoch, found none: there is nothing to draw; "
            "draw it after the first epoch"
        )
    scored = [epoch for epoch in epochs if epoch.get("dev_f1") is not None]
    panels = 2 if scored else 1
    figure = blank_figure(height=0.7 + 1.6 * panels)
    axes = figure.subplots(panels, 1, sharex=True, squeeze=False)[:, 0]
    _draw_loss(axes[0], epochs)
    if scored:
        _draw_dev_f1(axes[1], scored, kept)
    _number_epochs(axes[-1], [epoch["number"] for epoch in epochs])
    return png_of(figure)


def _number_epochs(axes: Axes, numbers: Sequence[int]) -> None:
    """Whole numbers below, and room beside the first and last for their notes."""
    from matplotlib.ticker import MaxNLocator

    room = max(0.5, 0.07 * (numbers[-1] - numbers[0]))
    axes.set_xlim(numbers[0] - room, numbers[-1] + room)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1, steps=(1, 2, 5, 10)))
    axes.set_xlabel("epoch")


def _draw_loss(axes: Axes, epochs: Sequence[Mapping[str, Any]]) -> None:
    numbers, losses = _points(epochs, "loss")
    size = marker_size(len(numbers))
    axes.plot(numbers, losses, color=COLOURS[0], marker="o", markersize=size, clip_on=False)
    axes.set_ylabel("training loss")
    axes.set_ylim(0, 1.2 * max(losses) or 1)
    axes.annotate(f"{losses[-1]:.3g}", (numbers[-1], losses[-1]), **note(COLOURS[0]))


def _draw_dev_f1(axes: Axes, epochs: Sequence[Mapping[str, Any]], kept: int) -> None:
    numbers, shares = _points(epochs, "dev_f1")
    scores = [100 * share for share in shares]
    score = scores[numbers.index(kept)]
    size = marker_size(len(numbers))
    axes.plot(numbers, scores, color=COLOURS[5], marker="s", markersize=size, clip_on=False)
    axes.plot(kept, score, "o", ms=13, mfc="none", mec=INK, mew=1.2)
    axes.set_ylabel("dev F1")
    axes.margins(y=0.35)
    axes.set_ylim(bottom=max(0, axes.get_ylim()[0]))
    axes.annotate(f"kept: {score:.1f}", (kept, score), **note(INK))


def _points(epochs: Sequence[Mapping[str, Any]], name: str) -> tuple[list[int], list[float]]:
    return [epoch["number"] for epoch in epochs], [float(epoch[name]) for epoch in epochs]
