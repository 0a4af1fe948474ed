"""A corpus folder of any size: real documents over and over, under titles of their own."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from itertools import count, islice
from pathlib import Path
from typing import IO, Any, Final

from corpus.schema import Split
from corpus.sources import CorpusFolder, open_folder

DISTANT_FILE: Final = "train_distant.json"
_ANNOTATED_FILE: Final = "train_annotated.json"
_ANNOTATED: Final = 10
"""Documents in it: a corpus must have some."""


def repeat(source: Path, folder: Path, documents: int) -> Path:
    """Write a folder with so many distant documents, one after another, and a few annotated ones.

    They are the source's training documents with their labels and evidence. Words repeat as texts
    do, so what grows with the number of different words is not seen to grow.

    Args:
        source: folder of DocRED-format files.
        folder: is made.
        documents: distant ones.

    Returns:
        The distant file.
    """
    folder.mkdir(parents=True)
    opened = open_folder(source)
    originals = json.loads(opened.files[Split.TRAIN][0].read_text(encoding="utf-8"))
    _copy_relations(opened, folder)
    annotated = json.dumps(originals[:_ANNOTATED])
    (folder / _ANNOTATED_FILE).write_text(annotated, encoding="utf-8")
    path = folder / DISTANT_FILE
    with path.open("w", encoding="utf-8") as stream:
        _write_array(stream, islice(_endless(originals), documents))
    return path


def _copy_relations(opened: CorpusFolder, folder: Path) -> None:
    for name in ("rel2id", "rel_info"):
        if path := getattr(opened, name):
            shutil.copy(path, folder / f"{name}.json")


def _endless(originals: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for turn in count(1):
        for document in originals:
            yield document | {"title": f"{document['title']} ({turn})"}


def _write_array(stream: IO[str], documents: Iterator[dict[str, Any]]) -> None:
    """A JSON array, of which one document is in memory at a time."""
    separator = "["
    for document in documents:
        stream.write(separator + json.dumps(document))
        separator = ","
    stream.write("]")
