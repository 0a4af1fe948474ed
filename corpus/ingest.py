"""From the files of a source to tables of documents, one for each split."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import polars as pl

from corpus.artefacts import whole
from corpus.docred import Conversion, convert
from corpus.relations import RelationVocabulary
from corpus.schema import REJECTED, Split
from corpus.sources import CorpusFolder
from corpus.tables import write_table
from corpus.vocabulary import vocabulary_of

RELATIONS_FILE: Final = "relations.json"
REJECTED_FILE: Final = "rejected.parquet"


def documents_file(split: Split) -> str:
    """Name of the table of a split's documents."""
    return f"{split}.parquet"


@dataclass(frozen=True, eq=False)
class Ingested:
    """What `ingest` wrote."""

    documents: Mapping[Split, int]
    """Documents of each split."""
    rejected: pl.DataFrame
    """Documents that were kept out, in the `REJECTED` schema."""
    merged_labels: int
    """Labels that repeated another one of their document."""
    vocabulary: RelationVocabulary


class TooManyRejectedError(ValueError):
    """More documents are bad than is tolerated; ``rejected`` tells all of them."""

    def __init__(self, message: str, rejected: pl.DataFrame) -> None:
        super().__init__(message)
        self.rejected = rejected


def ingest(folder: CorpusFolder, destination: Path, max_rejected_share: float = 0.01) -> Ingested:
    """Write ``<split>.parquet`` for every split, ``relations.json`` and ``rejected.parquet``.

    A split that the source lacks becomes an empty table. The folder ``destination`` is swapped
    in whole: after an error it is as it was.

    Args:
        folder: The source.
        destination: The folder to write.
        max_rejected_share: Share of a split's documents that may be bad. A single one is
            tolerated in any split, however small, unless this is 0.

    Raises:
        TooManyRejectedError: if more of a split's documents are bad.
        ValueError: if a file cannot be read, or no training document has labels.
    """
    with whole(destination) as draft:
        labelled = [
            f for split, files in folder.files.items() for f in files if split != Split.UNLABELLED
        ]
        vocabulary = vocabulary_of(labelled, folder.rel2id, folder.rel_info)
        conversions = {
            split: convert(
                folder.files.get(split, []), draft / documents_file(split), vocabulary, split
            )
            for split in Split
        }
        rejected = pl.concat([c.rejected for c in conversions.values()])
        for split, conversion in conversions.items():
            _require_few_rejected(split, conversion, max_rejected_share)
        _require_labels(folder, conversions[Split.TRAIN])
        vocabulary.save(draft / RELATIONS_FILE)
        write_table(rejected, draft / REJECTED_FILE)
    return Ingested(
        {split: conversion.accepted for split, conversion in conversions.items()},
        rejected,
        sum(conversion.merged_labels for conversion in conversions.values()),
        vocabulary,
    )


def _require_few_rejected(split: Split, conversion: Conversion, share: float) -> None:
    rejected = conversion.rejected
    if rejected.height <= (share > 0) or conversion.rejected_share <= share:
        return
    raise TooManyRejectedError(
        f"{split} documents: {rejected.height} of {rejected.height + conversion.accepted} are bad "
        f"({conversion.rejected_share:.1%}), at most {share:.1%} may be; nothing was written. "
        f"The first of them:\n{_told(rejected.head(5))}\n"
        "Correct them, or raise max_rejected_share to go on without them",
        rejected,
    )


def _told(rejected: pl.DataFrame) -> str:
    """A line for each rejected document."""
    return "\n".join(
        f"- {row['file']}, document {row['position']} ({row['title']!r}), {row['place']}: "
        f"expected {row['expected']}; found {row['found']}; {row['remedy']}"
        for row in rejected.select(list(REJECTED)).iter_rows(named=True)
    )


def _require_labels(folder: CorpusFolder, train: Conversion) -> None:
    if train.labelled:
        return
    raise ValueError(
        f"{[str(file) for file in folder.files[Split.TRAIN]]}: expected annotated documents for "
        f"training, found {train.accepted} documents, none with labels. The teacher would learn "
        "nothing: give annotated documents, and name these unlabelled.json"
    )
