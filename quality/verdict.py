"""What came of judging a stage: which expectations fail, by how much, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Failure:
    """An expectation that does not hold, or that could not be tried."""

    expectation: str
    """Great Expectations' name of it, such as ``expect_label_divergence_to_be_at_most``."""
    statistic: str
    """What it is about."""
    expected: str
    """In words, with the bounds as numbers."""
    observed: str
    """Likewise; of an error, what went wrong."""
    worst: tuple[str, ...]
    """The ten relations and the ten documents, at most, that are most to blame."""
    remedy: str
    """What to do."""
    error: bool = False
    """Whether it could not be tried, so that nobody knows whether it holds."""

    def __str__(self) -> str:
        kind = "ERROR, " if self.error else ""
        worst = f"; worst: {', '.join(self.worst)}" if self.worst else ""
        return (
            f"{kind}{self.statistic}: expected {self.expected}, found {self.observed}{worst}; "
            f"{self.remedy}"
        )


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a suite says of a stage."""

    stage: str
    suite: str
    """``critical`` or ``drift``."""
    n_expectations: int
    failures: tuple[Failure, ...]
    docs: Path | None = None
    """The first page of the data docs, if any were written."""

    @property
    def passed(self) -> bool:
        """Whether all expectations were tried and hold."""
        return not self.failures

    @property
    def has_error(self) -> bool:
        """Whether an expectation could not be tried: that is no pass in any suite."""
        return any(failure.error for failure in self.failures)

    def __str__(self) -> str:
        of_all, name = f"{self.n_expectations} expectations", f"{self.stage}, {self.suite}"
        if self.passed:
            return f"{name}: {of_all} hold"
        lines = [f"{name}: {len(self.failures)} of {of_all} do not hold", *self.failures]
        return "\n- ".join(map(str, lines))
