"""Names for the demo world: coined from syllables and word lists, none of them given twice."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Final

_ONSETS: Final = (
    *("b", "br", "c", "ch", "d", "dr", "f", "fl", "g", "gr", "h", "j", "k", "kl", "l", "m", "n"),
    *("p", "pr", "r", "s", "sh", "sk", "st", "t", "th", "tr", "v", "w", "y", "z", "bl", "gl"),
)
_VOWELS: Final = ("a", "e", "i", "o", "u", "a", "e", "o", "ai", "ea", "ei", "ou", "ie")
_MIDDLES: Final = ("l", "n", "r", "s", "m", "nd", "rt", "ll", "v", "d", "st", "rn", "lm", "k", "nt")
_CITY_ENDINGS: Final = (
    *("ton", "burg", "ville", "ford", "haven", "stad", "mouth", "field", "minster", "by", "wick"),
    *("ano", "ika", "ora", "ovo", "une", "ec", "is", "port", "dorf", "grad"),
)
_SURNAME_ENDINGS: Final = (
    *("sen", "ov", "er", "ez", "ini", "ski", "man", "well", "ley", "ard", "strom", "ano", "eau"),
    *("ich", "aki", "ura", "ak", "is", "ell", "ton", "gren", "ova", "ein", "ault"),
)
_COUNTRY_ENDINGS: Final = (
    *(("ia", "ian"), ("land", "landic"), ("istan", "istani"), ("ova", "ovan"), ("ador", "adorian")),
    *(("una", "unan"), ("esia", "esian"), ("aria", "arian"), ("mark", "markish")),
)
_REGIONS: Final = ("{}shire", "{} Province", "{} County", "{}mark", "Lower {}", "{}ia", "North {}")
_TRADES: Final = (
    *("Industries", "Motors", "Systems", "Foods", "Airlines", "Pictures", "Press", "Steel"),
    *("Electric Company", "Insurance Group", "Shipping Line", "Chemical Works", "Savings Bank"),
    *("Brewery", "Textiles", "Media", "Pharmaceuticals", "Robotics", "Railways", "Instruments"),
)
_SCHOOLS: Final = (
    *("{} Institute of Technology", "{} State University", "{} College", "{} Academy of Arts"),
    *("{} School of Medicine", "{} University"),
)
_PARTIES: Final = (
    *("Labour Party", "Liberal Party", "People 's Party", "Green Alliance", "National Union"),
    *("Farmers ' League", "Reform Movement", "Democratic Front", "Workers ' Party", "Civic Union"),
)
_AWARDS: Final = (
    "{} Prize",
    "{} Medal",
    "{} Film Festival",
    "{} Exhibition",
    "{} Biennale",
    "{} Cup",
)
_ADJECTIVES: Final = (
    *("Silent", "Broken", "Crimson", "Distant", "Electric", "Empty", "Frozen", "Gentle", "Golden"),
    *("Hidden", "Hollow", "Iron", "Last", "Little", "Lonely", "Long", "Lost", "Narrow", "New"),
    *("Northern", "Old", "Open", "Pale", "Paper", "Quiet", "Red", "Restless", "Royal", "Salt"),
    *("Scarlet", "Second", "Secret", "Short", "Silver", "Slow", "Small", "Stolen", "Strange"),
    *(
        "Sudden",
        "Sweet",
        "Tender",
        "Third",
        "Velvet",
        "Violet",
        "Wild",
        "Winter",
        "Wooden",
        "Young",
    ),
)
_NOUNS: Final = (
    *("Anchor", "Autumn", "Ballad", "Bell", "Bird", "Border", "Bridge", "Candle", "Carnival"),
    *("Castle", "Circle", "Clock", "Corridor", "Dancer", "Daughter", "Desert", "Doctor", "Dream"),
    *("Echo", "Engine", "Evening", "Farewell", "Ferry", "Fire", "Forest", "Fountain", "Game"),
    *("Garden", "Ghost", "Guest", "Harbour", "Harvest", "Heart", "Horizon", "Hotel", "House"),
    *(
        "Island",
        "Journey",
        "Kingdom",
        "Lantern",
        "Letter",
        "Lighthouse",
        "Machine",
        "Map",
        "Memory",
    ),
    *("Midnight", "Mirror", "Morning", "Mountain", "Ocean", "Orchard", "Orchestra", "Parade"),
    *("Passenger", "Planet", "Promise", "Queen", "Railway", "Rain", "River", "Road", "Rose"),
    *("Sailor", "Season", "Shadow", "Shore", "Signal", "Sister", "Sky", "Sparrow", "Station"),
    *("Storm", "Stranger", "Summer", "Theatre", "Thief", "Tiger", "Tower", "Train", "Valley"),
    *(
        "Village",
        "Violin",
        "Voyage",
        "Wall",
        "Waltz",
        "Watchman",
        "Water",
        "Wind",
        "Window",
        "Wolf",
    ),
)
_MEN: Final = (
    *("Adam", "Albert", "Anton", "Arthur", "Boris", "Carlos", "Cyril", "Daniel", "David", "Edgar"),
    *("Emil", "Erik", "Felix", "Franz", "George", "Gustav", "Hans", "Henry", "Hugo", "Ivan"),
    *(
        "Jacob",
        "James",
        "Jan",
        "Joseph",
        "Karl",
        "Kenji",
        "Lars",
        "Leo",
        "Louis",
        "Marco",
        "Martin",
    ),
    *("Max", "Miguel", "Nikolai", "Oscar", "Otto", "Pablo", "Paul", "Pierre", "Rafael", "Robert"),
    *("Samuel", "Simon", "Stefan", "Thomas", "Tomas", "Victor", "Walter", "William", "Yusuf"),
)
_WOMEN: Final = (
    *("Ada", "Agnes", "Alice", "Amalia", "Anna", "Astrid", "Beatrice", "Camille", "Carmen"),
    *("Clara", "Dora", "Edith", "Elena", "Elisa", "Emma", "Eva", "Fatima", "Flora", "Greta"),
    *("Hanna", "Helena", "Ida", "Ingrid", "Irene", "Iris", "Jane", "Julia", "Karin", "Katya"),
    *("Laura", "Lena", "Lucia", "Magda", "Margaret", "Maria", "Marta", "Mina", "Nadia", "Nina"),
    *("Nora", "Olga", "Paula", "Rosa", "Ruth", "Sara", "Sofia", "Sonia", "Teresa", "Vera", "Yuki"),
)


@dataclass(frozen=True, slots=True)
class Name:
    """A full name with the short forms that may stand for it."""

    full: str
    short: tuple[str, ...] = ()
    adjective: str = ""
    """What comes from there, for a country."""


class Names:
    """Coins names of which no full or short form was given before, in this corpus."""

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self._given: set[str] = set()

    def _coin(self, make: Callable[[], Name]) -> Name:
        """The first of ``make``'s names that has no form in common with those given."""
        while True:
            name = make()
            forms = {form.casefold() for form in (name.full, *name.short, name.adjective) if form}
            if not forms & self._given:
                self._given |= forms
                return name

    def _stem(self) -> str:
        """One or two syllables that ask for an ending."""
        draw = self._rng.choice
        stem = draw(_ONSETS) + draw(_VOWELS) + draw(_MIDDLES)
        if self._rng.random() < 0.35:
            stem += draw(_VOWELS[:8]) + draw(_MIDDLES[:6])
        return stem.capitalize()

    def _word(self) -> str:
        return self._stem() + self._rng.choice(("a", "o", "en", "er", "an", "is", "ay", "ow", "um"))

    def country(self) -> Name:
        """A country and its adjective."""

        def make() -> Name:
            stem, (noun, adjective) = self._stem(), self._rng.choice(_COUNTRY_ENDINGS)
            return Name(stem + noun, adjective=stem + adjective)

        return self._coin(make)

    def region(self) -> Name:
        """A province or county."""
        return self._coin(lambda: Name(self._rng.choice(_REGIONS).format(self._stem())))

    def city(self) -> Name:
        """A city or town."""

        def make() -> Name:
            before = self._rng.choice(("",) * 9 + ("Port ", "San ", "New "))
            return Name(before + self._stem() + self._rng.choice(_CITY_ENDINGS))

        return self._coin(make)

    def surname(self) -> str:
        """A family's name."""
        return self._coin(lambda: Name(self._stem() + self._rng.choice(_SURNAME_ENDINGS))).full

    def person(self, surname: str, gender: str) -> Name:
        """A member of a family; the surname alone is the short form."""
        given = _MEN if gender == "m" else _WOMEN

        def make() -> Name:
            middle = (
                f"{self._rng.choice('ABCDEFGHJKLMNPRSTVW')}." if self._rng.random() < 0.2 else ""
            )
            return Name(" ".join(filter(None, (self._rng.choice(given), middle, surname))))

        return Name(self._coin(make).full, (surname,))

    def company(self) -> Name:
        """A company; its first word is the short form, or its initials."""

        def make() -> Name:
            word, trade = self._word(), self._rng.choice(_TRADES)
            return Name(f"{word} {trade}", (_initials(f"{word} {trade}") or word,))

        return self._coin(make)

    def label(self) -> Name:
        """A record company."""

        def make() -> Name:
            word = self._word()
            return Name(f"{word} {self._rng.choice(('Records', 'Music', 'Recordings'))}", (word,))

        return self._coin(make)

    def university(self, city: str) -> Name:
        """A university, at times named for its city; its initials are the short form."""

        def make() -> Name:
            if self._rng.random() < 0.3:
                return Name(f"University of {city}")
            full = self._rng.choice(_SCHOOLS).format(self._word())
            return Name(full, tuple(filter(None, (_initials(full),))))

        return self._coin(make)

    def party(self, adjective: str) -> Name:
        """A political party; its initials are the short form."""

        def make() -> Name:
            before = self._rng.choice((adjective, adjective, self._word()))
            full = f"{before} {self._rng.choice(_PARTIES)}"
            return Name(full, tuple(filter(None, (_initials(full),))))

        return self._coin(make)

    def band(self) -> Name:
        """A band; without its article is the short form."""

        def make() -> Name:
            if self._rng.random() < 0.6:
                short = f"{self._adjective()} {self._noun()}s"
                return Name(f"The {short}", (short,))
            return Name(f"{self._word()} {self._noun()}")

        return self._coin(make)

    def work(self) -> Name:
        """A film, a book or an album."""

        def make() -> Name:
            one, two = self._noun(), self._noun()
            patterns = (
                *(
                    f"The {self._adjective()} {one}",
                    f"{self._adjective()} {one}",
                    f"{one} and {two}",
                ),
                *(
                    f"The {one} of {self._word()}",
                    f"{_article(one)} {one} for {self._rng.choice(_WOMEN)}",
                ),
                *(
                    f"{self._word()} {one}",
                    f"The {one} {two}",
                    f"Beyond the {self._adjective()} {one}",
                ),
            )
            return Name(self._rng.choice(patterns))

        return self._coin(make)

    def award(self) -> Name:
        """A prize, a festival or an exhibition."""
        return self._coin(lambda: Name(self._rng.choice(_AWARDS).format(self._word())))

    def _adjective(self) -> str:
        return self._rng.choice(_ADJECTIVES)

    def _noun(self) -> str:
        return self._rng.choice(_NOUNS)


def _article(noun: str) -> str:
    return "An" if noun[0] in "AEIO" else "A"


def _initials(full: str) -> str:
    """Initials of a name of three words or more, else nothing."""
    capitals = "".join(word[0] for word in full.split() if word[0].isupper())
    return capitals if len(capitals) >= 3 else ""
