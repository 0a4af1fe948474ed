"""What is within its limits passes, what is not is told; nobody ever takes an error for a pass."""

import re
import socket
import subprocess
import sys
from math import inf, nan, nextafter

import polars as pl
import pytest

from quality.default_limits import LIMITS
from quality.expectations import own_expectations
from quality.labels import LABELS
from quality.limits import SUITES, Bound, Limit, StageLimits
from quality.statistics import STATISTICS, by_relation, joined, totals
from quality.suites import judge

ANNOTATED = {"labels_per_document": 12.5, "labelled_share": 0.03}
REFERENCE = totals("annotated", ANNOTATED)
RELATIONS = [f"P{n}" for n in range(12)]
LABEL = ("d1", 0, 1, "P0", "PER", "ORG")


def _limit(**about):
    return Limit(**({"statistic": "js_bits", "reason": "So", "remedy": "do that"} | about))


def _judged(statistics, *limits, suite="critical", **given):
    """The verdict of one suite of limits on a stage "s"."""
    held = StageLimits(**{suite: limits})
    return judge("s", statistics, REFERENCE, limits=held, **given)[suite]


def _broken(verdict):
    return [failure.statistic for failure in verdict.failures]


def _statistics(limits, value):
    """Statistics of which each has the value that a function of its limit gives.

    Of a relation's statistic, one relation's has it; the others' are within the limit.
    """
    each = [v for v in limits if v.by_relation]
    table = {"relation": RELATIONS} | {
        v.statistic: [value(v), *[_within(v)] * (len(RELATIONS) - 1)] for v in each
    }
    return joined(
        [
            totals("s", {v.statistic: value(v) for v in limits if not v.by_relation}),
            by_relation("s", pl.DataFrame(table)),
        ]
    )


def _bound(limit, end):
    bound = getattr(limit, end)
    return bound and bound.value(ANNOTATED)


def _within(limit):
    least, most = _bound(limit, "least"), _bound(limit, "most")
    return least if most is None else most


def _at(end):
    def value(limit):
        bound = _bound(limit, end)
        return _within(limit) if bound is None else bound

    return value


def _beyond(end):
    def value(limit):
        bound = _bound(limit, end)
        away = -inf if end == "least" else inf
        return _within(limit) if bound is None else nextafter(bound, away)

    return value


@pytest.mark.parametrize("suite", SUITES)
@pytest.mark.parametrize("stage", LIMITS)
def test_each_limit_passes_just_inside_and_fails_just_outside(stage, suite):
    limits = LIMITS[stage].suite(suite)
    for end in ("least", "most"):
        inside = _judged(_statistics(limits, _at(end)), *limits, suite=suite)
        assert inside.passed
        assert inside.n_expectations == len(limits)
        outside = _judged(_statistics(limits, _beyond(end)), *limits, suite=suite)
        bounded = [v for v in limits if _bound(v, end) is not None]
        assert set(_broken(outside)) == {v.statistic for v in bounded}
        assert not outside.has_error
        for failure in outside.failures:
            (limit,) = (v for v in bounded if v.statistic == failure.statistic)
            assert failure.remedy == limit.remedy
            assert limit.in_words(ANNOTATED) in failure.expected


@pytest.mark.parametrize("suite", SUITES)
@pytest.mark.parametrize("stage", LIMITS)
def test_what_is_required_and_not_there_is_an_error_and_nothing_else_is(stage, suite):
    limits = LIMITS[stage].suite(suite)
    verdict = _judged(STATISTICS.to_frame(), *limits, suite=suite)
    required = [v.statistic for v in limits if v.required and not v.by_relation]
    assert _broken(verdict) == required
    assert verdict.has_error == bool(required)
    for failure in verdict.failures:
        assert failure.error
        assert "found no such statistic" in str(failure)


