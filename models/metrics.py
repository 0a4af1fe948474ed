"""Scores of predicted triples against labelled documents, as the field's scorers define them.

Sources, whose figures tests/golden/evaluation_case.json holds: DocRED's official
``code/evaluation.py`` (Yao et al. 2019, github.com/thunlp/DocRED) for F1, both Ign F1 and evidence
F1; Re-DocRED's ``evaluation.py``, function ``official_evaluate_benchmark`` (Tan et al. 2022,
github.com/tonytan48/Re-DocRED), for frequent, long-tail, intra- and inter-sentence scores.
``doc_id`` stands for those scorers' title. (Re-DocRED's copy starts counting gold evidence at 1;
here, as in DocRED, it starts at 0.)
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import asdict, dataclass
from math import fsum
from typing import Any, Final, TypeAlias

import polars as pl

from corpus.schema import Document, Entity

Facts: TypeAlias = AbstractSet[tuple[str, str, str]]
"""Facts by name: (head name, tail name, relation)."""

DOCRED_FREQUENT: Final = frozenset(
    {"P17", "P131", "P27", "P150", "P175", "P577", "P463", "P527", "P495", "P361"}
)
"""DocRED's ten most frequent relations, the fixed list of Re-DocRED's scorer."""

BY_RELATION: Final = pl.Schema(
    {
        "relation": pl.String,
        "gold": pl.Int64,
        "predicted": pl.Int64,
        "correct": pl.Int64,
        "precision": pl.Float64,
        "recall": pl.Float64,
        "f1": pl.Float64,
    }
)
"""Scores of each relation, the most frequent in the gold labels first."""

_Cell: TypeAlias = tuple[str, int, int, str]  # doc_id, head, tail, relation


@dataclass(frozen=True, slots=True)
class Triple:
    """A predicted relation between two entities of a document, by their indices."""

    doc_id: str
    head: int
    tail: int
    relation: str
    evidence: tuple[int, ...] = ()

    @property
    def cell(self) -> _Cell:
        """What makes two triples the same; evidence does not."""
        return self.doc_id, self.head, self.tail, self.relation


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
    f1_frequent: float
    precision_frequent: float
    recall_frequent: float
    f1_long_tail: float
    precision_long_tail: float
    recall_long_tail: float
    f1_intra_sentence: float
    precision_intra_sentence: float
    recall_intra_sentence: float
    f1_inter_sentence: float
    precision_inter_sentence: float
    recall_inter_sentence: float
    infer_f1: float
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


@dataclass(frozen=True, slots=True)
class _Counts:
    """What precision, recall and F1 are made of."""

    gold: int
    predicted: int
    correct: int

    @property
    def precision(self) -> float:
        return _ratio(self.correct, self.predicted)

    @property
    def recall(self) -> float:
        return _ratio(self.correct, self.gold)

    @property
    def f1(self) -> float:
        return _f1(self.precision, self.recall)

    def named(self, name: str) -> dict[str, float]:
        return {
            f"f1_{name}": self.f1,
            f"precision_{name}": self.precision,
            f"recall_{name}": self.recall,
        }


def score(
    documents: Sequence[Document],
    predicted: Iterable[Triple],
    annotated_facts: Facts = frozenset(),
    distant_facts: Facts = frozenset(),
    frequent: Collection[str] | None = None,
) -> Scores:
    """Score predicted triples against the labels of ``documents``.

    - *precision, recall, F1*: a triple is correct if document, head, tail and relation are gold.
      Of repeated predictions the first counts. Predictions on documents or entities that are not
      there count as wrong. (DocRED)
    - *Ign F1* (annotated, distant): correct triples of which some pair of head and tail mention
      names is a training fact with that relation are taken out of both sides of the precision,
      (correct - seen) / (predicted - seen + 1e-5); recall stays that of all triples. (DocRED)
    - *evidence F1*: over sentences. Correct are those that a correct triple shares with its gold
      evidence; predicted are all sentences given with predictions on these documents, wrong
      triples included; gold are all evidence sentences of all labels. (DocRED)
    - *frequent, long-tail*: gold and predictions of the relations in ``frequent``, and of all
      others. (Re-DocRED)
    - *intra-, inter-sentence*: gold and predictions on pairs that some sentence mentions both of,
      and on all other pairs. (Re-DocRED)
    - *Infer-F1*: gold and predictions on pairs (h, t) for which (h, r1, o) and (o, r2, t) are gold
      for some o, so that two hops lead to the fact. After Zeng et al. 2020 (GAIN), who published
      no scorer, and whose text counts the premises r1 and r2 along with the conclusion.
    - *macro F1*: mean F1 of the relations that have gold labels.

    Args:
        documents: B documents, all labelled, each `doc_id` once.
        predicted: triples in any order, indices as in the documents.
        annotated_facts: `facts_of` the annotated training documents.
        distant_facts: facts of the distantly labelled training documents.
        frequent: the frequent relations; by default `DOCRED_FREQUENT`. For another schema give
            `most_frequent` of the annotated training documents.

    Raises:
        ValueError: if a document has no labels or a `doc_id` repeats.
    """
    by_id = _by_id(documents)
    gold = _gold(documents)
    given = _without_repeats(predicted)
    correct = gold.keys() & given.keys()
    overall = _Counts(len(gold), len(given), len(correct))
    return Scores(
        f1=overall.f1,
        precision=overall.precision,
        recall=overall.recall,
        ign_f1_annotated=_ign_f1(overall, _seen(correct, by_id, annotated_facts)),
        ign_f1_distant=_ign_f1(overall, _seen(correct, by_id, distant_facts)),
        evidence_f1=_evidence(by_id, gold, given).f1,
        **_by_frequency(gold, given, DOCRED_FREQUENT if frequent is None else frequent),
        **_by_distance(by_id, gold, given),
        infer_f1=_slice(gold, given, _is_bridged(gold)).f1,
        macro_f1=_macro_f1(gold, given),
        gold=overall.gold,
        predicted=overall.predicted,
        correct=overall.correct,
    )


def score_by_relation(documents: Sequence[Document], predicted: Iterable[Triple]) -> pl.DataFrame:
    """Precision, recall and F1 of each relation that is gold or predicted, as a `BY_RELATION`."""
    _by_id(documents)
    counts = _counts_by_relation(_gold(documents), _without_repeats(predicted))
    rows = [
        (relation, c.gold, c.predicted, c.correct, c.precision, c.recall, c.f1)
        for relation, c in counts.items()
    ]
    table = pl.DataFrame(rows, schema=BY_RELATION, orient="row")
    return table.sort("gold", "relation", descending=[True, False])


def facts_of(documents: Iterable[Document]) -> frozenset[tuple[str, str, str]]:
    """Facts that the documents' labels state, by all names of head times all names of tail."""
    return frozenset(
        (head, tail, label.relation)
        for document in documents
        for label in document.labels or ()
        for head in _names(document.entities[label.head])
        for tail in _names(document.entities[label.tail])
    )


