"""What follows from the facts that a demo document tells."""

from __future__ import annotations

from typing import Final

Told = dict[tuple[str, str, str], tuple[int, ...]]
"""Facts (head, relation, tail) with the sentences that show them."""

_CHAINS: Final = (
    ("P131", "P17", "P17"),
    ("P159", "P17", "P17"),
    ("P19", "P17", "P27"),
    ("P57", "P27", "P495"),
    ("P50", "P27", "P495"),
    ("P175", "P27", "P495"),
    ("P175", "P495", "P495"),
)
"""(first, second, result): a first b and b second c give a result c."""
_INVERSES: Final = (("P22", "P40"), ("P26", "P26"), ("P3373", "P3373"), ("P36", "P17"))
"""(told, result): a told b gives b result a."""


def close(told: Told) -> Told:
    """The facts told and all that follow from them, with the evidence of each united.

    Rules are applied until nothing new follows; a fact keeps the first evidence found.
    """
    facts, size = dict(told), -1
    while len(facts) > size:
        size = len(facts)
        for fact, evidence in (*_mirrored(facts), *_chained(facts), *_siblings(facts)):
            facts.setdefault(fact, evidence)
    return facts


def _mirrored(facts: Told) -> list[tuple[tuple[str, str, str], tuple[int, ...]]]:
    return [
        ((tail, result, head), evidence)
        for (head, relation, tail), evidence in facts.items()
        for source, result in _INVERSES
        if relation == source
    ]


def _chained(facts: Told) -> list[tuple[tuple[str, str, str], tuple[int, ...]]]:
    return [
        ((head, result, end), _united(evidence, further))
        for first, second, result in _CHAINS
        for (head, relation, middle), evidence in facts.items()
        if relation == first
        for (start, link, end), further in facts.items()
        if link == second and start == middle
    ]


def _siblings(facts: Told) -> list[tuple[tuple[str, str, str], tuple[int, ...]]]:
    """Children of one parent."""
    parents = [(fact, shown) for fact, shown in facts.items() if fact[1] == "P40"]
    return [
        ((one, "P3373", other), _united(evidence, further))
        for (parent, _, one), evidence in parents
        for (same, _, other), further in parents
        if parent == same and one != other
    ]


def _united(one: tuple[int, ...], other: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(sorted({*one, *other}))
