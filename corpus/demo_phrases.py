"""Phrases of the demo corpus: read from their notation, found by fact, filled from the world."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from random import Random
from typing import Final

from corpus.demo_asides import ASIDES, DENIALS, LEADS, OPENINGS, OPENINGS_IN_TIME
from corpus.demo_phrases_people import PEOPLE
from corpus.demo_phrases_works import ORGANIZATIONS, PLACES, WORKS
from corpus.demo_world import Fact, Thing, World

_GROUPS: Final[Mapping[str, tuple[str, ...]]] = {
    "org": ("company", "label", "university", "band", "party"),
    "business": ("company", "label"),
    "work": ("film", "album", "book"),
    "performer": ("band", "person"),
    "owner": ("company", "person"),
    "year": ("date",),
}
_AGREEING: Final[Mapping[str, tuple[str, str]]] = {
    "he": ("he", "she"),
    "his": ("his", "her"),
    "son": ("son", "daughter"),
    "brother": ("brother", "sister"),
    "father": ("father", "mother"),
    "wife": ("wife", "husband"),
}
"""Words that agree with a person's gender; the spouse's is the other one's."""
_SLOT: Final = re.compile(r"\{(\w+?)(\d?)(?:\.(\w+))?\}")
_CHOICE: Final = re.compile(r"\[([^\]]*)\]")

Bindings = dict[str, Thing]
"""What stands in each slot."""


@dataclass(frozen=True, slots=True)
class Slot:
    """A place in a sentence where a thing is named, in a form: name, year or adj."""

    thing: Thing
    form: str = "name"

    @property
    def key(self) -> str:
        """Tells entities of a document apart: a year is another one than a date in it."""
        return self.thing.short[0] if self.form == "year" else self.thing.name


Piece = str | Slot


@dataclass(frozen=True)
class Phrase:
    """A way to say something, and the facts that it tells by their slots."""

    key: str
    text: str
    facts: tuple[tuple[str, str, str], ...]

    @property
    def first(self) -> str:
        """The slot that comes first, which is what the phrase is about."""
        match = _SLOT.search(self.text)
        return match[1] + match[2] if match else ""

    @property
    def starts_with_predicate(self) -> bool:
        """Whether a verb follows the first word, a slot, so that two such phrases can be joined."""
        words = self.text.split()
        return words[0].startswith("{") and words[1] not in ("'s", ",", "(", "and")

    def drawn(self, rng: Random) -> Phrase:
        """The same with its free choices made."""
        text = _CHOICE.sub(lambda match: rng.choice(match[1].split("|")), self.text)
        return Phrase(self.key, text, self.facts)

    def slots(self) -> tuple[str, ...]:
        """Slots in the order of the text, once each."""
        return tuple(dict.fromkeys(name + digit for name, digit, _ in _SLOT.findall(self.text)))

    def pieces(self, bindings: Bindings) -> list[Piece]:
        """Words and named things, one after another."""
        return [piece for word in self.text.split() for piece in _pieces(word, bindings)]

    def told(self, bindings: Bindings) -> list[tuple[str, str, str]]:
        """The facts told, by the keys of their entities."""
        return [
            (_slot(head, bindings).key, relation, _slot(tail, bindings).key)
            for head, relation, tail in self.facts
        ]


def kind_of(slot: str) -> str:
    """The kind, or group of kinds, that a slot's name states."""
    return slot.rstrip("0123456789")


def accepts(slot: str, thing: Thing) -> bool:
    """Whether a thing may stand in a slot; a mere year is no date."""
    kind = kind_of(slot)
    if kind == "date":
        return thing.kind == "date" and thing.name not in thing.short
    return thing.kind in _GROUPS.get(kind, (kind,))


def _slot(name: str, bindings: Bindings) -> Slot:
    return Slot(bindings[name], "year" if kind_of(name) == "year" else "name")


