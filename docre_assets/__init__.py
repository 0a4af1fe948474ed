"""The asset graph: assets, checks, jobs and definitions."""
