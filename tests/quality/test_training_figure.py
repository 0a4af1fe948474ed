"""Training curves: panels of what is known, the same picture of the same epochs."""

from __future__ import annotations

from typing import Any

import pytest
from drawn_figures import size_of
from figure_samples import epoch

from quality.training_figure import training_curve


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


def test_no_epoch_is_an_error() -> None:
    with pytest.raises(ValueError, match="at least one epoch, found none"):
        training_curve([], 1)
