"""Small documents and an untrained extractor."""

import dataclasses
import random

import pytest
import torch

from corpus.relations import TH, RelationVocabulary
from corpus.schema import Document, Entity, Label, Mention
from models.config import Preset, preset
from models.extractor import Extractor
from models.runtime import Runtime

WORDS = [
    "the",
    "river",
    "runs",
    "through",
    "old",
    "towns",
    "near",
    "mountains",
    "and",
    "quiet",
    "harbours",
    "of",
    "northern",
    "lands",
]
VOCABULARY = RelationVocabulary(("Na", "P17", "P19", "P27"), {"P17": "country"})


@pytest.fixture(scope="session", autouse=True)
def _one_thread():
    torch.set_num_threads(1)


def make_document(doc_id: str, n_entities: int, seed: int = 0, n_words: int = 12) -> Document:
    """A document of random words with one or two mentions of each entity and some labels."""
    draw = random.Random(f"{doc_id}/{seed}")
    n_sentences = max(2, n_entities)
    sentences = tuple(tuple(draw.choices(WORDS, k=n_words)) for _ in range(n_sentences))
    entities = []
    for entity in range(n_entities):
        places = {(entity % n_sentences, 2 * (entity // n_sentences))}
        places.add((draw.randrange(n_sentences), draw.randrange(n_words - 1)))
        mentions = tuple(
            Mention(" ".join(sentences[s][w : w + 1]), s, w, w + 1) for s, w in sorted(places)
        )
        entities.append(Entity("LOC", mentions))
    pairs = [(h, t) for h in range(n_entities) for t in range(n_entities) if h != t]
    chosen = draw.sample(pairs, min(len(pairs), 3))
    labels = tuple(
        Label(h, t, draw.choice(VOCABULARY.relations), (draw.randrange(n_sentences),))
        for h, t in chosen
    )
    return Document(doc_id, doc_id, sentences, tuple(entities), labels)


CPU = Runtime("cpu", "float32")
DOCUMENTS = [make_document(f"d{i}", n) for i, n in enumerate((3, 0, 7, 1, 2, 5, 4))]
"""Of every size from none on, in no order."""


def permuted(document: Document, order: list[int]) -> Document:
    """The same document with its entities in another order."""
    return dataclasses.replace(document, entities=tuple(document.entities[i] for i in order))


@pytest.fixture(scope="session")
def tiny() -> Preset:
    return preset("tiny")


@pytest.fixture
def extractor(tiny: Preset) -> Extractor:
    return Extractor.create(tiny.model, VOCABULARY, seed=1)


@pytest.fixture
def talkative(extractor):
    """An extractor that finds many relations: TH is pushed down."""
    with torch.no_grad():
        extractor.network.classifier.bias[TH] -= 0.3
    return extractor
