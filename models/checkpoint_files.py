"""Names of the files of a checkpoint; needs no torch."""

from __future__ import annotations

from typing import Final

WEIGHTS: Final = "model.safetensors"
CONFIG: Final = "config.json"
RELATIONS: Final = "relations.json"
TOKENIZER: Final = "tokenizer"
CALIBRATION: Final = "calibration.json"
METRICS: Final = "metrics.json"
PROVENANCE: Final = "provenance.json"
