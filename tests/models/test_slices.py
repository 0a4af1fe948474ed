"""Slices: the official scorers' figures, hand-counted ones, and how they add up."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scored_documents import (
    ADA,
    ADA_PREDICTED,
    EVALUATED,
    GOLDEN,
    PREDICTED,
    STRAY,
    gold_triples,
)

from corpus.schema import DISTANCES, OF_RELATION, SIZES, SLICES, Document, Entity, Mention
from models.judged import Judged
from models.metrics import score
from models.ratios import ratios
from models.slices import DOCRED_FREQUENT, sliced
from models.triples import Triple


def counted(
    documents: list[Document], predicted: list[Triple], frequent: frozenset[str] = DOCRED_FREQUENT
) -> dict[tuple[str, str | None], tuple[float, ...]]:
    """(gold, predicted, correct) of every slice."""
    parts = sliced(Judged.of(documents, predicted), frequent)
    return dict(zip(parts.slices, map(tuple, parts.counts.sum(0)), strict=True))


def test_official_figures() -> None:
    found = {}
    for (name, _), counts in counted(EVALUATED, PREDICTED).items():
        found |= {f"{metric}_{name}": v for metric, v in ratios(np.array(counts)).items()}
    official = {name: v for name, v in GOLDEN["expected"].items() if name in found}
    assert {name: found[name] for name in official} == pytest.approx(official, abs=1e-9)
    assert len(official) == 8


def test_hand_counted() -> None:
    found = counted([ADA], [*ADA_PREDICTED, *STRAY])
    assert found["frequent", None] == (3, 3, 1)
    assert found["long_tail", None] == (1, 2, 1)
    assert found["intra_sentence", None] == (2, 3, 2)  # Ada is mentioned with Arden, and with Esk
    assert found["inter_sentence", None] == (2, 0, 0)
    assert found["infer", None] == (1, 2, 1)  # both predictions on (Ada, Esk)
    assert found["distance_0", None] == found["intra_sentence", None]
    assert found["distance_1", None] == (2, 0, 0)
    assert found["entities_2_9", None] == (4, 4, 2)  # all but what is elsewhere
    assert found[OF_RELATION, "P17"] == (2, 2, 0)
    assert [r for name, r in found if name == OF_RELATION] == ["P17", "P19", "P27"]


def test_another_schema_names_its_frequent_relations() -> None:
    found = counted([ADA], gold_triples(ADA)[:1], frozenset({"P19"}))
    assert found["frequent", None] == (1, 1, 1)
    assert found["long_tail", None] == (3, 0, 0)


@pytest.mark.parametrize(
    ("n_entities", "name"),
    [(2, "entities_2_9"), (9, "entities_2_9"), (10, "entities_10_19"), (19, "entities_10_19")]
    + [(n, "entities_20_up") for n in (20, 60)],
)
def test_documents_are_sliced_by_their_entities(n_entities: int, name: str) -> None:
    entities = tuple(Entity("LOC", (Mention("x", i, 0, 1),)) for i in range(n_entities))
    found = counted([replace(ADA, entities=entities, labels=())], [Triple("ada", 0, 1, "P17")])
    assert {k for k, _ in found if k.startswith("entities") and any(found[k, None])} == {name}


@pytest.mark.parametrize(("apart", "name"), [*enumerate(DISTANCES), (7, DISTANCES[-1])])
def test_distance_is_that_of_the_nearest_mentions(apart: int, name: str) -> None:
    far = Entity("PER", (Mention("x", 30, 0, 1), Mention("y", 10, 0, 1)))
    near = Entity("LOC", (Mention("z", 10 + apart, 0, 1),))
    document = replace(ADA, entities=(far, near), labels=())
    for ends in ((0, 1), (1, 0)):
        found = counted([document], [Triple("ada", *ends, "P17")])
        assert {k for k, _ in found if k.startswith("distance") and any(found[k, None])} == {name}


PARTITIONS = {
    "frequency": ("frequent", "long_tail"),
    "sentence": ("intra_sentence", "inter_sentence"),
    "distance": DISTANCES,
    "entities": SIZES,
}


@settings(max_examples=20, deadline=None)
@given(st.lists(st.sampled_from(PREDICTED), max_size=60))
def test_slices_part_all_triples(predicted: list[Triple]) -> None:
    found, scores = counted(EVALUATED, predicted), score(EVALUATED, predicted)
    whole = (scores.gold, scores.predicted, scores.correct)
    for names in PARTITIONS.values():
        assert tuple(np.sum([found[name, None] for name in names], axis=0)) == whole
    relations = [counts for (name, _), counts in found.items() if name == OF_RELATION]
    assert tuple(np.sum(relations, axis=0)) == whole
    with_gold = np.array([counts for counts in relations if counts[0]])
    assert ratios(with_gold)["f1"].mean() == pytest.approx(scores.macro_f1)


def test_documents_are_counted_in_their_rows() -> None:
    judged = Judged.of(EVALUATED, PREDICTED)
    parts = sliced(judged, DOCRED_FREQUENT)
    assert parts.counts.shape == (len(judged.doc_ids), len(parts.slices), 3)
    for row, document in enumerate(EVALUATED[:3]):
        own = [triple for triple in PREDICTED if triple.doc_id == document.doc_id]
        alone = counted([document], own)
        for place, name in enumerate(parts.slices):
            assert tuple(parts.counts[row, place]) == alone.get(name, (0, 0, 0))


def test_nothing_is_in_no_slice() -> None:
    assert counted([], []) == dict.fromkeys([(name, None) for name in SLICES], (0, 0, 0))
