"""A relation is told as flooded or missing only where chance cannot have done it."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from noisy_corpus import RELATIONS, Corpus, labels_of, table, values

from quality.default_limits import LIMITS
from quality.labels import Labelled
from quality.shares import share_statistics

P17 = RELATIONS.column("P17")
MOST = {limit.statistic: limit.most.number for limit in LIMITS["distant"].critical if limit.most}


def _labelled(corpus: Corpus, change: Callable[[np.ndarray], None] | None = None) -> Labelled:
    """Labels of the truth, after a change of each document's cells [P, R]."""
    documents = []
    for document, cells in zip(corpus.documents, corpus.truth, strict=True):
        given = cells.copy()
        if change:
            change(given)
        documents.append(replace(document, labels=labels_of(given)))
    return Labelled.of_documents(table(*documents))


def _shares(here, there):
    return share_statistics("s", here, there, RELATIONS.relations)


def _sparse(n_documents: int, seed: int) -> Corpus:
    """A corpus of which a document has one label of each relation in two."""
    corpus = Corpus.drawn(n_documents, seed)
    for cells in corpus.truth:
        cells[4:] = False
    return corpus


def _remove(cells):
    cells[:, P17] = False


def _remove_all(cells):
    cells[:] = False


def _one_in(n: int) -> Callable[[np.ndarray], None]:
    """Leaves the labels of one document in n."""
    documents = iter(range(10**9))

    def change(cells: np.ndarray) -> None:
        if next(documents) % n:
            cells[:] = False

    return change


def _flood(n_pairs: int, *, others: bool = True) -> Callable[[np.ndarray], None]:
    """Many labels of a relation in each document, or in those that have one of it."""

    def change(cells: np.ndarray) -> None:
        if others or cells[:, P17].any():
            cells[:n_pairs, P17] = True

    return change


@pytest.mark.parametrize("n_documents", [1, 5, 50])
def test_two_samples_of_one_corpus_have_neither(n_documents):
    here, there = (_labelled(Corpus.drawn(n_documents, seed)) for seed in (1, 2))
    for relation in RELATIONS.relations:
        found = values(_shares(here, there), relation)
        assert found["flood_ratio"] < 1.5
        assert found["surplus_share"] < 0.05
        assert found["missing_share"] == 0


def test_a_rare_relation_that_is_flooded_is_told_with_its_ratio():
    few = Corpus.drawn(100, 1)
    for cells in few.truth:
        cells[3:, P17] = False
    statistics = _shares(_labelled(few, _flood(40)), _labelled(few))
    assert values(statistics, "P17")["flood_ratio"] > 5 * MOST["flood_ratio"]
    assert values(statistics, "P19")["flood_ratio"] < 1.5


def test_a_frequent_relation_that_is_flooded_is_told_though_its_share_cannot_grow_much():
    corpus = _sparse(100, 1)
    there = _labelled(corpus)
    n_labels = there.labels.collect()["relation"].value_counts()
    assert n_labels["count"].max() < 2 * n_labels["count"].min()
    found = values(_shares(_labelled(corpus, _flood(10)), there), "P17")
    assert found["flood_ratio"] > 2 * MOST["flood_ratio"]
    assert found["surplus_share"] > MOST["surplus_share"]


def test_a_flood_is_told_by_the_documents_it_is_in_where_little_else_is_labelled():
    corpus = _sparse(200, 2)
    there, little = _labelled(corpus), _one_in(10)

    def flood(cells):
        little(cells)
        _flood(15, others=False)(cells)

    found = values(_shares(_labelled(corpus, flood), there), "P17")
    assert found["flood_ratio"] > MOST["flood_ratio"]


def test_a_flood_is_told_by_its_share_where_little_else_is_labelled():
    corpus = _sparse(200, 2)
    there, little = _labelled(corpus), _one_in(20)

    def flood(cells):
        little(cells)
        _flood(1)(cells)

    found = values(_shares(_labelled(corpus, flood), there), "P17")
    assert found["flood_ratio"] < MOST["flood_ratio"]
    assert found["surplus_share"] > MOST["surplus_share"]


def test_a_knowledge_base_that_knows_little_floods_nothing():
    corpus = Corpus.drawn(200, 3)
    statistics = _shares(_labelled(corpus, _one_in(20)), _labelled(corpus))
    for relation in RELATIONS.relations:
        found = values(statistics, relation)
        assert found["flood_ratio"] < 1.2
        assert found["surplus_share"] < 0.05
        assert found["missing_share"] == 0


def test_what_all_relations_have_more_of_is_no_flood_of_one():
    few, many = _sparse(60, 5), Corpus.drawn(60, 6)
    for relation in RELATIONS.relations:
        assert values(_shares(_labelled(many), _labelled(few)), relation)["flood_ratio"] < 1.5


def test_one_document_full_of_a_relation_is_no_flood():
    corpus = Corpus.drawn(30, 4)
    for cells in corpus.truth:
        _remove(cells)
    corpus.truth[7][:, P17] = True
    without = _labelled(corpus, _remove)
    for there in (without, _labelled(Corpus.drawn(30, 5))):
        found = values(_shares(_labelled(corpus), there), "P17")
        assert found["flood_ratio"] <= 1
        assert found["surplus_share"] == 0


def test_a_missing_relation_is_told_with_the_share_that_is_due():
    corpus = Corpus.drawn(100, 3)
    statistics = _shares(_labelled(corpus, _remove), _labelled(corpus))
    labels = _labelled(corpus).labels.collect()["relation"]
    share = (labels == "P17").mean()
    assert 0.6 * share < values(statistics, "P17")["missing_share"] < share
    assert values(statistics, "P17")["flood_ratio"] == 0
    assert values(statistics, "P19")["missing_share"] == 0


def test_a_relation_with_one_label_left_is_missing_all_the_same():
    corpus = Corpus.drawn(100, 3)
    left = np.argwhere(corpus.truth[0][:, P17])[0, 0]

    def all_but_one(cells):
        first = np.array_equal(cells, corpus.truth[0])
        _remove(cells)
        cells[left, P17] = first

    missing = values(_shares(_labelled(corpus, all_but_one), _labelled(corpus)), "P17")
    assert missing["missing_share"] > MOST["missing_share"]


def test_what_is_missing_does_not_grow_with_the_documents():
    reference = _labelled(Corpus.drawn(100, 3))
    shares = [
        values(_shares(_labelled(Corpus.drawn(n, 4), _remove), reference), "P17")["missing_share"]
        for n in (150, 600)
    ]
    assert shares[0] == pytest.approx(shares[1], rel=0.2)


def test_a_handful_of_labels_tells_of_no_missing_relation():
    one = Corpus.drawn(1, 5)

    def five(cells):
        _remove(cells)
        cells[5:] = False

    statistics = _shares(_labelled(one, five), _labelled(Corpus.drawn(50, 6)))
    assert values(statistics, "P17")["missing_share"] == 0


def test_all_is_told_of_all_relations_where_few_documents_have_a_label():
    corpus = Corpus.drawn(30, 7)
    statistics = _shares(_labelled(corpus, _one_in(30)), _labelled(corpus))
    for relation in RELATIONS.relations:
        assert set(values(statistics, relation)) == {
            "flood_ratio",
            "surplus_share",
            "missing_share",
        }


def test_without_labels_nothing_is_defined():
    corpus = Corpus.drawn(3, 5)
    bare, full = _labelled(corpus, _remove_all), _labelled(corpus)
    assert _shares(bare, full).is_empty()
    assert _shares(full, bare).is_empty()
