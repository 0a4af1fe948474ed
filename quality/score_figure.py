"""The picture of an evaluation: models' main scores side by side."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
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

_FILLED: Final = 0.88  # of the room of a score, by its bars
_ROOM: Final = 48.0  # points that a score has in the figure's width
_DIGIT: Final = 0.64  # width of a digit, in sizes of its letters
_GAP: Final = 0.4  # between numbers, in sizes of their letters
_SIZES: Final = (6.0, 7.5)  # points, the smallest to be read and the usual one


def score_bars(evaluation: pl.DataFrame) -> bytes:
    """The main scores of all models side by side with their intervals, a panel for each split.

    Bars have their number above them if there is room, as there is for those of three models.

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
    size = _number_size(shown["value"], len(models))
    figure = blank_figure(height=0.5 + 2.3 * len(splits))
    axes = figure.subplots(len(splits), 1, sharex=True, squeeze=False)[:, 0]
    for panel, split in zip(axes, splits, strict=True):
        _draw_bars(panel, shown.filter(pl.col("split") == split), models, size)
        panel.set_ylabel(f"{split}: F1")
    legend(figure, axes[0], columns=4, size=10)
    return png_of(figure)


def _number_size(values: Iterable[float], models: int) -> float | None:
    """The size at which numbers stand apart over bars; None where nobody could read them."""
    digits = max(len(_whole_number(100 * value)) for value in values)
    smallest, usual = _SIZES
    size = _FILLED * _ROOM / models / (_DIGIT * digits + _GAP)
    return min(size, usual) if size >= smallest else None


def _draw_bars(axes: Axes, scores: pl.DataFrame, models: Sequence[str], size: float | None) -> None:
    """Bars of one split, grouped by score; a model that lacks a score leaves its place empty."""
    width = _FILLED / len(models)
    for number, model in enumerate(models):
        offset = (number - (len(models) - 1) / 2) * width
        places = [place + offset for place in range(len(SCORES))]
        values, below, above = _with_interval(scores.filter(pl.col("model") == model))
        axes.bar(places, values, width * 0.92, label=model, **area_look(number))
        axes.errorbar(places, values, (below, above), fmt="none", ecolor=INK, elinewidth=0.8)
        tops = [value + more for value, more in zip(values, above, strict=True)]
        if size:
            for value, place, top in zip(values, places, tops, strict=True):
                axes.annotate(_whole_number(value), (place, top), fontsize=size, **_OVER)
    axes.set_xticks(range(len(SCORES)), list(SCORES.values()))
    axes.set_xlim(-0.5, len(SCORES) - 0.5)
    axes.tick_params(axis="x", length=0)
    axes.set_ylim(0, 112)
    axes.set_yticks(range(0, 101, 25))


_OVER: Final[Mapping[str, Any]] = {
    "xytext": (0, 1),
    "textcoords": "offset points",
    "ha": "center",
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
