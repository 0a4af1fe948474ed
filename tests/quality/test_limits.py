"""Limits say what they are, follow the annotated documents and can be replaced by name."""

import dataclasses
from math import inf, nan

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from noisy_corpus import CALIBRATION, RELATIONS, Corpus

from quality.calibration import calibration_statistics, margins_and_truth
from quality.default_limits import LIMITS, limits
from quality.distribution import divergence_statistics, label_statistics
from quality.labels import Labelled
from quality.leakage import leakage_statistics
from quality.limits import ENDS, MEANINGS, SUITES, Bound, Limit, StageLimits
from quality.noise import noise_statistics, true_noise_statistics
from quality.shares import share_statistics
from quality.soft import soft_statistics, summarize
from quality.statistics import joined
from quality.types import type_statistics

PLACES = [
    (stage, suite, limit)
    for stage, held in LIMITS.items()
    for suite in SUITES
    for limit in held.suite(suite)
]
NAMES = [
    f"{stage}.{suite}.{limit.statistic}.{end}" for stage, suite, limit in PLACES for end in ENDS
]

MADE_ELSEWHERE = {
    "dev_documents",
    "dev_f1",
    "labelled_share",
    "repeated_texts_share",
}
"""Statistics that a stage's report adds to those of the functions here."""


def _find(held, name):
    stage, suite, statistic, end = name.split(".")
    found = [v for v in held[stage].suite(suite) if v.statistic == statistic]
    return getattr(found[0], end) if found else None


def _without(held, name):
    """All bounds but one."""
    return {other: _find(held, other) for other in NAMES if other != name}


def test_limits_that_only_warn_judge_all_that_they_did():
    held = LIMITS["predictions"]
    softer = held.warning_only()
    assert not softer.critical
    assert set(held.drift) < set(softer.drift)
    assert {x.statistic for x in softer.drift} == {
        x.statistic for suite in SUITES for x in held.suite(suite)
    }


def test_the_stages_are_those_of_a_distillation():
    assert list(LIMITS) == [
        "annotated",
        "distant",
        "teacher",
        "soft_labels",
        "student",
        "finetuned",
        "predictions",
    ]


@pytest.mark.parametrize(("stage", "suite", "limit"), PLACES)
def test_each_limit_says_what_it_is_why_and_what_to_do(stage, suite, limit):
    assert limit.statistic in MEANINGS
    assert len(limit.reason) > 20
    assert len(limit.remedy) > 20
    assert not limit.reason.endswith(".")
    assert not limit.remedy.endswith(".")


def test_drift_warns_before_critical_stops():
    def numbers(stage, suite):
        return {
            (limit.statistic, end): getattr(limit, end)
            for limit in LIMITS[stage].suite(suite)
            for end in ENDS
        }

    for stage in LIMITS:
        hard, soft = (numbers(stage, suite) for suite in SUITES)
        for (statistic, end), bound in hard.items():
            other = soft.get((statistic, end))
            if bound and other and bound.of == other.of:
                sign = 1 if end == "most" else -1
                assert sign * other.number < sign * bound.number, (stage, statistic, end)


def test_every_statistic_is_one_that_somebody_takes(tmp_path):
    corpus = Corpus.drawn(20, 3)
    shard = corpus.shard(tmp_path)
    table = pl.scan_parquet(tmp_path / "documents.parquet")
    labelled, summary = Labelled.of_documents(table), summarize([shard])
    statistics = joined(
        [
            label_statistics("s", labelled),
            divergence_statistics("s", labelled, labelled, RELATIONS.relations, resamples=2),
            share_statistics("s", labelled, labelled, RELATIONS.relations),
            type_statistics("s", labelled, labelled),
            noise_statistics("s", [shard], RELATIONS, CALIBRATION),
            true_noise_statistics("s", labelled, labelled, RELATIONS),
            soft_statistics("s", summary, [shard], labelled.pairs),
            calibration_statistics("s", *margins_and_truth(shard), CALIBRATION),
            leakage_statistics({"s": table}, {"dev": table, "test": table}),
        ]
    )
    of_all = pl.col("relation").is_null()
    totals, each = (
        set(statistics.filter(rows)["statistic"]) | MADE_ELSEWHERE for rows in (of_all, ~of_all)
    )
    for _, _, limit in PLACES:
        assert limit.statistic in (each if limit.by_relation else totals)
        assert limit.explained_by is None or limit.explained_by in each
        for bound in (limit.least, limit.most):
            assert bound is None or bound.of is None or bound.of in totals


