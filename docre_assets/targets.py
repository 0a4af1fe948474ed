"""Predictions of the precision or recall that is asked for: thresholds in TH's place, from dev."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg
import polars as pl
from pydantic import Field

from corpus.artefacts import digest, digest_of, read_json, write_json
from corpus.predicted import Predictor
from corpus.relations import RelationVocabulary
from corpus.schema import Split
from corpus.tables import read_documents
from docre_assets.kept_checkpoints import Version
from docre_assets.metadata import small_table
from models.checkpoint_files import RELATIONS
from models.cuts import Goal
from models.thresholds import Candidates, Thresholds, fit_thresholds
from resources.environment import target_precision_from_environment
from resources.storage import Storage

if TYPE_CHECKING:
    from models.runtime import Runtime

EXPECTED = "precision_expected"
"""Metadata that predictions have with a target and lack without one."""

THRESHOLDS_CODE = "2"
"""Changes with how thresholds are fitted."""


class Target(dg.Config):
    """What predictions are to reach on dev; without any of it, TH tells what is predicted."""

    target_precision: float | None = Field(
        default=target_precision_from_environment(),
        description="Share of the predictions that hold, above 0 and at most 1: as many are made "
        "as there can be. The default is DOCRE_TARGET_PRECISION's.",
    )
    target_recall: float | None = Field(
        default=None,
        description="Share of what holds that is predicted, above 0 and at most 1: as few others "
        "are predicted as can be.",
    )
    best_f1: bool = Field(default=False, description="Predict where F1 is highest.")
    per_relation: bool = Field(
        default=False,
        description="Give every relation with enough triples in dev a threshold of its own: finds "
        "more at the same precision on dev, and keeps less of what it promises on other documents.",
    )

    def goal(self) -> Goal | None:
        """What is to be reached; None is TH's.

        Raises:
            ValueError: if there are several targets, one is no share, or there is none to be
                reached by relation.
        """
        shares = {"precision": self.target_precision, "recall": self.target_recall}
        goals = [Goal(metric, share) for metric, share in shares.items() if share is not None]
        goals += [Goal("f1")] if self.best_f1 else []
        if len(goals) > 1 or (self.per_relation and not goals):
            raise ValueError(
                "target: expected one of target_precision, target_recall and best_f1, found "
                f"{len(goals)} (target_precision {self.target_precision}, target_recall "
                f"{self.target_recall}, best_f1 {self.best_f1}, per_relation {self.per_relation}): "
                "it says where to stop predicting. Set the others to null; DOCRE_TARGET_PRECISION "
                "sets the first where a run does not"
            )
        return goals[0] if goals else None

    def words(self) -> str:
        """What predictions are cut by, as readers are told it."""
        goal = self.goal()
        if goal is None:
            return "TH"
        reached = f"{goal.metric} of at least {goal.least:g}" if goal.least else "the highest F1"
        own = ", each relation with enough triples by itself" if self.per_relation else ""
        return f"{reached} on dev{own}"


@dataclass(frozen=True)
class Aim:
    """A target for one model: which thresholds it is, and how they come about."""

    storage: Storage
    model: Version
    target: Target
    runtime: "Callable[[], Runtime]"
    """Device and precision, asked for where dev has to be computed."""

    @cached_property
    def identity(self) -> str | None:
        """Digest of all that the thresholds depend on, taken once; None where TH tells."""
        goal = self.target.goal()
        if goal is None:
            return None
        chosen = (asdict(goal), self.target.per_relation, self.model.version, digest(self._dev))
        return digest_of(THRESHOLDS_CODE, *chosen)

    @property
    def predictor(self) -> Predictor:
        """What tables of predictions say that made them."""
        return Predictor(self.model.version, self.target.words())

    def thresholds(self) -> Thresholds | None:
        """The thresholds, fitted unless that was done already; None where TH tells.

        Raises:
            ValueError: if the target cannot be reached on dev; names the nearest.
        """
        goal, identity = self.target.goal(), self.identity
        if goal is None or identity is None:
            return None
        seal = self.storage.seal_of_thresholds(identity)
        (file,) = seal.parts
        if not seal.keeps(identity):
            self.storage.seal("annotated_documents").require_unbroken()
            with seal.renewed(identity):
                write_json(asdict(self._fitted(goal)), file)
        return Thresholds(**read_json(file))

    def metadata(self) -> dict[str, Any]:
        """What margins are above, and what dev says of it in per cent; nothing where TH tells."""
        thresholds = self.thresholds()
        if thresholds is None:
            return {}
        names = RelationVocabulary.load(self.model.path / RELATIONS).names
        own = [(names.get(r, r), offset) for r, offset in sorted(thresholds.by_relation.items())]
        table = pl.DataFrame(own, {"relation": pl.String, "offset": pl.Float64}, orient="row")
        return {
            "offset": thresholds.offset,
            EXPECTED: 100 * thresholds.precision,
            "recall_expected": 100 * thresholds.recall,
            "expected_from": f"{thresholds.predicted} predictions, {thresholds.gold} labels of dev",
            **({"offsets_by_relation": small_table(table)} if own else {}),
        }

    @property
    def _dev(self) -> Path:
        return self.storage.annotated(Split.DEV)

    def _fitted(self, goal: Goal) -> Thresholds:
        from models.checkpoint import load_checkpoint
        from models.infer import stream_logits

        extractor = load_checkpoint(self.model.path)
        labelled = (d for d in read_documents(self._dev) if d.labels is not None)
        stream = stream_logits(extractor, labelled, self.runtime())
        candidates = Candidates.of(stream, extractor.vocabulary)
        return fit_thresholds(
            candidates, extractor.vocabulary, goal, per_relation=self.target.per_relation
        )


def has_target(instance: dg.DagsterInstance, asset: dg.AssetKey) -> bool:
    """Whether an asset's newest materialization was predicted with a target."""
    made = instance.get_latest_materialization_event(asset)
    told = made.asset_materialization if made else None
    return told is not None and EXPECTED in told.metadata
