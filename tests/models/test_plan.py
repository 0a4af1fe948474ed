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


def batches(plan: Plan, number: int) -> list[list[int]]:
    """Those of an epoch whose steps are of one batch."""
    return [batch for group in plan.epoch(number) for batch in group]


@given(
    lengths=st.lists(st.tuples(st.integers(2, 600), st.integers(2, 20)), min_size=1, max_size=60),
    batch_documents=st.integers(1, 6),
    token_budget=st.integers(1, 2000),
    cell_budget=st.integers(1, 800),
    seed=st.integers(0, 3),
)
@settings(max_examples=100, deadline=None)
def test_every_epoch_has_every_document_once_within_budgets(
    lengths, batch_documents, token_budget, cell_budget, seed
):
    config = TrainConfig(
        epochs=3,
        batch_documents=batch_documents,
        token_budget=token_budget,
        cell_budget=cell_budget,
        seed=seed,
    )
    plan = Plan(sizes_of(lengths), config)
    epochs = [batches(plan, number) for number in (1, 2, 3)]
    assert plan.n_steps == sum(map(len, epochs))
    again = Plan(sizes_of(lengths), config)
    assert [batches(again, number) for number in (3, 2, 1)] == epochs[::-1]
    for epoch in epochs:
        assert Counter(i for batch in epoch for i in batch) == Counter(range(len(lengths)))
        for batch in epoch:
            assert 1 <= len(batch) <= batch_documents
            if len(batch) > 1:
                assert len(batch) * max(lengths[i][0] for i in batch) <= token_budget
                assert sum(lengths[i][1] ** 2 for i in batch) <= cell_budget


def test_the_token_budget_counts_rows_of_windows():
    """Two documents of 700 tokens are four rows of 512."""
    sizes = sizes_of([(700, 3), (700, 3)])
    config = TrainConfig(epochs=1, token_budget=4 * 512 - 1, batch_documents=4)
    assert Plan(sizes, config, window=512).n_steps == 2
    enough = dataclasses.replace(config, token_budget=4 * 512)
    assert Plan(sizes, enough, window=512).n_steps == 1


def test_epochs_and_seeds_differ():
    sizes = sizes_of([(random.Random(i).randrange(5, 90), 3) for i in range(40)])
    one, other = (Plan(sizes, dataclasses.replace(QUICK, seed=s)) for s in (1, 2))
    assert batches(one, 1) != batches(one, 2)
    assert batches(one, 1) != batches(other, 1)


def test_steps_are_of_as_many_batches_as_are_accumulated():
    sizes = sizes_of([(10, 3)] * 7)
    plan = Plan(sizes, TrainConfig(epochs=2, batch_documents=1, accumulation=3))
    assert [len(group) for group in plan.epoch(1)] == [3, 3, 1]
    assert plan.n_steps == 6


@given(documents=st.integers(1, 12), accumulation=st.integers(1, 4), data=st.data())
def test_an_epoch_goes_on_after_any_step(documents, accumulation, data):
    config = TrainConfig(epochs=1, batch_documents=2, accumulation=accumulation)
    epoch = Plan(sizes_of([(10, 3)] * documents), config).epoch(1)
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
    epoch = batches(Plan(sizes, config), 1)
    tokens = [[int(sizes.tokens[i]) for i in batch] for batch in epoch]
    padded = sum(len(batch) * max(batch) for batch in tokens)
    assert sum(map(sum, tokens)) / padded > 0.9


def test_an_epoch_takes_four_bytes_a_document_and_eight_a_batch():
    epoch = Plan(sizes_of([(10, 3)] * 40), TrainConfig(epochs=1, batch_documents=4)).epoch(1)
    parts = (epoch.documents, epoch.ends, epoch.order)
    assert sum(part.itemsize * len(part) for part in parts) == 4 * 40 + 8 * len(epoch) + 4
