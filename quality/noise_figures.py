"""Figures of label distributions, noise, calibration and their history as PNG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from math import ceil, floor, log10
from textwrap import fill
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from quality.figure_style import COLOURS, HATCHES, INK, MARKERS, blank_figure, note, png_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_LABELS: Final = 20
"""How many relations `agreement` shows."""

NAMED: Final = 10
"""How many relations `label_distributions` names."""

UNNAMED: Final[Mapping[str, str]] = MappingProxyType({})

_PARTS: Final = {"both": "both", "distant_only": "distant only", "teacher_only": "teacher only"}
_LINE: Final = 24  # characters of a name that stand in one line
_AT_RIGHT: Final = {"xytext": (7, -3), "ha": "left"}  # of its point stands a value
_TITLE: Final[Mapping[str, Any]] = {"fontsize": 9, "color": INK}
_NONE: Final = 0.5  # where bars of counts begin on a log scale

Shares = Mapping[str, Mapping[str, float]]


def label_distributions(
    tables: Mapping[str, pl.DataFrame], names: Mapping[str, str] = UNNAMED
) -> bytes:
    """Share of labels by relation and stage, relations in the order of the first stage's shares.

    The ten most frequent relations by name, below them all by rank on a log scale, and below those,
    for each stage, the relations that it lacks and another stage has.

    Args:
        tables: `STATISTICS` of each stage by the stage's name.
        names: of relations by id; what has none goes by its id.

    Returns:
        A PNG.

    Raises:
        ValueError: if no stage has a relation's share, or a table has those of several stages.
    """
    shares = {stage: _positive(_of_relations(table, "share")) for stage, table in tables.items()}
    relations = _ordered(shares)
    if not relations:
        raise ValueError(
            f"label distributions: expected a relation's share in some stage, found none in "
            f"{list(tables)}: there is nothing to draw; take the tables from label_statistics, of "
            "documents that have labels"
        )
    heights = (0.36 * min(NAMED, len(relations)) + 0.5, 2.4, 0.2 + 0.22 * len(shares))
    figure = blank_figure(height=sum(heights) + 0.8)
    named, ranked, lacking = figure.subplots(3, 1, height_ratios=heights)
    _draw_named(named, shares, relations[:NAMED], names)
    _draw_ranked(ranked, shares, relations)
    _draw_lacking(lacking, shares, relations)
    ranked.sharex(lacking)
    _legend(figure, named)
    return png_of(figure, grid="both")


def _positive(shares: Mapping[str, float]) -> dict[str, float]:
    return {relation: share for relation, share in shares.items() if share > 0}


def _ordered(shares: Shares) -> list[str]:
    """All relations by the first stage's share; what it lacks follows by the next stage's."""
    return sorted(
        _all_of(shares), key=lambda r: ([-by_id.get(r, 0.0) for by_id in shares.values()], r)
    )


def _decades(shares: Shares, relations: Sequence[str]) -> tuple[float, float]:
    """Powers of ten that the relations' shares lie between, two different ones."""
    values = [by_id[r] for by_id in shares.values() for r in relations if r in by_id]
    low = min(floor(log10(min(values))), -1)
    return 10.0**low, 10.0 ** max(ceil(log10(max(values))), low + 1)


def _draw_named(
    axes: Axes, shares: Shares, relations: Sequence[str], names: Mapping[str, str]
) -> None:
    """A row a relation, its stages one below the other; a cross at the left where one lacks it."""
    least, most = _decades(shares, relations)
    for number, (stage, by_id) in enumerate(shares.items()):
        shift = (number - (len(shares) - 1) / 2) * 0.7 / len(shares)
        here = [(by_id[r], row + shift) for row, r in enumerate(relations) if r in by_id]
        axes.plot(*_columns(here), linestyle="", markersize=6, label=stage, **_look(number))
        rows = [row + shift for row, r in enumerate(relations) if r not in by_id]
        axes.plot([least / 1.5] * len(rows), rows, "x", color=_look(number)["color"])
    axes.set_xscale("log")
    axes.set_xlim(least / 2, most * 1.1)
    axes.xaxis.set_major_formatter(_percent)
    axes.set_xlabel("share of the stage's labels (× at the left: it has none)")
    _name_rows(axes, relations, names)


