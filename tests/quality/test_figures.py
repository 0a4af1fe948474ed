"""Figures: PNG of a readable width, whatever is there to draw."""

from __future__ import annotations

import struct
import subprocess
import sys
from typing import Any

import polars as pl
import pytest

from corpus.schema import EVALUATION
from quality.figures import SCORES, score_bars, training_curve


def size_of(png: bytes) -> tuple[int, int]:
    """Width and height in pixels."""
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = struct.unpack(">II", png[16:24])
    return width, height


def epoch(number: int, loss: float, dev_f1: float | None) -> dict[str, Any]:
    return {"number": number, "loss": loss, "dev_f1": dev_f1, "seconds": 1.0}


def evaluation(models: list[str], splits: list[str]) -> pl.DataFrame:
    rows = [(m, s, metric, 0.5) for s in splits for m in models for metric in SCORES]
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
    assert size_of(training_curve(epochs)) == (900, 585)


def test_without_dev_scores_only_the_loss_is_drawn() -> None:
    assert size_of(training_curve([epoch(1, 2.0, None), epoch(2, 1.0, None)])) == (900, 345)


def test_the_same_epochs_make_the_same_picture() -> None:
    epochs = [epoch(1, 2.0, 0.1), epoch(2, 1.0, 0.4)]
    assert training_curve(epochs) == training_curve(epochs)


@pytest.mark.parametrize(
    "models", [["teacher"], ["teacher", "student", "finetuned"], list("abcdefg")]
)
def test_score_bars_have_a_panel_for_each_split(models: list[str]) -> None:
    one, two = (size_of(score_bars(evaluation(models, s))) for s in (["dev"], ["dev", "test"]))
    assert one[0] == two[0] == 900
    assert two[1] > one[1]


def test_a_model_may_lack_scores_and_others_are_left_out() -> None:
    table = evaluation(["teacher", "student"], ["dev"])
    some = table.filter(~((pl.col("model") == "student") & (pl.col("metric") == "f1")))
    counts = pl.DataFrame([("teacher", "dev", "gold", 572.0)], EVALUATION, orient="row")
    assert score_bars(pl.concat([some, counts])) == score_bars(some) != score_bars(table)


def test_nothing_to_draw_is_an_error() -> None:
    with pytest.raises(ValueError, match="at least one epoch, found none"):
        training_curve([])
    with pytest.raises(ValueError, match=r"metrics f1, .*found \[\]"):
        score_bars(EVALUATION.to_frame())


def test_matplotlib_is_imported_only_to_draw_and_never_with_pyplot() -> None:
    code = (
        "import sys; from quality.figures import training_curve as draw; "
        "assert 'matplotlib' not in sys.modules; "
        "draw([{'number': 1, 'loss': 1.0, 'dev_f1': None}]); "
        "assert 'matplotlib.pyplot' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
