"""Settings from environment variables, read when the definitions are loaded.

`DOCRE_CORPUS` (demo, a folder or hf:<dataset id>), `DOCRE_STORAGE` (folder of all artefacts),
`DOCRE_PRESET` and `DOCRE_OVERRIDES` (JSON of dotted names), `DOCRE_DEVICE`, `DOCRE_SHARDS`.
"""

import json
import os
from typing import Any

import dagster as dg

from corpus.distant import shard_names
from resources.compute import Compute
from resources.corpus_source import CorpusSource
from resources.method import Method
from resources.storage import Storage
from resources.warehouse import Warehouse


def resources_from_environment() -> dict[str, dg.ConfigurableResource]:
    """All resources by the names that assets ask for them."""
    storage = Storage(root=os.environ.get("DOCRE_STORAGE", "artefacts"))
    corpus = os.environ.get("DOCRE_CORPUS", "demo")
    preset = os.environ.get("DOCRE_PRESET", "demo" if corpus == "demo" else "small")
    return {
        "storage": storage,
        "corpus_source": CorpusSource(spec=corpus),
        "method": Method(preset=preset, overrides=_overrides()),
        "compute": Compute(device=os.environ.get("DOCRE_DEVICE", "auto")),
        "warehouse": Warehouse(path=str(storage.warehouse)),
    }


def shards_from_environment() -> list[str]:
    """Names of the shards that the distant corpus is cut into."""
    text = os.environ.get("DOCRE_SHARDS", "4")
    if not text.isdecimal() or int(text) == 0:
        raise ValueError(
            f"DOCRE_SHARDS: expected a whole number from 1, found {text!r}; it is the number of "
            "pieces that the distant corpus is cut into"
        )
    return shard_names(int(text))


def _overrides() -> dict[str, Any]:
    text = os.environ.get("DOCRE_OVERRIDES") or "{}"
    try:
        overrides = json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(_bad_overrides(text)) from error
    if not isinstance(overrides, dict):
        raise ValueError(_bad_overrides(text))
    return overrides


def _bad_overrides(text: str) -> str:
    return (
        "DOCRE_OVERRIDES: expected a JSON object of dotted names, such as "
        f'{{"teacher.training.epochs": 1}}, found {text!r}'
    )
