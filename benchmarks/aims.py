"""Aims of a benchmark, beside what was found."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Aim:
    """What a figure is to be; just one of ``least`` and ``most`` is given."""

    what: str
    found: float
    least: float | None = None
    most: float | None = None

    @property
    def met(self) -> bool:
        """Whether the figure is as it should be."""
        above = self.least is None or self.found >= self.least
        return above and (self.most is None or self.found <= self.most)

    def row(self) -> dict[str, Any]:
        """As the JSON has it."""
        return asdict(self) | {"met": self.met}

    def __str__(self) -> str:
        wanted = f"at least {self.least:g}" if self.most is None else f"at most {self.most:g}"
        verdict = "met" if self.met else "MISSED"
        return f"{verdict:7} {self.what:52} {self.found:10.3f}   ({wanted})"


def shown(aims: Iterable[Aim]) -> list[dict[str, Any]]:
    """Print aims, a line each, and give their rows."""
    aims = list(aims)
    for aim in aims:
        print(aim)
    return [aim.row() for aim in aims]
