"""Pictures of labels by relation: their shares in stages, and which distant and teacher share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import ceil, floor, log10
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

from quality.figure_style import (
    INK,
    area_look,
    as_count,
    as_percent,
    blank_figure,
    legend,
    png_of,
    point_look,
    wrapped,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_LABELS: Final = 20
"""How many relations `agreement` shows."""

NAMED: Final = 10
"""How many relations `label_distributions` names."""

UNNAMED: Final[Mapping[str, str]] = MappingProxyType({})

_PARTS: Final = {"both": "both", "distant_only": "distant only", "teacher_only": "teacher only"}
_LINE: Final = 24  # characters of a name that stand in one line

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
    legend(figure, named)
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
        axes.plot(*_columns(here), linestyle="", markersize=6, label=stage, **point_look(number))
        rows = [row + shift for row, r in enumerate(relations) if r not in by_id]
        axes.plot([least / 1.5] * len(rows), rows, "x", color=point_look(number)["color"])
    axes.set_xscale("log")
    axes.set_xlim(least / 2, most * 1.1)
    axes.xaxis.set_major_formatter(as_percent)
    axes.set_xlabel("share of the stage's labels (× at the left: it has none)")
    _name_rows(axes, relations, names)


def _draw_ranked(axes: Axes, shares: Shares, relations: Sequence[str]) -> None:
    """All relations by rank; the first stage, which gives the order, as a line."""
    for number, by_id in enumerate(shares.values()):
        here = [(rank, by_id[r]) for rank, r in enumerate(relations, 1) if r in by_id]
        line = "" if number else "-"
        axes.plot(*_columns(here), linestyle=line, markersize=3.5, **point_look(number))
    axes.set_yscale("log")
    least, most = _decades(shares, relations)
    axes.set_ylim(least / 1.3, most * 1.3)
    axes.yaxis.set_major_formatter(as_percent)
    axes.set_ylabel("share of labels")
    axes.tick_params(labelbottom=False)


def _draw_lacking(axes: Axes, shares: Shares, relations: Sequence[str]) -> None:
    """A row a stage, with a cross at the rank of each relation that it lacks."""
    labels = []
    for number, (stage, by_id) in enumerate(shares.items()):
        ranks = [rank for rank, r in enumerate(relations, 1) if r not in by_id]
        colour = point_look(number)["color"]
        axes.plot(ranks, [number] * len(ranks), "x", markersize=4, color=colour)
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
    legend(figure, bars)
    return png_of(figure, grid="x")


def _draw_parts(axes: Axes, counts: Shares, found: Mapping[str, float]) -> None:
    rows, totals = np.arange(len(found)), np.asarray(list(found.values()))
    left = np.zeros(len(found))
    for number, (part, caption) in enumerate(_PARTS.items()):
        widths = np.asarray([counts[part].get(r, 0.0) for r in found]) / totals
        axes.barh(rows, widths, 0.7, left, label=caption, **area_look(number))
        left += widths
    axes.set_xlim(0, 1)
    axes.xaxis.set_major_formatter(as_percent)


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
        written = [as_count(by_id.get(relation, 0.0)) for by_id in counts.values()]
        written.append(f"{kappa[relation]:.2f}" if relation in kappa else "–")
        for column, text in enumerate(written, 1):
            axes.text(column, row, text, ha="right", va="center", fontsize=9, color=INK)


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
    written = [wrapped(names.get(relation, relation), _LINE) for relation in relations]
    axes.set_yticks(range(len(relations)), written)
    axes.set_ylim(len(relations) - 0.4, -0.6)


def _columns(points: Sequence[tuple[float, float]]) -> tuple[list[float], list[float]]:
    return [x for x, _ in points], [y for _, y in points]
