"""The model that predictions use, those before it, and the way back; knows no Dagster.

Below one folder lie

- the checkpoints that were promoted, as `docre_assets.kept_checkpoints` keeps them,
- ``history.parquet``: a `MODEL_HISTORY` table,
- ``current.json``: which version is in use, and which was before it.
"""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

import polars as pl

from corpus.artefacts import read_json, sweep, write_json
from corpus.schema import MODEL_HISTORY
from corpus.tables import write_table
from docre_assets.kept_checkpoints import KeptCheckpoints, Version
from quality.promotion import Comparison

KEPT = 5
"""Versions that are kept at least."""


class Outcome(StrEnum):
    """What may become of a model."""

    PROMOTED = "promoted"
    REFUSED = "refused"
    ROLLED_BACK = "rolled_back"


@dataclass(frozen=True, kw_only=True)
class Event:
    """A row of `MODEL_HISTORY`, which explains the columns."""

    time: datetime
    """With its time zone."""
    run: str
    event: Outcome
    version: str
    champion: str | None
    reason: str
    dev_f1: float | None = None
    champion_dev_f1: float | None = None
    difference: float | None = None
    low: float | None = None
    high: float | None = None
    worse: float | None = None


@dataclass(frozen=True)
class ModelVersions:
    """All versions that are kept in a folder.

    `promote`, `refuse`, `roll_back` and `prune` of several processes wait for each other. Whoever
    reads waits for nobody.
    """

    folder: Path

    @property
    def current(self) -> Version | None:
        """The version in use, None before the first promotion; reads all of its checkpoint.

        Raises:
            ValueError: if the checkpoint is not what it was when it was kept.
        """
        version = self._in_use().version
        return None if version is None else self.checkpoints.sound(version)

    @property
    def checkpoints(self) -> KeptCheckpoints:
        """Those of all versions."""
        return KeptCheckpoints(self.folder)

    @property
    def history_file(self) -> Path:
        """Where the history lies; there is none before the first model is judged."""
        return self.folder / "history.parquet"

    def history(self) -> pl.DataFrame:
        """What became of all models, a `MODEL_HISTORY` table in the order of events."""
        if not self.history_file.is_file():
            return MODEL_HISTORY.to_frame()
        # All bytes at once: Polars opens a path several times, and may find another file by then.
        return pl.read_parquet(self.history_file.read_bytes())

    def kept(self) -> pl.DataFrame:
        """The versions that there are, newest first.

        Returns:
            ``version``; ``time`` (UTC) of its last promotion, null where it was kept but its
            promotion not finished; ``dev_f1`` (0 to 1) that it was last judged by, null if it never
            was.
        """
        promoted = pl.col("time").filter(pl.col("event") == Outcome.PROMOTED)
        judged = pl.col("dev_f1").drop_nulls()
        last = self.history().group_by("version").agg(promoted.last(), judged.last())
        kept = pl.DataFrame({"version": self.checkpoints.names()}, {"version": pl.String})
        return kept.join(last, on="version", how="left").sort(
            "time", "version", descending=True, nulls_last=True
        )

    def dev_f1(self, version: str) -> float | None:
        """F1 on dev, from 0 to 1, that a version was last judged by; None if it never was."""
        known = self.history().filter(version=version)["dev_f1"].drop_nulls()
        return None if known.is_empty() else known[-1]

    def promote(
        self,
        checkpoint: Path,
        version: str,
        *,
        run: str,
        time: datetime,
        comparison: Comparison | None = None,
        dev_f1: float | None = None,
        reason: str | None = None,
    ) -> str:
        """Make a model the one in use; if it is already, nothing is recorded.

        Args:
            checkpoint: its folder; it may be trained anew afterwards.
            version: 16 hex digits, the digest of all that its predictions depend on, its
                calibration included.
            run: id of the run.
            time: when it was judged, with its time zone.
            comparison: with the version in use, if there is one.
            dev_f1: of a model without a comparison, from 0 to 1; by default as it was judged.
            reason: in words, by default what the comparison tells.

        Returns:
            What was done, in a sentence.
        """
        told = _reason(comparison, reason)
        with self._alone():
            # The order of writes: a version before anything that names it, and the one write that
            # predictions see last. Killed in between, the old version stays in use, and the same
            # promotion again finds the version kept and its event recorded, and does the rest.
            scores = {"dev_f1": self.dev_f1(version) if dev_f1 is None else dev_f1}
            scores |= _scores(comparison)
            self.checkpoints.keep(checkpoint, version)
            return self._use(version, Outcome.PROMOTED, run=run, time=time, reason=told, **scores)

    def refuse(
        self,
        version: str,
        *,
        run: str,
        time: datetime,
        comparison: Comparison | None = None,
        reason: str | None = None,
    ) -> None:
        """Record that a model was not promoted; its checkpoint is not kept.

        Args:
            version: the digest of its checkpoint.
            run: id of the run.
            time: when it was judged, with its time zone.
            comparison: with the version in use.
            reason: in words, by default what the comparison tells.
        """
        with self._alone():
            event = Event(
                time=time,
                run=run,
                event=Outcome.REFUSED,
                version=version,
                champion=self._in_use().version,
                reason=_reason(comparison, reason),
                **_scores(comparison),
            )
            self.record(event)

    def roll_back(
        self, version: str, *, run: str, time: datetime, reason: str = "rolled back by hand"
    ) -> str:
        """Make a version that is kept the one in use again; if it is already, change nothing.

        Args:
            version: as `kept` lists it.
            run: id of the run.
            time: with its time zone.
            reason: in words.

        Returns:
            What was done, in a sentence.

        Raises:
            ValueError: if it is not kept, or its checkpoint is not what it was.
        """
        with self._alone():
            self._require_kept(version)
            self.checkpoints.sound(version)
            judged = self.dev_f1(version)
            return self._use(
                version, Outcome.ROLLED_BACK, run=run, time=time, reason=reason, dev_f1=judged
            )

    def finish(self) -> None:
        """Bring the version into use that was recorded as such when the process was killed."""
        with self._alone():
            chosen = self.history().filter(pl.col("event") != Outcome.REFUSED).tail(1)
            for version, champion in chosen.select("version", "champion").iter_rows():
                if version != self._in_use().version:
                    write_json(asdict(_InUse(version, champion)), self._pointer)

    def prune(self, keep: int = KEPT) -> list[str]:
        """Remove the oldest versions and what killed processes left; the history stays.

        The version in use stays, and so does the one before it: it is the first to go back to, and
        running predictions may be reading it.

        Args:
            keep: how many of the newest stay.

        Returns:
            The versions that were removed.
        """
        if keep < 1:
            raise ValueError(
                f"{self.folder}: expected at least 1 version to keep, found {keep}; there would be "
                "no way back. Name a number from 1"
            )
        with self._alone():
            in_use = self._in_use()
            beyond = self.kept()["version"].to_list()[keep:]
            removed = [v for v in beyond if v not in (in_use.version, in_use.previous)]
            self._sweep()
            for version in removed:
                self.checkpoints.remove(version)
        return removed

    def record(self, event: Event) -> None:
        """Append to the history, unless the run has recorded this of this version already."""
        history = self.history()
        same = {name: str(getattr(event, name)) for name in ("run", "event", "version")}
        if history.filter(**same).is_empty():
            row = pl.DataFrame([asdict(event)], MODEL_HISTORY)
            write_table(pl.concat([history, row]), self.history_file)

    def _use(
        self,
        version: str,
        event: Outcome,
        *,
        run: str,
        time: datetime,
        reason: str,
        **scores: float | None,
    ) -> str:
        """Record an event that brings a version into use, then bring it into use."""
        champion = self._in_use().version
        if champion == version:
            return f"{version} is in use already"
        self.record(
            Event(
                time=time,
                run=run,
                event=event,
                version=version,
                champion=champion,
                reason=reason,
                **scores,
            )
        )
        write_json(asdict(_InUse(version, champion)), self._pointer)
        return f"{version} is in use now, {champion or 'none'} was before: {reason}"

    def _sweep(self) -> None:
        """Remove drafts: while no other process changes anything, nobody is at work on them."""
        sweep(self.folder)
        self.checkpoints.sweep()

    def _in_use(self) -> "_InUse":
        if not self._pointer.is_file():
            return _InUse()
        try:
            return _InUse(**read_json(self._pointer))
        except (TypeError, ValueError) as error:
            raise ValueError(
                f"{self._pointer}: expected the version in use and the one before it, cannot read "
                f"them ({error}); nobody knows which model is to predict. Remove the file and roll "
                "back to the version that shall be used"
            ) from error

    def _require_kept(self, version: str) -> None:
        kept = self.kept()
        if version not in kept["version"]:
            there = "; ".join(map(_listed, kept.iter_rows(named=True)))
            raise ValueError(
                f"{self.checkpoints.versions}: expected a version that is kept, found "
                f"{version!r}; there is nothing to go back to under that name. Name one of: "
                f"{there or 'none is kept yet'}"
            )

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Wait until no other process changes anything; the system unlocks for a killed one."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    @property
    def _pointer(self) -> Path:
        return self.folder / "current.json"


@dataclass(frozen=True, slots=True)
class _InUse:
    """What ``current.json`` holds."""

    version: str | None = None
    previous: str | None = None
    """The version in use before this one."""


def _scores(comparison: Comparison | None) -> dict[str, float | None]:
    if comparison is None:
        return {}
    return {
        "dev_f1": comparison.challenger_f1,
        "champion_dev_f1": comparison.champion_f1,
        "difference": comparison.difference,
        "low": comparison.low,
        "high": comparison.high,
        "worse": comparison.worse,
    }


def _reason(comparison: Comparison | None, reason: str | None) -> str:
    return reason or (comparison.told if comparison else "nothing to compare it with")


def _listed(kept: dict[str, Any]) -> str:
    """A row of `ModelVersions.kept` in words."""
    time = f"{kept['time']:%Y-%m-%d %H:%M} UTC" if kept["time"] else "promotion not finished"
    f1 = "unknown" if kept["dev_f1"] is None else f"{kept['dev_f1']:.1%}"
    return f"{kept['version']} ({time}, dev F1 {f1})"