@pytest.mark.parametrize("suite", SUITES)
@pytest.mark.parametrize("value", [nan, inf, -inf, None])
def test_a_total_that_is_no_finite_number_is_an_error(suite, value):
    rows = pl.DataFrame([("s", "js_bits", None, value)], STATISTICS, orient="row")
    for limit in (_limit(least=Bound(0)), _limit(most=Bound(1), required=False)):
        (failure,) = _judged(rows, limit, suite=suite).failures
        assert failure.error
        assert failure.observed == "no finite number"


def test_a_bound_that_cannot_be_told_is_an_error():
    limit = _limit(most=Bound(2, of="relations"))
    (failure,) = _judged(totals("s", {"js_bits": 0.1}), limit).failures
    assert failure.error
    assert failure.observed.startswith("no relations of the annotated documents")
    assert failure.expected == "at most 2 × relations of the annotated documents"


@pytest.mark.parametrize("suite", SUITES)
def test_an_exception_inside_an_expectation_is_an_error(monkeypatch, suite):
    def broken(*_given, **_named):
        raise ArithmeticError("out of numbers")

    monkeypatch.setattr(own_expectations()["js_bits"], "_validate", broken)
    statistics = totals("s", {"js_bits": 0.1, "near_th_share": 0.1})
    fine = _limit(statistic="near_th_share", most=Bound(1))
    verdict = _judged(statistics, fine, _limit(most=Bound(1)), suite=suite)
    assert verdict.has_error
    assert not verdict.passed
    assert _broken(verdict) == ["js_bits"]
    assert "ERROR" in str(verdict)
    assert "ArithmeticError: out of numbers" in str(verdict)


def test_an_exception_in_what_an_expectation_asks_for_is_an_error(monkeypatch):
    to_pandas = pl.DataFrame.to_pandas
    monkeypatch.setattr(pl.DataFrame, "to_pandas", lambda rows: to_pandas(rows.select("stage")))
    (failure,) = _judged(totals("s", {"js_bits": 0.1}), _limit(most=Bound(1))).failures
    assert failure.error
    assert failure.observed.startswith("MetricResolutionError: ")
    assert "js_bits" in failure.observed


def _shares(values):
    return by_relation("s", pl.DataFrame({"relation": RELATIONS, "js_bits_share": values}))


@pytest.mark.parametrize(
    ("bounds", "worst"),
    [
        ({"most": Bound(1)}, [f"P{n} {n}" for n in range(11, 1, -1)]),
        ({"least": Bound(3)}, [f"P{n} {n}" for n in range(10)]),
        ({"least": Bound(0), "most": Bound(1)}, [f"P{n} {n}" for n in range(11, 1, -1)]),
    ],
)
def test_the_ten_relations_that_explain_a_total_are_named(bounds, worst):
    statistics = joined([totals("s", {"js_bits": 2}), _shares(range(12))])
    (failure,) = _judged(statistics, _limit(explained_by="js_bits_share", **bounds)).failures
    assert list(failure.worst) == worst


RATES = {
    "type_inconsistent_share": {"labels": [1, 1000, 10]},
    "true_false_positive_rate": {"labels": [1, 1000, 10]},
    "true_false_negative_rate": {"labels": [0, 0, 0]},
    "estimated_false_positive_rate": {"both": [0, 900, 5], "distant_only": [1, 100, 5]},
    "estimated_false_negative_rate": {"both": [0, 900, 5], "teacher_only": [1, 100, 5]},
}
ANNOTATED_LABELS = by_relation(
    "annotated", pl.DataFrame({"relation": RELATIONS[:3], "labels": [1, 1000, 10]})
)


@pytest.mark.parametrize("rate", RATES)
def test_a_relation_with_one_wrong_label_is_not_to_blame_for_a_thousand(rate):
    table = pl.DataFrame({"relation": RELATIONS[:3], rate: [1.0, 0.1, 0.5], **RATES[rate]})
    statistics = joined([totals("s", {"js_bits": 2}), by_relation("s", table)])
    reference = joined([REFERENCE, ANNOTATED_LABELS])
    limits = StageLimits(critical=(_limit(most=Bound(1), explained_by=rate),))
    (failure,) = judge("s", statistics, reference, limits=limits)["critical"].failures
    assert failure.worst == ("P1 0.1", "P2 0.5", "P0 1")


