"""Which model predictions use: what is counted, and what the paired bootstrap makes of it."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus.schema import DOCUMENTS, PREDICTIONS, Document, Entity, Label, Mention, Split, to_row
from models.metrics import score
from models.triples import triples_in
from quality.promotion import COUNTS, Comparison, compare, counts, f1

FOUR = tuple(Entity("X", (Mention(name, 0, 0, 1),)) for name in "abcd")
CELLS = st.sets(st.tuples(st.integers(0, 3), st.integers(0, 3), st.sampled_from(["P1", "P2"])))


def document(doc_id: str, cells: set[tuple[int, int, str]] | None) -> Document:
    labels = None if cells is None else tuple(Label(*cell) for cell in sorted(cells))
    return Document(doc_id, doc_id, (("a",),), FOUR, labels)


def documents_table(documents: list[Document]) -> pl.LazyFrame:
    return pl.LazyFrame([to_row(each, Split.DEV) for each in documents], DOCUMENTS)


def predictions(cells: list[tuple[str, int, int, str]]) -> pl.DataFrame:
    rows = [dict(zip(("doc_id", "head", "tail", "relation"), cell, strict=True)) for cell in cells]
    return pl.DataFrame([dict.fromkeys(PREDICTIONS) | row for row in rows], PREDICTIONS)


def counted(*rows: tuple[int, int, int]) -> pl.DataFrame:
    """`COUNTS` of documents' correct, predicted and gold triples."""
    named = [(f"d{place:04}", *row) for place, row in enumerate(rows)]
    return pl.DataFrame(named, COUNTS, orient="row")


def drawn(seed: int, n: int, *, chance: float) -> pl.DataFrame:
    """`COUNTS` of n documents with 5 to 15 gold triples, each found by chance, and false ones."""
    draw = np.random.default_rng(seed)
    gold = np.random.default_rng(0).integers(5, 16, n)
    correct = draw.binomial(gold, chance)
    predicted = correct + draw.poisson(3, n)
    return counted(*zip(correct.tolist(), predicted.tolist(), gold.tolist(), strict=True))


@given(
    gold=st.lists(st.none() | CELLS, min_size=1, max_size=5),
    found=st.lists(st.tuples(st.integers(0, 6), CELLS), max_size=8),
)
@settings(max_examples=50, deadline=None)
def test_counts_make_the_f1_that_evaluation_reports(gold: Any, found: Any) -> None:
    documents = [document(f"d{place}", cells) for place, cells in enumerate(gold)]
    predicted = predictions([(f"d{place}", *cell) for place, cells in found for cell in cells])
    table = counts(documents_table(documents), predicted.lazy())
    labelled = [each for each in documents if each.labels is not None]
    assert table.schema == COUNTS
    assert table["doc_id"].to_list() == [each.doc_id for each in labelled]
    ids = {each.doc_id for each in labelled}
    scored = score(labelled, [t for t in triples_in(predicted) if t.doc_id in ids])
    assert f1(table) == pytest.approx(scored.f1)
    sums = table.sum().select("correct", "predicted", "gold").row(0)
    assert sums == (scored.correct, scored.predicted, scored.gold)


def test_what_is_counted() -> None:
    documents = [
        document("b", {(0, 1, "P1"), (1, 2, "P2")}),
        document("a", set()),
        document("unlabelled", None),
    ]
    cells = [
        ("b", 0, 1, "P1"),
        ("b", 0, 1, "P1"),
        ("b", 1, 0, "P1"),
        ("a", 0, 1, "P1"),
        ("unlabelled", 0, 1, "P1"),
        ("elsewhere", 0, 1, "P1"),
    ]
    table = counts(documents_table(documents), predictions(cells).lazy())
    assert table.rows() == [("a", 0, 1, 0), ("b", 1, 2, 2)]


def test_scores_and_their_interval_are_those_of_drawn_documents() -> None:
    champion, challenger = drawn(1, 40, chance=0.5), drawn(2, 40, chance=0.6)
    found = compare(champion, challenger, samples=1500, seed=3)
    assert (found.champion_f1, found.challenger_f1) == (f1(champion), f1(challenger))
    draw = np.random.default_rng(4)
    differences = []
    for _ in range(1500):
        rows = draw.integers(40, size=40)
        differences.append(f1(challenger[rows]) - f1(champion[rows]))
    assert [found.low, found.high] == pytest.approx(
        np.quantile(differences, [0.025, 0.975]), abs=0.01
    )
    assert found.low < found.difference < found.high
    ahead = compare(challenger, champion, margin=0.05, samples=1500, seed=3)
    assert ahead.worse == pytest.approx((np.array(differences) > 0.05).mean(), abs=0.04)


@given(seed=st.integers(0, 999), n=st.integers(1, 30), chance=st.floats(0, 1))
@settings(max_examples=30, deadline=None)
def test_identical_predictions_are_promoted_whatever_is_asked(
    seed: int, n: int, chance: float
) -> None:
    model = drawn(seed, n, chance=chance)
    found = compare(model, model, margin=0, risk=0, samples=50, seed=seed)
    assert (found.difference, found.low, found.high, found.worse) == (0, 0, 0, 0)
    assert found.promoted


