"""Jinja2 as all pages use it: everything is escaped, and a name that is not there is an error."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined

from quality.pages.names import document_page, relation_page

STAGES: Final = {"finetuned": "fine-tuned"}
"""Models whose names people write differently."""
SLICES: Final = {
    "frequent": "frequent relations",
    "long_tail": "other relations",
    "intra_sentence": "some sentence names both entities",
    "inter_sentence": "no sentence names both",
    "infer": "follows from two other facts",
    "entities_2_9": "documents of up to 9 entities",
    "entities_10_19": "documents of 10 to 19 entities",
    "entities_20_up": "documents of 20 entities and more",
    "distance_0": "in the same sentence",
    "distance_1": "one sentence apart",
    "distance_2": "two sentences apart",
    "distance_3_up": "three sentences apart and more",
}
"""What slices of an evaluation are called."""
STATES: Final = {
    "right": "right",
    "wrong": "wrong",
    "missing": "missing",
    "found": "not judged",
    "distant": "distant label too",
    "unfound": "distant label only",
}
"""What each state of a triple, as pages.sql tells it, is called."""


def environment() -> Environment:
    """The templates, with what they call."""
    made = Environment(
        loader=PackageLoader("quality.pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    filters: dict[str, Callable[..., Any]] = {
        "percent": percent,
        "count": count,
        "stage": lambda model: STAGES.get(model, model),
        "slice": lambda name: SLICES.get(name, name.replace("_", " ")),
        "state": STATES.__getitem__,
        "document_page": document_page,
        "relation_page": relation_page,
    }
    made.filters |= filters
    return made


def percent(probability: float) -> str:
    """A probability as people read it; what is not certain is not called so."""
    if 0 < probability < 0.005:
        return "<1 %"
    if 0.995 <= probability < 1:
        return ">99 %"
    return f"{100 * probability:.0f} %"


def count(number: float) -> str:
    """A whole number, thousands set apart by a narrow space."""
    return f"{number:,.0f}".replace(",", "\N{NARROW NO-BREAK SPACE}")
