"""From documents to logits, in order, whatever is computed at once."""

import numpy as np
import pytest
import torch
from conftest import CPU, DOCUMENTS, VOCABULARY
from little_training import NoMemory

from corpus.logits import margins_to_th, relations_above_th
from models.config import CELLS_AT_ONCE, TOKENS_AT_ONCE
from models.infer import InferenceBudget, infer, stream_logits


def test_documents_come_in_their_order(extractor):
    streamed = list(stream_logits(extractor, iter(DOCUMENTS), CPU, InferenceBudget(look_ahead=3)))
    assert [document.doc_id for document, _ in streamed] == [d.doc_id for d in DOCUMENTS]
    for document, logits in streamed:
        assert logits.shape == (document.n_pairs, len(VOCABULARY))
        assert logits.dtype == np.float32


def test_only_the_look_ahead_is_read(extractor):
    read = []
    source = (read.append(document) or document for document in DOCUMENTS)
    stream = stream_logits(extractor, source, CPU, InferenceBudget(look_ahead=2))
    next(stream)
    assert len(read) == 2


def all_logits(extractor, budget: InferenceBudget | None = None) -> list[np.ndarray]:
    return [logits for _, logits in stream_logits(extractor, DOCUMENTS, CPU, budget)]


@pytest.mark.parametrize(
    "budget",
    [
        InferenceBudget(look_ahead=1),
        InferenceBudget(look_ahead=4, batch_documents=2),
        InferenceBudget(token_budget=1),
        InferenceBudget(token_budget=100),
        InferenceBudget(cell_budget=30),
    ],
)
def test_budgets_do_not_move_logits(extractor, budget):
    for ours, other in zip(all_logits(extractor), all_logits(extractor, budget), strict=True):
        np.testing.assert_allclose(ours, other, atol=2e-5, rtol=1e-4)


def test_a_cpu_computes_little_at_once_and_a_gpu_much():
    cpu, gpu = (InferenceBudget.of(torch.device(kind)) for kind in ("cpu", "cuda"))
    assert cpu == InferenceBudget(
        batch_documents=4, token_budget=TOKENS_AT_ONCE, cell_budget=CELLS_AT_ONCE
    )
    assert gpu == InferenceBudget()


def test_the_same_twice_bit_for_bit(extractor):
    extractor.network.train()  # inference does without dropout all the same
    for ours, again in zip(all_logits(extractor), all_logits(extractor), strict=True):
        np.testing.assert_array_equal(ours, again)


def test_logits_go_on_where_memory_runs_out(extractor, caplog):
    expected = all_logits(extractor)
    short = NoMemory(extractor, 2)
    found = all_logits(extractor, InferenceBudget(look_ahead=4))
    assert short.failures == [4]
    for ours, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(ours, other, atol=2e-5, rtol=1e-4)
    [told] = [record.getMessage() for record in caplog.records]
    assert told.startswith("inference: memory ran out on 4 documents")


def test_a_document_that_does_not_fit_alone_is_an_error(extractor):
    NoMemory(extractor, 0)
    with pytest.raises(MemoryError, match=r"inference: expected .* ran out on 'd\d'"):
        all_logits(extractor)


def test_a_teachers_evidence_is_of_the_pairs_that_it_gives_a_relation(talkative):
    for document, found in infer(talkative, DOCUMENTS, CPU):
        evidence = found.evidence()
        rows, _ = relations_above_th(margins_to_th(found.logits))
        assert evidence.pairs.tolist() == sorted(set(rows.tolist()))
        assert evidence.shares.shape == (len(evidence), len(document.sentences))
