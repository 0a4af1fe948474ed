"""Steps: however their documents are cut into batches, the gradient is the same."""

import pytest
import torch
from little_training import CPU, DOCUMENTS, KD, QUICK, fresh, soft_labels_of, stage, steps_of

from models.config import Objective
from models.extractor import Extractor
from models.optimizer import linear_schedule
from models.runtime import Runtime
from models.steps import Steps
from models.train import fit


def gradients(extractor: Extractor, objective: Objective, groups, soft=None) -> list[torch.Tensor]:
    """Gradients of one step over a group of batches of `DOCUMENTS`."""
    steps_of(extractor, stage(objective, batch_documents=4), soft).gradient(1, groups)
    return [w.grad.clone() for w in extractor.network.parameters() if w.grad is not None]


@pytest.mark.parametrize("distils", [False, True])
@pytest.mark.parametrize("groups", [[[0, 1], [2, 3]], [[1, 2, 3], [0]], [[0], [1], [2], [3]]])
def test_accumulated_batches_are_one_large_one(tmp_path, groups, distils):
    """Also where batches have different numbers of pairs (2, 20, 6 and 12 here)."""
    objective = KD if distils else Objective()
    soft = soft_labels_of(DOCUMENTS, tmp_path) if distils else None
    together = gradients(fresh(dropout=False), objective, [[0, 1, 2, 3]], soft)
    apart = gradients(fresh(dropout=False), objective, groups, soft)
    assert len(together) > 20
    for ours, expected in zip(apart, together, strict=True):
        torch.testing.assert_close(ours, expected, atol=1e-6, rtol=1e-4)


@pytest.mark.parametrize(
    "cut",
    [{"batch_documents": 1, "accumulation": 4}, {"token_budget": 60}, {"cell_budget": 1}],
    ids=str,
)
def test_a_training_does_not_depend_on_how_its_steps_are_cut(cut):
    trained = []
    for how in (
        stage(epochs=2, batch_documents=4),
        stage(epochs=2, **{"batch_documents": 4} | cut),
    ):
        extractor = fresh(dropout=False)
        losses = [epoch.loss for epoch in fit(extractor, DOCUMENTS, how, runtime=CPU).epochs]
        trained.append((losses, extractor.network.classifier.weight))
    (losses, weights), (expected, expected_weights) = trained
    assert losses == pytest.approx(expected, rel=1e-5)
    torch.testing.assert_close(weights, expected_weights, atol=1e-4, rtol=1e-3)


def test_a_step_follows_every_group_also_the_last_smaller_one(monkeypatch):
    numbers = []
    monkeypatch.setattr(Steps, "move", lambda _, number, __: numbers.append(number))
    fit(fresh(), DOCUMENTS, stage(batch_documents=1, accumulation=3), runtime=CPU)
    assert numbers == [1, 2, 3, 4]


def test_gradients_are_clipped():
    extractor = fresh()
    steps = steps_of(extractor, stage(clip=0.01))
    extractor.network.classifier.weight.grad = torch.ones_like(extractor.network.classifier.weight)
    norms = []
    steps.optimizer.register_step_pre_hook(
        lambda *_: norms.append(extractor.network.classifier.weight.grad.norm().item())
    )
    steps.move(1, [])
    assert norms == [pytest.approx(0.01, rel=1e-3)]
    assert extractor.network.classifier.weight.grad is None


def test_learning_rates_are_those_of_the_schedule():
    """Also of steps that are not taken one after another, as after an interruption."""
    steps = steps_of(fresh(), stage(warmup=0.3), total=10)
    factor = linear_schedule(10, 0.3)
    for number in (1, 2, 3, 4, 9, 10):
        steps.move(number, [])
        rates = [group["lr"] for group in steps.optimizer.param_groups]
        assert rates == [QUICK.encoder_lr * factor(number - 1), QUICK.head_lr * factor(number - 1)]


def test_bfloat16_trains_too():
    extractor = fresh()
    history = fit(extractor, DOCUMENTS, stage(epochs=4), runtime=Runtime("cpu", "bfloat16"))
    assert history.epochs[-1].loss < history.epochs[0].loss
    assert {w.dtype for w in extractor.network.parameters()} == {torch.float32}
