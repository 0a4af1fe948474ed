"""A training's outcome as Dagster shows it."""

import pytest

from docre_assets.trainer import of_training
from docre_assets.training import Trained

EPOCHS = [
    {"number": number, "loss": loss, "dev_f1": f1, "seconds": 30.0 * number}
    for number, loss, f1 in [(1, 0.5, 0.25), (2, 0.25, 0.5)]
]
MIXTURE = {"start_share": 0.75, "average_precision": 0.125, "dev_f1": 0.625}
SHOWN = {"dev_f1", "start_share", "average_precision", "kept_epoch_dev_f1"}


def scores(mixture: dict[str, float] | None, *, with_dev: bool = True) -> dict[str, float]:
    epochs = EPOCHS if with_dev else [epoch | {"dev_f1": None} for epoch in EPOCHS]
    trained = Trained("1" * 16, None, epochs, 2, 4, 7, "cpu, float32, 1 thread", mixture)
    told = of_training(trained)
    assert (told["kept_epoch"], told["epochs"], told["loss"], told["minutes"]) == (2, 2, 0.25, 1)
    return {name: told[name] for name in SHOWN & told.keys()}


def test_a_mixture_and_the_epoch_in_it_are_told_apart_out_of_100():
    told = {"dev_f1": 62.5, "start_share": 75, "average_precision": 12.5, "kept_epoch_dev_f1": 50}
    assert scores(MIXTURE) == told


@pytest.mark.parametrize(("with_dev", "told"), [(True, {"dev_f1": 50}), (False, {})])
def test_without_a_mixture_the_score_is_the_epoch_s_if_there_is_one(with_dev, told):
    assert scores(None, with_dev=with_dev) == told
