"""From logits to triples and their table: the best of what stands above TH, with its evidence."""

import dataclasses
from itertools import pairwise

import numpy as np
import pytest
import torch
from conftest import CPU, DOCUMENTS, VOCABULARY, make_document
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from corpus.evidence import evident_sentences
from corpus.logits import MAX_RELATIONS_PER_PAIR
from corpus.relations import TH
from corpus.schema import PREDICTIONS
from corpus.submission import to_docred
from models.checkpoint import save_checkpoint
from models.checkpoint_files import model_version
from models.infer import infer, stream_logits
from models.predictions import above_threshold, predict, triples


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
    inferred = {
        document.doc_id: (document, found) for document, found in infer(talkative, DOCUMENTS, CPU)
    }
    assert table["evidence"].list.len().min() > 0
    for row in table.iter_rows(named=True):
        document, found = inferred[row["doc_id"]]
        pair = list(document.pairs()).index((row["head"], row["tail"]))
        assert row["evidence"] == evident_sentences(found.shares[[pair]])[0]


def test_a_model_in_memory_has_no_version_and_a_saved_one_has(talkative, tmp_path):
    assert predict(DOCUMENTS, talkative, CPU)["model_version"].null_count() > 0
    save_checkpoint(talkative, tmp_path / "model", metrics={}, provenance={})
    version = predict(DOCUMENTS, tmp_path / "model", CPU)["model_version"]
    assert set(version) == {model_version(tmp_path / "model")}
