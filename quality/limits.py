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

_ANNOTATION = "correct the annotated documents and materialize raw_documents again"
_KNOWLEDGE_BASE = (
    "look at the worst relations in the knowledge base: do its ids mean what the vocabulary says, "
    "and are its facts and names right? Then materialize distant_documents again"
)
_OTHER_ID = (
    "see whether the knowledge base knows the relation by another id, or not at all, and "
    "materialize distant_documents again"
)
_LEAK = "leave these documents out of what is trained on, and materialize raw_documents again"
_TEACHER = (
    "look at the teacher's training curve and dev scores; train it longer or at another learning "
    "rate, or annotate more, and materialize soft_labels again"
)
_MODEL = (
    "look at the model's training curve; train it longer or at another learning rate, on more or "
    "cleaner labels"
)
_RECOMPUTE = "materialize the model and all that it computed again"


def _no_leaks(kind: str) -> tuple[Limit, ...]:
    """Nothing of dev and test is trained on; what there is no split of need not be there."""
    return tuple(
        Limit(
            statistic=f"{split}_{kind}_shared",
            most=Bound(0),
            required=False,
            reason="Scores on documents that were trained on are too good",
            remedy=_LEAK,
        )
        for split in ("dev", "test")
    )


_NO_REPETITION: Final = Limit(
    statistic="repeated_texts_share",
    most=Bound(0.01),
    reason="What is there twice counts twice; up to one in a hundred this moves nothing",
    remedy="remove the copies and materialize raw_documents again",
)


def _finite_logits(remedy: str) -> Limit:
    return Limit(
        statistic="non_finite_pairs",
        most=Bound(0),
        reason="One such logit spoils all that is learnt from it",
        remedy=remedy,
    )


_MODEL_LIMITS: Final = StageLimits(
    critical=(
        Limit(
            statistic="dev_f1",
            least=Bound(0.1),
            reason="A model that finds less has learnt next to nothing, and passes that on",
            remedy=_MODEL,
        ),
        Limit(
            statistic="temperature",
            least=Bound(0.05),
            most=Bound(20),
            reason="Models' logits are a few times too sharp or too flat; beyond twenty times the "
            "fit has run away, as it does where dev has hardly a label",
            remedy="give the corpus more labelled dev documents; if it has, train the model longer",
        ),
        _finite_logits(_RECOMPUTE),
    ),
    drift=(
        Limit(
            statistic="ece_predicted",
            most=Bound(0.15),
            required=False,
            reason="Estimates of noise take probabilities at their word",
            remedy="label more dev documents, so that the calibration fits better",
        ),
        Limit(
            statistic="js_bits_low",
            most=Bound(0.3),
            explained_by="js_bits_share",
            required=False,
            reason="Models leave rare relations out; this far beyond chance they find others",
            remedy=_MODEL,
        ),
        Limit(
            statistic="brier_predicted",
            most=Bound(0.3),
            required=False,
            reason="A coin's probabilities of one half have 0.25",
            remedy="label more dev documents, so that the calibration fits better",
        ),
    ),
)

