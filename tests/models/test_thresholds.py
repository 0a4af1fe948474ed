"""Thresholds from dev do on dev what they say, for predictions as they are made."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from conftest import VOCABULARY, make_document
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus.relations import RelationVocabulary
from corpus.schema import Label
from models import thresholds
from models.cuts import Goal
from models.infer import stream_logits
from models.judged import Judged
from models.labelled import labelled_cells
from models.predictions import predict, triples
from models.runtime import Runtime
from models.thresholds import Candidates, Thresholds, fit_thresholds

CPU = Runtime("cpu", "float32")
RELATIONS = VOCABULARY.relations
GOALS = [Goal("precision", 0.5), Goal("precision", 0.8), Goal("recall", 0.7), Goal("f1")]


@pytest.fixture
def few(monkeypatch):
    """A handful of triples is enough for an offset."""
    monkeypatch.setattr(thresholds, "ENOUGH", 5)


def drawn(seed, n_documents=20):
    """Documents whose logits tell the truth more or less, some relations better than others."""
    draw, stream = np.random.default_rng(seed), []
    for number in range(n_documents):
        document = make_document(f"d{number}", 5, seed)
        held = draw.random((document.n_pairs, len(RELATIONS))) < (0.25, 0.1, 0.02)
        pairs = list(document.pairs())
        labels = tuple(Label(*pairs[p], RELATIONS[r]) for p, r in np.argwhere(held))
        margins = draw.normal((-1, -3, -2), (1, 1, 1.5), held.shape) + held * (4, 4, 1)
        logits = np.concatenate([np.zeros((len(pairs), 1)), margins], axis=1)
        stream.append((dataclasses.replace(document, labels=labels), logits.astype(np.float32)))
    return stream


def fitted(stream, goal, *, per_relation):
    candidates = Candidates.of(stream, VOCABULARY)
    return fit_thresholds(candidates, VOCABULARY, goal, per_relation=per_relation)


def measured(stream, offsets):
    """Precision and recall of all relations above their offsets, by hand."""
    predicted = correct = gold = 0
    for document, logits in stream:
        held = {(x.head, x.tail, x.relation) for x in document.labels}
        gold += len(held)
        for (head, tail), row in zip(document.pairs(), logits, strict=True):
            found = [r for r, m, o in zip(RELATIONS, row[1:], offsets[1:], strict=True) if m > o]
            predicted += len(found)
            correct += sum((head, tail, r) in held for r in found)
    return correct / max(predicted, 1), correct / gold


@pytest.mark.parametrize("per_relation", [False, True], ids=["one for all", "per relation"])
@pytest.mark.parametrize("goal", GOALS, ids=str)
@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_dev_has_what_they_say_and_what_was_asked_for(goal, per_relation, seed):
    stream = drawn(seed)
    found = fitted(stream, goal, per_relation=per_relation)
    precision, recall = measured(stream, found.offsets(VOCABULARY))
    assert (found.precision, found.recall) == pytest.approx((precision, recall))
    assert goal.metric == "f1" or getattr(found, goal.metric) >= goal.least


def cost(found, goal):
    precision, recall = found.precision, found.recall
    f1 = 2 * precision * recall / (precision + recall)
    return {"precision": recall, "recall": precision, "f1": f1}[goal.metric]


@pytest.mark.parametrize("goal", GOALS, ids=str)
def test_offsets_by_relation_are_never_worse_than_one_for_all(goal, few):
    gains = []
    for seed in range(12):
        one, own = (fitted(drawn(seed), goal, per_relation=p) for p in (False, True))
        gains.append(cost(own, goal) - cost(one, goal))
        assert not one.by_relation
        assert set(own.by_relation) <= {"P17", "P19", "P27"}
    assert min(gains) >= 0
    assert max(gains) > 0.02


def test_relations_with_few_triples_share_an_offset(monkeypatch):
    stream = drawn(3)
    counts = dict(zip(VOCABULARY.ids, Candidates.of(stream, VOCABULARY).gold, strict=True))
    assert counts["P17"] > counts["P19"] > counts["P27"] > 0
    monkeypatch.setattr(thresholds, "ENOUGH", counts["P19"])
    found = fitted(stream, Goal("f1"), per_relation=True)
    assert set(found.by_relation) == {"P17", "P19"}
    offsets = dict(zip(VOCABULARY.ids, found.offsets(VOCABULARY), strict=True))
    assert offsets["P27"] == np.float32(found.offset)
    assert offsets["P17"] == np.float32(found.by_relation["P17"])


def test_relations_without_a_candidate_take_the_offset_of_others(few):
    """P27 never is among the candidates, and has few labels or enough of them."""
    candidates = Candidates.of(drawn(4), VOCABULARY)
    seen = candidates.columns != VOCABULARY.column("P27")
    parts = (part[seen] for part in (candidates.margins, candidates.columns, candidates.holds))
    parts, goal = list(parts), Goal("precision", 0.8)
    for labels in (1, 40):
        gold = np.array([0, *candidates.gold[1:3], labels])
        without = Candidates(*parts, gold, np.array([[gold.sum(), 0, 0]]))
        one = fit_thresholds(without, VOCABULARY, goal)
        own = fit_thresholds(without, VOCABULARY, goal, per_relation=True)
        assert set(own.by_relation) == {"P17", "P19"}
        assert own.offset == one.offset != 0


def test_a_target_is_not_reached_by_a_handful_of_predictions():
    """The three highest margins hold, and few of those below."""
    margins = np.arange(100, 0, -1, np.float32)
    holds = np.isin(np.arange(100), [0, 1, 2, *range(10, 100, 4)])
    gold, counts = np.array([0, holds.sum(), 0, 0]), np.array([[holds.sum(), 100, holds.sum()]])
    of = Candidates(margins, np.ones(100, np.int64), holds, gold, counts)
    for per_relation in (False, True):
        with pytest.raises(ValueError, match=r"least 20 predictions, found at most 0\.3"):
            fit_thresholds(of, VOCABULARY, Goal("precision", 0.9), per_relation=per_relation)
        assert fit_thresholds(of, VOCABULARY, Goal("precision", 0.2)).predicted >= 20


def test_labels_of_relations_that_the_model_lacks_are_gold_that_is_never_found():
    stream = drawn(5)
    foreign = [
        (dataclasses.replace(d, labels=(*d.labels, Label(0, 1, "P999"), Label(0, 1, "P999"))), rows)
        for d, rows in stream
    ]
    known, found = (fitted(each, Goal("f1"), per_relation=False) for each in (stream, foreign))
    assert found.gold == known.gold + len(stream)
    with pytest.raises(ValueError, match="recall 1: "):
        fitted(foreign, Goal("recall", 1), per_relation=False)


def test_one_offset_is_taken_where_others_are_no_better(few):
    documents = [document for document, _ in drawn(1)]
    perfect = [(d, np.where(labelled_cells(d, VOCABULARY), 1, -1)) for d in documents]
    stream = [(d, np.float32(logits) * [0, 1, 1, 1]) for d, logits in perfect]
    found = fitted(stream, Goal("f1"), per_relation=True)
    assert (found.precision, found.recall, found.offset, found.by_relation) == (1, 1, 0, {})


def test_predictions_are_made_by_them(extractor):
    dev = [make_document(f"d{i}", n) for i, n in enumerate((5, 7, 4, 6))]
    candidates = Candidates.of(stream_logits(extractor, dev, CPU), extractor.vocabulary)
    found = fit_thresholds(candidates, extractor.vocabulary, Goal("recall", 0.6))
    table = predict(dev, extractor, CPU, found)
    held = {(d.doc_id, x.head, x.tail, x.relation) for d in dev for x in d.labels}
    rows = table.select("doc_id", "head", "tail", "relation").rows()
    assert len(rows) == found.predicted != predict(dev, extractor, CPU).height
    assert len(held.intersection(rows)) == round(found.recall * found.gold)
    assert found.recall >= 0.6


def test_th_is_a_threshold_of_zero(extractor):
    dev = [make_document("a", 6)]
    th = Thresholds(0.0, {}, 0, 0, 0, 0)
    assert predict(dev, extractor, CPU, th).equals(predict(dev, extractor, CPU))


def test_without_labels_nothing_can_be_told():
    unlabelled = [(dataclasses.replace(d, labels=()), logits) for d, logits in drawn(0)]
    for stream in (unlabelled, []):
        with pytest.raises(ValueError, match="expected labelled triples of documents of dev"):
            fitted(stream, Goal("f1"), per_relation=True)


@pytest.mark.parametrize("per_relation", [False, True])
def test_a_target_out_of_reach_is_refused(few, per_relation):
    """Five relations hold of every pair, and four are the most that it is given."""
    vocabulary = RelationVocabulary.of_relations(["P1", "P2", "P3", "P4", "P5"])
    document = make_document("d", 4)
    labels = tuple(Label(*pair, r) for pair in document.pairs() for r in vocabulary.relations)
    stream = [(dataclasses.replace(document, labels=labels), np.zeros((12, 6), np.float32))]
    candidates = Candidates.of(stream, vocabulary)
    with pytest.raises(ValueError, match=r"recall 0.9: .*at most 0.8000 \(with precision 1.0000"):
        fit_thresholds(candidates, vocabulary, Goal("recall", 0.9), per_relation=per_relation)


# How well triples are ranked


def ranked(margins, holds, *, gold):
    margins, holds = np.array(margins, np.float32), np.array(holds, bool)
    counts = np.array([[sum(gold), (margins > 0).sum(), (holds & (margins > 0)).sum()]])
    return Candidates(margins, np.ones(len(margins), np.int64), holds, np.array(gold), counts)


@pytest.mark.parametrize(
    ("margins", "holds", "gold", "average_precision"),
    [
        ([3, 2, -1], [True, False, True], [0, 2], (1 + 2 / 3) / 2),
        ([3, 2, -1], [True, False, True], [0, 4], (1 + 2 / 3) / 4),
        ([1, 1], [True, False], [0, 1], 1 / 2),  # a tie is not parted
        ([-1, -2], [False, True], [0, 1], 1 / 2),
        ([], [], [0, 3], 0),
        ([1], [False], [0, 0], 0),
        ([], [], [0, 0], 0),
    ],
)
def test_ranking_by_hand(margins, holds, gold, average_precision):
    found = ranked(margins, holds, gold=gold)
    assert found.average_precision == pytest.approx(average_precision)


@given(seed=st.integers(0, 1000), shift=st.floats(-3, 3), scale=st.sampled_from([0.25, 1.0, 4.0]))
@settings(max_examples=30, deadline=None)
def test_a_ranking_is_worth_the_same_wherever_its_threshold_is(seed, shift, scale):
    found = Candidates.of(drawn(seed), VOCABULARY)
    moved = dataclasses.replace(found, margins=found.margins.astype(np.float64) * scale + shift)
    assert moved.average_precision == pytest.approx(found.average_precision)
    assert 0 < found.average_precision < 1


def test_counts_at_th_are_those_that_scores_are_taken_from(talkative):
    documents = [make_document(f"d{i}", n) for i, n in enumerate((2, 5, 3))]
    foreign = Label(0, 1, "P999")
    stream = [
        (dataclasses.replace(document, labels=(*document.labels, foreign)), logits)
        for document, logits in stream_logits(talkative, documents, CPU)
    ]
    judged = Judged.of([d for d, _ in stream], triples(talkative, documents, CPU))
    counts = Candidates.of(stream, VOCABULARY).counts
    assert np.array_equal(counts, judged.by_document(judged.counts))
    assert counts.sum(0).min() > 0


@pytest.mark.parametrize("spoilt", [np.nan, np.inf])
def test_a_ranking_of_logits_that_are_not_finite_is_refused(spoilt):
    (document, logits), *_ = stream = drawn(3)
    logits[0, 1] = spoilt
    with pytest.raises(FloatingPointError, match=f"document '{document.doc_id}': expected finite"):
        Candidates.of(stream, VOCABULARY)
