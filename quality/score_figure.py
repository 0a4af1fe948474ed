"""The picture of an evaluation: models' main scores side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isnan, nan
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from corpus.schema import ALL
from quality.figure_style import INK, area_look, blank_figure, legend, png_of

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
