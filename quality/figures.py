"""Figures of training and evaluation as PNG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isnan
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from quality.figure_style import COLOURS, HATCHES, INK, blank_figure, note, png_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SCORES: Final = {
    "f1": "F1",
    "ign_f1_annotated": "Ign F1",
    "f1_frequent": "frequent",
    "f1_long_tail": "long-tail",
    "f1_intra_sentence": "intra-\nsentence",
    "f1_inter_sentence": "inter-\nsentence",
}
"""The scores that `score_bars` shows, with their captions."""


def training_curve(epochs: Sequence[Mapping[str, Any]]) -> bytes:
    """Loss and, where it was measured, F1 on dev by epoch, the best epoch marked.

    Args:
        epochs: at least one mapping with ``number``, ``loss`` and ``dev_f1`` (from 0 to 1, or
            None where dev was not scored).

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
        _draw_dev_f1(axes[1], scored)
    _number_epochs(axes[-1], [epoch["number"] for epoch in epochs])
    return png_of(figure)


def _number_epochs(axes: Axes, numbers: Sequence[int]) -> None:
    """Whole numbers below, and room beside the first and last for their notes."""
    from matplotlib.ticker import MaxNLocator

    room = max(0.5, 0.07 * (numbers[-1] - numbers[0]))
    axes.set_xlim(numbers[0] - room, numbers[-1] + room)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axes.set_xlabel("epoch")


def _draw_loss(axes: Axes, epochs: Sequence[Mapping[str, Any]]) -> None:
    numbers, losses = _points(epochs, "loss")
    axes.plot(numbers, losses, color=COLOURS[0], marker="o")
    axes.set_ylabel("training loss")
    axes.set_ylim(0, 1.2 * max(losses) or 1)
    axes.annotate(f"{losses[-1]:.3g}", (numbers[-1], losses[-1]), **note(COLOURS[0]))


def _draw_dev_f1(axes: Axes, epochs: Sequence[Mapping[str, Any]]) -> None:
    numbers, shares = _points(epochs, "dev_f1")
    scores = [100 * share for share in shares]
    best = max(range(len(scores)), key=scores.__getitem__)
    axes.plot(numbers, scores, color=COLOURS[5], marker="s", clip_on=False)
    axes.plot(numbers[best], scores[best], "o", ms=13, mfc="none", mec=INK, mew=1.2)
    axes.set_ylabel("dev F1")
    axes.margins(y=0.35)
    axes.set_ylim(bottom=max(0, axes.get_ylim()[0]))
    axes.annotate(f"best: {scores[best]:.1f}", (numbers[best], scores[best]), **note(INK))


def _points(epochs: Sequence[Mapping[str, Any]], name: str) -> tuple[list[int], list[float]]:
    return [epoch["number"] for epoch in epochs], [float(epoch[name]) for epoch in epochs]


def score_bars(evaluation: pl.DataFrame) -> bytes:
    """The main scores of all models side by side, a panel for each split.

    Args:
        evaluation: an `EVALUATION` table; models and splits are drawn in its order.

    Returns:
        A PNG.

    Raises:
        ValueError: if the table has none of `SCORES`.
    """
    shown = evaluation.filter(pl.col("metric").is_in(list(SCORES)))
    if shown.is_empty():
        raise ValueError(
            f"score bars: expected some of the metrics {', '.join(SCORES)}, found "
            f"{evaluation['metric'].unique().sort().to_list()}: there is nothing to draw; "
            "evaluate the models first"
        )
    splits = shown["split"].unique(maintain_order=True).to_list()
    models = shown["model"].unique(maintain_order=True).to_list()
    figure = blank_figure(height=0.5 + 2.3 * len(splits))
    axes = figure.subplots(len(splits), 1, sharex=True, squeeze=False)[:, 0]
    for panel, split in zip(axes, splits, strict=True):
        _draw_bars(panel, shown.filter(pl.col("split") == split), models)
        panel.set_ylabel(f"{split}: F1")
    figure.legend(
        *axes[0].get_legend_handles_labels(), loc="outside upper left", ncols=4, frameon=False
    )
    return png_of(figure)


def _draw_bars(axes: Axes, scores: pl.DataFrame, models: Sequence[str]) -> None:
    """Bars of one split, grouped by score; a model that lacks a score leaves its place empty."""
    values = {(model, metric): 100 * v for model, _, metric, v in scores.iter_rows()}
    width = 0.84 / len(models)
    for number, model in enumerate(models):
        offset = (number - (len(models) - 1) / 2) * width
        bars = axes.bar(
            [place + offset for place in range(len(SCORES))],
            [values.get((model, metric), float("nan")) for metric in SCORES],
            width * 0.92,
            label=model,
            color=COLOURS[number % len(COLOURS)],
            hatch=HATCHES[number % len(HATCHES)],
            edgecolor="white",
            linewidth=0,
        )
        axes.bar_label(bars, fmt=_whole_number, fontsize=7.5, color=INK, padding=1)
    axes.set_xticks(range(len(SCORES)), list(SCORES.values()))
    axes.tick_params(axis="x", length=0)
    axes.set_ylim(0, 108)
    axes.set_yticks(range(0, 101, 25))


def _whole_number(value: float) -> str:
    return "" if isnan(value) else f"{value:.0f}"
