"""Structural check of soft-label shards."""

from __future__ import annotations

from pathlib import Path

from corpus.artefacts import read_json
from corpus.soft_labels import ORIGIN, check_shard
from quality.report import Problem, Report


def check_soft_labels(folder: Path, documents: Path) -> Report:
    """A shard has finite soft labels for every document of its table, as the document is now.

    Args:
        folder: the shard of soft labels.
        documents: the `DOCUMENTS` table that it was made from.
    """
    return Report.of(
        Problem(
            where=f"soft labels {folder.name}",
            expected="finite logits of all pairs of each document as it is now",
            found=message,
            remedy="materialize soft_labels for this shard again",
        )
        for message in check_shard(folder, documents)
    )


def check_origin(folder: Path, *, teacher: str, vocabulary: str) -> Report:
    """A shard was made by the teacher as it is now, for the columns of the corpus as it is now.

    Args:
        folder: the shard of soft labels.
        teacher: digest of the teacher's checkpoint.
        vocabulary: digest of the corpus' relations.
    """
    made = read_json(folder / ORIGIN)
    return Report.of(
        Problem(
            where=f"soft labels {folder.name}",
            expected=f"logits of {name} {expected}",
            found=f"logits of {name} {made[name]}",
            remedy="materialize soft_labels again: its logits mean something else",
        )
        for name, expected in (("teacher", teacher), ("vocabulary", vocabulary))
        if made[name] != expected
    )