def test_an_agreement_is_explained_by_the_labels_that_are_not_shared():
    numbers = {
        "cohen_kappa": [-1.0, 0.3, 0.2],
        "distant_only": [1, 90, 9],
        "teacher_only": [0, 9, 1],
    }
    table = by_relation("s", pl.DataFrame({"relation": RELATIONS[:3], **numbers}))
    limit = _limit(least=Bound(3), explained_by="cohen_kappa")
    (failure,) = _judged(joined([totals("s", {"js_bits": 2}), table]), limit).failures
    assert failure.worst == ("P1 0.3", "P2 0.2", "P0 -1")


def test_where_counts_are_not_there_relations_are_blamed_by_their_rate():
    table = pl.DataFrame({"relation": RELATIONS[:3], "type_inconsistent_share": [1.0, 0.1, 0.5]})
    statistics = joined([totals("s", {"js_bits": 2}), by_relation("s", table)])
    limit = _limit(most=Bound(1), explained_by="type_inconsistent_share")
    (failure,) = _judged(statistics, limit).failures
    assert failure.worst == ("P0 1", "P2 0.5", "P1 0.1")


@pytest.mark.parametrize("suite", SUITES)
def test_relations_of_which_nothing_could_be_told_are_an_error_where_there_are_labels(suite):
    limit = _limit(statistic="flood_ratio", most=Bound(3), by_relation=True)
    counted = by_relation("s", pl.DataFrame({"relation": RELATIONS[:2], "labels": [5, 7]}))
    for there in ([], [counted]):
        statistics = joined([totals("s", {"labels": 12}), *there])
        (failure,) = _judged(statistics, limit, suite=suite).failures
        assert failure.error
        assert failure.observed == "no such statistic"
    assert _judged(totals("s", {"labels": 0}), limit, suite=suite).passed


def test_a_relation_that_has_labels_and_no_number_is_an_error():
    limit = _limit(statistic="flood_ratio", most=Bound(3), by_relation=True)
    table = pl.DataFrame({"relation": RELATIONS[:3], "labels": [5, 7, None], "flood_ratio": 1.0})
    told = table.with_columns(flood_ratio=pl.Series([1.0, None, None]))
    (failure,) = _judged(by_relation("s", told), limit).failures
    assert failure.error
    assert failure.observed == "none of P1"
    assert _judged(by_relation("s", table), limit).passed


def test_the_ten_relations_farthest_from_their_limit_are_named():
    values = [5.0, 30.0, *[0.0] * 8, 1.0, -4.0]
    limit = _limit(statistic="js_bits_share", least=Bound(1), most=Bound(4), by_relation=True)
    (failure,) = _judged(_shares(values), limit).failures
    assert failure.worst[:3] == ("P1 30", "P11 -4", "P0 5")
    assert len(failure.worst) == 10
    assert failure.observed == "11 of 12 relations in breach"
    assert failure.expected == "from 1 to 4, for each relation"


def test_the_ten_worst_documents_are_named_where_their_statistic_fails():
    statistics = totals("s", {"js_bits": 2, "near_th_share": 0.1})
    offenders = {
        "js_bits": [f"d{n} (odd)" for n in range(12)],
        "near_th_share": ["not this one"],
    }
    fine = _limit(statistic="near_th_share", most=Bound(1))
    verdict = _judged(statistics, _limit(most=Bound(1)), fine, offenders=offenders)
    (failure,) = verdict.failures
    assert list(failure.worst) == offenders["js_bits"][:10]
    assert "not this one" not in str(verdict)


