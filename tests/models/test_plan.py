"""The plan of a training: every document once an epoch, within budgets, by the seed."""

import dataclasses
import random
from collections import Counter

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from little_training import QUICK

from corpus.encode import EncodedDocument, Sizes
from models.config import TrainConfig
from models.plan import Plan


def sizes_of(lengths: list[tuple[int, int]]) -> Sizes:
    return Sizes(*np.array(lengths, np.int32).T)


def steps(plan: Plan, number: int) -> list[list[int]]:
    """The documents of each step of an epoch."""
    return [[i for piece in pieces for i in piece] for pieces in plan.epoch(number)]


LENGTHS = st.lists(st.tuples(st.integers(2, 600), st.integers(2, 20)), min_size=1, max_size=60)
CONFIGS = st.builds(
    TrainConfig,
    epochs=st.just(3),
    batch_documents=st.integers(1, 6),
    token_budget=st.integers(1, 2000),
    cell_budget=st.integers(1, 800),
    accumulation=st.integers(1, 3),
    seed=st.integers(0, 3),
)


@given(lengths=LENGTHS, config=CONFIGS)
@settings(max_examples=100, deadline=None)
def test_every_epoch_has_every_document_once_in_as_few_steps_as_can_be(lengths, config):
    plan = Plan(sizes_of(lengths), config)
    epochs = [steps(plan, number) for number in (1, 2, 3)]
    assert plan.n_steps == sum(map(len, epochs))
    again = Plan(sizes_of(lengths), config)
    assert [steps(again, number) for number in (3, 2, 1)] == epochs[::-1]
    full = config.batch_documents * config.accumulation
    for epoch in epochs:
        assert Counter(i for step in epoch for i in step) == Counter(range(len(lengths)))
        assert all(len(step) <= full for step in epoch)
        assert len(epoch) == -(-len(lengths) // config.batch_documents // config.accumulation)


@given(lengths=LENGTHS, config=CONFIGS)
@settings(max_examples=100, deadline=None)
def test_what_is_computed_at_once_keeps_the_budgets(lengths, config):
    for pieces in Plan(sizes_of(lengths), config).epoch(1):
        for piece in pieces:
            assert 1 <= len(piece) <= config.batch_documents
            if len(piece) > 1:
                assert len(piece) * max(lengths[i][0] for i in piece) <= config.token_budget
                assert sum(lengths[i][1] ** 2 for i in piece) <= config.cell_budget


@given(lengths=LENGTHS, config=CONFIGS)
@settings(max_examples=50, deadline=None)
def test_budgets_do_not_change_what_a_step_learns_from(lengths, config):
    sizes = sizes_of(lengths)
    ample = dataclasses.replace(config, token_budget=10**6, cell_budget=10**6)
    assert steps(Plan(sizes, config), 2) == steps(Plan(sizes, ample), 2)


def test_the_token_budget_counts_rows_of_windows():
    """Two documents of 700 tokens are four rows of 512."""
    sizes = sizes_of([(700, 3), (700, 3)])
    config = TrainConfig(epochs=1, token_budget=4 * 512 - 1, batch_documents=4)
    enough = dataclasses.replace(config, token_budget=4 * 512)
    assert [len(pieces) for pieces in Plan(sizes, config, window=512).epoch(1)] == [2]
    assert [len(pieces) for pieces in Plan(sizes, enough, window=512).epoch(1)] == [1]


def test_epochs_and_seeds_differ():
    sizes = sizes_of([(random.Random(i).randrange(5, 90), 3) for i in range(40)])
    one, other = (Plan(sizes, dataclasses.replace(QUICK, seed=s)) for s in (1, 2))
    assert steps(one, 1) != steps(one, 2)
    assert steps(one, 1) != steps(other, 1)


def test_steps_are_of_as_many_batches_as_are_accumulated():
    sizes = sizes_of([(10, 3)] * 7)
    plan = Plan(sizes, TrainConfig(epochs=2, batch_documents=1, accumulation=3))
    assert [len(group) for group in plan.epoch(1)] == [3, 3, 1]
    assert plan.n_steps == 6


@given(lengths=LENGTHS, config=CONFIGS, data=st.data())
@settings(deadline=None)
def test_an_epoch_goes_on_after_any_step(lengths, config, data):
    epoch = Plan(sizes_of(lengths), config).epoch(1)
    taken = data.draw(st.integers(0, len(epoch)))
    assert list(epoch.from_step(taken)) == list(epoch)[taken:]


def test_sizes_are_those_of_the_documents():
    empty = np.empty(0, np.int32)
    documents = [
        EncodedDocument("a", np.zeros(9, np.int32), (empty,) * 2, None, empty),
        EncodedDocument("b", np.zeros(4, np.int32), (), None, empty),
    ]
    sizes = Sizes.of(documents)
    assert (sizes.tokens.tolist(), sizes.entities.tolist()) == ([9, 4], [2, 0])


def test_batches_hold_little_padding():
    draw = random.Random(0)
    sizes = sizes_of([(draw.randrange(10, 500), 3) for _ in range(200)])
    config = dataclasses.replace(QUICK, batch_documents=4, epochs=1)
    epoch = steps(Plan(sizes, config), 1)
    tokens = [[int(sizes.tokens[i]) for i in batch] for batch in epoch]
    padded = sum(len(batch) * max(batch) for batch in tokens)
    assert sum(map(sum, tokens)) / padded > 0.9


def test_an_epoch_takes_four_bytes_a_document_and_a_batch():
    epoch = Plan(sizes_of([(10, 3)] * 40), TrainConfig(epochs=1, batch_documents=4)).epoch(1)
    parts = (epoch.documents, epoch.order)
    assert sum(part.itemsize * len(part) for part in parts) == 4 * 40 + 4 * len(epoch)
