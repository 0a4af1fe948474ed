"""Figures of training and evaluation as PNG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isnan, nan
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from corpus.schema import ALL
from quality.figure_style import COLOURS, INK, area_look, blank_figure, legend, note, png_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SCORES: Final = {
    (ALL, "f1"): "F1",
    (ALL, "ign_f1_annotated"): "Ign F1",
    ("frequent", "f1"): "frequent",
    ("long_tail", "f1"): "long-tail",
    ("intra_sentence", "f1"): "intra-\nsentence",
    ("inter_sentence", "f1"): "inter-\nsentence",
    ("infer", "f1"): "two\nhops",
    (ALL, "evidence_f1"): "evidence",
}
"""The slices' scores that `score_bars` shows, with their captions."""


def training_curve(epochs: Sequence[Mapping[str, Any]], kept: int) -> bytes:
    """Loss and, where it was measured, F1 on dev by epoch, the one that is kept marked.

    Args:
        epochs: at least one mapping with ``number``, ``loss`` and ``dev_f1`` (from 0 to 1, or
            None where dev was not scored).
        kept: number of the epoch whose weights the model has.

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
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axes.set_xlabel("epoch")


def _draw_loss(axes: Axes, epochs: Sequence[Mapping[str, Any]]) -> None:
    numbers, losses = _points(epochs, "loss")
    axes.plot(numbers, losses, color=COLOURS[0], marker="o")
    axes.set_ylabel("training loss")
    axes.set_ylim(0, 1.2 * max(losses) or 1)
    axes.annotate(f"{losses[-1]:.3g}", (numbers[-1], losses[-1]), **note(COLOURS[0]))


def _draw_dev_f1(axes: Axes, epochs: Sequence[Mapping[str, Any]], kept: int) -> None:
    numbers, shares = _points(epochs, "dev_f1")
    scores = [100 * share for share in shares]
    score = scores[numbers.index(kept)]
    axes.plot(numbers, scores, color=COLOURS[5], marker="s", clip_on=False)
    axes.plot(kept, score, "o", ms=13, mfc="none", mec=INK, mew=1.2)
    axes.set_ylabel("dev F1")
    axes.margins(y=0.35)
    axes.set_ylim(bottom=max(0, axes.get_ylim()[0]))
    axes.annotate(f"kept: {score:.1f}", (kept, score), **note(INK))


def _points(epochs: Sequence[Mapping[str, Any]], name: str) -> tuple[list[int], list[float]]:
    return [epoch["number"] for epoch in epochs], [float(epoch[name]) for epoch in epochs]


def score_bars(evaluation: pl.DataFrame) -> bytes:
    """The main scores of all models side by side with their intervals, a panel for each split.

    Args:
        evaluation: an `EVALUATION` table; models and splits are drawn in its order.

    Returns:
        A PNG.

    Raises:
        ValueError: if the table has none of `SCORES`.
    """
    shown = evaluation.filter(pl.concat_list("slice", "metric").is_in([[*key] for key in SCORES]))
    if shown.is_empty():
        wanted = ", ".join(f"{metric} of {part}" for part, metric in SCORES)
        raise ValueError(
            f"score bars: expected some of the scores {wanted}, found metrics "
            f"{evaluation['metric'].unique().sort().to_list()} of slices "
            f"{evaluation['slice'].unique().sort().to_list()}: there is nothing to draw; "
            "evaluate the models first"
        )
    splits = shown["split"].unique(maintain_order=True).to_list()
    models = shown["model"].unique(maintain_order=True).to_list()
    figure = blank_figure(height=0.5 + 2.3 * len(splits))
    axes = figure.subplots(len(splits), 1, sharex=True, squeeze=False)[:, 0]
    for panel, split in zip(axes, splits, strict=True):
        _draw_bars(panel, shown.filter(pl.col("split") == split), models)
        panel.set_ylabel(f"{split}: F1")
    legend(figure, axes[0], columns=4, size=10)
    return png_of(figure)


def _draw_bars(axes: Axes, scores: pl.DataFrame, models: Sequence[str]) -> None:
    """Bars of one split, grouped by score; a model that lacks a score leaves its place empty."""
    width = 0.84 / len(models)
    for number, model in enumerate(models):
        offset = (number - (len(models) - 1) / 2) * width
        places = [place + offset for place in range(len(SCORES))]
        values, below, above = _with_interval(scores.filter(pl.col("model") == model))
        bars = axes.bar(places, values, width * 0.92, label=model, **area_look(number))
        axes.errorbar(places, values, (below, above), fmt="none", ecolor=INK, elinewidth=0.8)
        tops = [value + more for value, more in zip(values, above, strict=True)]
        for bar, value, top in zip(bars, values, tops, strict=True):
            axes.annotate(_whole_number(value), (bar.get_x() + bar.get_width() / 2, top), **_OVER)
    axes.set_xticks(range(len(SCORES)), list(SCORES.values()))
    axes.tick_params(axis="x", length=0)
    axes.set_ylim(0, 112)
    axes.set_yticks(range(0, 101, 25))


_OVER: Final[Mapping[str, Any]] = {
    "xytext": (0, 1),
    "textcoords": "offset points",
    "ha": "center",
    "fontsize": 7.5,
    "color": INK,
}
"""How a bar's number stands over its interval."""


def _with_interval(scores: pl.DataFrame) -> tuple[list[float], list[float], list[float]]:
    """Each of a model's `SCORES` in per cent, and how far its interval reaches down and up.

    What is not known is NaN, an interval that is not known reaches nowhere.
    """
    columns = scores.select("slice", "metric", "value", "low", "high").iter_rows()
    known = {(part, metric): ends for part, metric, *ends in columns}
    rows = [known.get(key, (nan, None, None)) for key in SCORES]
    return (
        [100 * value for value, _, _ in rows],
        [0.0 if low is None else 100 * max(value - low, 0.0) for value, low, _ in rows],
        [0.0 if high is None else 100 * max(high - value, 0.0) for value, _, high in rows],
    )


def _whole_number(value: float) -> str:
    return "" if isnan(value) else f"{value:.0f}"