def test_a_failure_says_all_of_it_in_a_sentence():
    statistics = joined([totals("s", {"js_bits": 0.61}), _shares([0.25, *[0.0] * 11])])
    limit = _limit(most=Bound(0.5), explained_by="js_bits_share")
    verdict = _judged(statistics, limit, offenders={"js_bits": ["d1 (odd)"]})
    assert str(verdict).splitlines()[0] == "s, critical: 1 of 1 expectations do not hold"
    text = str(verdict).splitlines()[1]
    assert text.startswith("- js_bits: expected at most 0.5, found 0.61; worst: P0 0.25, P")
    assert text.endswith(", d1 (odd); do that")


def test_a_pass_says_how_much_was_tried():
    verdict = _judged(totals("s", {"js_bits": 0.1}), _limit(most=Bound(1)))
    assert str(verdict) == "s, critical: 1 expectations hold"


def test_other_stages_and_what_has_no_limit_do_not_count():
    ours = totals("s", {"js_bits": 0.1, "margin": 1e9})
    statistics = joined([totals("r", {"js_bits": 0.9}), ours, totals("t", {"js_bits": 0.9})])
    assert _judged(statistics, _limit(most=Bound(0.5))).passed


def test_a_statistic_that_is_there_twice_is_refused():
    ours = totals("s", {"js_bits": 0.1})
    with pytest.raises(ValueError, match="found several of js_bits"):
        _judged(joined([ours, ours]), _limit(most=Bound(0.5)))


def test_without_limits_there_is_nothing_to_fail():
    verdict = _judged(totals("s", {"js_bits": 0.1}))
    assert verdict.passed
    assert verdict.n_expectations == 0


def test_expectations_are_named_by_what_they_expect():
    statistics = totals("s", {"js_bits": 2, "ece_predicted": 2, "type_inconsistent_excess": 2})
    limits = [_limit(statistic=name, most=Bound(1)) for name in statistics["statistic"]]
    assert [failure.expectation for failure in _judged(statistics, *limits).failures] == [
        "expect_label_divergence_to_be_at_most",
        "expect_calibration_error_to_be_at_most",
        "expect_noise_rate_to_be_between",
    ]


def test_expectations_of_our_own_are_of_statistics_that_have_a_limit():
    held = [limit for of in LIMITS.values() for suite in SUITES for limit in of.suite(suite)]
    assert set(own_expectations()) <= {limit.statistic for limit in held}


def _sampled(*labels, relations=("P0", "P1")):
    sample = pl.DataFrame(list(labels), LABELS, orient="row")
    return _judged(STATISTICS.to_frame(), sample=sample, relations=relations)


def test_sound_labels_pass_and_so_do_none():
    assert _sampled(LABEL, ("d1", 1, 0, "P0", "ORG", "PER"), ("d2", *LABEL[1:])).passed
    assert _sampled().passed


@pytest.mark.parametrize(
    ("label", "statistic", "expected"),
    [
        (("d1", 0, 1, "P9", "PER", "ORG"), "relation", "one of the vocabulary's 2 relations"),
        (("d1", 0, 1, "Na", "PER", "ORG"), "relation", "one of the vocabulary's 2 relations"),
        (("d1", 1, 1, "P0", "PER", "ORG"), "head and tail", "two different entities"),
        (("d1", 1, 0, "P0", None, "ORG"), "head_type", "a value"),
        (("d1", 1, 0, "P0", "PER", None), "tail_type", "a value"),
        (("d1", 1, 0, None, "PER", "ORG"), "relation", "a value"),
        (("d1", None, 0, "P0", "PER", "ORG"), "head", "a value"),
        ((None, 1, 0, "P0", "PER", "ORG"), "doc_id", "a value"),
    ],
)
def test_each_fault_of_a_label_is_seen(label, statistic, expected):
    (failure,) = _sampled(LABEL, label).failures
    assert failure.statistic == f"sampled labels' {statistic}"
    assert failure.expected == expected
    assert failure.observed == "1 of 2 labels in breach"
    assert len(failure.worst) == 1
    assert not failure.error


def test_a_label_that_is_there_twice_is_seen():
    (failure,) = _sampled(LABEL, LABEL).failures
    assert failure.expected == "each label once"
    assert failure.worst == ("P0 from 0 to 1 in d1",)


