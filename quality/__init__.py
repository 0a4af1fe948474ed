"""Statistics, checks and figures over tables; no torch and no Dagster."""
