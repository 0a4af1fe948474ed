"""How entities of each type look: a colour and an underline, the same on all pages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

COLOURS: Final = 8
"""Looks of static/report.css, for the most frequent types; all others share look 0."""


@dataclass(frozen=True, slots=True)
class Kind:
    """How the mentions of an entity look."""

    css: str
    """Class of the entity's type."""
    title: str
    """What is said of it where a pointer rests."""


class Looks:
    """The looks of all types of a warehouse."""

    def __init__(self, types: Sequence[str]) -> None:
        """Give looks to types.

        Args:
            types: the most frequent first.
        """
        self._css = {name: f"type-{i}" for i, name in enumerate(types[:COLOURS], start=1)}

    def css(self, name: str) -> str:
        """The class of a type."""
        return self._css.get(name, "type-0")

    def of(self, entity: Mapping[str, Any]) -> Kind:
        """The look of an entity, a mapping with ``name`` and ``type``."""
        return Kind(self.css(entity["type"]), f"{entity['name']} · {entity['type'] or 'untyped'}")