def test_labels_are_judged_in_the_critical_suite():
    sample = pl.DataFrame([LABEL, LABEL], LABELS, orient="row")
    verdicts = judge(
        "s", STATISTICS.to_frame(), REFERENCE, limits=StageLimits(), sample=sample, relations=["P0"]
    )
    assert not verdicts["critical"].passed
    assert verdicts["drift"].passed


def test_a_sample_that_is_none_is_refused():
    with pytest.raises(ValueError, match=r"at most 1000 labels, found 1001"):
        _sampled(*[LABEL] * 1001)


SECOND_STAGE = """
import sys
from pathlib import Path
from quality.default_limits import LIMITS
from quality.statistics import totals
from quality.suites import judge
numbers = {"dev_f1": 0.01, "temperature": 1.0, "non_finite_pairs": 0, "ece_predicted": 0.5}
found = totals("teacher", numbers)
verdicts = judge("teacher", found, found, limits=LIMITS["teacher"], docs=Path(sys.argv[1]))
print(verdicts["critical"].docs)
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The first page of data docs to which two processes have added."""
    docs = tmp_path_factory.mktemp("run") / "expectations"
    limits = StageLimits(
        critical=(_limit(most=Bound(0.5), explained_by="js_bits_share", remedy="mend <it> & go"),),
        drift=(_limit(statistic="js_bits_share", most=Bound(1), by_relation=True),),
    )
    statistics = joined([totals("s", {"js_bits": 0.61}), _shares(range(12))])
    with pytest.MonkeyPatch.context() as patch:
        for name in ("connect", "connect_ex", "sendto"):
            patch.setattr(socket.socket, name, _no_network)
        patch.setattr(socket, "getaddrinfo", _no_network)
        verdicts = judge("s", statistics, REFERENCE, limits=limits, docs=docs)
    command = [sys.executable, "-c", SECOND_STAGE, str(docs)]
    other = subprocess.run(command, capture_output=True, text=True, check=True)
    assert {str(verdict.docs) for verdict in verdicts.values()} == {other.stdout.strip()}
    assert other.stderr == ""
    return verdicts["critical"].docs


def _no_network(*_given, **_named):
    raise AssertionError("a socket was asked for")


def test_all_stages_are_on_one_site_whichever_process_judged_them(site):
    page = site.read_text(encoding="utf-8")
    links = re.findall(r"<a href='([^']+)'>([^<]+)</a></td><td>(.)", page)
    assert [(name, mark) for _, name, mark in links] == [
        ("s critical", "✗"),
        ("s drift relations", "✗"),
        ("teacher critical", "✗"),
        ("teacher drift", "✗"),
    ]
    for path, _, _ in links:
        assert (site.parent / path).is_file()


def _page(site, suite):
    (page,) = (site.parent / "validations" / suite).rglob("*.html")
    return page.read_text(encoding="utf-8")


def test_data_docs_say_what_is_expected_why_and_what_to_do(site):
    page = _page(site, "s_critical")
    assert "Divergence of the labels" in page
    assert "at most 0.5." in page
    assert "If it fails: mend &lt;it&gt; &amp; go." in page
    assert "Most to blame: P11 11, P10 10" in page
    assert "0.61" in page
    assert "P11" in _page(site, "s_drift_relations")


def test_data_docs_load_nothing_from_the_net(site):
    pages = list(site.parent.rglob("*.html"))
    assert len(pages) > 4
    for page in pages:
        head = page.read_text(encoding="utf-8").partition("<head>")[2].lstrip()
        assert head.startswith(
            '<meta http-equiv="Content-Security-Policy" content="default-src \'none'
        )


def test_the_project_sends_no_usage_statistics(site):
    config = (site.parents[3] / "great_expectations.yml").read_text(encoding="utf-8")
    assert "analytics_enabled: false" in config


def test_importing_suites_leaves_great_expectations_alone():
    code = "import quality.suites, sys; print([m for m in sys.modules if m.startswith('great_')])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
