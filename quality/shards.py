"""Structural check of soft-label shards."""

from __future__ import annotations

from pathlib import Path

from corpus.soft_labels import check_shard
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
