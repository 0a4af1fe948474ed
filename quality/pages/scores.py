"""The table `evaluation`, to be asked for the scores of one model on one split."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from corpus.schema import ALL, MODELS, OF_RELATION

SPLITS: Final = ("test", "dev")
"""The splits in the order of how much their scores say; others come after them."""


@dataclass(frozen=True, slots=True)
class Score:
    """A score and its 95 % interval, None where none is told."""

    value: float
    low: float | None
    high: float | None


Scores = Mapping[str, Score]
"""Scores by metric."""


class Evaluation:
    """All scores, by model, split, slice and relation."""

    def __init__(self, rows: Iterable[Mapping[str, Any]]) -> None:
        self._scores: dict[tuple[str, str, str, str | None], dict[str, Score]] = {}
        for row in rows:
            key = (row["model"], row["split"], row["slice"], row["relation"])
            score = Score(row["value"], row["low"], row["high"])
            self._scores.setdefault(key, {})[row["metric"]] = score

    @property
    def models(self) -> list[str]:
        """The models that were scored, in the order of training; others come after them."""
        return _in_order({key[0] for key in self._scores}, MODELS)

    @property
    def last(self) -> str | None:
        """The model that training ends with; None if none was scored."""
        trained = [model for model in MODELS if model in self.models]
        return next(reversed(trained or self.models), None)

    @property
    def splits(self) -> list[str]:
        """The splits that were scored, test first."""
        return _in_order({key[1] for key in self._scores}, SPLITS)

    @property
    def slices(self) -> list[str]:
        """The slices but those of all triples and of relations, in the order of their rows."""
        named = dict.fromkeys(key[2] for key in self._scores)
        return [name for name in named if name not in (ALL, OF_RELATION)]

    def of(self, model: str, split: str, slice_: str = ALL) -> Scores:
        """The scores of a model on a slice of a split; none if it was not scored there."""
        return self._scores.get((model, split, slice_, None), {})

    def of_relation(self, model: str, split: str, relation: str) -> Scores:
        """The scores of a model on a relation; none if it was not scored on it."""
        return self._scores.get((model, split, OF_RELATION, relation), {})


def _in_order(found: set[str], known: tuple[str, ...]) -> list[str]:
    return [name for name in known if name in found] + sorted(found.difference(known))
