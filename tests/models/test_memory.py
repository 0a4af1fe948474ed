"""Running out of memory: smaller batches, the same result, and nothing left of what failed."""

import dataclasses
import logging
import weakref
from unittest import mock

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from little_training import CPU, DOCUMENTS, NoMemory, fresh, same, stage, steps_of, weights

from models.memory import BatchTooLargeError, DocumentLimit, is_out_of_memory, memory_for
from models.train import fit

pytestmark = pytest.mark.breaks

ENCODED = [fresh().encode(document) for document in DOCUMENTS]


# What is told as running out of memory


@pytest.mark.parametrize("allocate", [lambda: torch.empty(1 << 50), lambda: bytearray(1 << 60)])
def test_memory_that_really_runs_out_is_told(allocate):
    told = pytest.raises(BatchTooLargeError, match=r"step 3: memory ran out on .*'d0', 'd1'")
    with told, memory_for(ENCODED[:2], "step 3"):
        allocate()


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"), True),
        (RuntimeError("MPS backend out of memory (MPS allocated: 5 GB)"), True),
        (RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate"), True),
        (RuntimeError("std::bad_alloc"), True),
        (RuntimeError("could not create a primitive"), True),
        (RuntimeError("mat1 and mat2 shapes cannot be multiplied"), False),
        (FloatingPointError("out of memory"), False),
    ],
)
def test_other_errors_are_left_as_they_are(error, told):
    assert is_out_of_memory(error) is told
    kind = BatchTooLargeError if told else type(error)
    with pytest.raises(kind), memory_for(ENCODED, "here"):
        raise error


# How batches get smaller


@given(
    sizes=st.lists(st.integers(1, 9), min_size=1, max_size=4),
    fitting=st.integers(1, 9),
    start=st.integers(1, 9),
)
def test_every_document_is_computed_in_its_order_in_pieces_that_fit(sizes, fitting, start):
    documents = [dataclasses.replace(ENCODED[0], doc_id=f"d{i}") for i in range(sum(sizes))]
    numbers = iter(range(sum(sizes)))
    batches = [[next(numbers) for _ in range(size)] for size in sizes]
    limit, failures = DocumentLimit(start), []

    def compute(pieces):
        for piece in pieces:
            with memory_for([documents[i] for i in piece], "here"):
                if len(piece) > fitting:
                    failures.append(len(piece))
                    raise MemoryError
        return pieces

    with mock.patch("models.memory._free"):  # which takes its time
        pieces = limit.fitted(batches, compute)
    assert [i for piece in pieces for i in piece] == list(range(sum(sizes)))
    assert max(map(len, pieces)) <= min(fitting, start)
    assert failures == sorted(set(failures), reverse=True)  # each size fails at most once
    before = len(failures)
    assert limit.fitted(batches, compute) == pieces
    assert len(failures) == before


def test_what_failed_is_free_before_the_next_try():
    alive = []

    def compute(pieces):
        assert not [tensor for tensor in alive if tensor() is not None]
        for piece in pieces:
            held = torch.zeros(8)
            alive.append(weakref.ref(held))
            with memory_for([ENCODED[i] for i in piece], "here"):
                if len(piece) > 1:
                    raise torch.OutOfMemoryError
            del held
        return len(alive)

    assert DocumentLimit(4).fitted([[0, 1, 2, 3]], compute) == 1 + 1 + 4


# Training


@pytest.mark.parametrize("where", ["forward", "backward"])
@pytest.mark.parametrize("groups", [[[0, 1, 2, 3]], [[0], [1, 2, 3]], [[1, 2], [0, 3]]])
def test_the_gradient_is_that_of_the_whole_batch(where, groups):
    """Also where a batch before has gone well, and where a batch fails halfway through backward."""

    def gradient(fitting: int) -> tuple[dict[str, torch.Tensor], list[int]]:
        extractor = fresh(dropout=False)
        short = NoMemory(extractor, fitting, where)
        steps_of(extractor, stage(batch_documents=4)).gradient(1, groups)
        weights = extractor.network.named_parameters()
        return {name: w.grad for name, w in weights if w.grad is not None}, short.failures

    expected, none = gradient(4)
    found, failures = gradient(1)
    assert not none
    assert failures
    assert len(expected) > 20
    torch.testing.assert_close(found, expected, atol=1e-6, rtol=1e-4)


@pytest.mark.parametrize("where", ["forward", "backward"])
def test_a_failed_try_leaves_no_trace(where):
    """Dropout included: weights are those of documents that were cut so from the start."""
    cut, hampered = fresh(), fresh()
    short = NoMemory(hampered, 2, where)
    for number in (1, 2):
        steps = steps_of(cut, stage(batch_documents=4))
        steps.limit.documents = 2
        torch.manual_seed(number)
        steps.take(number, [[0, 1, 2, 3]])
        torch.manual_seed(number)
        steps_of(hampered, stage(batch_documents=4)).take(number, [[0, 1, 2, 3]])
    assert short.failures == [4, 4]
    assert same(weights(cut), weights(hampered))


def test_training_goes_on_in_smaller_batches(caplog):
    how = stage(batch_documents=4, epochs=3)
    expected = fit(fresh(dropout=False), DOCUMENTS, how, runtime=CPU)
    extractor = fresh(dropout=False)
    short = NoMemory(extractor, 2, "backward")
    with caplog.at_level(logging.WARNING):
        history = fit(extractor, DOCUMENTS, how, runtime=CPU)
    assert [e.loss for e in history.epochs] == pytest.approx(
        [e.loss for e in expected.epochs], 1e-3
    )
    assert short.failures == [4]
    [told] = [record.getMessage() for record in caplog.records]
    assert told.startswith("step 1: memory ran out on 4 documents")
    for part in (
        "'d3'",
        "From here on it is 2 documents at once at most",
        "token_budget",
        "141 tokens",
        "cell_budget",
        "54 cells",
    ):
        assert part in told


def test_a_document_that_does_not_fit_alone_is_an_error():
    extractor = fresh()
    NoMemory(extractor, 0)
    before = weights(extractor)
    with pytest.raises(MemoryError, match=r"step 1: .* ran out on 'd\d' \(\d+ tokens, \d entities"):
        fit(extractor, DOCUMENTS, stage(), runtime=CPU)
    assert same(weights(extractor), before)
