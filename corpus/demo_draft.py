"""A demo document being written: words, mentions and the facts that its sentences tell."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from random import Random
from typing import Final, NamedTuple

from corpus.demo_phrases import Piece, Slot
from corpus.demo_truth import Told, close
from corpus.demo_variety import Variety
from corpus.demo_world import TYPES, Thing
from corpus.schema import Document, Entity, Label, Mention

_NOUNS: Final = {
    "company": "the company",
    "label": "the label",
    "university": "the university",
    "band": "the band",
    "party": "the party",
    "film": "the film",
    "album": "the album",
    "book": "the novel",
    "city": "the city",
}
"""What stands for the thing that the sentence before was about."""
_WITH_ARTICLE: Final = ("University of", "Institute", "Academy", "School")


class Sentence(NamedTuple):
    """A sentence to add."""

    pieces: Sequence[Piece]
    about: Thing
    told: Sequence[tuple[str, str, str]]


class Draft:
    """Sentences so far; entities are told apart by the keys of their slots."""

    def __init__(self, rng: Random, variety: Variety) -> None:
        self.sentences: list[list[str]] = []
        self.things: dict[str, Thing] = {}
        self.told: Told = {}
        self._mentions: dict[str, list[Mention]] = {}
        self._rng, self._variety = rng, variety
        self._focus: Thing | None = None
        self._month_first = rng.random() < 0.3

    @property
    def n_words(self) -> int:
        """Words so far, punctuation included."""
        return sum(map(len, self.sentences))

    @property
    def n_entities(self) -> int:
        """Entities so far."""
        return len(self.things)

    def would_add(self, sentence: Sentence) -> int:
        """Number of entities that a sentence would be the first to name."""
        keys = {piece.key for piece in sentence.pieces if isinstance(piece, Slot)}
        return len(keys - self.things.keys())

    def add(self, sentence: Sentence) -> None:
        """Write a sentence, name what it is about by a pronoun at times, note what it tells."""
        self.sentences.append([])
        back = self._pronoun(sentence)
        pieces = sentence.pieces[1:] if back else sentence.pieces
        evidence = {len(self.sentences) - 1}
        if back:
            owns = bool(pieces) and pieces[0] == "'s"
            self._put(_owner(back) if owns else back)
            pieces = pieces[1:] if owns and not back.startswith("the ") else pieces
        for piece, following in zip(pieces, (*pieces[1:], ""), strict=True):
            self._write(piece, following)
        self._polish()
        self._note(sentence.told, evidence, sentence.about.name if back else "")
        self._focus = sentence.about

    def _pronoun(self, sentence: Sentence) -> str:
        """What to say in place of the first name, if it is clear what is meant."""
        first, thing = sentence.pieces[0], sentence.about
        named = isinstance(first, Slot) and first.form == "name" and first.thing == thing
        clear = thing == self._focus or self._only_one(thing)
        if not (named and clear) or self._rng.random() >= self._variety.pronoun:
            return ""
        if thing.kind == "person":
            return "she" if thing.gender == "f" else "he"
        noun = _NOUNS.get(thing.kind, "")
        if noun.removeprefix("the ") in sentence.pieces:
            return "it" if thing == self._focus else ""
        return noun

    def _only_one(self, thing: Thing) -> bool:
        """Whether "the company" or "she" can mean nothing else: no other of its kind was named."""
        return [other for other in self.things.values() if other.kind == thing.kind] == [thing]

    def _put(self, words: str) -> None:
        self.sentences[-1].extend(words.split())

    def _write(self, piece: Piece, following: Piece) -> None:
        if isinstance(piece, str):
            self._put(piece)
            return
        named_before = piece.key in self._mentions
        self._name(piece.key, piece.thing, self._surface(piece))
        short = piece.thing.short[0] if piece.thing.short else ""
        if not named_before and short.isupper() and following not in ("'s", "("):
            self._introduce(piece, short)

    def _introduce(self, piece: Slot, short: str) -> None:
        """Put initials in brackets behind a name, half of the times."""
        if self._rng.random() < 0.5:
            self._put("(")
            self._name(piece.key, piece.thing, short)
            self._put(")")

    def _name(self, key: str, thing: Thing, surface: str) -> None:
        if _needs_article(thing, surface) and self.sentences[-1][-1:] != ["the"]:
            self._put("the")
        start = len(self.sentences[-1])
        self._put(surface)
        mention = Mention(surface, len(self.sentences) - 1, start, len(self.sentences[-1]))
        self.things.setdefault(key, thing)
        self._mentions.setdefault(key, []).append(mention)

    def _surface(self, slot: Slot) -> str:
        thing = slot.thing
        if slot.form == "adj":
            return thing.adjective
        if thing.kind == "date":
            return slot.key if slot.form == "year" else self._date(thing.name)
        known = self._mentions.get(slot.key)
        short = thing.short[0] if thing.short else ""
        usable = known and short and self._unambiguous(short, slot.key)
        if not usable or self._rng.random() >= self._variety.alias:
            return thing.name
        introduced = any(mention.name == short for mention in known or ())
        return short if introduced or not short.isupper() else thing.name

    def _date(self, name: str) -> str:
        """A day in the order that this document keeps to."""
        words = name.split()
        if len(words) < 3 or not self._month_first:
            return name
        day, month, year = words
        return f"{month} {day} , {year}"

    def _unambiguous(self, short: str, key: str) -> bool:
        return all(short not in thing.short for k, thing in self.things.items() if k != key)

    def _polish(self) -> None:
        """Begin with a capital, say an before vowels, and end with a full stop."""
        words = self.sentences[-1]
        words.append(".")
        for i, (word, following) in enumerate(pairwise(words)):
            if word == "a" and following[0].lower() in "aeio":
                words[i] = "an"
        if not self._starts_with_mention():
            words[0] = words[0][0].upper() + words[0][1:]

    def _starts_with_mention(self) -> bool:
        here = len(self.sentences) - 1
        return any(
            mention.sentence == here and mention.start == 0
            for mentions in self._mentions.values()
            for mention in mentions
        )

    def _note(self, told: Iterable[tuple[str, str, str]], evidence: set[int], back: str) -> None:
        """Keep facts with their evidence; a pronoun's fact needs the sentence that names it."""
        for fact in told:
            named = {self._last_named(back)} if back in (fact[0], fact[2]) and back else set()
            self.told.setdefault(fact, tuple(sorted(evidence | named)))

    def _last_named(self, key: str) -> int:
        return self._mentions[key][-1].sentence

    def finished(self, title: str) -> Document:
        """The document with all facts that follow from what it tells."""
        order = {key: index for index, key in enumerate(self.things)}
        labels = [
            Label(order[head], order[tail], relation, evidence)
            for (head, relation, tail), evidence in close(self.told).items()
        ]
        entities = tuple(
            Entity(TYPES[thing.kind], tuple(self._mentions[key]))
            for key, thing in self.things.items()
        )
        return Document(
            doc_id=title,
            title=title,
            sentences=tuple(map(tuple, self.sentences)),
            entities=entities,
            labels=tuple(sorted(labels, key=lambda x: (x.head, x.tail, x.relation))),
        )


def _owner(back: str) -> str:
    return {"he": "his", "she": "her", "it": "its"}.get(back, back)


def _needs_article(thing: Thing, surface: str) -> bool:
    if thing.kind in ("party", "award"):
        return True
    if thing.kind == "band":
        return surface != thing.name
    return thing.kind == "university" and any(word in surface for word in _WITH_ARTICLE)