def most_frequent(documents: Iterable[Document], n: int = 10) -> frozenset[str]:
    """The ``n`` relations with the most labels; of equally frequent ones, the first by id."""
    counts = Counter(label.relation for d in documents for label in d.labels or ())
    return frozenset(sorted(counts, key=lambda relation: (-counts[relation], relation))[:n])


def triples_in(predictions: pl.DataFrame) -> Iterator[Triple]:
    """The triples of a `PREDICTIONS` table, with their evidence if it has such a column."""
    columns = [name for name in Triple.__dataclass_fields__ if name in predictions.columns]
    for row in predictions.select(columns).iter_rows():
        yield _triple(dict(zip(columns, row, strict=True)))


def _triple(row: Mapping[str, Any]) -> Triple:
    evidence = tuple(row.get("evidence") or ())
    return Triple(row["doc_id"], row["head"], row["tail"], row["relation"], evidence)


def _by_id(documents: Sequence[Document]) -> dict[str, Document]:
    """Documents by id, once it is sure that they can be scored."""
    unlabelled = [document.doc_id for document in documents if document.labels is None]
    if unlabelled:
        raise ValueError(
            f"scores need labelled documents, but {len(unlabelled)} of {len(documents)} have none, "
            f"first {unlabelled[0]!r}; leave unlabelled documents out, or label them"
        )
    by_id = {document.doc_id: document for document in documents}
    if len(by_id) < len(documents):
        repeated, times = Counter(d.doc_id for d in documents).most_common(1)[0]
        raise ValueError(
            f"scores need each doc_id once, but {repeated!r} stands {times} times: its triples "
            "could not be told apart; give each document once"
        )
    return by_id


def _gold(documents: Iterable[Document]) -> dict[_Cell, tuple[int, ...]]:
    """Evidence of each gold triple."""
    return {
        (document.doc_id, label.head, label.tail, label.relation): label.evidence
        for document in documents
        for label in document.labels or ()
    }


