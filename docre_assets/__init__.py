"""The asset graph: assets, checks, jobs and definitions."""

import warnings

import dagster as dg

# Beta parameters are used knowingly, with Dagster's minor release pinned in pyproject.toml.
warnings.filterwarnings("ignore", category=dg.BetaWarning)
warnings.filterwarnings("ignore", category=dg.PreviewWarning)
