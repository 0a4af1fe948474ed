"""Pictures of confidence: whether probabilities hold, and how far margins lie from TH."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from quality.figure_style import (
    INK,
    TITLE,
    area_look,
    as_count,
    as_percent,
    blank_figure,
    legend,
    png_of,
    point_look,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_NONE: Final = 0.5  # where bars of counts begin on a log scale


def reliability_diagram(before: pl.DataFrame, after: pl.DataFrame) -> bytes:
    """What share holds of what is said to hold with a probability, and of how many cells.

    Args:
        before: bins as `quality.calibration.reliability` returns them, of σ(margin).
        after: the same of calibrated probabilities.

    Returns:
        A PNG, with the expected calibration error of both.

    Raises:
        ValueError: if either has no bin.
    """
    sides = {"uncalibrated": before, "calibrated": after}
    if empty := [side for side, bins in sides.items() if bins.is_empty()]:
        raise ValueError(
            f"reliability diagram: expected bins before and after calibration, found no "
            f"{' and no '.join(empty)} ones: there is nothing to draw; give relations of pairs of "
            "labelled documents, and predicted ones only if the model predicts any"
        )
    figure = blank_figure(height=4.6)
    curve, cells = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    for number, (side, bins) in enumerate(sides.items()):
        _draw_reliability(curve, bins, number, f"{side}: ECE {_ece(bins):.2g}")
        _draw_cells(cells, bins, number)
    _draw_diagonal(curve, pl.concat([before, after]))
    cells.set_ylim(bottom=0)
    cells.locator_params(axis="y", nbins=3, integer=True)
    cells.yaxis.set_major_formatter(as_count)
    cells.set_ylabel("cells a bin")
    cells.set_xlabel("mean probability of the bin")
    legend(figure, curve)
    return png_of(figure)


def _draw_reliability(axes: Axes, bins: pl.DataFrame, number: int, label: str) -> None:
    line = "--" if number else "-"
    axes.plot(bins["probability"], bins["share"], label=label, linestyle=line, **point_look(number))
    axes.set_ylabel("share that holds")


def _draw_cells(axes: Axes, bins: pl.DataFrame, number: int) -> None:
    axes.vlines(
        bins["probability"],
        0,
        bins["cells"],
        colors=point_look(number)["color"],
        linestyles="--" if number else "-",
    )
    axes.plot(bins["probability"], bins["cells"], linestyle="", **point_look(number))


def _draw_diagonal(axes: Axes, bins: pl.DataFrame) -> None:
    """Where probabilities are true, over the range that bins lie in."""
    values = [*bins["probability"], *bins["share"]]
    room = 0.15 * (max(values) - min(values)) or 0.05
    limits = max(min(values) - room, -0.03), min(max(values) + room, 1.03)
    axes.plot(limits, limits, color=INK, linewidth=1, linestyle=":", label="as often as said")
    axes.set_xlim(*limits)
    axes.set_ylim(*limits)
    beside: dict[str, Any] = {"transform": axes.transAxes, "fontsize": 9, "color": INK}
    axes.text(0.02, 0.97, "holds more often than said", va="top", **beside)
    axes.text(0.98, 0.03, "holds less often than said", ha="right", **beside)


def _ece(bins: pl.DataFrame) -> float:
    """Expected calibration error, as `quality.calibration.calibration_error` takes it of bins."""
    cells = bins["cells"].to_numpy()
    gaps = np.abs(bins["share"].to_numpy() - bins["probability"].to_numpy())
    return float((gaps * cells).sum() / cells.sum())


def margin_histogram(histogram: NDArray[np.int64], edges: NDArray[np.float64]) -> bytes:
    """How far the best relations of pairs lie from TH, cut to where there are any.

    Args:
        histogram: [bins], `SoftSummary.margins`.
        edges: [bins + 1], `quality.soft.EDGES`: an inner one is 0, where TH is. The outermost bins
            count what lies outside too.

    Returns:
        A PNG, with the shares on both sides of TH; a margin of just 0 counts as above.

    Raises:
        ValueError: if nothing was counted, or no inner edge is 0.
    """
    if not histogram.any():
        raise ValueError(
            f"margin histogram: expected pairs in some of {len(histogram)} bins, found none: there "
            "is nothing to draw; summarize soft labels with finite logits"
        )
    if 0 not in edges[1:-1]:
        raise ValueError(
            f"margin histogram: expected an inner edge at 0, where TH is, found edges from "
            f"{edges[0]:g} to {edges[-1]:g} without: sides of TH could not be told apart; take "
            "quality.soft.EDGES"
        )
    figure = blank_figure(height=3.2)
    axes = figure.subplots()
    th = int(np.flatnonzero(edges == 0)[0])
    _draw_side(axes, histogram[:th], edges[: th + 1], 0)
    axes.set_title(_side("below TH", histogram[:th], histogram), loc="left", **TITLE)
    _draw_side(axes, histogram[th:], edges[th:], 1)
    axes.set_title(_side("above TH", histogram[th:], histogram), loc="right", **TITLE)
    axes.axvline(0, color=INK, linewidth=1.2)
    _cut(axes, histogram, edges)
    return png_of(figure)


def _draw_side(
    axes: Axes, counts: NDArray[np.int64], edges: NDArray[np.float64], number: int
) -> None:
    """Bars of one side of TH; one that counts a single pair is seen."""
    axes.stairs(counts.clip(_NONE), edges, baseline=_NONE, fill=True, **area_look(number))


def _side(caption: str, counts: NDArray[np.int64], histogram: NDArray[np.int64]) -> str:
    part, pairs = counts.sum(), histogram.sum()
    return f"{caption}: {as_percent(part / pairs)} ({as_count(part)} of {as_count(pairs)} pairs)"


def _cut(axes: Axes, histogram: NDArray[np.int64], edges: NDArray[np.float64]) -> None:
    """Show the bins that count something, and TH; say so where a bin counts what lies outside."""
    taken = np.flatnonzero(histogram)
    low, high = min(edges[taken[0]], 0.0), max(edges[taken[-1] + 1], 0.0)
    room = 0.04 * (high - low)
    axes.set_xlim(low - room, high + room)
    axes.set_yscale("log")
    axes.set_ylim(_NONE, max(12.0, 2.0 * histogram.max()))
    axes.yaxis.set_major_formatter(as_count)
    axes.set_ylabel("pairs")
    lines = ["margin of the pair's best relation to TH"]
    lines += [f"(the first bar counts all below {edges[1]:g})"] if histogram[0] else []
    lines += [f"(the last bar counts all above {edges[-2]:g})"] if histogram[-1] else []
    axes.set_xlabel("\n".join(lines))
