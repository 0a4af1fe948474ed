"""Which model is in use: challenger against champion, or a version that a person names."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from corpus.tables import read_documents
from docre_assets.kept_checkpoints import Version
from docre_assets.model_versions import ModelVersions, Outcome
from models.checkpoint_files import model_version
from quality.promotion import Comparison, compare, counts, f1

if TYPE_CHECKING:
    from models.runtime import Runtime


@dataclass(frozen=True)
class Decision:
    """What became of a challenger."""

    told: str
    """In a sentence."""
    passed: bool
    """False for a challenger that was refused."""
    comparison: Comparison | None = None


@dataclass(frozen=True)
class Contest:
    """A newly fine-tuned model and what it is judged by."""

    versions: ModelVersions
    challenger: Path
    """Checkpoint of the newly fine-tuned model."""
    dev: Path
    """Table of labelled documents that both models are scored on."""
    runtime: "Callable[[], Runtime]"
    """Device and precision, asked for where a model has to predict."""
    run: str
    """Id of the run."""

    def decide(self, *, margin: float, risk: float) -> Decision:
        """Promote the challenger, or leave the champion in use.

        A version is judged once: one that was refused, or that a person has rolled back from, does
        not come into use by itself again.

        Args:
            margin: F1 that the challenger may lose, from 0 to 1.
            risk: share of bootstrap samples that may say that it loses more.

        Raises:
            ValueError: if there is a champion and dev has no labelled document.
        """
        self.versions.finish()
        version, champion = model_version(self.challenger), self.versions.current
        if champion is None:
            return self._first(version)
        if version == champion.version:
            return Decision(f"{version} is in use, and no other model was trained since", True)
        if judged := self._judged(version):
            event, reason = judged
            told = f"{version} was judged before ({event}); {champion.version} stays: {reason}"
            return Decision(told, event != Outcome.REFUSED)
        return self._compared(version, champion, margin, risk)

    def choose(self, version: str) -> Decision:
        """Put a version in use that a person names: any that is kept, or the challenger.

        Raises:
            ValueError: if it is neither; lists those that there are.
        """
        reason = "chosen by hand"
        self.versions.finish()
        if version not in self.versions.kept()["version"] and self._is_challenger(version):
            told = self.versions.promote(
                self.challenger, version, run=self.run, time=_now(), reason=reason
            )
        else:
            told = self.versions.roll_back(version, run=self.run, time=_now(), reason=reason)
        return Decision(told, True)

    def _first(self, version: str) -> Decision:
        dev_f1 = f1(self._counts(self.challenger))
        reason = "the first model: there is none to compare it with"
        told = self.versions.promote(
            self.challenger, version, run=self.run, time=_now(), dev_f1=dev_f1, reason=reason
        )
        return Decision(told, True)

    def _is_challenger(self, version: str) -> bool:
        return self.challenger.is_dir() and version == model_version(self.challenger)

    def _judged(self, version: str) -> tuple[str, str] | None:
        """What became of a version before, and why."""
        events = self.versions.history().filter(version=version)
        return None if events.is_empty() else events.select("event", "reason").rows()[-1]

    def _compared(self, version: str, champion: Version, margin: float, risk: float) -> Decision:
        comparison = compare(
            self._counts(champion.path), self._counts(self.challenger), margin=margin, risk=risk
        )
        judged = {"run": self.run, "time": _now(), "comparison": comparison}
        if comparison.promoted:
            told = self.versions.promote(self.challenger, version, **judged)
            self.versions.prune()
        else:
            self.versions.refuse(version, **judged)
            told = f"{champion.version} stays in use: {comparison.told}"
        return Decision(told, comparison.promoted, comparison)

    def _counts(self, checkpoint: Path) -> pl.DataFrame:
        """What a model's F1 on dev is made of."""
        from models.predictions import predict

        predicted = predict(read_documents(self.dev), checkpoint, self.runtime())
        return counts(pl.scan_parquet(self.dev), predicted.lazy())


def _now() -> datetime:
    return datetime.now(UTC)
