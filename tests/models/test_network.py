"""Properties of the network: nothing outside a document, and no order of entities, moves logits."""

import dataclasses
from itertools import pairwise

import pytest
import torch
from conftest import VOCABULARY, make_document, permuted
from hypothesis import given, settings
from hypothesis import strategies as st

from models.batch import Batch, Layout, window_spans
from models.config import ModelConfig
from models.extractor import Extractor
from models.losses import evidence_loss
from models.network import sentence_shares
from models.runtime import Runtime

CLOSE = {"atol": 2e-5, "rtol": 1e-4}


def logits_of(extractor: Extractor, *documents) -> list[torch.Tensor]:
    encoded = [extractor.encode(document) for document in documents]
    with torch.no_grad():
        rows = extractor.network.eval()(extractor.collate(encoded))
    return list(rows.split([e.n_pairs for e in encoded]))


def table(logits: torch.Tensor, n_entities: int) -> torch.Tensor:
    """[P, R] to [E, E, R], zeros for self-pairs."""
    cells = torch.zeros(n_entities, n_entities, logits.shape[1])
    cells[~torch.eye(n_entities, dtype=torch.bool)] = logits
    return cells


def test_batched_is_single(extractor):
    documents = [make_document(f"d{n}", n) for n in (2, 7, 3, 12)]
    together = logits_of(extractor, *documents)
    for document, rows in zip(documents, together, strict=True):
        torch.testing.assert_close(rows, logits_of(extractor, document)[0], **CLOSE)


def widened(batch: Batch, by: int) -> Batch:
    margin = torch.full((len(batch.token_ids), by), 7)
    return dataclasses.replace(
        batch,
        token_ids=torch.cat([batch.token_ids, margin], 1),
        token_mask=torch.cat([batch.token_mask, torch.zeros_like(margin, dtype=torch.bool)], 1),
    )


def test_padding_does_not_move_logits(extractor):
    batch = extractor.collate([extractor.encode(make_document(f"d{n}", n)) for n in (3, 6)])
    network = extractor.network.eval()
    with torch.no_grad():
        torch.testing.assert_close(network(widened(batch, 9)), network(batch), **CLOSE)


def test_permuting_entities_permutes_the_table(extractor):
    document, order = make_document("a", 6), [3, 0, 5, 1, 4, 2]
    [plain], [moved] = (
        logits_of(extractor, document),
        logits_of(extractor, permuted(document, order)),
    )
    torch.testing.assert_close(table(moved, 6), table(plain, 6)[order][:, order], **CLOSE)


@pytest.mark.parametrize("n_entities", [0, 1, 2, 43, 60])
def test_any_number_of_entities(extractor, n_entities):
    [rows] = logits_of(extractor, make_document("a", n_entities))
    assert rows.shape == (n_entities * (n_entities - 1), len(VOCABULARY))
    assert rows.isfinite().all()


def test_documents_without_pairs_do_not_disturb_others(extractor):
    middle = make_document("m", 5)
    _, rows, _ = logits_of(extractor, make_document("e", 0), middle, make_document("s", 1))
    torch.testing.assert_close(rows, logits_of(extractor, middle)[0], **CLOSE)


@pytest.mark.parametrize("n_words", [150, 700, 2000])
def test_long_documents(extractor, n_words):
    document = make_document("long", 4, n_words=n_words)
    assert len(extractor.encode(document).token_ids) > 512
    [rows] = logits_of(extractor, document)
    assert rows.isfinite().all()
    [again] = logits_of(extractor, document, make_document("other", 3))[:1]
    torch.testing.assert_close(again, rows, **CLOSE)


def test_attention_of_long_documents_sums_to_one(extractor):
    encoded = extractor.encode(make_document("long", 4, n_words=400))
    with torch.no_grad():
        [(hidden, attention)] = extractor.network.eval().encoder(extractor.collate([encoded]))
    assert hidden.shape[0] == attention.shape[-1] == len(encoded.token_ids)
    torch.testing.assert_close(attention.sum(-1), torch.ones(attention.shape[:2]))


@given(length=st.integers(2, 6000), size=st.integers(8, 512))
@settings(max_examples=200, deadline=None)
def test_windows_cover_every_token_and_fit(length, size):
    spans = window_spans(length, size)
    assert spans[0][0] == 0
    assert spans[-1][1] == length
    for (_, end), (start, _) in pairwise(spans):
        assert start <= end
    added = [int(start > 0) + int(end < length) for start, end in spans]
    assert all(end - start + a <= size for (start, end), a in zip(spans, added, strict=True))