@given(seed=st.integers(0, 999), n=st.integers(1, 30))
@settings(max_examples=30, deadline=None)
def test_better_everywhere_is_promoted_and_worse_everywhere_refused(seed: int, n: int) -> None:
    model = drawn(seed, n, chance=0.5)
    better = model.with_columns(predicted="gold", correct="gold")
    up = compare(model, better, risk=0, samples=50)
    down = compare(better, model, risk=0.99, samples=50)
    assert (up.worse, up.promoted) == (0, True)
    assert up.low > 0.01
    assert (down.worse, down.promoted) == (1, False)


def test_the_margin_is_what_may_be_lost_and_the_risk_how_often_more() -> None:
    champion, challenger = drawn(1, 60, chance=0.6), drawn(2, 60, chance=0.55)
    margins = [0, 0.01, 0.03, 0.1, 1]
    worse = [compare(champion, challenger, margin=margin).worse for margin in margins]
    assert worse == sorted(worse, reverse=True)
    assert (worse[0] > 0.5, worse[-1]) == (True, 0)
    for risk, promoted in [(worse[1], True), (worse[1] - 0.001, False)]:
        assert compare(champion, challenger, risk=risk).promoted is promoted


def test_pairs_count_not_only_each_models_own_scores() -> None:
    """The same two scores are told apart far better where the same documents are hard for both."""
    champion = drawn(1, 60, chance=0.5)
    alike = champion.with_columns(predicted=pl.col("predicted") + 1)
    shuffled = alike.with_columns(
        alike.select("correct", "predicted", "gold").sample(fraction=1, shuffle=True, seed=1)
    )
    found = [
        compare(champion.with_columns(gold=10), side.with_columns(gold=10))
        for side in (alike, shuffled)
    ]
    assert found[0].difference == found[1].difference
    assert 3 * (found[0].high - found[0].low) < found[1].high - found[1].low


def test_equally_good_models_are_promoted_more_often_than_by_their_scores() -> None:
    pairs = [(drawn(2 * k, 400, chance=0.6), drawn(2 * k + 1, 400, chance=0.6)) for k in range(40)]
    found = [compare(*pair, samples=300) for pair in pairs]
    by_score = sum(comparison.difference >= 0 for comparison in found)
    assert sum(comparison.promoted for comparison in found) >= by_score + 5
    worse = [(champion, drawn(k, 400, chance=0.54)) for k, (champion, _) in enumerate(pairs)]
    assert not any(compare(*pair, samples=300).promoted for pair in worse)


def test_the_same_seed_gives_the_same() -> None:
    champion, challenger = drawn(1, 30, chance=0.6), drawn(2, 30, chance=0.6)
    assert compare(champion, challenger) == compare(champion, challenger)
    assert compare(champion, challenger, seed=1) != compare(champion, challenger, seed=2)


def test_a_model_that_predicts_nothing_has_no_f1() -> None:
    nothing, half = counted((0, 0, 2), (0, 0, 0)), counted((1, 1, 2), (0, 0, 0))
    refused, promoted = compare(half, nothing, seed=1), compare(nothing, half, seed=1)
    assert (refused.challenger_f1, refused.promoted) == (0, False)
    assert (promoted.champion_f1, promoted.promoted) == (0, True)


@pytest.mark.parametrize(
    ("champion", "challenger", "wanted", "told"),
    [
        (counted(), counted(), {}, "expected labelled documents in dev, found none.*Label some"),
        (counted((1, 1, 1)), counted((1, 1, 2)), {}, "the same labelled documents, found 1 and 1"),
        (counted((1, 1, 1)), counted(), {}, "found 1 and 0 documents"),
        (counted((1, 1, 1)), counted((1, 1, 1)), {"margin": 1.5}, "margin: .* found 1.5"),
        (counted((1, 1, 1)), counted((1, 1, 1)), {"risk": -0.1}, "risk: .* found -0.1"),
    ],
)
def test_what_cannot_be_compared_is_refused(
    champion: pl.DataFrame, challenger: pl.DataFrame, wanted: dict[str, float], told: str
) -> None:
    with pytest.raises(ValueError, match=re.compile(told, re.DOTALL)):
        compare(champion, challenger, **wanted)


def test_it_is_told_in_words() -> None:
    found = Comparison(
        documents=60,
        samples=2000,
        champion_f1=0.6181,
        challenger_f1=0.6229,
        low=-0.0244,
        high=0.0339,
        worse=0.153,
        margin=0.01,
        risk=0.25,
    )
    assert found.told == (
        "The challenger has 62.3% F1 and the champion 61.8% on 60 dev documents (+0.5 points, "
        "95% interval -2.4 to +3.4); it loses more than 1.0 points in 15.3% of 2000 samples, where "
        "up to 25.0% are allowed: promoted"
    )
    refused = replace(found, worse=0.251)
    assert refused.told.endswith("in 25.1% of 2000 samples, where up to 25.0% are allowed: refused")
