"""What can be run as a whole."""

import dagster as dg

from docre_assets.partitions import SHARDS

distillation = dg.define_asset_job(
    "distillation",
    selection=dg.AssetSelection.all(),
    description="Everything once, in one run: a failing check stops all that comes after it.",
    tags={
        "docre/kind": "training",
        "dagster/asset_partition_range_start": SHARDS[0],
        "dagster/asset_partition_range_end": SHARDS[-1],
    },
)
