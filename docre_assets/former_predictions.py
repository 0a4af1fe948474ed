"""The predictions of the model version before, kept to tell what another one changes.

Beside the predictions in use lie two copies, ``former`` and ``earlier``. Which of them is of the
version before is told by what the tables say of themselves alone: a process may be killed between
any two writes, and nothing is lost or compared with itself. A version that found nothing is one as
well. Knows no Dagster.
"""

import shutil
from dataclasses import dataclass
from pathlib import Path

from corpus.artefacts import whole
from corpus.predicted import predictor
from corpus.seals import Seal


@dataclass(frozen=True)
class FormerPredictions:
    """What was predicted before the predictions in use."""

    present: Seal
    """Of the predictions in use."""
    former: Path
    """Those that were in use when others were last about to take their place."""
    earlier: Path
    """Those that were ``former`` before these."""

    @property
    def table(self) -> Path | None:
        """The predictions of the version before; None if there are none.

        Those that an earlier version of the code wrote count as none if they have other columns or
        do not say what made them. Another process may move the table meanwhile: see
        `quality.held`.
        """
        now = _version(self._in_use)
        tables = (self.former, self.earlier)
        return next((path for path in tables if _version(path) not in (None, now)), None)

    def keep(self, version: str) -> None:
        """Keep the predictions in use, as those of another version are about to replace them.

        Those of the same version, made anew, change nothing here. What was damaged or not finished
        is not kept.

        Args:
            version: of the model whose predictions are about to be written.
        """
        now = _version(self._in_use)
        if now in (None, version) or not self.present.is_unbroken:
            return
        # Until the new predictions are there, former and present are the same and earlier counts.
        if _version(self.former) not in (None, now):
            self.former.replace(self.earlier)
        with whole(self.former) as draft:
            shutil.copyfile(self._in_use, draft)

    @property
    def _in_use(self) -> Path:
        (path,) = self.present.parts
        return path


def _version(predictions: Path) -> str | None:
    """Model version of a table; None if there is no such table, or it tells of no version."""
    told = predictor(predictions)
    return told.model_version if told else None
