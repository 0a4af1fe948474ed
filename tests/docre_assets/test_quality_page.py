"""docs/quality.md tells the limits and the statistics that there are."""

import re
from pathlib import Path

from quality.default_limits import LIMITS
from quality.limits import SUITES

PAGE = (Path(__file__).parents[2] / "docs" / "quality.md").read_text(encoding="utf-8")
SAME = ("teacher", "student", "finetuned")


def test_every_limit_stands_in_the_table_as_it_is():
    assert LIMITS["student"] == LIMITS["finetuned"] == LIMITS["teacher"]
    expected = [
        f"| {', '.join(SAME) if stage in SAME else stage} | {suite} | `{limit.statistic}` "
        f"| {limit.in_words({})} | {limit.reason} |"
        for stage, held in LIMITS.items()
        if stage not in SAME[1:]
        for suite in SUITES
        for limit in held.suite(suite)
    ]
    assert re.findall(r"^\|.*\| (?:critical|drift) \|.*\|$", PAGE, re.MULTILINE) == expected


def test_every_limited_statistic_is_explained():
    (counted,) = re.findall(r"## What is counted\n(.*?)\n## ", PAGE, re.DOTALL)
    limited = {x.statistic for held in LIMITS.values() for s in SUITES for x in held.suite(s)}
    told = set(re.findall(r"`(\w+)`", counted))
    assert {s for s in limited if s.removesuffix("_predicted") not in told and s not in told} <= {
        "dev_documents",
        "estimated_false_positive_rate",
        "estimated_false_negative_rate",
        "test_texts_shared",
        "test_titles_shared",
    }
