"""Every score of predicted triples, with the intervals that they would scatter in."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from corpus.arrays import Float64Array
from corpus.schema import ALL, Document
from models.intervals import interval, resampled
from models.judged import Judged
from models.metrics import SUMS, headline, scores_of, tallies
from models.ratios import ratios
from models.slices import DOCRED_FREQUENT, Sliced, sliced
from models.triples import Facts, Triple


@dataclass(frozen=True, slots=True)
class Score:
    """A row of `EVALUATION`, but for whose it is and on which split."""

    slice: str
    relation: str | None
    metric: str
    value: float
    low: float | None = None
    high: float | None = None


def evaluate_triples(
    documents: Sequence[Document],
    predicted: Sequence[Triple],
    annotated_facts: Facts = frozenset(),
    distant_facts: Facts = frozenset(),
    frequent: Collection[str] = DOCRED_FREQUENT,
) -> list[Score]:
    """The scores of `models.metrics.score` as slice all, and those of all `models.slices`.

    Slices have f1, precision, recall, gold, predicted and correct. What is told by sums over
    documents has its 95 % interval, where there is anything to be counted.

    Args:
        documents: at least one, all labelled, each `doc_id` once.
        predicted: triples in any order, indices as in the documents.
        annotated_facts: `facts_of` the annotated training documents.
        distant_facts: facts of the distantly labelled training documents.
        frequent: the frequent relations.

    Raises:
        ValueError: if there is no document, one has no labels, or a `doc_id` repeats.
    """
    judged = Judged.of(documents, predicted)
    counted, parts = tallies(judged, annotated_facts, distant_facts), sliced(judged, frequent)
    flat = parts.counts.reshape(len(counted), -1)
    drawn = resampled(np.concatenate([counted, flat], axis=1))
    ends = _ends(headline(drawn[:, :SUMS]))
    overall = scores_of(judged, annotated_facts, distant_facts).as_dict()
    return [
        *(Score(ALL, None, name, float(v), *ends.get(name, ())) for name, v in overall.items()),
        *_of_slices(parts, drawn[:, SUMS:].reshape(len(drawn), -1, 3)),
    ]


def _of_slices(parts: Sliced, drawn: Float64Array) -> Iterator[Score]:
    """Scores of slices, with intervals from their drawn counts [samples, S, 3]."""
    counts = parts.counts.sum(0)
    values = ratios(counts)
    scattered = {name: interval(of_samples) for name, of_samples in ratios(drawn).items()}
    for s, (name, relation) in enumerate(parts.slices):
        for metric, value in values.items():
            low, high = (_known(end[s]) for end in scattered[metric])
            yield Score(name, relation, metric, float(np.nan_to_num(value[s])), low, high)
        for metric, count in zip(("gold", "predicted", "correct"), counts[s], strict=True):
            yield Score(name, relation, metric, float(count))


def _ends(drawn: Mapping[str, Float64Array]) -> dict[str, tuple[float | None, float | None]]:
    """Both ends of each score's interval, from its values in all samples."""
    ends = {name: interval(values) for name, values in drawn.items()}
    return {name: (_known(low), _known(high)) for name, (low, high) in ends.items()}


def _known(end: Float64Array | float) -> float | None:
    return None if np.isnan(end) else float(end)