def _draw_ranked(axes: Axes, shares: Shares, relations: Sequence[str]) -> None:
    """All relations by rank; the first stage, which gives the order, as a line."""
    for number, by_id in enumerate(shares.values()):
        here = [(rank, by_id[r]) for rank, r in enumerate(relations, 1) if r in by_id]
        line = "" if number else "-"
        axes.plot(*_columns(here), linestyle=line, markersize=3.5, **_look(number))
    axes.set_yscale("log")
    least, most = _decades(shares, relations)
    axes.set_ylim(least / 1.3, most * 1.3)
    axes.yaxis.set_major_formatter(_percent)
    axes.set_ylabel("share of labels")
    axes.tick_params(labelbottom=False)


def _draw_lacking(axes: Axes, shares: Shares, relations: Sequence[str]) -> None:
    """A row a stage, with a cross at the rank of each relation that it lacks."""
    labels = []
    for number, (stage, by_id) in enumerate(shares.items()):
        ranks = [rank for rank, r in enumerate(relations, 1) if r not in by_id]
        axes.plot(ranks, [number] * len(ranks), "x", markersize=4, color=_look(number)["color"])
        labels.append(f"{stage} lacks {len(ranks)}")
    axes.set_yticks(range(len(labels)), labels)
    axes.set_ylim(len(labels) - 0.4, -0.6)
    axes.set_xlim(0, len(relations) + 1)
    axes.set_xlabel(f"rank of the relation, {len(relations)} in all")


def agreement(statistics: pl.DataFrame, names: Mapping[str, str] = UNNAMED) -> bytes:
    """Which triples distant labels and teacher share, of the 20 relations with the most of them.

    Bars are shares of all triples that either finds; their counts and Cohen's κ stand beside.

    Args:
        statistics: `STATISTICS` of one stage, as `noise_statistics` gives them.
        names: of relations by id; what has none goes by its id.

    Returns:
        A PNG.

    Raises:
        ValueError: if neither finds a triple, or the table has the numbers of several stages.
    """
    counts = {part: _of_relations(statistics, part) for part in _PARTS}
    found = {r: sum(by_id.get(r, 0.0) for by_id in counts.values()) for r in _all_of(counts)}
    relations = sorted(_positive(found), key=lambda r: (-found[r], r))
    if not relations:
        raise ValueError(
            f"agreement: expected triples in {', '.join(_PARTS)} of some relation, found none: "
            "there is nothing to draw; take the table from noise_statistics, of a corpus with "
            "distant labels or of a teacher that finds something"
        )
    shown = relations[:MOST_LABELS]
    figure = blank_figure(height=0.33 * len(shown) + 1.2)
    bars, numbers = figure.subplots(1, 2, sharey=True, width_ratios=(8, 7))
    _draw_parts(bars, counts, {relation: found[relation] for relation in shown})
    _write_counts(numbers, counts, _of_relations(statistics, "cohen_kappa"), shown)
    bars.set_xlabel(f"share of triples, {len(shown)} of {len(relations)} relations")
    _name_rows(bars, shown, names)
    _legend(figure, bars)
    return png_of(figure, grid="x")


def _draw_parts(axes: Axes, counts: Shares, found: Mapping[str, float]) -> None:
    rows, totals = np.arange(len(found)), np.asarray(list(found.values()))
    left = np.zeros(len(found))
    for number, (part, caption) in enumerate(_PARTS.items()):
        widths = np.asarray([counts[part].get(r, 0.0) for r in found]) / totals
        axes.barh(rows, widths, 0.7, left, label=caption, **_fill(number))
        left += widths
    axes.set_xlim(0, 1)
    axes.xaxis.set_major_formatter(_percent)


