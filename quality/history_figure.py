"""The picture of what runs have stored: values of statistics over time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from math import ceil
from typing import TYPE_CHECKING, Final

import polars as pl

from quality.figure_style import (
    COLOURS,
    INK,
    TITLE,
    blank_figure,
    marker_size,
    note,
    png_of,
    wrapped,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_AT_RIGHT: Final = {"xytext": (7, -3), "ha": "left"}  # of its point stands a value


def history_panels(table: pl.DataFrame, statistics: Mapping[str, str]) -> bytes:
    """Values of statistics over runs, a panel each; runs stand evenly, the oldest at the left.

    Args:
        table: ``run`` (String), ``time`` (Datetime), ``stage``, ``statistic``, ``relation``,
            ``value``; only rows without a relation are drawn.
        statistics: captions by "stage/statistic"; one that no run has gets an empty panel.

    Returns:
        A PNG.

    Raises:
        ValueError: if the table has none of the statistics.
    """
    key = pl.format("{}/{}", "stage", "statistic").alias("key")
    rows = table.filter(pl.col("relation").is_null()).with_columns(key)
    shown = rows.filter(pl.col("key").is_in(list(statistics)))
    if shown.is_empty():
        raise ValueError(
            f"history panels: expected some of {', '.join(statistics) or 'no statistics'}, found "
            f"{rows['key'].unique().sort().to_list()}: there is nothing to draw; name statistics "
            "as stage/statistic, of which some run has stored a total"
        )
    runs = shown.group_by("run").agg(pl.col("time").min()).sort("time", "run").with_row_index("at")
    placed = shown.join(runs.select("run", "at"), on="run").sort("at")
    return png_of(_panels(placed, runs["time"].to_list(), statistics))


def _panels(
    points: pl.DataFrame, times: Sequence[datetime], statistics: Mapping[str, str]
) -> Figure:
    """A panel for each statistic, in two columns; runs are named below the lowest of each."""
    columns = min(2, len(statistics))
    lines = ceil(len(statistics) / columns)
    figure = blank_figure(height=0.5 + 1.5 * lines)
    for number, (name, caption) in enumerate(statistics.items(), 1):
        panel = figure.add_subplot(lines, columns, number)
        panel.set_title(wrapped(caption, 72 // columns), loc="left", **TITLE)
        here = points.filter(pl.col("key") == name)
        _draw_values(panel, here["at"].to_list(), here["value"].to_list())
        _name_runs(panel, times)
        if number + columns <= len(statistics):  # a panel below says it
            panel.tick_params(labelbottom=False)
            panel.set_xlabel("")
    return figure


def _draw_values(axes: Axes, places: Sequence[int], values: Sequence[float]) -> None:
    """A statistic's values, the latest in figures."""
    from matplotlib.ticker import MaxNLocator

    axes.yaxis.set_major_locator(MaxNLocator(4))
    axes.yaxis.set_major_formatter("{x:.4g}")
    if not values:
        axes.set_yticks([])
        axes.text(0.5, 0.5, "no run has it", transform=axes.transAxes, ha="center", color=INK)
        return
    size = marker_size(len(values))
    axes.plot(places, values, color=COLOURS[0], marker="o", markersize=size, linewidth=1)
    axes.plot(places[-1], values[-1], "o", ms=8, mfc="none", mec=INK)
    axes.set_ylim(*_range(values))
    axes.annotate(f"{values[-1]:.3g}", (places[-1], values[-1]), **note(INK) | _AT_RIGHT)


def _range(values: Sequence[float]) -> tuple[float, float]:
    """What an axis shows: from 0 where the values are not far from it, and room above."""
    low, high = min(values), max(values)
    if 0 <= low < 0.8 * high:
        return 0.0, 1.15 * high
    room = 0.25 * (high - low) or 0.25 * abs(high) or 1.0
    return low - room, high + room


def _name_runs(axes: Axes, times: Sequence[datetime]) -> None:
    """The days of the first and the last run below, or their hours if they are of one day."""
    last = len(times) - 1
    one_day = times[0].date() == times[last].date()
    ends, form = sorted({0, last}), "%H:%M" if one_day else "%Y-%m-%d"
    axes.set_xticks(ends, [times[end].strftime(form) for end in ends])
    if last:
        axes.get_xticklabels()[0].set_horizontalalignment("left")
        axes.get_xticklabels()[-1].set_horizontalalignment("right")
    room = 0.05 * last or 0.5
    axes.set_xlim(-room, last + room)
    day = f"runs of {times[0]:%Y-%m-%d %Z}".rstrip()
    axes.set_xlabel(day if one_day else "runs, the latest at the right")