LIMITS: Final[Mapping[str, StageLimits]] = {
    "annotated": StageLimits(
        critical=(
            Limit(
                statistic="labels_per_document",
                least=Bound(0.1),
                reason="Nothing is learnt from documents of which nine in ten have no label",
                remedy=_ANNOTATION,
            ),
            Limit(
                statistic="relations",
                least=Bound(1),
                reason="Without a labelled relation there is nothing to learn",
                remedy=_ANNOTATION,
            ),
            Limit(
                statistic="dev_documents",
                least=Bound(1),
                reason="Epochs and calibrations are chosen on labelled dev documents",
                remedy="give the corpus a labelled dev split",
            ),
            *_no_leaks("texts"),
            _NO_REPETITION,
        ),
        drift=(
            Limit(
                statistic="relations_with_enough",
                least=Bound(3),
                reason="With fewer, scores hang on a handful of labels",
                remedy="annotate more documents",
            ),
            *_no_leaks("titles"),
            Limit(
                statistic="na_rate",
                least=Bound(0.5),
                reason="In DocRED and Re-DocRED more than nine in ten pairs have no label",
                remedy="see whether labels were given by pair of mentions, or once too often",
            ),
        ),
    ),
    "distant": StageLimits(
        critical=(
            Limit(
                statistic="labels_per_document",
                least=Bound(0.02, of="labels_per_document"),
                most=Bound(5, of="labels_per_document"),
                reason="A knowledge base tells a part of what holds, and adds wrong labels; a "
                "fiftieth is no match of names at all, and five times as many no match of facts",
                remedy="see whether names in the knowledge base are written as in the documents, "
                "and materialize distant_documents again",
            ),
            Limit(
                statistic="js_bits",
                most=Bound(0.5),
                explained_by="js_bits_share",
                reason="Half way between the same relations (0 bits) and quite others (1 bit); of "
                "ten annotated documents, chance alone makes 0.2",
                remedy=_KNOWLEDGE_BASE,
            ),
            Limit(
                statistic="type_inconsistent_excess",
                most=Bound(0.055),
                explained_by="type_inconsistent_share",
                reason="What may be new as few documents are annotated is taken off; names that "
                "stand for things of other types give up to five in a hundred",
                remedy=_KNOWLEDGE_BASE,
            ),
            Limit(
                statistic="flood_ratio",
                most=Bound(3),
                by_relation=True,
                reason="A knowledge base tells a part of what annotators find, and of no relation "
                "three times as much",
                remedy=_KNOWLEDGE_BASE,
            ),
            Limit(
                statistic="surplus_share",
                most=Bound(0.25),
                by_relation=True,
                reason="A relation that takes a quarter of all labels too many drowns the others",
                remedy=_KNOWLEDGE_BASE,
            ),
            Limit(
                statistic="missing_share",
                most=Bound(0.05),
                by_relation=True,
                reason="Sound knowledge bases lack relations of up to one in twenty labels, as "
                "they know little of works or siblings; a more frequent one goes by another id",
                remedy=_OTHER_ID,
            ),
            *_no_leaks("texts"),
            _NO_REPETITION,
        ),
        drift=(
            Limit(
                statistic="js_bits_low",
                most=Bound(0.2),
                explained_by="js_bits_share",
                reason="Knowledge bases and annotators do not favour the same relations; at a "
                "fifth of a bit beyond chance they hardly share them",
                remedy=_KNOWLEDGE_BASE,
            ),
            Limit(
                statistic="type_inconsistent_excess",
                most=Bound(0.035),
                explained_by="type_inconsistent_share",
                reason="Two thirds of the hard limit",
                remedy=_KNOWLEDGE_BASE,
            ),
            Limit(
                statistic="flood_ratio",
                most=Bound(2),
                by_relation=True,
                reason="Two thirds of the hard limit",
                remedy=_KNOWLEDGE_BASE,
            ),
            Limit(
                statistic="surplus_share",
                most=Bound(0.12),
                by_relation=True,
                reason="Half the hard limit: knowledge bases know more of places than of people",
                remedy=_KNOWLEDGE_BASE,
            ),
            Limit(
                statistic="missing_share",
                most=Bound(0.005),
                by_relation=True,
                reason="A tenth of the hard limit: what a knowledge base hardly knows is learnt "
                "from the annotated documents alone",
                remedy=_OTHER_ID,
            ),
            Limit(
                statistic="unseen_relation_share",
                most=Bound(0.02),
                reason="A relation that is never annotated is learnt from noise alone",
                remedy="annotate documents that have these relations, or take them out of the "
                "knowledge base",
            ),
            *_no_leaks("titles"),
            Limit(
                statistic="true_false_positive_rate",
                most=Bound(0.5),
                explained_by="true_false_positive_rate",
                required=False,
                reason="In DocRED four to six of ten distant labels are wrong (Yao et al. 2019)",
                remedy=_KNOWLEDGE_BASE,
            ),
            Limit(
                statistic="true_false_negative_rate",
                most=Bound(0.8),
                explained_by="true_false_negative_rate",
                required=False,
                reason="With fewer than one in five relations labelled, most of what is learnt is "
                "that nothing holds",
                remedy=_KNOWLEDGE_BASE,
            ),
        ),
    ),
    "teacher": _MODEL_LIMITS,
    "soft_labels": StageLimits(
        critical=(
            _finite_logits("materialize teacher_model and soft_labels again"),
            Limit(
                statistic="documents_covered",
                least=Bound(1),
                reason="The student learns from each distant document's soft labels",
                remedy="materialize all shards of soft_labels again",
            ),
            Limit(
                statistic="pairs_covered",
                least=Bound(1),
                reason="The student learns from each pair's soft label",
                remedy="materialize all shards of soft_labels again",
            ),
            Limit(
                statistic="above_th_share",
                least=Bound(0.1, of="labelled_share"),
                most=Bound(10, of="labelled_share"),
                reason="A teacher that finds ten times fewer or more than annotators is not theirs",
                remedy=_TEACHER,
            ),
            Limit(
                statistic="cohen_kappa",
                least=Bound(0.05),
                explained_by="cohen_kappa",
                reason="Labels and teacher that agree no more than by chance are not of the same "
                "documents, or not of the same relations",
                remedy="see whether soft_labels are of this teacher, vocabulary and corpus, and "
                "materialize them again",
            ),
            Limit(
                statistic="estimated_false_positive_rate",
                most=Bound(0.6),
                explained_by="estimated_false_positive_rate",
                reason="Six of ten distant labels across sentences are wrong in DocRED "
                "(Yao et al. 2019)",
                remedy=_KNOWLEDGE_BASE,
            ),
            Limit(
                statistic="js_bits_low",
                most=Bound(0.5),
                explained_by="js_bits_share",
                reason="Half way between the same relations (0 bits) and quite others (1 bit), "
                "whatever chance adds",
                remedy=_TEACHER,
            ),
        ),
        drift=(
            Limit(
                statistic="estimated_false_positive_rate",
                most=Bound(0.45),
                explained_by="estimated_false_positive_rate",
                reason="Four of ten distant labels within a sentence are wrong in DocRED "
                "(Yao et al. 2019)",
                remedy=_KNOWLEDGE_BASE,
            ),
            Limit(
                statistic="estimated_false_negative_rate",
                most=Bound(0.9),
                explained_by="estimated_false_negative_rate",
                reason="With fewer than one in ten relations labelled, most of what is learnt is "
                "that nothing holds",
                remedy=_KNOWLEDGE_BASE,
            ),
            Limit(
                statistic="near_th_share",
                most=Bound(0.2),
                reason="A trained teacher is sure of most pairs that nothing holds",
                remedy=_TEACHER,
            ),
            Limit(
                statistic="js_bits_low",
                most=Bound(0.25),
                explained_by="js_bits_share",
                reason="Teachers leave rare relations out; this far beyond chance they find others",
                remedy=_TEACHER,
            ),
            Limit(
                statistic="cohen_kappa",
                least=Bound(0.2),
                explained_by="cohen_kappa",
                reason="Below this agreement is called slight (Landis and Koch 1977)",
                remedy=_TEACHER,
            ),
        ),
    ),
    "student": _MODEL_LIMITS,
    "finetuned": _MODEL_LIMITS,
    "predictions": StageLimits(
        critical=(
            Limit(
                statistic="labels_per_document",
                least=Bound(0.05, of="labels_per_document"),
                most=Bound(5, of="labels_per_document"),
                reason="A model that finds a twentieth of what annotators find, or five times as "
                "much, is of no use",
                remedy=_MODEL,
            ),
            Limit(
                statistic="js_bits_low",
                most=Bound(0.35),
                explained_by="js_bits_share",
                reason="A third of the way from the same relations (0 bits) to quite others (1 "
                "bit), whatever chance adds: the model has forgotten most of them",
                remedy=_MODEL,
            ),
        ),
        drift=(
            Limit(
                statistic="type_inconsistent_excess",
                most=Bound(0.05),
                explained_by="type_inconsistent_share",
                reason="What may be new as few documents are annotated is taken off",
                remedy=_MODEL,
            ),
            Limit(
                statistic="js_bits_low",
                most=Bound(0.25),
                explained_by="js_bits_share",
                reason="Models leave rare relations out; this far beyond chance they find others",
                remedy=_MODEL,
            ),
        ),
    ),
}
"""The defaults, by stage and suite. `limits` replaces their bounds."""