def test_two_windows_are_the_published_ones():
    assert window_spans(700, 512) == [(0, 511), (189, 700)]


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_both_ways_of_attention_agree(dtype):
    from models.attention import attend

    torch.manual_seed(0)
    q, k, v = (torch.randn(2, 3, 9, 8, dtype=dtype) for _ in range(3))
    mask = torch.rand(2, 1, 9, 9) > 0.3
    with torch.no_grad():
        fused = attend(q, k, v, mask)
    torch.testing.assert_close(attend(q, k, v, mask), fused, atol=2e-2, rtol=2e-2)


def test_axial_layers_may_be_left_out(tiny):
    config = dataclasses.replace(tiny.model, axial_layers=0)
    plain = Extractor.create(config, VOCABULARY, seed=1)
    [rows] = logits_of(plain, make_document("a", 4))
    assert rows.shape == (12, len(VOCABULARY))


def test_block_size_must_divide():
    with pytest.raises(ValueError, match="block_size must divide emb_size 256, found 48"):
        ModelConfig(block_size=48)


def shares_of(extractor: Extractor, *documents) -> list[torch.Tensor]:
    encoded = [extractor.encode(document) for document in documents]
    with torch.no_grad():
        _, rows = extractor.network.eval().with_evidence(extractor.collate(encoded))
    return list(rows.split([e.n_pairs for e in encoded]))


def test_shares_are_distributions_over_a_documents_own_sentences(extractor):
    documents = [make_document(f"d{n}", n) for n in (2, 7, 3)]
    for document, shares in zip(documents, shares_of(extractor, *documents), strict=True):
        torch.testing.assert_close(shares.sum(1), torch.ones(document.n_pairs))
        assert not shares[:, len(document.sentences) :].any()
        [alone] = shares_of(extractor, document)
        torch.testing.assert_close(shares[:, : alone.shape[1]], alone, **CLOSE)


def test_shares_are_the_same_both_ways_and_follow_the_entities(extractor):
    """The context of a pair is that of its mirror: both attend."""
    document = make_document("a", 4)
    [shares] = shares_of(extractor, document)
    cells = table(shares, 4)
    torch.testing.assert_close(cells, cells.transpose(0, 1), **CLOSE)
    order = [2, 0, 3, 1]
    [moved] = shares_of(extractor, permuted(document, order))
    torch.testing.assert_close(table(moved, 4), cells[order][:, order], **CLOSE)


def test_shares_add_up_the_weights_of_each_sentences_tokens():
    starts = torch.tensor([1, 3, 3])
    layout = Layout((), 6, torch.empty(0), torch.empty(0, 0), starts)
    weights = torch.tensor([[0.5, 0.1, 0.1, 0.1, 0.1, 0.1]])
    shares = sentence_shares(layout, weights)
    torch.testing.assert_close(shares, torch.tensor([[0.5, 0.0, 0.5]]))


def test_logits_with_evidence_are_the_logits(extractor):
    batch = extractor.collate([extractor.encode(make_document("a", 5))])
    network = extractor.network.eval()
    with torch.no_grad():
        assert torch.equal(network.with_evidence(batch)[0], network(batch))


def test_evidence_in_bfloat16_is_nearly_that_in_float32(extractor):
    documents = [extractor.encode(make_document(f"d{n}", n)) for n in (5, 3)]
    batch = extractor.collate(documents, n_classes=len(VOCABULARY))
    network, losses = extractor.network.eval(), {}
    for precision in ("float32", "bfloat16"):
        with torch.no_grad(), Runtime("cpu", precision).autocast():
            logits, shares = network.with_evidence(batch)
        assert logits.dtype == getattr(torch, precision)
        assert shares.dtype == torch.float32
        torch.testing.assert_close(shares.sum(1), torch.ones(len(shares)))
        losses[precision] = evidence_loss(shares, batch.evidence)
        assert losses[precision].dtype == torch.float32
    assert losses["float32"] > 0.01
    torch.testing.assert_close(losses["bfloat16"], losses["float32"], rtol=0.02, atol=0)
