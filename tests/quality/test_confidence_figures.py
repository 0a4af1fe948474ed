"""Figures of confidence: the errors, shares and margins that they show are those there are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from drawn_figures import drawn, words
from figure_samples import FIGURES, bins, counted
from noisy_corpus import CALIBRATION, Corpus

from quality.calibration import calibration_error, margins_and_truth, reliability
from quality.confidence_figures import margin_histogram, reliability_diagram
from quality.soft import EDGES, summarize


def test_a_reliability_diagram_says_the_calibration_error(tmp_path: Path) -> None:
    margins, truth = margins_and_truth(Corpus.drawn(40, seed=3).shard(tmp_path))
    before, after = (CALIBRATION.probability(m) for m in (2.2 * margins, margins))
    figure = drawn(reliability_diagram, reliability(before, truth), reliability(after, truth))
    errors = [calibration_error(side, truth) for side in (before, after)]
    assert words(figure)[:2] == [
        f"uncalibrated: ECE {errors[0]:.2g}",
        f"calibrated: ECE {errors[1]:.2g}",
    ]


def test_bins_lie_inside_the_reliability_diagram() -> None:
    for draw in ("reliability", "one bin", "nothing holds"):
        figure = drawn(FIGURES[draw])
        (left, right), (bottom, top) = figure.axes[0].get_xlim(), figure.axes[0].get_ylim()
        for line in figure.axes[0].lines[:2]:
            assert all(left < x < right for x in line.get_xdata())
            assert all(bottom < y < top for y in line.get_ydata())


def test_margins_say_the_shares_on_both_sides_of_th() -> None:
    figure = drawn(margin_histogram, counted(-8.0, -0.01, 0.0, 5.0, 6.0), EDGES)
    assert "below TH: 40 % (2 of 5 pairs)" in words(figure)
    assert "above TH: 60 % (3 of 5 pairs)" in words(figure)


def test_margins_are_cut_to_where_pairs_are_and_th_is() -> None:
    for margins, (low, high) in (
        ((-8.0, 5.0), (-8, 5.25)),
        ((-8.0,), (-8, 0)),
        ((2.0,), (0, 2.25)),
    ):
        figure = drawn(margin_histogram, counted(*margins), EDGES)
        left, right = figure.axes[0].get_xlim()
        assert low - 1 < left < low
        assert high < right < high + 1


def test_margins_say_where_a_bar_counts_what_lies_outside() -> None:
    below, above = counted(-30.0, 5.0), counted(-29.0, 30.0)
    figures = [drawn(margin_histogram, margins, EDGES) for margins in (below, above)]
    one, two = (figure.axes[0].get_xlabel() for figure in figures)
    assert "all below -29.75" in one
    assert "above" not in one
    assert "all above 29.75" in two
    assert "below" not in two


def test_margins_of_a_corpus_are_all_there(tmp_path: Path) -> None:
    summary = summarize([Corpus.drawn(20, seed=3).shard(tmp_path)])
    figure = drawn(margin_histogram, summary.margins, EDGES)
    assert f"({summary.above:,} of {summary.pairs:,} pairs)" in " ".join(words(figure))


def test_a_histogram_without_an_edge_at_th_is_an_error() -> None:
    for edges in (np.linspace(-30, 31, 241), np.linspace(0, 30, 241)):
        with pytest.raises(ValueError, match="an inner edge at 0, where TH is"):
            margin_histogram(counted(-8.0), edges)


def test_no_bins_to_draw_are_an_error() -> None:
    some = bins([0.5], [0.5])
    with pytest.raises(ValueError, match="found no calibrated ones"):
        reliability_diagram(some, some.clear())
    with pytest.raises(ValueError, match="some of 240 bins, found none"):
        margin_histogram(counted(), EDGES)
