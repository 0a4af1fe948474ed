"""What a structural check found: problems that say where, what was expected and what to do."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain, zip_longest
from typing import Final

import polars as pl

SHOWN: Final = 10
"""How many problems a report shows; its total counts them all."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong, and what to do about it."""

    where: str
    expected: str
    found: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.where}: expected {self.expected}, found {self.found}; {self.remedy}"


@dataclass(frozen=True, slots=True)
class Report:
    """The first problems of a check, at most `SHOWN`, and how many there are in all."""

    problems: tuple[Problem, ...] = ()
    total: int = 0

    @property
    def passed(self) -> bool:
        """Whether there is no problem at all."""
        return self.total == 0

    def __str__(self) -> str:
        lines = [str(problem) for problem in self.problems]
        if self.total > len(lines):
            lines.append(f"and {self.total - len(lines)} more")
        return "\n".join(lines) or "no problems"

    @classmethod
    def of(cls, problems: Iterable[Problem]) -> Report:
        """A report of problems that are at hand."""
        found = tuple(problems)
        return cls(found[:SHOWN], len(found))

    @classmethod
    def joined(cls, reports: Iterable[Report]) -> Report:
        """One report of several; each gets its turn, so that a frequent problem hides no other."""
        parts = list(reports)
        turns = chain.from_iterable(zip_longest(*(part.problems for part in parts)))
        shown = tuple(problem for problem in turns if problem is not None)
        return cls(shown[:SHOWN], sum(part.total for part in parts))

    @classmethod
    def of_rows(
        cls, faulty: pl.LazyFrame, *, where: pl.Expr, expected: pl.Expr, found: pl.Expr, remedy: str
    ) -> Report:
        """A report of a lazy table of what is wrong, of which only the first rows are put in words.

        Args:
            faulty: a row for each problem.
            where: text over its columns, as are ``expected`` and ``found``.
            expected: what should stand there.
            found: what stands there.
            remedy: what to do, the same for all.
        """
        words = faulty.head(SHOWN).select(where=where, expected=expected, found=found)
        count = faulty.select(pl.len())
        shown, total = pl.collect_all([words, count], engine="streaming")
        problems = tuple(Problem(**row, remedy=remedy) for row in shown.iter_rows(named=True))
        return cls(problems, total.item())
