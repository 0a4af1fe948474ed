"""The history's figure: panels of values over runs, the days of their runs below."""

from __future__ import annotations

from datetime import timedelta

import polars as pl
import pytest
from drawn_figures import drawn, words
from figure_samples import CAPTIONS, picture, runs

from quality.history_figure import history_panels


def test_history_has_a_panel_for_each_statistic_with_its_latest_value() -> None:
    figure = drawn(history_panels, runs(10), CAPTIONS | {"teacher/ece": "calibration error"})
    assert len(figure.axes) == 4
    assert {"0.07", "0.971", "-8.1", "no run has it"} < set(words(figure))
    assert {"2026-01-05", "2026-01-17"} < set(words(figure))


@pytest.mark.parametrize("name", ["two runs", "many runs"])
def test_days_stand_below_their_own_panel(name: str) -> None:
    _, figure = picture(name)
    figure.draw_without_rendering()
    for axes in figure.axes:
        panel = axes.get_window_extent()
        days = [label.get_window_extent() for label in axes.get_xticklabels()]
        assert all(panel.x0 <= day.x0 and day.x1 <= panel.x1 for day in days)


def test_runs_of_one_day_are_told_by_the_hour() -> None:
    figure = drawn(history_panels, runs(3, timedelta(hours=2)), CAPTIONS)
    assert {"runs of 2026-01-05 UTC", "09:12", "13:12"} < set(words(figure))


def test_runs_stand_in_the_order_of_their_times_whatever_they_are_called() -> None:
    renamed = pl.col("run").replace({"run 0": "run 9"})
    figure = drawn(history_panels, runs(3).with_columns(renamed), CAPTIONS)
    assert list(figure.axes[0].lines[0].get_ydata()) == pytest.approx([0.05, 0.06, 0.07])


def test_a_run_that_lacks_a_statistic_keeps_its_place() -> None:
    table, median = runs(5), pl.col("statistic") == "margin_median"
    figure = drawn(history_panels, table.filter(~median | (pl.col("run") != "run 2")), CAPTIONS)
    places = [list(axes.lines[0].get_xdata()) for axes in figure.axes]
    assert places == [[0, 1, 2, 3, 4], [0, 1, 2, 3, 4], [0, 1, 3, 4]]


def test_neither_the_order_of_rows_nor_values_of_relations_matter() -> None:
    values = runs(12)
    of_relations = values.with_columns(relation=pl.lit("P0"), value=pl.lit(99.0))
    assert history_panels(pl.concat([of_relations, values[::-1]]), CAPTIONS) == history_panels(
        values, CAPTIONS
    )


def test_no_value_to_draw_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"teacher/ece, found \['distant/estimated"):
        history_panels(runs(1), {"teacher/ece": "calibration error"})
    with pytest.raises(ValueError, match="expected some of no statistics"):
        history_panels(runs(1), {})
