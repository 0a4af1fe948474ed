"""The model in use."""

import dagster as dg
from pydantic import Field

from corpus.schema import Split
from docre_assets.corpus_assets import annotated_documents
from docre_assets.exhibits import latest_versions
from docre_assets.guard import require_sound
from docre_assets.metadata import HOLDS, OWNERS, links
from docre_assets.model_assets import finetuned_model
from docre_assets.model_versions import ModelVersions
from docre_assets.production import Contest, Decision
from resources.compute import Compute
from resources.promotion import Promotion
from resources.storage import Storage

CHALLENGER_CHECK = "challenger_not_worse"


class Choice(dg.Config):
    """Which model is to be in use."""

    version: str | None = Field(
        default=None,
        description="A version of model_history to put in use; without one, the newly fine-tuned "
        "model is, if it is not worse than the one in use.",
    )


# It waits for no pool: a way back must not wait for a training.
@dg.asset(
    deps=[annotated_documents, finetuned_model],
    group_name="serving",
    kinds={"pytorch", "safetensors"},
    owners=OWNERS,
    tags={HOLDS: "model"},
    code_version="1",
    check_specs=[
        dg.AssetCheckSpec(
            CHALLENGER_CHECK,
            asset="production_model",
            description="The newly fine-tuned model is not worse on dev than the one in use; if it "
            "is, that one stays.",
        )
    ],
)
def production_model(
    context: dg.AssetExecutionContext,
    config: Choice,
    storage: Storage,
    compute: Compute,
    promotion: Promotion,
) -> dg.MaterializeResult:
    """The model that predictions are made with, and how it got there.

    - **Made from** `finetuned_model`, if it is not worse on dev than the one in use; or from the
      version that its configuration names, which is the way back.
    - **For** `predictions` and `new_predictions`.
    - **In the paper:** nothing; the model of a paper is not replaced every week.
    - **More** in `docs/operations.md`, *Champion and challenger*.
    """
    if not config.version:  # a way back must not depend on what one goes back from
        require_sound(context, storage)
    versions = ModelVersions(storage.production)
    contest = Contest(
        versions,
        storage.model("finetuned"),
        storage.annotated(Split.DEV),
        compute.runtime,
        context.run.run_id,
    )
    decision = (
        contest.choose(config.version)
        if config.version
        else contest.decide(margin=promotion.margin, risk=promotion.risk)
    )
    context.log.info(decision.told)
    return _in_use(storage, decision)


def _in_use(storage: Storage, decision: Decision) -> dg.MaterializeResult:
    """The model in use and the last decision, as Dagster shows them."""
    versions = ModelVersions(storage.production)
    current = versions.current
    assert current is not None, "every decision leaves a model in use"
    scores = _scores(decision)
    return dg.MaterializeResult(
        data_version=dg.DataVersion(current.version),
        metadata={
            **_dev_f1(versions, current.version),
            **scores,
            "version": current.version,
            "decision": decision.told,
            "versions_kept": versions.kept().height,
            "history": latest_versions(versions.history()),
            "dagster/uri": str(current.path),
            **links(storage),
        },
        check_results=[
            dg.AssetCheckResult(
                check_name=CHALLENGER_CHECK,
                passed=decision.passed,
                severity=dg.AssetCheckSeverity.WARN,
                description=decision.told,
                metadata=scores,
            )
        ],
    )


def _dev_f1(versions: ModelVersions, version: str) -> dict[str, float]:
    """F1 on dev, in per cent, that a version was judged by; nothing where none is known."""
    known = versions.dev_f1(version)
    return {} if known is None else {"dev_f1": 100 * known}


def _scores(decision: Decision) -> dict[str, float]:
    """F1 on dev of both models in per cent, and their difference in points of it."""
    if (comparison := decision.comparison) is None:
        return {}
    return {
        "challenger_dev_f1": 100 * comparison.challenger_f1,
        "champion_dev_f1": 100 * comparison.champion_f1,
        "difference": 100 * comparison.difference,
        "lower_end": 100 * comparison.low,
        "upper_end": 100 * comparison.high,
    }