def _write_counts(
    axes: Axes, counts: Shares, kappa: Mapping[str, float], relations: Sequence[str]
) -> None:
    """A column of numbers for each part, and one for κ."""
    captions = [caption.replace(" ", "\n") for caption in _PARTS.values()] + ["κ"]
    axes.set_axis_off()
    axes.set_xlim(0.2, len(captions))
    for column, caption in enumerate(captions, 1):
        axes.text(column, -0.6, caption, ha="right", va="bottom", fontsize=8, color=INK)
    for row, relation in enumerate(relations):
        written = [_count(by_id.get(relation, 0.0)) for by_id in counts.values()]
        written.append(f"{kappa[relation]:.2f}" if relation in kappa else "–")
        for column, text in enumerate(written, 1):
            axes.text(column, row, text, ha="right", va="center", fontsize=9, color=INK)


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
    cells.yaxis.set_major_formatter(_count)
    cells.set_ylabel("cells a bin")
    cells.set_xlabel("mean probability of the bin")
    _legend(figure, curve)
    return png_of(figure)


def _draw_reliability(axes: Axes, bins: pl.DataFrame, number: int, label: str) -> None:
    line = "--" if number else "-"
    axes.plot(bins["probability"], bins["share"], label=label, linestyle=line, **_look(number))
    axes.set_ylabel("share that holds")


def _draw_cells(axes: Axes, bins: pl.DataFrame, number: int) -> None:
    axes.vlines(
        bins["probability"],
        0,
        bins["cells"],
        colors=_look(number)["color"],
        linestyles="--" if number else "-",
    )
    axes.plot(bins["probability"], bins["cells"], linestyle="", **_look(number))


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
    axes.set_title(_side("below TH", histogram[:th], histogram), loc="left", **_TITLE)
    _draw_side(axes, histogram[th:], edges[th:], 1)
    axes.set_title(_side("above TH", histogram[th:], histogram), loc="right", **_TITLE)
    axes.axvline(0, color=INK, linewidth=1.2)
    _cut(axes, histogram, edges)
    return png_of(figure)


def _draw_side(
    axes: Axes, counts: NDArray[np.int64], edges: NDArray[np.float64], number: int
) -> None:
    """Bars of one side of TH; one that counts a single pair is seen."""
    axes.stairs(counts.clip(_NONE), edges, baseline=_NONE, fill=True, **_fill(number))


def _side(caption: str, counts: NDArray[np.int64], histogram: NDArray[np.int64]) -> str:
    part, pairs = counts.sum(), histogram.sum()
    return f"{caption}: {_percent(part / pairs)} ({_count(part)} of {_count(pairs)} pairs)"


def _cut(axes: Axes, histogram: NDArray[np.int64], edges: NDArray[np.float64]) -> None:
    """Show the bins that count something, and TH; say so where a bin counts what lies outside."""
    taken = np.flatnonzero(histogram)
    low, high = min(edges[taken[0]], 0.0), max(edges[taken[-1] + 1], 0.0)
    room = 0.04 * (high - low)
    axes.set_xlim(low - room, high + room)
    axes.set_yscale("log")
    axes.set_ylim(_NONE, max(12.0, 2.0 * histogram.max()))
    axes.yaxis.set_major_formatter(_count)
    axes.set_ylabel("pairs")
    lines = ["margin of the pair's best relation to TH"]
    lines += [f"(the first bar counts all below {edges[1]:g})"] if histogram[0] else []
    lines += [f"(the last bar counts all above {edges[-2]:g})"] if histogram[-1] else []
    axes.set_xlabel("\n".join(lines))


