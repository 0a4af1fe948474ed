"""Figures: PNG of a readable width, whatever is there to draw."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import polars as pl
import pytest
from drawn_figures import size_of

from corpus.schema import ALL, EVALUATION, SLICES
from quality.figures import SCORES, score_bars, training_curve


def epoch(number: int, loss: float, dev_f1: float | None) -> dict[str, Any]:
    return {"number": number, "loss": loss, "dev_f1": dev_f1, "seconds": 1.0}


def evaluation(models: list[str], splits: list[str]) -> pl.DataFrame:
    rows = [
        (m, s, part, None, metric, 0.5, 0.4, 0.55)
        for s in splits
        for m in models
        for part, metric in SCORES
    ]
    return pl.DataFrame(rows, EVALUATION, orient="row")


@pytest.mark.parametrize(
    "epochs",
    [
        [epoch(1, 2.0, 0.1), epoch(2, 1.0, 0.4), epoch(3, 0.5, 0.3)],
        [epoch(1, 2.0, None), epoch(2, 1.0, 0.4)],
        [epoch(1, 0.0, 0.0)],
        [epoch(number, 1 / number, number / 200) for number in range(1, 101)],
    ],
)
def test_training_curves_have_two_panels(epochs: list[dict[str, Any]]) -> None:
    assert size_of(training_curve(epochs, len(epochs))) == (900, 585)


def test_without_dev_scores_only_the_loss_is_drawn() -> None:
    assert size_of(training_curve([epoch(1, 2.0, None), epoch(2, 1.0, None)], 2)) == (900, 345)


def test_the_same_epochs_make_the_same_picture() -> None:
    epochs = [epoch(1, 2.0, 0.1), epoch(2, 1.0, 0.4)]
    assert training_curve(epochs, 1) == training_curve(epochs, 1) != training_curve(epochs, 2)


@pytest.mark.parametrize(
    "models", [["teacher"], ["teacher", "student", "finetuned"], list("abcdefg")]
)
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


def test_nothing_to_draw_is_an_error() -> None:
    with pytest.raises(ValueError, match="at least one epoch, found none"):
        training_curve([], 1)
    with pytest.raises(ValueError, match=r"scores f1 of all, .*found metrics \[\] of"):
        score_bars(EVALUATION.to_frame())


def test_matplotlib_is_imported_only_to_draw_and_never_with_pyplot() -> None:
    code = (
        "import sys; from quality.figures import training_curve as draw; "
        "assert 'matplotlib' not in sys.modules; "
        "draw([{'number': 1, 'loss': 1.0, 'dev_f1': None}], 1); "
        "assert 'matplotlib.pyplot' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_bars_are_of_slices_that_are_measured() -> None:
    assert {part for part, _ in SCORES} <= {ALL, *SLICES}
