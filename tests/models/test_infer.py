"""From documents to logits to triples, in order, whatever is computed at once."""

import dataclasses
from itertools import pairwise

import numpy as np
import polars as pl
import pytest
import torch
from conftest import VOCABULARY, make_document
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from little_training import NoMemory

from corpus.evidence import evident_sentences
from corpus.logits import MAX_RELATIONS_PER_PAIR, margins_to_th, relations_above_th
from corpus.relations import TH
from corpus.schema import PREDICTIONS
from models.checkpoint import save_checkpoint
from models.checkpoint_files import model_version
from models.infer import (
    InferenceBudget,
    above_threshold,
    infer,
    predict,
    stream_logits,
    to_docred,
    triples,
)
from models.runtime import Runtime

CPU = Runtime("cpu", "float32")
DOCUMENTS = [make_document(f"d{i}", n) for i, n in enumerate((3, 0, 7, 1, 2, 5, 4))]


@pytest.fixture
def talkative(extractor):
    """An extractor that finds many relations: TH is pushed down."""
    with torch.no_grad():
        extractor.network.classifier.bias[TH] -= 0.3
    return extractor


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


def naive(logits: np.ndarray, n_entities: int) -> list[tuple[int, int, int]]:
    found = []
    pairs = [(h, t) for h in range(n_entities) for t in range(n_entities) if h != t]
    for (head, tail), row in zip(pairs, logits.tolist(), strict=True):
        above = [column for column in range(1, len(row)) if row[column] > row[TH]]
        best = sorted(above, key=lambda column: -row[column])[:MAX_RELATIONS_PER_PAIR]
        found += [(head, tail, column) for column in best]
    return found


@st.composite
def tables(draw) -> tuple[np.ndarray, int]:
    """Logits with many ties."""
    n_entities, n_classes = draw(st.integers(0, 4)), draw(st.integers(1, 8))
    shape = (n_entities * (n_entities - 1), n_classes)
    logits = draw(arrays.arrays(np.int8, shape, elements=st.integers(-3, 3)))
    return logits.astype(np.float32), n_entities


@given(tables())
@example((np.empty((0, 5), np.float32), 0))
@example((np.empty((0, 5), np.float32), 1))
@settings(max_examples=200, deadline=None)
def test_above_threshold_is_the_naive_one(case):
    logits, n_entities = case
    kept = logits.copy()
    found = above_threshold(logits, n_entities)
    assert [(p.head, p.tail, p.column) for p in found] == naive(logits, n_entities)
    np.testing.assert_array_equal(logits, kept)


def test_a_tie_with_the_threshold_is_no_relation():
    assert above_threshold(np.zeros((2, 4), np.float32), 2) == []


def test_the_best_four_of_a_pair_are_taken():
    logits = np.array([[0, 1, 5, 2, 0.5, 3, 4], [0, -1, -1, -1, -1, -1, 0.1]], np.float32)
    found = above_threshold(logits, 2)
    assert [(p.head, p.tail, p.column) for p in found] == [
        *((0, 1, column) for column in (2, 6, 5, 3)),
        (1, 0, 6),
    ]


@given(st.floats(min_value=0, exclude_min=True, max_value=1e9, width=32))
@example(1e-30)
@example(50.0)
@settings(max_examples=100, deadline=None)
def test_scores_are_never_certain(margin):
    """Also where the sigmoid is rounded: such a relation is above TH, and never certain."""
    [found, _] = above_threshold(np.array([[0, margin]] * 2, np.float32), 2)
    assert 0 < np.float32(found.probability) < 1
    exact = 1 / (1 + np.exp(-np.float64(np.float32(margin))))
    assert found.probability == pytest.approx(exact, abs=2e-7)


def test_scores_follow_the_order_of_relations(talkative):
    [(document, logits)] = stream_logits(talkative, [make_document("a", 6)], CPU)
    found = above_threshold(logits, len(document.entities))
    assert found
    for one, following in pairwise(found):
        if (one.head, one.tail) == (following.head, following.tail):
            assert one.probability >= following.probability


