"""Limits and labels put as Great Expectations' expectations.

Great Expectations takes seconds to import, so that only functions do.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from html import escape
from typing import Any, Final

from quality.labels import KEY, LABELS
from quality.limits import ANNOTATED, Limit

NOISE_RATES: Final = (
    "estimated_false_positive_rate",
    "estimated_false_negative_rate",
    "true_false_positive_rate",
    "true_false_negative_rate",
    "type_inconsistent_excess",
)
LEAKS: Final = (
    "dev_texts_shared",
    "dev_titles_shared",
    "test_texts_shared",
    "test_titles_shared",
)

_SEVERITIES: Final = {"critical": "critical", "drift": "warning"}


@dataclass(frozen=True, slots=True)
class Words:
    """What an expectation is about, in words; Great Expectations keeps them as its ``meta``."""

    statistic: str
    expected: str
    remedy: str
    worst: tuple[str, ...] = ()
    """Relations and documents that are most to blame if it fails."""
    missing: str | None = None
    """What is not there and would have to be for the expectation to be tried."""
    rows: str = "relations"
    """What the rows are, of an expectation about each."""

    def description(self, meaning: str, reason: str) -> str:
        """The expectation as data docs show it: a little HTML, a line for each thing to know."""
        worst = f"Most to blame: {', '.join(self.worst)}." if self.worst else ""
        lines = [f"{_sentence(reason)}.", f"If it fails: {self.remedy}.", worst]
        title = f"<strong>{escape(_sentence(meaning))}</strong>: {escape(self.expected)}."
        return "\n".join([title, *(escape(line) for line in lines if line)])


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def great_expectations() -> Any:
    """The library, silent and without usage statistics."""
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
    import great_expectations as gx

    for talkative in ("great_expectations", "great_expectations.data_context.types.base"):
        logging.getLogger(talkative).setLevel(logging.ERROR)
    return gx


@cache
def own_expectations() -> Mapping[str, Any]:
    """Our expectations about a statistic of all relations, by the statistic's name.

    All others are Great Expectations' own. To define them registers them, which reading stored
    suites needs.
    """
    great_expectations()
    import great_expectations.expectations as gxe

    class ExpectLabelDivergenceToBeAtMost(gxe.ExpectColumnMaxToBeBetween):
        """The label distribution is near the annotated one."""

    class ExpectNoiseRateToBeBetween(gxe.ExpectColumnMaxToBeBetween):
        """Labels are as noisy as may be."""

    class ExpectCalibrationErrorToBeAtMost(gxe.ExpectColumnMaxToBeBetween):
        """Probabilities mean what they say."""

    class ExpectSharedDocumentsToBeAtMost(gxe.ExpectColumnMaxToBeBetween):
        """What is scored on is not trained on."""

    class ExpectCoverageToBeAtLeast(gxe.ExpectColumnMinToBeBetween):
        """Soft labels are all there."""

    return {
        "js_bits": ExpectLabelDivergenceToBeAtMost,
        "js_bits_low": ExpectLabelDivergenceToBeAtMost,
        "ece_predicted": ExpectCalibrationErrorToBeAtMost,
        **dict.fromkeys(NOISE_RATES, ExpectNoiseRateToBeBetween),
        **dict.fromkeys(LEAKS, ExpectSharedDocumentsToBeAtMost),
        **dict.fromkeys(("documents_covered", "pairs_covered"), ExpectCoverageToBeAtLeast),
    }


def of_limit(
    limit: Limit,
    suite: str,
    reference: Mapping[str, float],
    *,
    worst: Sequence[str] = (),
    missing: str | None = None,
) -> Any:
    """The expectation that a statistic keeps to its limit.

    Args:
        limit: of a statistic, which is a column of what is validated.
        suite: ``critical`` or ``drift``.
        reference: statistics of the annotated documents, by name. Where one is lacking that a
            bound is a multiple of, the expectation is about its column, which is not there either:
            that is an error, as nobody knows whether the limit is kept.
        worst: who is to blame if it fails.
        missing: what is not there, if the statistic is not.
    """
    column, unknown = limit.statistic, limit.unknown(reference)
    if unknown:
        column = f"{unknown[0]} of {ANNOTATED}"
        missing = f"no {unknown[0]} of the annotated documents, which the limit is taken from"
    each = ", for each relation" if limit.by_relation else ""
    expected = f"{limit.in_words(reference)}{each}"
    words = Words(limit.statistic, expected, limit.remedy, tuple(worst), missing)
    bounds = {"min_value": limit.least, "max_value": limit.most}
    return _kind(limit)(
        column=column,
        **{name: bound and bound.value(reference) for name, bound in bounds.items()},
        severity=_SEVERITIES[suite],
        description=words.description(limit.meaning, limit.reason),
        meta=asdict(words),
    )


def _kind(limit: Limit) -> Any:
    gxe = great_expectations().expectations
    if limit.by_relation:
        return gxe.ExpectColumnValuesToBeBetween
    return own_expectations().get(limit.statistic, gxe.ExpectColumnMaxToBeBetween)


def of_labels(relations: Sequence[str]) -> list[Any]:
    """What is expected of each single label, as rows of `LABELS`.

    Args:
        relations: the vocabulary's, without NA.
    """
    gxe = great_expectations().expectations
    known = f"one of the vocabulary's {len(relations)} relations"
    return [
        *(_of_rows(gxe.ExpectColumnValuesToNotBeNull, "a value", column=name) for name in LABELS),
        _of_rows(
            gxe.ExpectColumnValuesToBeInSet, known, column="relation", value_set=list(relations)
        ),
        _of_rows(
            gxe.ExpectSelectColumnValuesToBeUniqueWithinRecord,
            "two different entities",
            column_list=["head", "tail"],
        ),
        _of_rows(gxe.ExpectCompoundColumnsToBeUnique, "each label once", column_list=list(KEY)),
    ]


def _of_rows(kind: Any, expected: str, **about: Any) -> Any:
    columns = about.get("column_list", [about.get("column")])
    name = f"sampled labels' {' and '.join(columns)}" if len(columns) < 3 else "sampled labels"
    remedy = "materialize what these labels are from again, with the corpus' vocabulary"
    words = Words(name, expected, remedy, rows="labels")
    return kind(
        **about,
        severity=_SEVERITIES["critical"],
        description=words.description(name, "A label joins two entities by a relation, once"),
        meta=asdict(words),
    )
