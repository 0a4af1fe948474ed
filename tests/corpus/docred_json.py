"""Documents as DocRED's JSON, and a strategy for documents of any shape."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from corpus.relations import RelationVocabulary
from corpus.schema import Document, Entity, Label, Mention

VOCABULARY = RelationVocabulary.of_relations(["P17", "P19", "P69"])


def article(title: str = "Ada", **fields: Any) -> dict[str, Any]:
    """A good document in DocRED's layout, with some fields in place of its own."""
    return {
        "title": title,
        "sents": [["Ada", "lived", "in", "New", "York", "."], ["It", "is", "a", "city", "."]],
        "vertexSet": [
            [{"name": "Ada", "sent_id": 0, "pos": [0, 1], "type": "PER"}],
            [
                {"name": "New York", "sent_id": 0, "pos": [3, 5], "type": "LOC"},
                {"name": "It", "sent_id": 1, "pos": [0, 1], "type": "LOC"},
            ],
        ],
        "labels": [{"h": 0, "t": 1, "r": "P19", "evidence": [0]}],
    } | fields


def as_docred(document: Document, draw: Any = None) -> dict[str, Any]:
    """A document in DocRED's layout; `draw` decides on optional fields and the order of all."""
    record: dict[str, Any] = {
        "title": document.title,
        "sents": [list(words) for words in document.sentences],
        "vertexSet": [[_mention(m, e, draw) for m in e.mentions] for e in document.entities],
    }
    if document.labels is not None:
        record["labels"] = [_label(label, draw) for label in document.labels]
    elif _drawn(draw):
        record["labels"] = None
    return _shuffled(record, draw)


def _mention(mention: Mention, entity: Entity, draw: Any) -> dict[str, Any]:
    record = {
        "name": mention.name,
        "sent_id": mention.sentence,
        "pos": [mention.start, mention.end],
        "type": entity.type,
    }
    if _drawn(draw):
        record |= {"global_pos": [3, 4], "index": "0_1"}
    return _shuffled(record, draw)


def _label(label: Label, draw: Any) -> dict[str, Any]:
    record = {"h": label.head, "t": label.tail, "r": label.relation}
    if label.evidence or _drawn(draw):
        record["evidence"] = list(label.evidence)
    elif _drawn(draw):
        record["evidence"] = None
    return _shuffled(record, draw)


def _drawn(draw: Any) -> bool:
    return draw is not None and draw(st.booleans())


def _shuffled(record: dict[str, Any], draw: Any) -> dict[str, Any]:
    items = list(record.items())
    return dict(items if draw is None else draw(st.permutations(items)))


def write_articles(path: Path, articles: Any) -> Path:
    """Write articles as a JSON array, gzipped where the name says so."""
    text = json.dumps(articles).encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(text) if path.suffix == ".gz" else text)
    return path


@st.composite
def documents(draw: Any) -> Document:
    """Any good document; its doc_id is empty."""
    words = st.lists(st.text(max_size=4), max_size=4).map(tuple)
    sentences = draw(st.lists(words, min_size=1, max_size=4).filter(any).map(tuple))
    n_entities = draw(st.integers(0, 3))
    entities = tuple(draw(_entities(sentences)) for _ in range(n_entities))
    pairs = [(h, t) for h in range(n_entities) for t in range(n_entities) if h != t]
    labels = draw(st.none() | _labels(pairs, len(sentences)))
    title = draw(st.sampled_from(["a", "a#1", "a#2"]) | st.text(min_size=1).filter(str.strip))
    return Document("", title, sentences, entities, labels)


@st.composite
def _entities(draw: Any, sentences: tuple[tuple[str, ...], ...]) -> Entity:
    spans = [(s, a, b) for s, w in enumerate(sentences) for a in range(len(w)) for b in
             range(a + 1, len(w) + 1)]  # fmt: skip
    chosen = draw(st.lists(st.sampled_from(spans), min_size=1, max_size=3))
    names = st.text(min_size=1, max_size=6)
    return Entity(draw(st.text(max_size=3)), tuple(Mention(draw(names), *span) for span in chosen))


def _labels(pairs: list[tuple[int, int]], n_sentences: int) -> st.SearchStrategy[Any]:
    if not pairs:
        return st.just(())
    facts = st.tuples(st.sampled_from(pairs), st.sampled_from(VOCABULARY.relations))
    evidence = st.sets(st.integers(0, n_sentences - 1)).map(sorted).map(tuple)
    return st.lists(st.tuples(facts, evidence), max_size=4, unique_by=lambda x: x[0]).map(
        lambda found: tuple(Label(h, t, r, shown) for ((h, t), r), shown in found)
    )
