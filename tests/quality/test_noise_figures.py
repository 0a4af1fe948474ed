"""Figures of noise: readable PNG whatever is there to draw, and what they say is what is so."""

from __future__ import annotations

import struct
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache
from io import BytesIO
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from matplotlib.figure import Figure
from matplotlib.image import imread
from matplotlib.text import Text
from noisy_corpus import CALIBRATION, RELATIONS, Corpus

import quality.noise_figures
from quality.calibration import calibration_error, margins_and_truth, reliability
from quality.noise import noise_statistics
from quality.noise_figures import (
    agreement,
    history,
    label_distributions,
    margin_histogram,
    reliability_diagram,
)
from quality.soft import EDGES, summarize
from quality.statistics import STATISTICS, by_relation, joined, totals

LONG = "an endless name, with $x_{$ in it, that is no formula and that no figure has a place for"


def relations(number: int) -> list[str]:
    return [f"P{place}" for place in range(number)]


def shares(number: int, stage: str = "annotated", exponent: float = 1.0) -> pl.DataFrame:
    """Of so many relations, the first the most frequent."""
    weights = np.arange(1, number + 1) ** -exponent
    table = pl.DataFrame({"relation": relations(number), "share": weights / weights.sum()})
    return by_relation(stage, table)


def stages(number: int) -> dict[str, pl.DataFrame]:
    return {
        "annotated": shares(number),
        "distant": shares(number, "distant", 2.0).filter(pl.col("relation") != "P2"),
        "soft labels": shares(max(1, number // 2), "soft labels", 1.5),
    }


def counts(number: int, size: int = 100) -> pl.DataFrame:
    """Agreement about so many relations, the first the most frequent."""
    both = np.arange(number, 0, -1) * size
    table = {"both": both, "distant_only": both // 2, "teacher_only": both // 3}
    kappa = {"cohen_kappa": np.linspace(-0.1, 1, number)}
    return by_relation("distant", pl.DataFrame({"relation": relations(number), **table, **kappa}))


def bins(probabilities: list[float], shares: list[float]) -> pl.DataFrame:
    return pl.DataFrame(
        {"cells": [50] * len(shares), "probability": probabilities, "share": shares}
    )


def counted(*margins: float) -> np.ndarray:
    return np.histogram(margins, EDGES)[0]


CAPTIONS = {
    "distant/js_bits": "divergence of distant labels (bits)",
    "distant/estimated_false_positive_rate": "false positives of distant labels, estimated",
    "soft labels/margin_median": "median margin to TH",
}


def runs(number: int, apart: timedelta = timedelta(hours=31)) -> pl.DataFrame:
    """So many runs with all of `CAPTIONS`."""
    stored = []
    for run in range(number):
        values = {"js_bits": 0.05 + run % 7 / 100, "estimated_false_positive_rate": 0.97123}
        table = joined([totals("distant", values), totals("soft labels", {"margin_median": -8.1})])
        when = pl.lit(datetime(2026, 1, 5, 9, 12, tzinfo=UTC) + run * apart)
        stored.append(table.select(pl.lit(f"run {run}").alias("run"), when.alias("time"), pl.all()))
    return pl.concat(stored)


TEN, CURVE = list(np.linspace(0.05, 0.95, 10)), list(np.linspace(0.1, 0.7, 10) ** 2)
NAMES = dict.fromkeys(relations(97), LONG)

FIGURES: dict[str, Callable[[], bytes]] = {
    "no names": lambda: label_distributions(stages(97)),
    "long names": lambda: label_distributions(stages(97), NAMES),
    "five stages": lambda: label_distributions(
        {**stages(97), "student predictions": shares(97), "fine-tuned predictions": shares(40)}
    ),
    "one stage": lambda: label_distributions({"annotated": shares(97)}),
    "one relation": lambda: label_distributions({"annotated": shares(1)}),
    "even shares": lambda: label_distributions({"a": shares(10, exponent=0), "b": shares(0)}),
    "agreement": lambda: agreement(counts(97)),
    "millions": lambda: agreement(counts(97, 1_234_567), NAMES),
    "agreement on one": lambda: agreement(counts(1)),
    "reliability": lambda: reliability_diagram(bins(CURVE, TEN), bins(TEN, TEN)),
    "one bin": lambda: reliability_diagram(bins([0.9], [0.6]), bins([0.6], [0.6])),
    "nothing holds": lambda: reliability_diagram(bins([0.0], [0.0]), bins([0.0], [0.0])),
    "wide": lambda: margin_histogram(counted(*np.linspace(-30, 30, 10_000)), EDGES),
    "flooded": lambda: margin_histogram(counted(-8.0, 5.0) * 12_345_678, EDGES),
    "one pair": lambda: margin_histogram(counted(-8.0), EDGES),
    "one run": lambda: history(runs(1), CAPTIONS),
    "two runs": lambda: history(runs(2), CAPTIONS),
    "a day's runs": lambda: history(runs(9, timedelta(hours=1)), CAPTIONS),
    "many runs": lambda: history(runs(300), CAPTIONS),
    "one statistic": lambda: history(runs(30), {"distant/js_bits": LONG}),
    "a lacking one": lambda: history(runs(3), CAPTIONS | {"teacher/ece": "calibration error"}),
}
each_figure = pytest.mark.parametrize("name", FIGURES)


def kept(patch: pytest.MonkeyPatch) -> list[Figure]:
    """The figures that are drawn from now on."""
    figures = []
    png_of = quality.noise_figures.png_of

    def keep(figure: Figure, **look: Any) -> bytes:
        figures.append(figure)
        return png_of(figure, **look)

    patch.setattr(quality.noise_figures, "png_of", keep)
    return figures


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    return kept(monkeypatch)


@cache
def picture(name: str) -> tuple[bytes, Figure]:
    with pytest.MonkeyPatch.context() as patch:
        figures = kept(patch)
        return FIGURES[name](), figures[0]


def size_of(png: bytes) -> tuple[int, int]:
    """Width and height in pixels."""
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = struct.unpack(">II", png[16:24])
    return width, height


def seen(figure: Figure) -> list[Text]:
    """All that is written: a tick's label only where its axis reaches."""
    written = [text for legend in figure.legends for text in legend.get_texts()]
    for axes in figure.axes:
        written += [child for child in axes.get_children() if isinstance(child, Text)]
        for axis in (axes.xaxis, axes.yaxis) if axes.axison else ():
            low, high = sorted(axis.get_view_interval())
            ticks = [tick for tick in axis.get_major_ticks() if low <= tick.get_loc() <= high]
            written += [axis.label, *(tick.label1 for tick in ticks)]
    return [text for text in written if text.get_visible() and text.get_text().strip()]


def words(figure: Figure) -> list[str]:
    return [text.get_text() for text in seen(figure)]


def rows(figure: Figure) -> list[str]:
    """What stands at the left of the first axes, from its top."""
    return [label.get_text() for label in figure.axes[0].get_yticklabels()]


@each_figure
def test_figures_are_as_wide_as_the_page(name: str) -> None:
    width, height = size_of(picture(name)[0])
    assert width == 900
    assert 200 < height < 1400


@pytest.mark.parametrize("name", ["five stages", "agreement", "reliability", "wide", "two runs"])
def test_the_same_numbers_make_the_same_picture(name: str) -> None:
    assert FIGURES[name]() == picture(name)[0]


@each_figure
def test_nothing_is_cut_off_at_the_border(name: str) -> None:
    pixels = imread(BytesIO(picture(name)[0]))[:, :, :3]
    for border in (pixels[:2], pixels[-2:], pixels[:, :2], pixels[:, -2:]):
        assert (border == 1).all()


@each_figure
def test_no_words_stand_in_others(name: str) -> None:
    _, figure = picture(name)
    figure.draw_without_rendering()
    places = [(text.get_text(), text.get_window_extent()) for text in seen(figure)]
    assert len(places) > 3
    assert [(one, two) for (one, a), (two, b) in combinations(places, 2) if a.overlaps(b)] == []


def test_all_relations_have_a_rank_and_the_ten_most_frequent_a_name(drawn: list[Figure]) -> None:
    label_distributions(stages(97), {"P0": "country", "P1": "place of birth"})
    assert rows(drawn[-1]) == ["country", "place of birth", *relations(10)[2:]]
    assert "rank of the relation, 97 in all" in words(drawn[-1])
    line = drawn[-1].axes[1].lines[0]
    assert list(line.get_xdata()) == list(range(1, 98))
    assert list(line.get_ydata()) == shares(97)["value"].to_list()


def test_a_relation_that_a_stage_lacks_is_seen_as_missing(drawn: list[Figure]) -> None:
    label_distributions(stages(97))
    assert {"annotated lacks 0", "distant lacks 1", "soft labels lacks 49"} < set(words(drawn[-1]))
    crosses = [list(line.get_xdata()) for line in drawn[-1].axes[2].lines]
    assert crosses == [[], [3], list(range(49, 98))]
    named = [line for line in drawn[-1].axes[0].lines if line.get_marker() == "x"]
    assert [len(line.get_xdata()) for line in named] == [0, 1, 0]
    left, ticks = drawn[-1].axes[0].get_xlim()[0], drawn[-1].axes[0].get_xticks()
    assert left < named[1].get_xdata()[0] < min(tick for tick in ticks if tick > left)


def test_shares_that_are_all_one_still_stand_on_a_scale_of_a_decade(drawn: list[Figure]) -> None:
    label_distributions({"annotated": shares(10, exponent=0)})
    for low, high in (drawn[-1].axes[0].get_xlim(), drawn[-1].axes[1].get_ylim()):
        assert low < 0.1
        assert high > 1


def test_relations_of_later_stages_alone_come_last(drawn: list[Figure]) -> None:
    label_distributions({"annotated": shares(3), "distant": shares(5, "distant")})
    assert rows(drawn[-1]) == relations(5)
    assert "annotated lacks 2" in words(drawn[-1])


def test_neither_the_order_of_rows_nor_other_statistics_matter() -> None:
    tables, agreeing, values = stages(30), counts(30), runs(12)
    whole = totals("annotated", {"share": 1.0, "both": 7.0})
    shuffled = {
        name: joined([whole, table, shares(9).with_columns(statistic=pl.lit("labels"))]).sample(
            fraction=1, shuffle=True, seed=5
        )
        for name, table in tables.items()
    }
    assert label_distributions(shuffled) == label_distributions(tables)
    assert agreement(joined([whole, agreeing[::-1]])) == agreement(agreeing)
    of_relations = values.with_columns(relation=pl.lit("P0"), value=pl.lit(99.0))
    assert history(pl.concat([of_relations, values[::-1]]), CAPTIONS) == history(values, CAPTIONS)


def test_agreement_shows_the_twenty_relations_with_the_most_triples(drawn: list[Figure]) -> None:
    assert size_of(agreement(counts(97))) == size_of(agreement(counts(20)))
    assert size_of(agreement(counts(97)))[1] > size_of(agreement(counts(19)))[1]
    assert rows(drawn[0]) == relations(20)
    assert "share of triples, 20 of 97 relations" in words(drawn[0])


def test_agreement_says_counts_and_kappa_and_its_bars_are_whole(drawn: list[Figure]) -> None:
    columns = {"both": [1, 3], "distant_only": [2, 0], "teacher_only": [5, 1]}
    table = pl.DataFrame({"relation": ["P17", "P19"], **columns, "cohen_kappa": [np.nan, 0.8]})
    agreement(by_relation("distant", table))
    ends = [
        [(bar.get_x(), bar.get_x() + bar.get_width()) for bar in bars]
        for bars in drawn[-1].axes[0].containers
    ]
    assert ends == [
        [(0, 1 / 8), (0, 3 / 4)],
        [(1 / 8, 3 / 8), (3 / 4, 3 / 4)],
        [(3 / 8, 1), (3 / 4, 1)],
    ]
    written = [text.get_text() for text in drawn[-1].axes[1].texts[4:]]
    assert written == ["1", "2", "5", "–", "3", "0", "1", "0.80"]


def test_agreement_of_a_corpus(tmp_path: Path, drawn: list[Figure]) -> None:
    shard = Corpus.drawn(20, seed=3).shard(tmp_path)
    statistics = noise_statistics("distant", [shard], RELATIONS, CALIBRATION)
    agreement(statistics)
    assert sorted(rows(drawn[-1])) == list(RELATIONS.relations)
    both = statistics.filter(pl.col("statistic") == "both", pl.col("relation").is_not_null())
    assert {f"{value:.0f}" for value in both["value"]} < set(words(drawn[-1]))


def test_a_reliability_diagram_says_the_calibration_error(
    tmp_path: Path, drawn: list[Figure]
) -> None:
    margins, truth = margins_and_truth(Corpus.drawn(40, seed=3).shard(tmp_path))
    before, after = (CALIBRATION.probability(m) for m in (2.2 * margins, margins))
    reliability_diagram(reliability(before, truth), reliability(after, truth))
    errors = [calibration_error(side, truth) for side in (before, after)]
    assert words(drawn[-1])[:2] == [
        f"uncalibrated: ECE {errors[0]:.2g}",
        f"calibrated: ECE {errors[1]:.2g}",
    ]


def test_bins_lie_inside_the_reliability_diagram(drawn: list[Figure]) -> None:
    for draw in ("reliability", "one bin", "nothing holds"):
        FIGURES[draw]()
        (left, right), (bottom, top) = drawn[-1].axes[0].get_xlim(), drawn[-1].axes[0].get_ylim()
        for line in drawn[-1].axes[0].lines[:2]:
            assert all(left < x < right for x in line.get_xdata())
            assert all(bottom < y < top for y in line.get_ydata())


def test_margins_say_the_shares_on_both_sides_of_th(drawn: list[Figure]) -> None:
    margin_histogram(counted(-8.0, -0.01, 0.0, 5.0, 6.0), EDGES)
    assert "below TH: 40 % (2 of 5 pairs)" in words(drawn[-1])
    assert "above TH: 60 % (3 of 5 pairs)" in words(drawn[-1])


def test_margins_are_cut_to_where_pairs_are_and_th_is(drawn: list[Figure]) -> None:
    for margins, (low, high) in (
        ((-8.0, 5.0), (-8, 5.25)),
        ((-8.0,), (-8, 0)),
        ((2.0,), (0, 2.25)),
    ):
        margin_histogram(counted(*margins), EDGES)
        left, right = drawn[-1].axes[0].get_xlim()
        assert low - 1 < left < low
        assert high < right < high + 1


def test_margins_say_where_a_bar_counts_what_lies_outside(drawn: list[Figure]) -> None:
    margin_histogram(counted(-30.0, 5.0), EDGES)
    margin_histogram(counted(-29.0, 30.0), EDGES)
    one, two = (figure.axes[0].get_xlabel() for figure in drawn)
    assert "all below -29.75" in one
    assert "above" not in one
    assert "all above 29.75" in two
    assert "below" not in two


def test_margins_of_a_corpus_are_all_there(tmp_path: Path, drawn: list[Figure]) -> None:
    summary = summarize([Corpus.drawn(20, seed=3).shard(tmp_path)])
    margin_histogram(summary.margins, EDGES)
    assert f"({summary.above:,} of {summary.pairs:,} pairs)" in " ".join(words(drawn[-1]))


def test_history_has_a_panel_for_each_statistic_with_its_latest_value(drawn: list[Figure]) -> None:
    history(runs(10), CAPTIONS | {"teacher/ece": "calibration error"})
    assert len(drawn[-1].axes) == 4
    assert {"0.07", "0.971", "-8.1", "no run has it"} < set(words(drawn[-1]))
    assert {"2026-01-05", "2026-01-17"} < set(words(drawn[-1]))


@pytest.mark.parametrize("name", ["two runs", "many runs"])
def test_days_stand_below_their_own_panel(name: str) -> None:
    _, figure = picture(name)
    figure.draw_without_rendering()
    for axes in figure.axes:
        panel = axes.get_window_extent()
        days = [label.get_window_extent() for label in axes.get_xticklabels()]
        assert all(panel.x0 <= day.x0 and day.x1 <= panel.x1 for day in days)


def test_runs_of_one_day_are_told_by_the_hour(drawn: list[Figure]) -> None:
    history(runs(3, timedelta(hours=2)), CAPTIONS)
    assert {"runs of 2026-01-05 UTC", "09:12", "13:12"} < set(words(drawn[-1]))


def test_runs_stand_in_the_order_of_their_times_whatever_they_are_called(
    drawn: list[Figure],
) -> None:
    history(runs(3).with_columns(pl.col("run").replace({"run 0": "run 9"})), CAPTIONS)
    assert list(drawn[-1].axes[0].lines[0].get_ydata()) == pytest.approx([0.05, 0.06, 0.07])


def test_a_run_that_lacks_a_statistic_keeps_its_place(drawn: list[Figure]) -> None:
    table, median = runs(5), pl.col("statistic") == "margin_median"
    history(table.filter(~median | (pl.col("run") != "run 2")), CAPTIONS)
    places = [list(axes.lines[0].get_xdata()) for axes in drawn[-1].axes]
    assert places == [[0, 1, 2, 3, 4], [0, 1, 2, 3, 4], [0, 1, 3, 4]]


def test_nothing_to_draw_is_an_error() -> None:
    nothing, some = STATISTICS.to_frame(), bins([0.5], [0.5])
    with pytest.raises(ValueError, match=r"share in some stage, found none in \['distant'\]"):
        label_distributions({"distant": nothing})
    with pytest.raises(ValueError, match="found none in"):
        label_distributions({})
    with pytest.raises(ValueError, match=r"both, distant_only, teacher_only .* found none"):
        agreement(counts(5, size=0))
    with pytest.raises(ValueError, match="found no calibrated ones"):
        reliability_diagram(some, some.clear())
    with pytest.raises(ValueError, match="some of 240 bins, found none"):
        margin_histogram(counted(), EDGES)
    with pytest.raises(ValueError, match=r"teacher/ece, found \['distant/estimated"):
        history(runs(1), {"teacher/ece": "calibration error"})
    with pytest.raises(ValueError, match="expected some of no statistics"):
        history(runs(1), {})


def test_numbers_of_several_stages_are_an_error() -> None:
    both = joined([shares(3), shares(3, "distant")])
    with pytest.raises(ValueError, match=r"of the stages \['annotated', 'distant'\]"):
        label_distributions({"distant": both})
    with pytest.raises(ValueError, match="both by relation: expected one number"):
        agreement(joined([counts(3), counts(3)]))


def test_a_histogram_without_an_edge_at_th_is_an_error() -> None:
    for edges in (np.linspace(-30, 31, 241), np.linspace(0, 30, 241)):
        with pytest.raises(ValueError, match="an inner edge at 0, where TH is"):
            margin_histogram(counted(-8.0), edges)


def test_matplotlib_is_imported_only_to_draw_and_never_with_pyplot() -> None:
    code = (
        "import sys; import numpy as np; from quality.noise_figures import margin_histogram; "
        "assert 'matplotlib' not in sys.modules; "
        "margin_histogram(np.array([1, 2]), np.array([-1.0, 0.0, 1.0])); "
        "assert 'matplotlib.pyplot' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