def _pieces(word: str, bindings: Bindings) -> Sequence[Piece]:
    match = _SLOT.fullmatch(word)
    if match is None:
        return (word,)
    name, form = match[1] + match[2], match[3]
    if form == "adj":
        return (Slot(bindings[name], "adj"),)
    return _agreeing(form, bindings[name]).split() if form else (_slot(name, bindings),)


def _agreeing(form: str, thing: Thing) -> str:
    if form == "is":
        return "is" if thing.alive else "was"
    if form in ("occ", "occs"):
        return thing.occupation + form[3:]
    if form == "sort":
        return {"book": "novel"}.get(thing.kind, thing.kind)
    return _AGREEING[form][thing.gender == "f"]


def bind(phrase: Phrase, given: Bindings, world: World, rng: Random) -> Bindings | None:
    """Find things for the slots of a phrase's facts, or None where the world has none."""
    bindings = dict(given)
    for head, relation, tail in phrase.facts:
        if head in bindings and tail in bindings:
            if not _holds(Fact(bindings[head], relation, bindings[tail]), world):
                return None
            continue
        options = _options(head, relation, tail, bindings, world)
        if not options:
            return None
        bindings[tail if head in bindings else head] = rng.choice(options)
    return bindings


def _holds(fact: Fact, world: World) -> bool:
    return fact in world.facts


def _options(head: str, relation: str, tail: str, bindings: Bindings, world: World) -> list[Thing]:
    """Things of the world that fit the slot of a fact that is still empty."""
    if head in bindings:
        slot, things = tail, world.tails(bindings[head], relation)
    else:
        slot, things = head, world.heads(relation, bindings[tail])
    taken = tuple(bindings.values())
    return [thing for thing in things if accepts(slot, thing) and thing not in taken]


def fill(phrase: Phrase, bindings: Bindings, choose: Callable[[str, Thing], Thing | None]) -> bool:
    """Choose things for the slots of no fact; False where there is none to choose."""
    anchor = bindings[phrase.first] if phrase.first in bindings else next(iter(bindings.values()))
    for slot in phrase.slots():
        if slot not in bindings:
            thing = choose(slot, anchor)
            if thing is None or thing in bindings.values():
                return False
            bindings[slot] = thing
    return True


def _parse(key: str, text: str, primary: str = "") -> Phrase:
    """Read `` text | fact, fact ``."""
    words, _, further = text.partition(" | ")
    facts = [fact.split() for fact in (primary, *further.split(",")) if fact.strip()]
    return Phrase(key, words, tuple((head, relation, tail) for head, relation, tail in facts))


def _parse_all(name: str, texts: Sequence[str]) -> tuple[Phrase, ...]:
    return tuple(_parse(f"{name}/{i}", text) for i, text in enumerate(texts))


@cache
def paraphrases() -> Mapping[str, tuple[tuple[Phrase, ...], ...]]:
    """Groups of paraphrases by the relation of their first fact."""
    groups = defaultdict(list)
    for fact, texts in (PEOPLE | WORKS | ORGANIZATIONS | PLACES).items():
        phrases = tuple(_parse(f"{fact}/{i}", text, fact) for i, text in enumerate(texts))
        groups[phrases[0].facts[0][1]].append(phrases)
    return {relation: tuple(group) for relation, group in groups.items()}


@cache
def leads() -> tuple[Phrase, ...]:
    """First sentences."""
    return _parse_all("lead", LEADS)


@cache
def asides() -> tuple[Phrase, ...]:
    """Sentences that relate nothing."""
    return _parse_all("aside", ASIDES)


@cache
def denials() -> tuple[Phrase, ...]:
    """Sentences that deny a fact."""
    return _parse_all("denial", DENIALS)


@cache
def openings() -> tuple[Phrase, ...]:
    """Phrases before any sentence."""
    return _parse_all("opening", OPENINGS)


@cache
def openings_in_time() -> tuple[Phrase, ...]:
    """Phrases before a sentence whose facts have no date."""
    return _parse_all("opening in time", OPENINGS_IN_TIME)
