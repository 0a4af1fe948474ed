"""Writes demo documents: chooses what to say about a subject and in which words."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Final, NamedTuple

from corpus.demo_draft import Draft, Sentence
from corpus.demo_phrases import (
    Bindings,
    Phrase,
    Piece,
    accepts,
    asides,
    bind,
    denials,
    fill,
    kind_of,
    leads,
    openings,
    openings_in_time,
    paraphrases,
)
from corpus.demo_variety import (
    MAX_SENTENCES,
    MIN_ENTITIES,
    MIN_SENTENCES,
    RELATION_WEIGHTS,
    Variety,
)
from corpus.demo_world import Fact, Thing, World
from corpus.schema import Document

_UNTOLD: Final = ("country", "region", "date", "number", "award")
"""Kinds that no sentence away from the subject starts out from."""
_PLACES_OF: Final = ("P19", "P131", "P159")
"""Relations to a city from which, with the city's country, more follows."""
_CREATORS: Final = ("P50", "P57", "P175")
"""Relations to a creator from whose country a work's follows."""
_DATELESS: Final = ("P26", "P69", "P102", "P108", "P127")
"""Relations whose sentences may open with an unrelated time: it contradicts nothing."""
_LATE: Final = ("P20", "P26", "P69", "P102", "P108", "P112", "P127", "P570")
"""Relations that may come after another one in time."""
_PRESENT: Final = frozenset(
    (
        *("is", "are", "has", "lies", "owns", "belongs", "stars", "features", "comes", "stands"),
        *("holds", "counts", "claims", "dates", "lives", "meets", "includes", "contains"),
        *("exchanges", "sells", "owes", "calls", "traces", "can", "elect", "call"),
    )
)
_ATTEMPTS: Final = 60


class Written(NamedTuple):
    """A document and the keys of the phrases it was written with, in the order of the text."""

    document: Document
    phrases: tuple[str, ...]


class Clause(NamedTuple):
    """A phrase whose free choices are made and whose slots are filled."""

    phrase: Phrase
    bindings: Bindings

    @property
    def about(self) -> Thing:
        """What stands in the first slot."""
        return self.bindings[self.phrase.first]


