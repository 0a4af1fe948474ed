"""How the distant corpus is cut into pieces."""

import dagster as dg

from resources.environment import shards_from_environment

SHARDS = shards_from_environment()
"""Names of all shards."""

shards = dg.StaticPartitionsDefinition(SHARDS)
"""One partition a shard."""
