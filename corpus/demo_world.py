"""The demo corpus's world: invented people, places, organizations, works, and facts about them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Final, NamedTuple

from corpus.demo_names import Name, Names

TYPES: Final = {
    "person": "PER",
    "city": "LOC",
    "region": "LOC",
    "country": "LOC",
    "company": "ORG",
    "label": "ORG",
    "university": "ORG",
    "band": "ORG",
    "party": "ORG",
    "film": "MISC",
    "album": "MISC",
    "book": "MISC",
    "award": "MISC",
    "date": "TIME",
    "number": "NUM",
}
"""DocRED's entity type of each kind of thing."""

_MONTHS: Final = (
    *("January", "February", "March", "April", "May", "June", "July"),
    *("August", "September", "October", "November", "December"),
)
_OCCUPATIONS: Final = (
    *("painter", "novelist", "composer", "physicist", "engineer", "politician", "journalist"),
    *("architect", "singer", "botanist", "sculptor", "film director", "lawyer", "playwright"),
    *("historian", "photographer", "conductor", "chemist", "banker", "poet"),
)
_SYMMETRIC: Final = ("P26", "P3373")
_TODAY: Final = 2020


@dataclass(frozen=True, slots=True)
class Thing:
    """Anything that has a name; names are unique in a world."""

    kind: str
    name: str
    short: tuple[str, ...] = ()
    adjective: str = ""
    """What comes from there, for a country."""
    gender: str = ""
    """m or f, for a person."""
    occupation: str = ""
    alive: bool = True


class Fact(NamedTuple):
    """A triple of the world."""

    head: Thing
    relation: str
    tail: Thing


class World:
    """Things by kind, and facts in the order they were added."""

    def __init__(self) -> None:
        self.things: dict[str, list[Thing]] = defaultdict(list)
        self.facts: dict[Fact, None] = {}
        self._tails: dict[tuple[Thing, str], list[Thing]] = defaultdict(list)
        self._heads: dict[tuple[str, Thing], list[Thing]] = defaultdict(list)
        self._about: dict[Thing, list[Fact]] = defaultdict(list)

    def add(self, kind: str, name: Name) -> Thing:
        """A new thing of that name."""
        return self.settle(Thing(kind, name.full, name.short, name.adjective))

    def settle(self, thing: Thing) -> Thing:
        """The thing, which is now one of the world's."""
        self.things[thing.kind].append(thing)
        return thing

    def tell(self, head: Thing, relation: str, tail: Thing) -> None:
        """Add a fact, and its mirror image where the relation is symmetric."""
        fact = Fact(head, relation, tail)
        if fact in self.facts or head == tail:
            return
        self.facts[fact] = None
        self._tails[head, relation].append(tail)
        self._heads[relation, tail].append(head)
        for thing in (head, tail):
            self._about[thing].append(fact)
        if relation in _SYMMETRIC:
            self.tell(tail, relation, head)

    def tails(self, head: Thing, relation: str) -> Sequence[Thing]:
        """What the head stands in that relation to."""
        return self._tails.get((head, relation), ())

    def heads(self, relation: str, tail: Thing) -> Sequence[Thing]:
        """What stands in that relation to the tail."""
        return self._heads.get((relation, tail), ())

    def about(self, thing: Thing) -> Sequence[Fact]:
        """Facts of which the thing is head or tail."""
        return self._about.get(thing, ())

    def related(self, one: Thing, other: Thing) -> bool:
        """Whether any fact holds between the two, in either direction."""
        return any(other in (fact.head, fact.tail) for fact in self.about(one))


class Lifespan(NamedTuple):
    """Years of birth and, at the latest, death."""

    born: int
    died: int


