"""Structural check of soft-label shards."""

from __future__ import annotations

from pathlib import Path

from corpus.artefacts import read_json
from corpus.soft_checks import check_shard
from corpus.soft_shards import ORIGIN
from quality.report import Problem, Report


def check_soft_labels(folder: Path, documents: Path, *, remedy: str) -> Report:
    """A shard has finite logits for every document of its table, as the document is now.

    Args:
        folder: the shard of logits.
        documents: the `DOCUMENTS` table that it was made from.
        remedy: what to do where it has not.
    """
    return Report.of(
        Problem(
            where=f"logits {folder.name}",
            expected="finite logits of all pairs of each document as it is now",
            found=message,
            remedy=remedy,
        )
        for message in check_shard(folder, documents)
    )


def check_origin(folder: Path, *, model: str, vocabulary: str, remedy: str) -> Report:
    """A shard was made by a model as it is now, for the columns of the corpus as it is now.

    Args:
        folder: the shard of logits; if it is none, `check_soft_labels` says so.
        model: digest of the checkpoint.
        vocabulary: digest of the corpus' relations.
        remedy: what to do where it was not.
    """
    if not (folder / ORIGIN).is_file():
        return Report()
    made = read_json(folder / ORIGIN)
    return Report.of(
        Problem(
            where=f"logits {folder.name}",
            expected=f"made with {name} {expected}",
            found=f"made with {name} {made[key]}, so that they mean something else",
            remedy=remedy,
        )
        for name, key, expected in (
            ("model", "teacher", model),
            ("vocabulary", "vocabulary", vocabulary),
        )
        if made[key] != expected
    )
