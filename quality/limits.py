"""What a stage's statistics may be: hard limits (critical) and softer ones (drift)."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Final

ANNOTATED: Final = "annotated"
"""The stage whose statistics other stages' bounds may be multiples of."""

SUITES: Final = ("critical", "drift")

ENDS: Final = ("least", "most")


@dataclass(frozen=True)
class Bound:
    """A number, or a multiple of what the annotated documents have."""

    number: float
    of: str | None = None
    """A statistic of the annotated documents that ``number`` is a multiple of."""

    def value(self, reference: Mapping[str, float]) -> float | None:
        """The bound itself; None if the annotated documents lack its statistic.

        Args:
            reference: statistics of the annotated documents, by name.
        """
        if self.of is None:
            return self.number
        return self.number * reference[self.of] if self.of in reference else None

    def in_words(self, reference: Mapping[str, float]) -> str:
        """The bound and, of a derived one, where it comes from."""
        if self.of is None:
            return in_words(self.number)
        value = self.value(reference)
        source = f"{in_words(self.number)} × {self.of} of the annotated documents"
        return source if value is None else f"{in_words(value)} ({source})"


@dataclass(frozen=True, kw_only=True)
class Limit:
    """What one statistic of a stage may be, both ends included."""

    statistic: str
    least: Bound | None = None
    most: Bound | None = None
    by_relation: bool = False
    """Whether each relation's number is judged; else the one about all relations."""
    explained_by: str | None = None
    """A statistic of relations. Where the limit is broken, the ten relations with the most of it
    are named as the worst, or with the least of it if there is only ``least``."""
    required: bool = True
    """Whether the statistic must be there; of relations, where the stage has labels."""
    reason: str
    """Why the bounds are what they are."""
    remedy: str
    """What to do where the limit is broken."""

    def __post_init__(self) -> None:
        if self.least is None and self.most is None:
            raise ValueError(f"limit of {self.statistic}: expected least, most or both, found none")
        least, most = (b.number if b and not b.of else None for b in (self.least, self.most))
        if least is not None and most is not None and least > most:
            raise ValueError(
                f"limit of {self.statistic}: expected least to be most or less, found {least} and "
                f"{most}: nothing lies between; replace the other bound too"
            )

    @property
    def meaning(self) -> str:
        """The statistic in words."""
        return MEANINGS.get(self.statistic, self.statistic)

    def must_be_there(self, labels: float) -> bool:
        """Whether a stage that has so many labels is in error without the statistic."""
        return self.required and (labels > 0 or not self.by_relation)

    def unknown(self, reference: Mapping[str, float]) -> list[str]:
        """Statistics that the bounds are multiples of and that the annotated documents lack."""
        bounds = (self.least, self.most)
        return [str(b.of) for b in bounds if b is not None and b.value(reference) is None]

    def in_words(self, reference: Mapping[str, float]) -> str:
        """What is expected, such as "from 0.05 to 20"."""
        least, most = (b and b.in_words(reference) for b in (self.least, self.most))
        if least and most:
            return f"from {least} to {most}"
        return f"at most {most}" if most else f"at least {least}"


@dataclass(frozen=True)
class StageLimits:
    """What a stage's statistics may be; each suite has a statistic once."""

    critical: tuple[Limit, ...] = ()
    """Beyond these nothing good can come of the stage."""
    drift: tuple[Limit, ...] = ()
    """Beyond these somebody should have a look."""

    def __post_init__(self) -> None:
        for suite in SUITES:
            names = [limit.statistic for limit in self.suite(suite)]
            if twice := {name for name in names if names.count(name) > 1}:
                raise ValueError(
                    f"{suite} limits: expected each statistic once, found several limits of "
                    f"{', '.join(sorted(twice))}: their names would be the same; make them one"
                )

    def suite(self, name: str) -> tuple[Limit, ...]:
        """The limits of one of `SUITES`."""
        held: tuple[Limit, ...] = getattr(self, name)
        return held

    def warning_only(self) -> StageLimits:
        """The same with nothing critical: what drift does not judge already, it judges as well."""
        judged = {limit.statistic for limit in self.drift}
        moved = tuple(limit for limit in self.critical if limit.statistic not in judged)
        return StageLimits(drift=(*moved, *self.drift))


def in_words(number: float) -> str:
    """A number, in at most six digits if it is not whole."""
    return f"{number:.0f}" if number == round(number, 0) else f"{number:.6g}"


