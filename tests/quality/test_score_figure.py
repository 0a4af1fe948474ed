"""Score bars: a panel for each split, of whatever scores are there."""

from __future__ import annotations

import polars as pl
import pytest
from drawn_figures import size_of, words
from figure_samples import MODELS, evaluation, picture

from corpus.schema import ALL, EVALUATION, SLICES
from quality.score_figure import SCORES, score_bars


@pytest.mark.parametrize("models", [["teacher"], MODELS, list("abcdefg")])
def test_score_bars_have_a_panel_for_each_split(models: list[str]) -> None:
    one, two = (size_of(score_bars(evaluation(models, s))) for s in (["dev"], ["dev", "test"]))
    assert one[0] == two[0] == 900
    assert two[1] > one[1]


def test_a_model_may_lack_scores_and_others_are_left_out() -> None:
    table = evaluation(["teacher", "student"], ["dev"])
    lacking = (pl.col("model") == "student") & (pl.col("slice") == "all")
    some = table.filter(~(lacking & (pl.col("metric") == "f1")))
    others = [
        ("teacher", "dev", "all", None, "gold", 572.0, None, None),
        ("teacher", "dev", "relation", "P17", "f1", 0.9, 0.8, 1.0),
    ]
    more = pl.DataFrame(others, EVALUATION, orient="row")
    assert score_bars(pl.concat([some, more])) == score_bars(some) != score_bars(table)


def test_intervals_are_drawn_where_they_are_known() -> None:
    table = evaluation(["teacher"], ["dev"])
    unknown = table.with_columns(low=pl.lit(None, pl.Float64), high=pl.lit(None, pl.Float64))
    wider = table.with_columns(high=0.7)
    assert len({score_bars(each) for each in (table, unknown, wider)}) == 3


def test_numbers_stand_over_bars_that_are_wide_enough() -> None:
    assert words(picture("scores")[1]).count("50") == 2 * 3 * len(SCORES) + 2
    assert words(picture("perfect scores")[1]).count("100") == 3 * len(SCORES) + 1
    assert words(picture("seven models")[1]).count("50") == 1


def test_no_score_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"scores f1 of all, .*found metrics \[\] of"):
        score_bars(EVALUATION.to_frame())


def test_bars_are_of_slices_that_are_measured() -> None:
    assert {part for part, _ in SCORES} <= {ALL, *SLICES}
