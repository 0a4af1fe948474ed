"""Every second is given to the part and the direction that it was spent in."""

import pytest
import torch
from torch import nn

from benchmarks import parts
from benchmarks.operations import AXIAL, BILINEAR, CLASSIFIER, ENCODER, PAIRS
from benchmarks.parts import BACKWARD, BATCHING, FORWARD, LOSS, OPTIMIZER, timed_parts
from corpus.relations import RelationVocabulary
from corpus.schema import Document, Entity, Label, Mention
from models import network, steps
from models.config import preset
from models.extractor import Extractor
from models.infer import InferenceBudget, infer_encoded
from models.memory import DocumentLimit
from models.runtime import Runtime
from models.steps import Steps

CPU = Runtime("cpu", "float32")
VOCABULARY = RelationVocabulary(("Na", "P1", "P2"), {})


class Time:
    """Stands still unless something spends it."""

    def __init__(self):
        self.now = 0.0

    def perf_counter(self):
        return self.now

    def spent(self, tensor, forward, backward):
        """The tensor, after some time; its gradient takes some time too."""
        clock = self

        class Spend(torch.autograd.Function):
            @staticmethod
            def forward(_ctx, value):
                clock.now += forward
                return value.clone()

            @staticmethod
            def backward(_ctx, gradient):
                clock.now += backward
                return gradient.clone()

        return Spend.apply(tensor)


class Slow(nn.Module):
    """A module that takes so long."""

    def __init__(self, module, time, forward, backward):
        super().__init__()
        self.module, self.spent = module, lambda x: time.spent(x, forward, backward)

    def __getattr__(self, name):
        try:
            return super().__getattr__(name)
        except AttributeError:
            return getattr(self.module, name)

    def forward(self, *inputs):
        found = self.module(*inputs)
        if isinstance(found, torch.Tensor):
            return self.spent(found)
        return [(self.spent(hidden), attention) for hidden, attention in found]


@pytest.fixture
def time(monkeypatch):
    time = Time()
    monkeypatch.setattr(parts, "time", time)
    return time


@pytest.fixture
def extractor():
    return Extractor.create(preset("tiny").model, VOCABULARY, seed=1)


@pytest.fixture
def encoded(extractor):
    words = ("old", "towns", "lie", "by", "the", "river", "of", "the", "north")
    entities = tuple(Entity("LOC", (Mention(words[p], 0, p, p + 1),)) for p in (0, 1, 5))
    document = Document("d", "d", (words,), entities, (Label(0, 1, "P1", (0,)),))
    return [extractor.encode(document)] * 2


def slowed(extractor, time, monkeypatch):
    """The network with a time of its own for every part."""
    found, pool = extractor.network, network.pool_document
    for number, name in enumerate(("encoder", "bilinear", "axial", "classifier"), 1):
        setattr(found, name, Slow(getattr(found, name), time, number, 10 * number))

    def slow_pool(layout, hidden, attention, **how):
        return pool(layout, time.spent(hidden, 5, 50), attention, **how)

    monkeypatch.setattr(network, "pool_document", slow_pool)


def test_training(extractor, encoded, time, monkeypatch):
    slowed(extractor, time, monkeypatch)
    loss, move = steps.total_loss, Steps.move

    def slow_loss(logits, *arguments):
        return loss(time.spent(logits, 6, 60), *arguments)

    def slow_move(*arguments):
        time.now += 7
        move(*arguments)

    monkeypatch.setattr(steps, "total_loss", slow_loss)
    monkeypatch.setattr(Steps, "move", slow_move)
    stage = preset("tiny").teacher
    taken = Steps(extractor, encoded, stage, CPU, soft_labels=None, total=2)
    with timed_parts(extractor.network) as clock:
        for number in (1, 2):
            time.now += 0.5
            taken.take(number, [[0, 1]])
            clock.ended(OPTIMIZER)
    of_one_step = {
        (BATCHING, None): 0.5,
        (ENCODER, FORWARD): 2,
        (PAIRS, FORWARD): 10,
        (BILINEAR, FORWARD): 2,
        (AXIAL, FORWARD): 3,
        (CLASSIFIER, FORWARD): 4,
        (LOSS, FORWARD): 6,
        (LOSS, BACKWARD): 60,
        (CLASSIFIER, BACKWARD): 40,
        (AXIAL, BACKWARD): 30,
        (BILINEAR, BACKWARD): 20,
        (PAIRS, BACKWARD): 100,
        (ENCODER, BACKWARD): 20,
        (OPTIMIZER, None): 7,
    }
    assert dict(clock.seconds) == {part: 2 * seconds for part, seconds in of_one_step.items()}
    assert list(clock.seconds) == list(of_one_step)


def test_inference_has_no_backward_pass(extractor, encoded, time, monkeypatch):
    slowed(extractor, time, monkeypatch)
    with timed_parts(extractor.network) as clock:
        infer_encoded(extractor, encoded, CPU, InferenceBudget(), DocumentLimit(2))
    assert {part: s for part, s in clock.seconds.items() if s} == {
        (ENCODER, FORWARD): 2,
        (PAIRS, FORWARD): 10,
        (BILINEAR, FORWARD): 2,
        (AXIAL, FORWARD): 3,
        (CLASSIFIER, FORWARD): 4,
    }


def test_nothing_is_left_in_the_network(extractor, encoded, time):
    with timed_parts(extractor.network) as clock:
        pass
    loss = extractor.network(extractor.collate(encoded)).sum()
    loss.backward()
    assert not clock.seconds
