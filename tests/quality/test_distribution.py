"""Label distributions and how far they are apart: properties first."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from noisy_corpus import RELATIONS, Corpus, document, labels_of, table, values

from corpus.schema import Label
from quality.distribution import divergence_statistics, js_contributions, label_statistics
from quality.labels import LABELS, Labelled
from quality.statistics import STATISTICS
from quality.types import inconsistent_documents, type_statistics

counts = st.lists(st.integers(0, 50), min_size=4, max_size=4).filter(any)


def _labelled(*documents):
    return Labelled.of_documents(table(*documents))


def _shares(numbers):
    return np.asarray(numbers, float) / sum(numbers)


def _corpus(n_documents, seed):
    corpus = Corpus.drawn(n_documents, seed)
    documents = zip(corpus.documents, corpus.truth, strict=True)
    return _labelled(*(replace(d, labels=labels_of(t)) for d, t in documents))


@given(counts, counts)
def test_divergence_is_symmetric_and_between_0_and_1(one, other):
    p, q = _shares(one), _shares(other)
    there, back = js_contributions(p, q), js_contributions(q, p)
    np.testing.assert_allclose(there, back, atol=1e-15)
    assert -1e-12 <= there.sum() <= 1 + 1e-12
    assert (there >= -1e-12).all()


@given(counts)
def test_divergence_from_itself_is_0_and_from_what_shares_nothing_1(numbers):
    p = _shares(numbers)
    nothing = np.zeros(4)
    assert js_contributions(p, p).sum() == pytest.approx(0, abs=1e-12)
    apart = js_contributions(np.append(p, nothing), np.append(nothing, p)).sum()
    assert apart == pytest.approx(1)


def test_two_samples_of_one_corpus_diverge_less_than_the_floor():
    found = values(divergence_statistics("s", _corpus(60, 1), _corpus(60, 2), RELATIONS.relations))
    assert 0 <= found["js_bits"] < found["js_bits_floor"]
    assert 0 <= found["js_bits_with_na"] < found["js_bits_with_na_floor"]
    assert found["js_bits_low"] == 0


def test_a_corpus_that_is_another_is_far_above_the_floor():
    other = Corpus.drawn(60, 2)
    for cells in other.truth:
        cells[:, 1] = False
    documents = zip(other.documents, other.truth, strict=True)
    lacking = _labelled(*(replace(d, labels=labels_of(t)) for d, t in documents))
    statistics = divergence_statistics("s", lacking, _corpus(60, 1), RELATIONS.relations)
    found = values(statistics)
    assert found["js_bits_low"] > found["js_bits_floor"]
    assert found["js_bits_low"] < found["js_bits"] < found["js_bits_high"]
    parts = statistics.filter(statistic="js_bits_share").sort("value")
    assert parts["value"].sum() == pytest.approx(found["js_bits"], rel=1e-5)
    assert parts["relation"][-1] == RELATIONS.ids[1]


def test_the_floor_falls_with_the_number_of_documents():
    floors = []
    for n in (20, 80, 320):
        same = _corpus(n, 3)
        statistics = divergence_statistics("s", same, same, RELATIONS.relations)
        floors.append(values(statistics)["js_bits_floor"])
    assert floors[0] > 2 * floors[1] > 4 * floors[2]


def test_the_seed_fixes_what_is_drawn():
    sides = _corpus(20, 1), _corpus(20, 2)
    first, again = (divergence_statistics("s", *sides, RELATIONS.relations) for _ in range(2))
    assert first.equals(again)


def test_without_any_label_nothing_is_defined():
    bare = _labelled(document("a"), document("b"))
    found = values(divergence_statistics("s", bare, _corpus(5, 1), RELATIONS.relations))
    assert "js_bits" not in found
    assert found["js_bits_with_na"] > 0


def test_labels_are_counted():
    labels = (Label(0, 1, "P17"), Label(0, 1, "P19"), Label(1, 2, "P17"))
    statistics = label_statistics(
        "s", _labelled(document("a", labels), document("b", labels[:1]), document("c"))
    )
    assert statistics.schema == STATISTICS
    found = values(statistics)
    assert found["labels"] == 4
    assert found["documents"] == 3
    assert found["pairs"] == 3 * 56
    assert found["na_rate"] == 1 - 3 / (3 * 56)
    assert found["labels_per_document"] == pytest.approx(4 / 3)
    assert found["relations"] == 2
    assert found["relations_with_enough"] == 0
    assert found["share_of_ten_most_frequent"] == 1
    assert values(statistics, "P17") == {
        "labels": 3,
        "share": 0.75,
        "documents": 2,
        "type_pairs": 2,
    }


def test_every_document_twice_changes_no_share():
    corpus = Corpus.drawn(5, 4)
    once = [
        replace(d, labels=labels_of(t)) for d, t in zip(corpus.documents, corpus.truth, strict=True)
    ]
    twice = once + [replace(d, doc_id=f"again {d.doc_id}") for d in once]
    one, two = (label_statistics("s", _labelled(*documents)) for documents in (once, twice))
    kept = pl.col("statistic").is_in(
        ["share", "na_rate", "labels_per_document", "type_pairs", "share_of_ten_most_frequent"]
    )
    for side in (one, two):
        assert side.filter(kept).height > 8
    assert (
        one.filter(kept)
        .sort("statistic", "relation")
        .equals(two.filter(kept).sort("statistic", "relation"))
    )


def test_counts_of_labelled_pairs_and_na_are_all_pairs():
    counted = _corpus(10, 5).counts(RELATIONS.relations)
    assert counted.shape == (10, len(RELATIONS))
    corpus = Corpus.drawn(10, 5)
    for row, cells in zip(counted, corpus.truth, strict=True):
        assert row[0] == (~cells[:, 1:].any(1)).sum()
        np.testing.assert_array_equal(row[1:], cells[:, 1:].sum(0))


def test_predicted_triples_are_labels_too():
    labels = (Label(0, 1, "P17"), Label(3, 2, "P19"))
    documents = table(document("a", labels), document("b"))
    of_documents = Labelled.of_documents(documents).labels.collect()
    again = Labelled.of_triples(of_documents.lazy(), documents).labels.collect()
    assert of_documents.schema == LABELS
    assert again.equals(of_documents)
    assert of_documents["head_type"].to_list() == ["A", "B"]


def test_types_that_nobody_has_seen_with_a_relation_are_told():
    reference = _labelled(document("a", (Label(0, 1, "P17"), Label(0, 1, "P19"))))
    odd = document("odd", (Label(1, 0, "P17"), Label(0, 1, "P17"), Label(0, 1, "P20")))
    labelled = _labelled(odd, document("good", (Label(0, 1, "P19"),)))
    statistics = type_statistics("s", labelled, reference)
    assert values(statistics) == {
        "type_inconsistent_share": pytest.approx(1 / 3),
        "type_inconsistent_excess": pytest.approx(1 / 3 - 1),
        "unseen_relation_share": 0.25,
    }
    assert values(statistics, "P17") == {"type_inconsistent_share": 0.5}
    assert values(statistics, "P20") == {}
    assert inconsistent_documents(labelled, reference).rows() == [("odd", 1)]


def test_what_comes_of_few_documents_is_taken_off():
    usual, odd = (Label(0, 1, "P17"),), (Label(1, 0, "P17"),)
    reference = _labelled(document("odd", odd), *(document(f"d{n}", usual) for n in range(39)))
    new = _labelled(document("new", (Label(0, 2, "P17"), *usual)))
    found = values(type_statistics("s", new, reference))
    assert found["type_inconsistent_share"] == 0.5
    share = 1 / 40
    error = np.sqrt((1 - share) ** 2 + 39 * share**2) / 40
    assert found["type_inconsistent_excess"] == pytest.approx(0.5 - share - 1.96 * error)


def test_chance_is_what_each_document_has_that_all_others_lack():
    draw = np.random.default_rng(7)
    documents = []
    for n in range(15):
        ends = [draw.choice(8, 2, replace=False) for _ in range(4)]
        labels = {Label(int(h), int(t), RELATIONS.ids[1 + draw.integers(2)]) for h, t in ends}
        documents.append(document(f"d{n}", tuple(labels), "".join(draw.choice([*"ABCDE"], 8))))
    kinds = [
        [(x.relation, d.entities[x.head].type, d.entities[x.tail].type) for x in d.labels]
        for d in documents
    ]
    others = [{x for j, own in enumerate(kinds) if j != i for x in own} for i in range(15)]
    alone = np.array([sum(x not in o for x in k) for k, o in zip(kinds, others, strict=True)])
    sizes = np.array([len(own) for own in kinds])
    share = alone.sum() / sizes.sum()
    error = np.sqrt(np.square(alone - share * sizes).sum()) / sizes.sum()
    same = _labelled(*documents)
    found = values(type_statistics("s", same, same))
    assert 0.1 < share < 0.9
    assert found["type_inconsistent_excess"] == pytest.approx(-share - 1.96 * error)


def test_labels_of_one_document_are_no_independent_ones():
    usual, types = (Label(0, 1, "P17"),), "ABCDEFGH"
    odd = [Label(1, tail, "P17") for tail in (0, 2, 3, 4)]
    spread = [(*usual, label) for label in odd]
    clustered = [(*usual, *odd), usual, usual, usual]
    new = _labelled(document("new", usual, types))
    excess = []
    for labels in (spread, clustered):
        reference = [*labels, *[usual] * 30]
        documents = [document(f"d{n}", own, types) for n, own in enumerate(reference)]
        found = values(type_statistics("s", new, _labelled(*documents)))
        excess.append(found["type_inconsistent_excess"])
    assert excess[1] < excess[0] - 0.02 < -0.02


def test_a_reference_is_consistent_with_itself():
    same = _corpus(10, 6)
    assert values(type_statistics("s", same, same)) == {
        "type_inconsistent_share": 0,
        "type_inconsistent_excess": 0,
        "unseen_relation_share": 0,
    }
