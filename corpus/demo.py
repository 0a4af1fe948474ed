"""The bundled demo corpus: generated, small, and hard enough to be worth distilling.

Everything follows from a seed. Training and unlabelled documents tell of one world, dev and test
documents of a world each, and no name occurs in two worlds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from random import Random
from typing import Any, Final

from corpus.artefacts import whole, write_json
from corpus.demo_names import Names
from corpus.demo_variety import (
    DEFAULT_SIZE,
    DEFAULT_VARIETY,
    RELATION_NAMES,
    RELATION_WEIGHTS,
    SUBJECTS,
    DemoSize,
    Variety,
)
from corpus.demo_world import Fact, Thing, World, WorldBuilder
from corpus.demo_writer import Writer, Written
from corpus.schema import Document, Label, Split

_FILES: Final = {
    Split.TRAIN: "train_annotated.json",
    Split.DEV: "dev.json",
    Split.TEST: "test.json",
    Split.UNLABELLED: "unlabelled.json",
}


@dataclass(frozen=True)
class DemoCorpus:
    """All documents with their true labels, also of the unlabelled ones, and a knowledge base."""

    written: Mapping[Split, tuple[Written, ...]]
    knowledge_base: tuple[tuple[str, str, str], ...]
    """Head name, relation, tail name."""

    def documents(self, split: Split) -> tuple[Document, ...]:
        """Documents of a split with their true labels."""
        return tuple(one.document for one in self.written[split])


def write_demo_corpus(
    folder: Path, seed: int = 13, size: DemoSize = DEFAULT_SIZE, variety: Variety = DEFAULT_VARIETY
) -> None:
    """Write the demo corpus in DocRED's format, under the usual names, the folder whole.

    Args:
        folder: Where to write; whatever stands there is replaced.
        seed: The same seed, size and variety give the same bytes.
        size: Documents in each file.
        variety: How hard the corpus is.
    """
    corpus = demo_corpus(seed, size, variety)
    with whole(folder) as draft:
        draft.mkdir()
        for split, name in _FILES.items():
            labelled = split is not Split.UNLABELLED
            write_json([_in_docred(d, labelled) for d in corpus.documents(split)], draft / name)
        triples = [{"head": h, "relation": r, "tail": t} for h, r, t in corpus.knowledge_base]
        write_json(triples, draft / "knowledge_base.json")
        write_json(dict(RELATION_NAMES), draft / "rel_info.json")


def demo_truth(
    seed: int = 13, size: DemoSize = DEFAULT_SIZE, variety: Variety = DEFAULT_VARIETY
) -> Mapping[str, tuple[Label, ...]]:
    """The unlabelled documents' true labels by title, which `write_demo_corpus` keeps back."""
    documents = demo_corpus(seed, size, variety).documents(Split.UNLABELLED)
    return {document.title: document.labels or () for document in documents}


@lru_cache(maxsize=4)
def demo_corpus(
    seed: int = 13, size: DemoSize = DEFAULT_SIZE, variety: Variety = DEFAULT_VARIETY
) -> DemoCorpus:
    """Generate the demo corpus: three worlds, and documents about things in them."""
    names = Names(Random(f"{seed}/names"))
    world = _world(names, seed, "train", size.train + size.unlabelled)
    written = {
        **_split_in_two(_write(world, size.train + size.unlabelled, seed, "train", variety), size),
        **{
            split: _write(_world(names, seed, split, count), count, seed, split, variety)
            for split, count in ((Split.DEV, size.dev), (Split.TEST, size.test))
        },
    }
    return DemoCorpus(written, _knowledge_base(world, variety, Random(f"{seed}/knowledge base")))


def _world(names: Names, seed: int, name: str, documents: int) -> World:
    return WorldBuilder(Random(f"{seed}/{name}/world"), names, documents).build()


def _split_in_two(written: Sequence[Written], size: DemoSize) -> dict[Split, tuple[Written, ...]]:
    """The first documents are the annotated ones."""
    return {
        Split.TRAIN: tuple(written[: size.train]),
        Split.UNLABELLED: tuple(written[size.train :]),
    }


def _write(world: World, count: int, seed: int, name: str, variety: Variety) -> tuple[Written, ...]:
    """Documents about different things of a world."""
    subjects = _subjects(world, count, Random(f"{seed}/{name}/subjects"))
    return tuple(
        Writer(subject, world, variety, Random(f"{seed}/{name}/{index}")).write()
        for index, subject in enumerate(subjects)
    )


def _subjects(world: World, count: int, rng: Random) -> list[Thing]:
    """Different things in the shares of `SUBJECTS`, or the nearest that the world allows."""
    left = {kind: rng.sample(world.things[kind], len(world.things[kind])) for kind in SUBJECTS}
    subjects: list[Thing] = []
    for _ in range(count):
        kinds = [kind for kind in left if left[kind]]
        kind = rng.choices(kinds, [SUBJECTS[kind] for kind in kinds])[0]
        subjects.append(left[kind].pop())
    return subjects


def _knowledge_base(
    world: World, variety: Variety, rng: Random
) -> tuple[tuple[str, str, str], ...]:
    """The world's facts, of which those of rare relations and obscure things are missing."""
    kept = _kept_shares(variety)
    obscurity = {
        thing: rng.uniform(0.6, 1.4) for things in world.things.values() for thing in things
    }
    facts = [
        fact
        for fact in world.facts
        if rng.random() < kept[fact.relation] * obscurity.get(fact.head, 1.0)
    ]
    return tuple(sorted({_named(fact, variety, rng) for fact in facts}))


def _kept_shares(variety: Variety) -> dict[str, float]:
    """Share of facts kept by relation, falling from the most frequent one to the rarest."""
    last = len(RELATION_WEIGHTS) - 1
    slope = (variety.kept_frequent - variety.kept_rare) / last
    return {r: variety.kept_frequent - slope * i for i, r in enumerate(RELATION_WEIGHTS)}


def _named(fact: Fact, variety: Variety, rng: Random) -> tuple[str, str, str]:
    head, tail = (_name(thing, variety, rng) for thing in (fact.head, fact.tail))
    return head, fact.relation, tail


def _name(thing: Thing, variety: Variety, rng: Random) -> str:
    """The full name, or at times a short form, which other things may have too."""
    return thing.short[0] if thing.short and rng.random() < variety.kept_under_alias else thing.name


def _in_docred(document: Document, labelled: bool) -> dict[str, Any]:
    """The document as DocRED's JSON has it."""
    row: dict[str, Any] = {
        "title": document.title,
        "vertexSet": [
            [
                {
                    "name": m.name,
                    "sent_id": m.sentence,
                    "pos": [m.start, m.end],
                    "type": entity.type,
                }
                for m in entity.mentions
            ]
            for entity in document.entities
        ],
        "sents": document.sentences,
    }
    return row | {"labels": _labels_in_docred(document.labels or ())} if labelled else row


def _labels_in_docred(labels: Iterable[Label]) -> list[dict[str, Any]]:
    return [
        {"h": label.head, "t": label.tail, "r": label.relation, "evidence": list(label.evidence)}
        for label in labels
    ]