class Writer:
    """Writes one document about a subject."""

    def __init__(self, subject: Thing, world: World, variety: Variety, rng: Random) -> None:
        self._subject, self._world, self._variety, self._rng = subject, world, variety, rng
        self._draft = Draft(rng, variety)
        self._phrases: list[str] = []
        self._words = rng.randint(*variety.min_words)
        self._entities = rng.randint(*variety.max_entities)

    def write(self) -> Written:
        """The whole document."""
        self._lead()
        for _ in range(_ATTEMPTS):
            if self._done():
                break
            aside = self._rng.random() < self._variety.aside
            clauses = self._aside() if aside else self._facts()
            if clauses:
                self._say(clauses)
        return Written(self._draft.finished(self._subject.name), tuple(self._phrases))

    def _done(self) -> bool:
        sentences = len(self._draft.sentences)
        long_enough = self._draft.n_words >= self._words and sentences >= MIN_SENTENCES
        return sentences >= MAX_SENTENCES or (
            long_enough and self._draft.n_entities >= MIN_ENTITIES
        )

    def _lead(self) -> None:
        """The first sentence, which names the subject in full."""
        options = [phrase for phrase in leads() if accepts(phrase.first, self._subject)]
        while options:
            phrase = self._zipf(options)
            clause = self._clause(phrase, {phrase.first: self._subject})
            if clause:
                self._say([clause])
                return
            options.remove(phrase)
        raise LookupError(
            f"demo corpus: no first sentence fits the {self._subject.kind} {self._subject.name!r}; "
            "each kind of subject needs one in LEADS whose facts every such thing has"
        )

    def _facts(self) -> list[Clause]:
        """One fact about the subject or another entity, or two facts of one head."""
        bridges = self._bridges() if self._rng.random() < self._variety.bridged else []
        fact = self._rng.choice(bridges) if bridges else self._fact(self._focus())
        first = self._tell(fact) if fact else None
        if fact is None or first is None:
            return []
        if not first.phrase.starts_with_predicate or self._rng.random() >= self._variety.joined:
            return [first]
        second = self._tell(self._fact(first.about, but=fact))
        joins = second and second.about == first.about and second.phrase.starts_with_predicate
        return [first, second] if second and joins else [first]

    def _bridges(self) -> list[Fact]:
        """Facts about what was told to be a thing's place or maker, from which more follows."""
        told = self._draft.told
        cities = dict.fromkeys(tail for _, relation, tail in told if relation in _PLACES_OF)
        makers = dict.fromkeys(tail for _, relation, tail in told if relation in _CREATORS)
        steps = ((cities, ("P17", "P36")), (makers, ("P27", "P495")))
        return [
            fact
            for middles, relations in steps
            for middle in middles
            for fact in self._world.about(self._draft.things[middle])
            if fact.relation in relations and self._is_new(fact) and self._continues(fact, middle)
        ]

    def _continues(self, fact: Fact, middle: str) -> bool:
        """Whether a fact leads from the middle to a country."""
        return fact.relation == "P36" or fact.head.name == middle

    def _focus(self) -> Thing:
        others = [t for t in self._draft.things.values() if t.kind not in _UNTOLD]
        away = self._rng.random() < self._variety.away
        return self._rng.choice(others) if away and others else self._subject

    def _fact(self, thing: Thing, but: Fact | None = None) -> Fact | None:
        """A fact about a thing that was not told yet, frequent relations first."""
        facts = [fact for fact in self._world.about(thing) if self._is_new(fact) and fact != but]
        weights = [RELATION_WEIGHTS[fact.relation] ** self._variety.relation_zipf for fact in facts]
        return self._rng.choices(facts, weights)[0] if facts else None

    def _is_new(self, fact: Fact) -> bool:
        if (fact.head.name, fact.relation, fact.tail.name) in self._draft.told:
            return False
        years = (fact.head.name, fact.relation, *fact.tail.short[:1])
        return fact.tail.kind != "date" or years not in self._draft.told

    def _tell(self, fact: Fact | None) -> Clause | None:
        """One of the fact's paraphrases."""
        if fact is None:
            return None
        groups = [
            group
            for group in paraphrases()[fact.relation]
            if accepts(group[0].facts[0][0], fact.head) and accepts(group[0].facts[0][2], fact.tail)
        ]
        if not groups:
            return None
        phrase = self._zipf(self._fresh(self._rng.choice(groups)))
        head, _, tail = phrase.facts[0]
        return self._clause(phrase, {head: fact.head, tail: fact.tail})

    def _aside(self) -> list[Clause]:
        """A sentence that relates nothing, about an entity mentioned before."""
        denied = self._rng.random() < self._variety.denied
        anchor = self._rng.choice([self._subject, *self._draft.things.values()])
        pool = denials() if denied else asides()
        options = [phrase for phrase in pool if accepts(phrase.first, anchor)]
        if not denied and self._rng.random() < self._variety.aside_related:
            options = [phrase for phrase in options if self._can_mislead(phrase, anchor)] or options
        if not options:
            return []
        phrase = self._zipf(self._fresh(options))
        clause = self._clause(phrase, {phrase.first: anchor}, denied=denied)
        return [clause] if clause else []

    def _can_mislead(self, phrase: Phrase, anchor: Thing) -> bool:
        """Whether a slot of the aside could hold something that the world relates to the anchor."""
        others = [slot for slot in phrase.slots() if slot != phrase.first]
        return any(
            accepts(slot, end)
            for fact in self._world.about(anchor)
            if self._is_new(fact)
            for end in (fact.head, fact.tail)
            for slot in others
            if end != anchor and kind_of(slot) != "year"
        )

    def _clause(self, phrase: Phrase, given: Bindings, *, denied: bool = False) -> Clause | None:
        drawn = phrase.drawn(self._rng)
        bindings = bind(drawn, given, self._world, self._rng)
        if bindings is None:
            return None

        def choose(slot: str, anchor: Thing) -> Thing | None:
            return self._choose(slot, anchor, unrelated=denied)

        return Clause(drawn, bindings) if fill(drawn, bindings, choose) else None

    def _choose(self, slot: str, anchor: Thing, *, unrelated: bool) -> Thing | None:
        """A thing for a slot of no fact."""
        if kind_of(slot) == "year":
            year = str(self._year(anchor))
            return Thing("date", year, (year,))
        if kind_of(slot) in ("number", "many"):
            return Thing("number", self._number(many=kind_of(slot) == "many"))
        options = [t for t in self._options(slot, anchor, unrelated=unrelated) if t != anchor]
        if unrelated:
            options = [t for t in options if not self._world.related(anchor, t)]
        return self._rng.choice(options) if options else None

    def _options(self, slot: str, anchor: Thing, *, unrelated: bool) -> Sequence[Thing]:
        if not unrelated and self._rng.random() < self._variety.aside_related:
            related = self._related(slot, anchor)
            if related:
                return related
        known = [t for t in self._draft.things.values() if accepts(slot, t)]
        if known and self._rng.random() < self._variety.aside_known:
            return known
        return self._world.things[kind_of(slot)]

    def _related(self, slot: str, anchor: Thing) -> list[Thing]:
        """Things that the world relates to the anchor, or to the subject, and no sentence does."""
        for thing in (anchor, self._subject):
            facts = [fact for fact in self._world.about(thing) if self._is_new(fact)]
            ends = [end for fact in facts for end in (fact.head, fact.tail)]
            fitting = [end for end in ends if end != thing and accepts(slot, end)]
            if fitting:
                return fitting
        return []

    def _year(self, thing: Thing) -> int:
        """A year that goes with the thing's dates."""
        first = [
            int(day.short[0])
            for relation in ("P569", "P571", "P577")
            for day in self._world.tails(thing, relation)
        ]
        last = [int(day.short[0]) for day in self._world.tails(thing, "P570")]
        grown = 20 if thing.kind == "person" else 1
        start = min(first[0] + grown, 2018) if first else self._rng.randint(1900, 1980)
        return self._rng.randint(start, max(start, min([start + 40, 2019, *last])))

    def _number(self, *, many: bool) -> str:
        if many:
            return f"{self._rng.randint(1, 90)},{self._rng.randint(100, 999)}"
        few = self._rng.choice(("three", "four", "five", "six", "eight", "nine", "twelve", "forty"))
        return self._rng.choice((few, str(self._rng.randint(11, 300))))

    def _say(self, clauses: Sequence[Clause]) -> None:
        """Add a sentence of the clauses unless it would name too many entities."""
        told = [fact for phrase, bindings in clauses for fact in phrase.told(bindings)]
        sentence = Sentence(self._pieces(clauses), clauses[0].about, told)
        if self._draft.n_entities + self._draft.would_add(sentence) <= self._entities:
            self._draft.add(sentence)
            self._phrases.extend(clause.phrase.key for clause in clauses)

    def _pieces(self, clauses: Sequence[Clause]) -> list[Piece]:
        pieces = clauses[0].phrase.pieces(clauses[0].bindings)
        for phrase, bindings in clauses[1:]:
            pieces += self._joint(phrase).split()
            pieces += phrase.pieces(bindings)[1:]
        opening = self._opening(clauses)
        return [*opening, *pieces]

    def _joint(self, phrase: Phrase) -> str:
        """What joins a second predicate to the first."""
        late = phrase.facts[0][1] in _LATE and not _PRESENT & set(phrase.text.split())
        return self._rng.choice(("and", ", and", "and later", "and then") if late else ("and",))

    def _opening(self, clauses: Sequence[Clause]) -> list[Piece]:
        """Nothing, or a phrase that fits the tense and contradicts no date."""
        words = {word for clause in clauses for word in clause.phrase.text.split()}
        first = not self._draft.sentences
        denial = clauses[0].phrase.key.startswith("denial")
        if first or denial or words & _PRESENT or self._rng.random() >= self._variety.opened:
            return []
        relations = [relation for clause in clauses for _, relation, _ in clause.phrase.facts]
        dated = any("{" in word and "year" in word for word in words)
        free = not dated and all(relation in _DATELESS for relation in relations)
        opening = self._rng.choice(openings() + (openings_in_time() if free else ()))
        bindings = {
            slot: self._choose(slot, clauses[0].about, unrelated=False) for slot in opening.slots()
        }
        return opening.pieces({slot: thing for slot, thing in bindings.items() if thing})

    def _fresh(self, phrases: Sequence[Phrase]) -> Sequence[Phrase]:
        """Phrases that this document has not used, if there are any."""
        return [phrase for phrase in phrases if phrase.key not in self._phrases] or phrases

    def _zipf(self, phrases: Sequence[Phrase]) -> Phrase:
        weights = [rank**-self._variety.paraphrase_zipf for rank in range(1, len(phrases) + 1)]
        return self._rng.choices(phrases, weights)[0]
