"""A relation is told as flooded or missing only where chance cannot have done it."""

from dataclasses import replace

import pytest
from noisy_corpus import RELATIONS, Corpus, labels_of, table, values

from quality.labels import Labelled
from quality.shares import share_statistics

P17 = RELATIONS.column("P17")


def _labelled(corpus, change=None):
    documents = []
    for document, cells in zip(corpus.documents, corpus.truth, strict=True):
        given = cells.copy()
        if change:
            change(given)
        documents.append(replace(document, labels=labels_of(given)))
    return Labelled.of_documents(table(*documents))


def _shares(here, there):
    return share_statistics("s", here, there, RELATIONS.relations)


def _remove(cells):
    cells[:, P17] = False


def _remove_all(cells):
    cells[:] = False


@pytest.mark.parametrize("n_documents", [1, 5, 50])
def test_two_samples_of_one_corpus_have_neither(n_documents):
    here, there = (_labelled(Corpus.drawn(n_documents, seed)) for seed in (1, 2))
    for relation in RELATIONS.relations:
        found = values(_shares(here, there), relation)
        assert found["share_ratio"] < 1.5
        assert found["missing_expected_labels"] == 0


def test_a_flooded_relation_is_told_with_its_ratio():
    few = Corpus.drawn(100, 1)
    for cells in few.truth:
        cells[3:, P17] = False

    def flood(cells):
        cells[:40, P17] = True

    statistics = _shares(_labelled(few, flood), _labelled(few))
    assert values(statistics, "P17")["share_ratio"] > 5
    assert values(statistics, "P19")["share_ratio"] < 1


def test_a_missing_relation_is_told_with_what_was_to_be_expected():
    corpus = Corpus.drawn(100, 3)
    statistics = _shares(_labelled(corpus, _remove), _labelled(corpus))
    found, n_labels = values(statistics, "P17"), sum(c[:, P17].sum() for c in corpus.truth)
    assert 0.6 * n_labels < found["missing_expected_labels"] < n_labels
    assert found["share_ratio"] == 0
    assert values(statistics, "P19")["missing_expected_labels"] == 0


def test_one_document_full_of_a_relation_is_no_flood():
    corpus = Corpus.drawn(30, 4)
    for cells in corpus.truth:
        _remove(cells)
    corpus.truth[7][:, P17] = True
    without = _labelled(corpus, _remove)
    assert values(_shares(_labelled(corpus), without), "P17")["share_ratio"] < 1


def test_without_labels_nothing_is_defined():
    corpus = Corpus.drawn(3, 5)
    bare = _labelled(corpus, _remove_all)
    found = _shares(bare, _labelled(corpus))
    assert set(found.drop_nulls()["statistic"]) <= {"missing_expected_labels"}
    assert found["value"].is_finite().all()