@given(st.floats(0, 100), st.floats(0, 1e6))
def test_derived_bounds_follow_the_reference(number, annotated):
    bound = Bound(number, of="labels_per_document")
    assert bound.value({"labels_per_document": annotated}) == number * annotated
    assert bound.value({"labels": annotated}) is None
    assert Bound(number).value({"labels_per_document": annotated}) == number


def test_bounds_in_words_say_where_they_come_from():
    limit = Limit(
        statistic="labels_per_document",
        least=Bound(0.02, of="labels_per_document"),
        most=Bound(60),
        reason="",
        remedy="",
    )
    assert limit.in_words({"labels_per_document": 12.5}) == (
        "from 0.25 (0.02 × labels_per_document of the annotated documents) to 60"
    )
    assert limit.in_words({}).startswith("from 0.02 × labels_per_document of the annotated")
    assert limit.unknown({}) == ["labels_per_document"]
    assert limit.unknown({"labels_per_document": 0.0}) == []


def test_without_overrides_limits_are_the_defaults():
    assert limits() == limits({}) == LIMITS


@pytest.mark.parametrize("name", [n for n in NAMES if _find(LIMITS, n) is not None])
def test_a_number_replaces_one_bound_and_nothing_else(name):
    number = _find(LIMITS, name).number + (1e-3 if name.endswith("most") else -1e-3)
    replaced = limits({name: number})
    assert _find(replaced, name) == Bound(number)
    assert _without(replaced, name) == _without(LIMITS, name)


@pytest.mark.parametrize("name", [n for n in NAMES if _find(LIMITS, n) is not None])
def test_null_removes_one_bound_and_nothing_else(name):
    lifted = limits({name: None})
    assert _find(lifted, name) is None
    assert _without(lifted, name) == _without(LIMITS, name)


def test_a_limit_without_bounds_is_gone():
    name = "teacher.critical.temperature"
    half = limits({f"{name}.least": None})["teacher"].critical
    assert [v.least for v in half if v.statistic == "temperature"] == [None]
    none = limits({f"{name}.least": None, f"{name}.most": None})["teacher"].critical
    assert "temperature" not in [v.statistic for v in none]


def test_a_bound_that_was_not_there_can_be_given():
    held = limits({"distant.critical.js_bits.least": 0.001})
    assert _find(held, "distant.critical.js_bits.least") == Bound(0.001)
    assert _find(held, "distant.critical.js_bits.most") == Bound(0.5)


def test_both_bounds_are_replaced_at_once_whatever_their_order():
    names = ["teacher.critical.temperature.least", "teacher.critical.temperature.most"]
    for order in (names, names[::-1]):
        values = dict(zip(names, (30, 40), strict=True))
        held = limits({name: values[name] for name in order})
        assert [_find(held, name) for name in names] == [Bound(30), Bound(40)]


@pytest.mark.parametrize(
    ("name", "there_is"),
    [
        ("weak.critical.js_bits.most", "annotated, distant, teacher"),
        ("distant.hard.js_bits.most", "critical, drift"),
        ("distant.critical.js_nats.most", "labels_per_document, js_bits, type_inconsistent_excess"),
        ("distant.critical.js_bits.max", "least, most"),
        ("distant.critical.js_bits", "such as distant.critical.js_bits.most"),
        ("", "such as distant.critical.js_bits.most"),
    ],
)
def test_an_unknown_name_is_refused_with_what_there_is(name, there_is):
    with pytest.raises(ValueError, match=there_is):
        limits({name: 0.1})


@pytest.mark.parametrize("number", [nan, inf, -inf, "0.4", True])
def test_a_bound_is_a_finite_number(number):
    with pytest.raises(ValueError, match="expected a finite number or null"):
        limits({"distant.critical.js_bits.most": number})


def test_bounds_that_nothing_lies_between_are_refused():
    with pytest.raises(ValueError, match=r"found 30 and 20: nothing lies between"):
        limits({"teacher.critical.temperature.least": 30})


def test_a_limit_has_a_bound_and_a_suite_has_a_statistic_once():
    with pytest.raises(ValueError, match="expected least, most or both"):
        Limit(statistic="js_bits", reason="", remedy="")
    limit = Limit(statistic="js_bits", most=Bound(1), reason="", remedy="")
    other = dataclasses.replace(limit, most=Bound(np.float64(2)))
    with pytest.raises(ValueError, match="several limits of js_bits"):
        StageLimits(drift=(limit, other))