MEANINGS: Final[Mapping[str, str]] = {
    "above_th_share": "share of pairs in which the teacher finds a relation",
    "brier_predicted": "mean squared error of the probabilities of predicted relations",
    "cohen_kappa": "agreement of distant labels and teacher beyond chance (Cohen's κ)",
    "dev_documents": "labelled dev documents",
    "dev_f1": "F1 on the dev documents",
    "dev_texts_shared": "share of dev documents whose words are trained on",
    "dev_titles_shared": "share of dev documents whose title is trained on",
    "documents_covered": "share of distant documents that have soft labels",
    "ece_predicted": "calibration error of the probabilities of predicted relations",
    "estimated_false_negative_rate": "estimated share of true relations that no label tells",
    "estimated_false_positive_rate": "estimated share of distant labels that are wrong",
    "flood_ratio": "how many times as many labels as annotated documents have of a relation",
    "js_bits": "divergence of the labels' relations from the annotated documents', in bits",
    "js_bits_low": "divergence of the labels' relations from the annotated documents' beyond "
    "chance, in bits",
    "labels_per_document": "labels per document",
    "missing_share": "share of all labels that is due to a relation with hardly a label",
    "na_rate": "share of pairs without a label",
    "near_th_share": "share of pairs that the teacher could decide either way",
    "non_finite_pairs": "pairs with a logit that is not finite",
    "pairs_covered": "share of distant pairs that have soft labels",
    "relations": "relations that have a label",
    "relations_with_enough": "relations that have ten labels",
    "repeated_texts_share": "share of documents whose words another document has too",
    "surplus_share": "a relation's share of labels less its share in the annotated documents",
    "temperature": "temperature that calibrates the model on dev",
    "test_texts_shared": "share of test documents whose words are trained on",
    "test_titles_shared": "share of test documents whose title is trained on",
    "true_false_negative_rate": "share of annotated relations that no distant label tells",
    "true_false_positive_rate": "share of distant labels that annotators contradict",
    "type_inconsistent_excess": "share of labels between entity types never annotated so, less "
    "what may be new by chance",
    "unseen_relation_share": "share of labels whose relation is never annotated",
}
"""What limited statistics are, in words."""


def overridden(
    defaults: Mapping[str, StageLimits], overrides: Mapping[str, float | None]
) -> Mapping[str, StageLimits]:
    """Limits of stages with bounds replaced by dotted names: ``distant.critical.js_bits.most``.

    A number is the new bound, also where the old one was a multiple of what the annotated
    documents have; None removes a bound, and its limit where no other bound is left.

    Raises:
        ValueError: if there is no such limit, or a bound is no finite number.
    """
    changes: dict[tuple[str, str, str], dict[str, Bound | None]] = {}
    for path, number in overrides.items():
        *limit, end = _place(path, defaults)
        changes.setdefault((limit[0], limit[1], limit[2]), {})[end] = _bound(path, number)

    def changed(stage: str, suite: str) -> tuple[Limit, ...]:
        held = defaults[stage].suite(suite)
        chosen = (_with(limit, changes.get((stage, suite, limit.statistic), {})) for limit in held)
        return tuple(limit for limit in chosen if limit is not None)

    return {stage: StageLimits(*(changed(stage, suite) for suite in SUITES)) for stage in defaults}


def _place(path: str, defaults: Mapping[str, StageLimits]) -> tuple[str, str, str, str]:
    """Stage, suite, statistic and end that a dotted name is made of."""
    names = path.split(".")
    if len(names) != 4:
        raise ValueError(
            f"limit {path!r}: expected a stage, a suite, a statistic and least or most, such as "
            "distant.critical.js_bits.most"
        )
    stage, suite, statistic, end = names
    _known(path, stage, defaults)
    _known(path, suite, SUITES)
    _known(path, statistic, [limit.statistic for limit in defaults[stage].suite(suite)])
    _known(path, end, ENDS)
    return stage, suite, statistic, end


def _known(path: str, name: str, names: Collection[str]) -> None:
    if name not in names:
        raise ValueError(f"limit {path!r}: {name!r} is not one of {', '.join(names)}")


def _bound(path: str, number: float | None) -> Bound | None:
    if number is None:
        return None
    if isinstance(number, bool) or not isinstance(number, int | float) or not isfinite(number):
        raise ValueError(f"limit {path!r}: expected a finite number or null, found {number!r}")
    return Bound(number)


def _with(limit: Limit, bounds: Mapping[str, Bound | None]) -> Limit | None:
    """The limit with other bounds; None if it has none left."""
    least, most = bounds.get("least", limit.least), bounds.get("most", limit.most)
    if least is None and most is None:
        return None
    return dataclasses.replace(limit, least=least, most=most)