def test_predictions_are_a_table(talkative):
    table = predict(iter(DOCUMENTS), talkative, CPU)
    assert table.schema == PREDICTIONS
    assert len(table)
    by_id = {document.doc_id: document for document in DOCUMENTS}
    for row in table.iter_rows(named=True):
        document = by_id[row["doc_id"]]
        assert row["title"] == document.title
        assert row["head"] != row["tail"]
        assert row["head_name"] == document.entities[row["head"]].name
        assert row["tail_name"] == document.entities[row["tail"]].name
        assert row["relation"] in VOCABULARY.relations
        assert row["relation_name"] == VOCABULARY.name(row["relation"])
    assert table["probability"].is_between(0, 1, closed="none").all()
    assert table["doc_id"].unique(maintain_order=True).to_list() == [
        d.doc_id for d in DOCUMENTS if d.n_pairs
    ]


def test_predictions_are_the_triples(talkative):
    table = predict(DOCUMENTS, talkative, CPU)
    keys = table.select("doc_id", "head", "tail", "relation").rows()
    found = [(t.doc_id, t.head, t.tail, t.relation) for t in triples(talkative, DOCUMENTS, CPU)]
    assert keys == found


def test_predictions_do_without_labels(talkative):
    unlabelled = [dataclasses.replace(document, labels=None) for document in DOCUMENTS]
    assert predict(unlabelled, talkative, CPU).equals(predict(DOCUMENTS, talkative, CPU))


@pytest.mark.parametrize("documents", [[], [make_document("e", 0), make_document("s", 1)]])
def test_no_pairs_are_an_empty_table(extractor, documents):
    table = predict(documents, extractor, CPU)
    assert table.is_empty()
    assert table.schema == PREDICTIONS
    assert to_docred(table) == []


def test_a_checkpoint_predicts_what_its_extractor_does(talkative, tmp_path):
    save_checkpoint(talkative, tmp_path / "model", metrics={}, provenance={})
    ours = predict(DOCUMENTS, talkative, CPU)
    assert (
        predict(DOCUMENTS, tmp_path / "model", CPU)
        .drop("model_version")
        .equals(ours.drop("model_version"))
    )


def test_docred_format():
    rows = [("d1", "A title", 0, 2, "x", "y", "P17", "country", 1.5, 0.75, 1, [1, 3], None)]
    table = pl.DataFrame(rows, PREDICTIONS, orient="row")
    assert to_docred(table) == [
        {"title": "A title", "h_idx": 0, "t_idx": 2, "r": "P17", "evidence": [1, 3]}
    ]


def test_logits_that_are_not_finite_are_not_read_as_no_relation(extractor):
    with torch.no_grad():
        extractor.network.classifier.weight[1, 0] = torch.nan
    with pytest.raises(FloatingPointError, match=r"'d0': expected finite logits"):
        predict(DOCUMENTS, extractor, CPU)


def test_ranks_order_a_documents_triples_by_margin(talkative):
    table = predict(DOCUMENTS, talkative, CPU)
    for triples_of_one in table.partition_by("doc_id"):
        assert sorted(triples_of_one["rank"]) == list(range(1, triples_of_one.height + 1))
        margins = triples_of_one.sort("rank")["margin"].to_list()
        assert margins == sorted(margins, reverse=True)


def test_evidence_are_the_sentences_that_a_pairs_context_is_in(talkative):
    table = predict(DOCUMENTS, talkative, CPU)
    inferred = {document.doc_id: (document, found) for document, found in _inferred(talkative)}
    assert table["evidence"].list.len().min() > 0
    for row in table.iter_rows(named=True):
        document, found = inferred[row["doc_id"]]
        pair = list(document.pairs()).index((row["head"], row["tail"]))
        assert row["evidence"] == evident_sentences(found.shares[[pair]])[0]


def _inferred(extractor):
    return infer(extractor, DOCUMENTS, CPU)


def test_a_teachers_evidence_is_of_the_pairs_that_it_gives_a_relation(talkative):
    for document, found in _inferred(talkative):
        evidence = found.evidence()
        rows, _ = relations_above_th(margins_to_th(found.logits))
        assert evidence.pairs.tolist() == sorted(set(rows.tolist()))
        assert evidence.shares.shape == (len(evidence), len(document.sentences))


def test_a_model_in_memory_has_no_version_and_a_saved_one_has(talkative, tmp_path):
    assert predict(DOCUMENTS, talkative, CPU)["model_version"].null_count() > 0
    save_checkpoint(talkative, tmp_path / "model", metrics={}, provenance={})
    version = predict(DOCUMENTS, tmp_path / "model", CPU)["model_version"]
    assert set(version) == {model_version(tmp_path / "model")}