class WorldBuilder:
    """Builds a world for so many documents; each step draws on things of the steps before."""

    def __init__(self, rng: Random, names: Names, documents: int) -> None:
        self.world = World()
        self._rng, self._names, self._documents = rng, names, documents
        self._lives: dict[Thing, Lifespan] = {}

    def build(self) -> World:
        """The whole world."""
        self._places()
        self._schools_and_parties()
        while len(self.world.things["person"]) < self._count(1.5, 40):
            self._family()
        self._companies()
        self._bands()
        for kind, creator in (("film", "P57"), ("album", "P175"), ("book", "P50")):
            self._works(kind, creator)
        for person in tuple(self.world.things["person"]):
            self._career(person)
        for _ in range(self._count(0.08, 5)):
            self.world.add("award", self._names.award())
        return self.world

    def _count(self, per_document: float, least: int) -> int:
        return least + round(per_document * self._documents)

    def _chance(self, share: float) -> bool:
        return self._rng.random() < share

    def _any(self, kind: str) -> Thing:
        return self._rng.choice(self.world.things[kind])

    def _places(self) -> None:
        for _ in range(self._count(0.02, 8)):
            country = self.world.add("country", self._names.country())
            cities = [self._city(region) for region in self._regions(country) for _ in range(3)]
            for city in cities:
                self.world.tell(city, "P17", country)
            self.world.tell(country, "P36", cities[0])

    def _regions(self, country: Thing) -> list[Thing]:
        regions = [self.world.add("region", self._names.region()) for _ in range(3)]
        for region in regions:
            self.world.tell(region, "P17", country)
        return regions

    def _city(self, region: Thing) -> Thing:
        city = self.world.add("city", self._names.city())
        self.world.tell(city, "P131", region)
        return city

    def _country(self, city: Thing) -> Thing:
        return self.world.tails(city, "P17")[0]

    def _home(self, country: Thing) -> Thing:
        """A city of the country."""
        return self._rng.choice([t for t in self.world.heads("P17", country) if t.kind == "city"])

    def _schools_and_parties(self) -> None:
        for _ in range(self._count(0.09, 6)):
            city = self._any("city")
            school = self.world.add("university", self._names.university(city.name))
            self.world.tell(school, "P131", city)
            self.world.tell(school, "P17", self._country(city))
            self._found(school, self._rng.randint(1620, 1960))
        for _ in range(self._count(0.07, 8)):
            country = self._any("country")
            party = self.world.add("party", self._names.party(country.adjective))
            self.world.tell(party, "P17", country)
            self._found(party, self._rng.randint(1860, 1990))

    def _family(self) -> None:
        """A couple and their children, who bear the father's surname."""
        country, year = self._any("country"), self._rng.randint(1860, 1975)
        surname = self._names.surname()
        father = self._person(country, surname, "m", year)
        parents = [father]
        if self._chance(0.6):
            mother = self._person(
                country, self._names.surname(), "f", year + self._rng.randint(-4, 6)
            )
            self.world.tell(father, "P26", mother)
            parents.append(mother)
        children = [
            self._person(country, surname, self._rng.choice("mf"), year + self._rng.randint(22, 38))
            for _ in range(self._rng.choice((0, 0, 1, 1, 2, 3)))
        ]
        self._bring_up(children, parents)

    def _bring_up(self, children: Sequence[Thing], parents: Sequence[Thing]) -> None:
        for child in children:
            self.world.tell(child, "P22", parents[0])
            for parent in parents:
                self.world.tell(parent, "P40", child)
            for sibling in children:
                self.world.tell(child, "P3373", sibling)

    def _person(self, country: Thing, surname: str, gender: str, born: int) -> Thing:
        died = born + self._rng.randint(42, 92)
        name, work = self._names.person(surname, gender), self._rng.choice(_OCCUPATIONS)
        person = self.world.settle(
            Thing("person", name.full, name.short, "", gender, work, died > _TODAY)
        )
        self._lives[person] = Lifespan(born, min(died, _TODAY))
        self.world.tell(person, "P27", country)
        self.world.tell(person, "P19", self._home(country))
        self.world.tell(person, "P569", self._day(born))
        if not person.alive:
            self.world.tell(person, "P570", self._day(died))
            abroad = self._chance(0.5)
            self.world.tell(person, "P20", self._any("city") if abroad else self._home(country))
        return person

    def _day(self, year: int) -> Thing:
        return Thing(
            "date", f"{self._rng.randint(1, 28)} {self._rng.choice(_MONTHS)} {year}", (str(year),)
        )

    def _found(self, organization: Thing, year: int) -> None:
        self.world.tell(organization, "P571", Thing("date", str(year), (str(year),)))

    def _adult_year(self, person: Thing) -> int:
        """A year in which the person was grown up and alive."""
        life = self._lives[person]
        return min(life.born + self._rng.randint(23, 48), life.died)

    def _companies(self) -> None:
        for kind, per_document, least in (("company", 0.28, 10), ("label", 0.05, 4)):
            for _ in range(self._count(per_document, least)):
                self._company(kind)

    def _company(self, kind: str) -> None:
        founder, owners = self._any("person"), self.world.things["company"]
        own = self._names.company() if kind == "company" else self._names.label()
        company = self.world.add(kind, own)
        city = self._home(self.world.tails(founder, "P27")[0])
        self.world.tell(company, "P112", founder)
        self.world.tell(company, "P159", city)
        self.world.tell(company, "P17", self._country(city))
        self._found(company, self._adult_year(founder))
        if self._chance(0.5) and len(owners) > 1:
            self.world.tell(company, "P127", self._any(self._rng.choice(("company", "person"))))

    def _bands(self) -> None:
        for _ in range(self._count(0.17, 6)):
            band = self.world.add("band", self._names.band())
            self.world.tell(band, "P495", self._any("country"))
            self.world.tell(band, "P264", self._any("label"))
            self._found(band, self._rng.randint(1955, 2012))

    def _works(self, kind: str, creator: str) -> None:
        for _ in range(self._count(0.3, 8)):
            maker = self._any("band" if kind == "album" and self._chance(0.7) else "person")
            work = self.world.add(kind, self._names.work())
            self.world.tell(work, creator, maker)
            self.world.tell(work, "P577", self._day(self._active_year(maker)))
            origin = "P495" if maker.kind == "band" else "P27"
            self.world.tell(work, "P495", self.world.tails(maker, origin)[0])
            if kind == "album":
                self.world.tell(work, "P264", self._any("label"))
            for _ in range(self._rng.randint(2, 4) if kind == "film" else 0):
                self.world.tell(work, "P161", self._any("person"))

    def _active_year(self, maker: Thing) -> int:
        if maker.kind == "person":
            return self._adult_year(maker)
        return int(self.world.tails(maker, "P571")[0].name) + self._rng.randint(1, 8)

    def _career(self, person: Thing) -> None:
        country = self.world.tails(person, "P27")[0]
        if self._chance(0.6):
            self.world.tell(person, "P69", self._any("university"))
        if self._chance(0.6):
            employer = "company" if self._chance(0.65) else "university"
            self.world.tell(person, "P108", self._any(employer))
        parties = [t for t in self.world.heads("P17", country) if t.kind == "party"]
        if self._chance(0.25) and parties:
            self.world.tell(person, "P102", self._rng.choice(parties))