def limits(overrides: Mapping[str, float | None] | None = None) -> Mapping[str, StageLimits]:
    """`LIMITS` with bounds replaced by dotted names, such as ``distant.critical.js_bits.most``.

    A number is the new bound, also where the old one was a multiple of what the annotated
    documents have; None removes a bound, and its limit where no other bound is left.

    Raises:
        ValueError: if there is no such limit, or a bound is no finite number.
    """
    changes: dict[tuple[str, str, str], dict[str, Bound | None]] = {}
    for path, number in (overrides or {}).items():
        *limit, end = _place(path)
        changes.setdefault((limit[0], limit[1], limit[2]), {})[end] = _bound(path, number)

    def changed(stage: str, suite: str) -> tuple[Limit, ...]:
        held = LIMITS[stage].suite(suite)
        chosen = (_with(limit, changes.get((stage, suite, limit.statistic), {})) for limit in held)
        return tuple(limit for limit in chosen if limit is not None)

    return {stage: StageLimits(*(changed(stage, suite) for suite in SUITES)) for stage in LIMITS}


def _place(path: str) -> tuple[str, str, str, str]:
    """Stage, suite, statistic and end that a dotted name is made of."""
    names = path.split(".")
    if len(names) != 4:
        raise ValueError(
            f"limit {path!r}: expected a stage, a suite, a statistic and least or most, such as "
            "distant.critical.js_bits.most"
        )
    stage, suite, statistic, end = names
    _known(path, stage, LIMITS)
    _known(path, suite, SUITES)
    _known(path, statistic, [limit.statistic for limit in LIMITS[stage].suite(suite)])
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
