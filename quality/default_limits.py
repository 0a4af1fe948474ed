"""What each stage's statistics may be unless somebody says otherwise, and why."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from quality.limits import Bound, Limit, StageLimits, overridden

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
"""The defaults, by stage and suite."""


def limits(overrides: Mapping[str, float | None] | None = None) -> Mapping[str, StageLimits]:
    """`LIMITS` with bounds replaced by dotted names; see `quality.limits.overridden`."""
    return overridden(LIMITS, overrides or {})
