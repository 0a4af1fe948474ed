"""How varied, how long and how noisy the demo corpus is: everything to tune, in one place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final


@dataclass(frozen=True)
class DemoSize:
    """Documents in each file of the demo corpus.

    Raises:
        ValueError: if a count is negative.
    """

    train: int = 80
    dev: int = 50
    test: int = 100
    unlabelled: int = 420

    def __post_init__(self) -> None:
        counts = (self.train, self.dev, self.test, self.unlabelled)
        if min(counts) < 0:
            raise ValueError(f"demo corpus: document counts must be 0 or more, found {counts}")


@dataclass(frozen=True)
class Variety:
    """What decides how hard the demo corpus is. Shares are probabilities in [0, 1]."""

    paraphrase_zipf: float = 1.0
    """Exponent over the paraphrases of a relation: 0 draws all equally often; the larger, the
    more the first ones dominate and the more of few annotated documents' text recurs in test."""
    relation_zipf: float = 1.3
    """Exponent on `RELATION_WEIGHTS` when a fact is chosen: above 1 the tail gets longer."""
    joined: float = 0.3
    """Share of sentences that tell two facts of one head."""
    opened: float = 0.3
    """Share of sentences with an opening phrase, which may hold an unrelated year."""
    aside: float = 0.42
    """Share of sentences after the first that mention entities without relating them."""
    denied: float = 0.27
    """Share of those that deny, doubt or hedge a relation."""
    aside_related: float = 0.85
    """Share of entities in asides that the world relates to one already mentioned: the distant
    labels' false positives come from these."""
    aside_known: float = 0.35
    """Share of the other entities in asides that were mentioned before."""
    away: float = 0.35
    """Share of facts told about another entity than the document's subject."""
    bridged: float = 0.5
    """Share of facts told on purpose about the city or the maker in a fact told before, so that
    another one follows in two hops."""
    alias: float = 0.55
    """Share of later mentions that use a surname, a short form or an acronym."""
    pronoun: float = 0.65
    """Share of sentences about the same entity as the last that name it by a pronoun or a noun."""
    min_words: tuple[int, int] = (75, 115)
    """Range from which a document's least number of words is drawn."""
    max_entities: tuple[int, int] = (12, 16)
    """Range from which a document's largest number of entities is drawn."""
    kept_frequent: float = 0.7
    """Share of the most frequent relation's facts that the knowledge base holds."""
    kept_rare: float = 0.36
    """Share of the rarest relation's facts that the knowledge base holds."""
    kept_under_alias: float = 0.08
    """Share of the knowledge base's names that are short forms, which several things may share."""


MIN_ENTITIES: Final = 10
"""A document goes on until it has so many entities."""
MIN_SENTENCES: Final = 4
MAX_SENTENCES: Final = 10

RELATION_NAMES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "P17": "country",
        "P19": "place of birth",
        "P20": "place of death",
        "P22": "father",
        "P26": "spouse",
        "P27": "country of citizenship",
        "P36": "capital",
        "P40": "child",
        "P50": "author",
        "P57": "director",
        "P69": "educated at",
        "P102": "member of political party",
        "P108": "employer",
        "P112": "founded by",
        "P127": "owned by",
        "P131": "located in the administrative territorial entity",
        "P159": "headquarters location",
        "P161": "cast member",
        "P175": "performer",
        "P264": "record label",
        "P495": "country of origin",
        "P569": "date of birth",
        "P570": "date of death",
        "P571": "inception",
        "P577": "publication date",
        "P3373": "sibling",
    }
)
"""The relations by Wikidata id."""

RELATION_WEIGHTS: Final[Mapping[str, float]] = MappingProxyType(
    {
        "P17": 10.0,
        "P131": 7.0,
        "P27": 6.0,
        "P19": 4.5,
        "P569": 4.0,
        "P577": 4.0,
        "P495": 3.5,
        "P161": 3.5,
        "P159": 3.0,
        "P175": 3.0,
        "P571": 2.5,
        "P57": 2.5,
        "P50": 2.5,
        "P570": 2.0,
        "P108": 2.0,
        "P69": 2.0,
        "P112": 1.5,
        "P20": 1.5,
        "P26": 1.0,
        "P264": 1.0,
        "P127": 0.9,
        "P40": 0.7,
        "P22": 0.7,
        "P102": 0.7,
        "P3373": 0.6,
        "P36": 0.5,
    }
)
"""How readily a fact of each relation is told, most frequent first."""

SUBJECTS: Final[Mapping[str, float]] = MappingProxyType(
    {
        "person": 0.38,
        "company": 0.13,
        "film": 0.11,
        "album": 0.08,
        "book": 0.08,
        "university": 0.05,
        "band": 0.06,
        "party": 0.03,
        "city": 0.08,
    }
)
"""Shares of what documents are about, by kind."""

DEFAULT_SIZE: Final = DemoSize()
DEFAULT_VARIETY: Final = Variety()
