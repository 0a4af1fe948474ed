"""A small corpus folder cut from the files of a large one."""

from __future__ import annotations

import json
import random
import shutil
from pathlib import Path


def cut(
    source: Path, folder: Path, *, annotated: int, distant: int, dev: int, seed: int = 13
) -> Path:
    """Write a corpus folder with a few of the source's documents, drawn by the seed.

    Files may be sorted, and their heads lack relations.

    Args:
        source: folder with DocRED's train.json and dev.json, labelled, and knowledge_base.json,
            rel2id.json and rel_info.json.
        folder: is made.
        annotated: training documents that keep their labels.
        distant: training documents that lose them.
        dev: documents of dev.
        seed: draws the documents.
    """
    folder.mkdir(parents=True)
    draw = random.Random(seed)
    training = draw.sample(_documents(source / "train.json"), annotated + distant)
    parts = {
        "train_annotated": training[:annotated],
        "dev": draw.sample(_documents(source / "dev.json"), dev),
        "unlabelled": [
            {name: value for name, value in document.items() if name != "labels"}
            for document in training[annotated:]
        ],
    }
    for name, documents in parts.items():
        (folder / f"{name}.json").write_text(json.dumps(documents), encoding="utf-8")
    for name in ("knowledge_base", "rel2id", "rel_info"):
        shutil.copy(source / f"{name}.json", folder)
    return folder


def _documents(path: Path) -> list[dict[str, object]]:
    documents: list[dict[str, object]] = json.loads(path.read_text(encoding="utf-8"))
    return documents
