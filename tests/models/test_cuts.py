"""Cuts reach what is asked for at the least cost that there is."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.cuts import Cuts, Goal, Outcomes, cheapest_first, cuts_of

RANKED = st.lists(
    st.tuples(st.integers(-8, 8).map(lambda n: n / 2), st.booleans()), min_size=1, max_size=12
)
SHARES = st.integers(1, 20).map(lambda n: n / 20)
GOALS = st.one_of(
    st.builds(Goal, st.sampled_from(["precision", "recall"]), SHARES), st.just(Goal("f1"))
)


def cut(ranked: list[tuple[float, bool]]) -> Cuts:
    margins, holds = (np.array(column) for column in zip(*ranked, strict=True))
    return cuts_of(margins.astype(np.float32), holds.astype(bool))


def counts_above(ranked: list[tuple[float, bool]], offset: float) -> tuple[int, int]:
    above = [holds for margin, holds in ranked if margin > offset]
    return len(above), sum(above)


def gold_of(*groups: list[tuple[float, bool]]) -> int:
    """All that holds, and two triples that nothing could predict."""
    return 2 + sum(holds for group in groups for _, holds in group)


def value(goal: Goal, predicted: int, correct: int, gold: int) -> float:
    """What is to be high once the target is reached, by the definition; -1 where it is not."""
    precision, recall = correct / predicted if predicted else 0.0, correct / gold
    if goal.metric == "f1":
        return 2 * correct / (predicted + gold)
    reached, worth = (precision, recall) if goal.metric == "precision" else (recall, precision)
    return worth if reached >= goal.least else -1.0


def best_value(outcomes: Outcomes, goal: Goal) -> float:
    try:
        place = outcomes.best(goal)
    except ValueError:
        return -1.0
    return value(goal, outcomes.predicted[place], outcomes.correct[place], outcomes.gold)


@given(RANKED)
def test_offsets_give_the_counts_that_they_tell(ranked):
    found = cut(ranked)
    for offset, predicted, correct in zip(
        found.offsets, found.predicted, found.correct, strict=True
    ):
        assert counts_above(ranked, offset) == (predicted, correct)
    assert (np.diff(found.offsets) < 0).all()


@given(RANKED, GOALS)
def test_no_other_offset_does_better(ranked, goal):
    found, gold = cut(ranked), gold_of(ranked)
    outcomes = Outcomes(found.predicted, found.correct, gold)
    every = [-np.inf, *(margin for margin, _ in ranked)]
    expected = max(value(goal, *counts_above(ranked, offset), gold) for offset in every)
    assert best_value(outcomes, goal) == pytest.approx(expected)


@given(RANKED, st.lists(SHARES, min_size=2, max_size=2).map(sorted))
def test_offsets_rise_with_a_target_precision_and_fall_with_a_target_recall(ranked, targets):
    found = cut(ranked)
    outcomes = Outcomes(found.predicted, found.correct, gold_of(ranked))
    for metric, sign in (("precision", 1), ("recall", -1)):
        try:
            low, high = (found.offsets[outcomes.best(Goal(metric, t))] for t in targets)
        except ValueError:
            continue
        assert sign * low <= sign * high


@given(st.lists(RANKED, min_size=1, max_size=3))
def test_steps_give_the_counts_that_they_tell(groups):
    found = cheapest_first([cut(group) for group in groups])
    for n, (predicted, correct) in enumerate(zip(found.predicted, found.correct, strict=True)):
        offsets = found.offsets(n)
        counted = [counts_above(*pair) for pair in zip(groups, offsets, strict=True)]
        assert tuple(np.sum(counted, axis=0)) == (predicted, correct)


@settings(max_examples=60, deadline=None)
@given(st.lists(RANKED, min_size=2, max_size=3))
def test_no_other_cuts_of_groups_have_as_many_correct_at_as_few_predictions(groups):
    cuts = [cut(group) for group in groups]
    found, gold = cheapest_first(cuts), gold_of(*groups)
    for places in product(*(range(len(each.offsets)) for each in cuts)):
        pairs = list(zip(cuts, places, strict=True))
        predicted = sum(each.predicted[place] for each, place in pairs)
        correct = sum(each.correct[place] for each, place in pairs)
        most = np.interp(predicted, found.predicted, found.correct)
        assert correct <= most + 1e-9
        assert (
            value(Goal("f1"), predicted, correct, gold)
            <= best_value(Outcomes(found.predicted, found.correct, gold), Goal("f1")) + 1e-9
        )


@pytest.mark.parametrize("margins", [[], [1], [1, np.nextafter(np.float32(1), np.float32(2))]])
def test_neighbouring_floats_are_parted(margins):
    values = np.array(margins, np.float32)
    found = cuts_of(values, np.ones(len(values), bool))
    assert found.predicted.tolist() == list(range(len(set(values.tolist())) + 1))
    for offset, predicted in zip(found.offsets, found.predicted, strict=True):
        assert (values > offset).sum() == predicted


def test_what_cannot_be_reached_is_refused_with_the_nearest():
    outcomes = Outcomes(np.array([0, 2, 8]), np.array([0, 1, 3]), 10)
    with pytest.raises(ValueError, match=r"precision 0.9: .*at most 0.5000 \(with recall 0.1000"):
        outcomes.best(Goal("precision", 0.9))
    with pytest.raises(ValueError, match=r"recall 0.4: .*at most 0.3000 \(with precision 0.3750"):
        outcomes.best(Goal("recall", 0.4))


def test_a_target_takes_enough_predictions_and_f1_does_not():
    predicted, correct = np.array([0, 1, 4, 9]), np.array([0, 1, 3, 5])
    outcomes = Outcomes(predicted, correct, 10, enough=4)
    assert outcomes.best(Goal("precision", 0.7)) == 2
    assert outcomes.best(Goal("recall", 0.1)) == 2
    with pytest.raises(ValueError, match=r"least 4 predictions, found at most 0.7500 \("):
        outcomes.best(Goal("precision", 0.9))
    assert not outcomes.beats(Outcomes(predicted, correct, 10), Goal("precision", 0.9))
    scarce = Outcomes(predicted, correct, 10, enough=20)
    with pytest.raises(ValueError, match="least 20 predictions, found 9 predictions down to"):
        scarce.best(Goal("precision", 0.5))
    assert scarce.best(Goal("f1")) == 3


@pytest.mark.parametrize(
    ("metric", "least"), [("precision", 0), ("recall", 1.1), ("recall", 90), ("f1", 0.5)]
)
def test_targets_are_shares(metric, least):
    with pytest.raises(ValueError, match=f"target {metric}: expected a share above 0"):
        Goal(metric, least)
