"""Parameter groups and learning rates."""

import numpy as np
import pytest
import torch
from little_training import QUICK, fresh, stage, trained, weights

from models.optimizer import linear_schedule, optimizer_of


def test_groups_hold_every_trainable_parameter_once():
    for frozen in (False, True):
        network = fresh(freeze_word_embeddings=frozen).network
        encoder, head = (g["params"] for g in optimizer_of(network, QUICK).param_groups)
        trainable = [w for w in network.parameters() if w.requires_grad]
        assert len(trainable) == len(encoder) + len(head)
        assert {id(w) for w in trainable} == {id(w) for w in (*encoder, *head)}
        assert {id(w) for w in encoder} <= {id(w) for w in network.encoder.parameters()}


def test_groups_have_their_learning_rates():
    encoder, head = optimizer_of(fresh().network, QUICK).param_groups
    assert (encoder["lr"], head["lr"]) == (QUICK.encoder_lr, QUICK.head_lr)
    assert encoder["weight_decay"] == head["weight_decay"] == QUICK.weight_decay


def test_frozen_word_embeddings_stay_as_they_are():
    extractor = fresh(freeze_word_embeddings=True)
    before = weights(extractor)
    after = trained(extractor, stage())
    moved = {name for name in before if not torch.equal(before[name], after[name])}
    assert not [name for name in moved if "word_embeddings" in name]
    assert "encoder.transformer.embeddings.position_embeddings.weight" in moved
    assert "classifier.weight" in moved


@pytest.mark.parametrize(("steps", "warmup"), [(100, 0.1), (100, 0.0), (7, 0.5), (1, 0.06), (3, 0)])
def test_the_schedule_climbs_then_falls(steps, warmup):
    factor = linear_schedule(steps, warmup)
    rates = [factor(step) for step in range(steps)]
    rising = int(steps * warmup)
    assert max(rates) == rates[rising] == 1
    assert all(0 < rate <= 1 for rate in rates)
    assert rates[: rising + 1] == sorted(rates[: rising + 1])
    falls = -np.diff([*rates[rising:], factor(steps)])
    np.testing.assert_allclose(falls, 1 / (steps - rising))
    assert factor(steps) == factor(steps + 1) == 0
