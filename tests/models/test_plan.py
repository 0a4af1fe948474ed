"""The plan of a training: every document once an epoch, within budgets, by the seed."""

import dataclasses
import random
from collections import Counter

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from little_training import QUICK

from corpus.encode import EncodedDocument
from models.config import TrainConfig
from models.plan import plan_epochs


def lengths_only(lengths: list[tuple[int, int]]) -> list[EncodedDocument]:
    """Documents of which only the length and the number of entities count."""
    empty = np.empty(0, np.int32)
    return [
        EncodedDocument(f"d{i}", np.zeros(length, np.int32), (empty,) * size, None, empty)
        for i, (length, size) in enumerate(lengths)
    ]


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
    documents = lengths_only(lengths)
    plan = plan_epochs(documents, config)
    assert plan == plan_epochs(documents, config)
    assert len(plan) == 3
    for epoch in plan:
        assert Counter(i for batch in epoch for i in batch) == Counter(range(len(lengths)))
        for batch in epoch:
            assert 1 <= len(batch) <= batch_documents
            if len(batch) > 1:
                assert len(batch) * max(lengths[i][0] for i in batch) <= token_budget
                assert sum(lengths[i][1] ** 2 for i in batch) <= cell_budget


def test_the_token_budget_counts_rows_of_windows():
    """Two documents of 700 tokens are four rows of 512."""
    documents = lengths_only([(700, 3), (700, 3)])
    config = TrainConfig(epochs=1, token_budget=4 * 512 - 1, batch_documents=4)
    assert [len(epoch) for epoch in plan_epochs(documents, config, window=512)] == [2]
    enough = dataclasses.replace(config, token_budget=4 * 512)
    assert [len(epoch) for epoch in plan_epochs(documents, enough, window=512)] == [1]


def test_epochs_and_seeds_differ():
    documents = lengths_only([(random.Random(i).randrange(5, 90), 3) for i in range(40)])
    one, other = (plan_epochs(documents, dataclasses.replace(QUICK, seed=s)) for s in (1, 2))
    assert one[0] != one[1]
    assert one[0] != other[0]


def test_batches_hold_little_padding():
    draw = random.Random(0)
    documents = lengths_only([(draw.randrange(10, 500), 3) for _ in range(200)])
    config = dataclasses.replace(QUICK, batch_documents=4, epochs=1)
    [epoch] = plan_epochs(documents, config)
    tokens = [[len(documents[i].token_ids) for i in batch] for batch in epoch]
    padded = sum(len(batch) * max(batch) for batch in tokens)
    assert sum(map(sum, tokens)) / padded > 0.9