def _without_repeats(predicted: Iterable[Triple]) -> dict[_Cell, frozenset[int]]:
    """Evidence of each predicted triple; of repeated ones, that of the first."""
    given: dict[_Cell, frozenset[int]] = {}
    for triple in predicted:
        given.setdefault(triple.cell, frozenset(triple.evidence))
    return given


def _slice(
    gold: Collection[_Cell], given: Collection[_Cell], keep: Callable[[_Cell], bool]
) -> _Counts:
    """Counts over the gold and predicted triples that ``keep`` lets through."""
    gold_kept = {cell for cell in gold if keep(cell)}
    given_kept = {cell for cell in given if keep(cell)}
    return _Counts(len(gold_kept), len(given_kept), len(gold_kept & given_kept))


def _by_frequency(
    gold: Collection[_Cell], given: Collection[_Cell], frequent: Collection[str]
) -> dict[str, float]:
    chosen = frozenset(frequent)
    return _slice(gold, given, lambda cell: cell[3] in chosen).named("frequent") | _slice(
        gold, given, lambda cell: cell[3] not in chosen
    ).named("long_tail")


def _by_distance(
    by_id: Mapping[str, Document], gold: Collection[_Cell], given: Collection[_Cell]
) -> dict[str, float]:
    """Intra- and inter-sentence scores; pairs that the documents lack are in neither."""
    sentences = {
        (doc_id, index): frozenset(mention.sentence for mention in entity.mentions)
        for doc_id, document in by_id.items()
        for index, entity in enumerate(document.entities)
    }

    def shares(cell: _Cell) -> bool | None:
        head, tail = sentences.get((cell[0], cell[1])), sentences.get((cell[0], cell[2]))
        return None if head is None or tail is None else bool(head & tail)

    return _slice(gold, given, lambda cell: shares(cell) is True).named("intra_sentence") | _slice(
        gold, given, lambda cell: shares(cell) is False
    ).named("inter_sentence")


def _is_bridged(gold: Iterable[_Cell]) -> Callable[[_Cell], bool]:
    """Tell whether gold triples lead from a cell's head to its tail in two hops."""
    tails: dict[tuple[str, int], set[int]] = defaultdict(set)
    heads: dict[tuple[str, int], set[int]] = defaultdict(set)
    for doc_id, head, tail, _ in gold:
        tails[doc_id, head].add(tail)
        heads[doc_id, tail].add(head)
    nothing: set[int] = set()
    return lambda cell: (
        not tails.get((cell[0], cell[1]), nothing).isdisjoint(
            heads.get((cell[0], cell[2]), nothing)
        )
    )


def _seen(correct: Iterable[_Cell], by_id: Mapping[str, Document], facts: Facts) -> int:
    """How many correct triples are among the facts of training, by any names of head and tail."""
    return sum(
        any(
            (head, tail, relation) in facts
            for head in _names(by_id[doc_id].entities[head_index])
            for tail in _names(by_id[doc_id].entities[tail_index])
        )
        for doc_id, head_index, tail_index, relation in correct
    )


def _ign_f1(overall: _Counts, seen: int) -> float:
    precision = (overall.correct - seen) / (overall.predicted - seen + 1e-5)
    return _f1(precision, overall.recall)


def _evidence(
    by_id: Mapping[str, Document],
    gold: Mapping[_Cell, tuple[int, ...]],
    given: Mapping[_Cell, frozenset[int]],
) -> _Counts:
    return _Counts(
        gold=sum(len(evidence) for evidence in gold.values()),
        predicted=sum(len(evidence) for cell, evidence in given.items() if cell[0] in by_id),
        correct=sum(len(evidence.intersection(gold.get(c, ()))) for c, evidence in given.items()),
    )


def _counts_by_relation(gold: Collection[_Cell], given: Collection[_Cell]) -> dict[str, _Counts]:
    in_gold = Counter(cell[3] for cell in gold)
    in_given = Counter(cell[3] for cell in given)
    correct = Counter(cell[3] for cell in set(gold) & set(given))
    return {r: _Counts(in_gold[r], in_given[r], correct[r]) for r in in_gold | in_given}


def _macro_f1(gold: Collection[_Cell], given: Collection[_Cell]) -> float:
    scores = [counts.f1 for counts in _counts_by_relation(gold, given).values() if counts.gold]
    return _ratio(fsum(scores), len(scores))


def _names(entity: Entity) -> set[str]:
    return {mention.name for mention in entity.mentions}


def _ratio(part: float, total: float) -> float:
    return part / total if total else 0.0


def _f1(precision: float, recall: float) -> float:
    return _ratio(2 * precision * recall, precision + recall)
