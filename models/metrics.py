"""Scores of predicted triples against labelled documents, as the field's scorers define them.

Sources, whose figures tests/golden/evaluation_case.json holds: DocRED's official
``code/evaluation.py`` (Yao et al. 2019, github.com/thunlp/DocRED) for F1, both Ign F1 and evidence
F1; Re-DocRED's ``evaluation.py``, function ``official_evaluate_benchmark`` (Tan et al. 2022,
github.com/tonytan48/Re-DocRED), for the slices in `models.slices`. ``doc_id`` stands for those
scorers' title. (Re-DocRED's copy starts counting gold evidence at 1; here, as in DocRED, it starts
at 0.)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Final

import numpy as np

from corpus.arrays import Float64Array
from corpus.schema import Document
from models.judged import Judged
from models.ratios import divided, harmonic, ratios
from models.triples import Cell, Facts, Triple, names_of

SUMS: Final = 8
"""Numbers of `tallies` a document."""


@dataclass(frozen=True)
class Scores:
    """Scores of a model on labelled documents, each from 0 to 1; 0 where nothing is to be counted.

    `score` tells how each is defined.
    """

    f1: float
    precision: float
    recall: float
    ign_f1_annotated: float
    ign_f1_distant: float
    evidence_f1: float
    evidence_precision: float
    evidence_recall: float
    macro_f1: float
    gold: int
    """Number of gold triples."""
    predicted: int
    """Number of different predicted triples."""
    correct: int
    """Number of predicted triples that are gold."""

    def as_dict(self) -> dict[str, float]:
        """All scores and counts by name."""
        return asdict(self)


def score(
    documents: Sequence[Document],
    predicted: Iterable[Triple],
    annotated_facts: Facts = frozenset(),
    distant_facts: Facts = frozenset(),
) -> Scores:
    """Score predicted triples against the labels of ``documents``.

    - *precision, recall, F1*: a triple is correct if document, head, tail and relation are gold.
      Of repeated predictions the first counts. Predictions on documents or entities that are not
      there count as wrong. (DocRED)
    - *Ign F1* (annotated, distant): correct triples of which some pair of head and tail mention
      names is a training fact with that relation are taken out of both sides of the precision,
      (correct - seen) / (predicted - seen + 1e-5); recall stays that of all triples. (DocRED)
    - *evidence precision, recall, F1*: over sentences. Correct are those that a correct triple
      shares with its gold evidence; predicted are all sentences given with predictions on these
      documents, wrong triples included, so that a prediction without evidence adds none; gold are
      all evidence sentences of all labels. (DocRED)
    - *macro F1*: mean F1 of the relations that have gold labels.

    Args:
        documents: B documents, all labelled, each `doc_id` once.
        predicted: triples in any order, indices as in the documents.
        annotated_facts: `facts_of` the annotated training documents.
        distant_facts: facts of the distantly labelled training documents.

    Raises:
        ValueError: if a document has no labels or a `doc_id` repeats.
    """
    return scores_of(Judged.of(documents, predicted), annotated_facts, distant_facts)


def scores_of(judged: Judged, annotated_facts: Facts, distant_facts: Facts) -> Scores:
    """What `score` tells, of triples that are side by side already."""
    sums = tallies(judged, annotated_facts, distant_facts).sum(0)
    gold, predicted, correct = (int(count) for count in sums[:3])
    shares = {name: float(np.nan_to_num(value)) for name, value in headline(sums).items()}
    return Scores(
        **shares, macro_f1=_macro_f1(judged), gold=gold, predicted=predicted, correct=correct
    )


def tallies(judged: Judged, annotated_facts: Facts, distant_facts: Facts) -> Float64Array:
    """What the scores of `headline` are made of, document by document [B, `SUMS`] float64."""
    seen = [
        (_is_seen(cell, judged, annotated_facts), _is_seen(cell, judged, distant_facts))
        for cell in judged.cells
    ]
    evidence = [_evidence(cell, judged) for cell in judged.cells]
    n_cells = len(judged.cells)
    parts = (judged.counts, np.reshape(seen, (n_cells, 2)), np.reshape(evidence, (n_cells, 3)))
    return judged.by_document(np.concatenate(parts, axis=1))


def headline(sums: Float64Array) -> dict[str, Float64Array]:
    """The scores that are told by sums over documents, each [...]; NaN where nothing is counted.

    Args:
        sums: [..., `SUMS`] sums of `tallies` over some documents.
    """
    counts, seen, evidence = sums[..., :3], sums[..., 3:5], sums[..., 5:]
    _, predicted, correct = np.moveaxis(counts, -1, 0)
    overall, of_evidence = ratios(counts), ratios(evidence)
    ign = [
        harmonic(
            divided(correct - seen[..., i], predicted - seen[..., i] + 1e-5), overall["recall"]
        )
        for i in range(2)
    ]
    return {
        **overall,
        "ign_f1_annotated": ign[0],
        "ign_f1_distant": ign[1],
        **{f"evidence_{name}": value for name, value in of_evidence.items()},
    }


def _is_seen(cell: Cell, judged: Judged, facts: Facts) -> bool:
    """Whether a correct triple is a fact of training, by any names of head and tail."""
    if not facts or cell not in judged.gold or cell not in judged.given:
        return False
    doc_id, head, tail, relation = cell
    entities = judged.documents[doc_id].entities
    return any(
        (head_name, tail_name, relation) in facts
        for head_name in names_of(entities[head])
        for tail_name in names_of(entities[tail])
    )


def _evidence(cell: Cell, judged: Judged) -> tuple[int, int, int]:
    """Sentences that are gold, predicted on one of the documents, and both."""
    gold, given = judged.gold.get(cell, ()), judged.given.get(cell, frozenset())
    return (
        len(gold),
        len(given) if cell[0] in judged.documents else 0,
        len(given.intersection(gold)),
    )


def _macro_f1(judged: Judged) -> float:
    """Mean F1 of the relations that have gold labels; 0 without any."""
    by_relation: Mapping[str, Float64Array] = {cell[3]: np.zeros(3) for cell in judged.gold}
    for cell, counts in zip(judged.cells, judged.counts, strict=True):
        if cell[3] in by_relation:
            by_relation[cell[3]] += counts
    if not by_relation:
        return 0.0
    return float(ratios(np.stack(list(by_relation.values())))["f1"].mean())