def history(table: pl.DataFrame, statistics: Mapping[str, str]) -> bytes:
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
            f"history: expected some of {', '.join(statistics) or 'no statistics'}, found "
            f"{rows['key'].unique().sort().to_list()}: there is nothing to draw; name statistics "
            "as stage/statistic, of which some run has stored a total"
        )
    runs = shown.group_by("run").agg(pl.col("time").min()).sort("time", "run").with_row_index("at")
    placed = shown.join(runs.select("run", "at"), on="run").sort("at")
    columns = min(2, len(statistics))
    lines = ceil(len(statistics) / columns)
    figure = blank_figure(height=0.5 + 1.5 * lines)
    for number, (name, caption) in enumerate(statistics.items(), 1):
        panel = figure.add_subplot(lines, columns, number)
        panel.set_title(_wrapped(caption, 72 // columns), loc="left", **_TITLE)
        points = placed.filter(pl.col("key") == name)
        _draw_values(panel, points["at"].to_list(), points["value"].to_list())
        _name_runs(panel, runs["time"].to_list())
        if number + columns <= len(statistics):  # a panel below says it
            panel.tick_params(labelbottom=False)
            panel.set_xlabel("")
    return png_of(figure)


def _draw_values(axes: Axes, places: Sequence[int], values: Sequence[float]) -> None:
    """A statistic's values, the latest in figures."""
    from matplotlib.ticker import MaxNLocator

    axes.yaxis.set_major_locator(MaxNLocator(4))
    axes.yaxis.set_major_formatter("{x:.4g}")
    if not values:
        axes.set_yticks([])
        axes.text(0.5, 0.5, "no run has it", transform=axes.transAxes, ha="center", color=INK)
        return
    size = min(5.0, max(1.5, 150 / len(values)))
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


def _of_relations(table: pl.DataFrame, statistic: str) -> dict[str, float]:
    """A statistic's values by relation."""
    rows = table.filter(pl.col("statistic") == statistic, pl.col("relation").is_not_null())
    if rows["relation"].is_duplicated().any():
        raise ValueError(
            f"{statistic} by relation: expected one number a relation, found several, of the "
            f"stages {rows['stage'].unique().sort().to_list()}: it is not clear which to draw; "
            "keep the rows of one stage and run"
        )
    return dict(rows.select("relation", "value").iter_rows())


def _all_of(tables: Shares) -> set[str]:
    """The relations that some table has."""
    return {relation for by_id in tables.values() for relation in by_id}


def _name_rows(axes: Axes, relations: Sequence[str], names: Mapping[str, str]) -> None:
    """Names of relations at the left, the first at the top."""
    written = [_wrapped(names.get(relation, relation), _LINE) for relation in relations]
    axes.set_yticks(range(len(relations)), written)
    axes.set_ylim(len(relations) - 0.4, -0.6)


def _wrapped(text: str, width: int) -> str:
    """Text in at most two lines of so many characters; what is longer ends in an ellipsis."""
    return fill(text, width, max_lines=2, placeholder=" …").replace("$", r"\$")


def _legend(figure: Figure, axes: Axes) -> None:
    """What is what, above everything."""
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper left", ncols=3, frameon=False, fontsize=9)


def _look(number: int) -> dict[str, Any]:
    """How points of one of several stages look."""
    return {"color": COLOURS[number % len(COLOURS)], "marker": MARKERS[number % len(MARKERS)]}


def _fill(number: int) -> dict[str, Any]:
    """How areas of one of several kinds look."""
    return {
        "facecolor": COLOURS[number],
        "hatch": HATCHES[number],
        "edgecolor": "white",
        "linewidth": 0,
    }


def _columns(points: Sequence[tuple[float, float]]) -> tuple[list[float], list[float]]:
    return [x for x, _ in points], [y for _, y in points]


def _percent(share: float, _: object = None) -> str:
    """A share as an axis or a note shows it."""
    return f"{100 * share:.3g} %"


def _count(count: float, _: object = None) -> str:
    """A count as an axis or a note shows it; from 10,000 on in three figures."""
    from matplotlib.ticker import EngFormatter

    return f"{count:,.0f}" if count < 10_000 else EngFormatter(sep="")(float(f"{count:.3g}"))
