"""What can be run as a whole."""

import dagster as dg

from docre_assets.arrival_assets import distant_arrivals, new_documents
from docre_assets.partitions import SHARDS
from docre_assets.report_assets import report
from docre_assets.serving_assets import new_predictions, predictions, production_model, warehouse

TRAINING = {"docre/kind": "training"}
"""Tag of runs of which one may be at work at a time: instance/dagster.yaml."""

FROM_THE_START = {"dagster/retry_strategy": "ALL_STEPS"}
"""A run whose process died is launched again as a whole: what it had finished is kept anyway."""

redistillation = dg.define_asset_job(
    "redistillation",
    selection=dg.AssetSelection.all(),
    description="From new documents to predictions, in one run: a failing check stops all that "
    "comes after it. What has not changed is kept.",
    tags={
        **TRAINING,
        **FROM_THE_START,
        "dagster/asset_partition_range_start": SHARDS[0],
        "dagster/asset_partition_range_end": SHARDS[-1],
    },
)

take_in = dg.define_asset_job(
    "take_in",
    selection=dg.AssetSelection.assets(distant_arrivals),
    description="Take documents to distil out of the inbox; the next redistillation learns from "
    "them.",
    tags=FROM_THE_START,
)

prediction = dg.define_asset_job(
    "prediction",
    selection=dg.AssetSelection.assets(new_documents, new_predictions, warehouse, report),
    description="Predict the documents that arrived for it, with the model in use; trains nothing.",
    tags=FROM_THE_START,
)

promote_model = dg.define_asset_job(
    "promote_model",
    selection=dg.AssetSelection.assets(
        production_model, predictions, new_predictions, warehouse, report
    ),
    description="Put the version that is named in the configuration of production_model in use "
    "and predict with it: a way back to any version in model_history.",
    tags=FROM_THE_START,
)

JOBS = [redistillation, take_in, prediction, promote_model]
