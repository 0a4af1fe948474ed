"""From the files of a source to tables of documents, one for each split."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import polars as pl

from corpus.artefacts import whole
from corpus.docred import Conversion, Judged, convert
from corpus.relations import RelationVocabulary
from corpus.schema import CORPUS_SPLITS, REJECTED, Split
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


def source_vocabulary(folder: CorpusFolder) -> RelationVocabulary:
    """The relations of a source: those that it brings along, else those of its labels.

    Raises:
        ValueError: if a file that tells them cannot be read, or there is no relation.
    """
    labelled = [f for s, files in folder.files.items() for f in files if s != Split.UNLABELLED]
    return vocabulary_of(labelled, folder.rel2id, folder.rel_info)


def ingest(
    folder: CorpusFolder,
    destination: Path,
    max_rejected_share: float = 0.01,
    arrived: Sequence[Path] = (),
) -> Ingested:
    """Write ``<split>.parquet`` for every split, ``relations.json`` and ``rejected.parquet``.

    A split that the source lacks becomes an empty table. The folder ``destination`` is swapped
    in whole: after an error it is as it was.

    Args:
        folder: The source.
        destination: The folder to write.
        max_rejected_share: Share of a split's documents that may be bad. A single one is
            tolerated in any split, however small, unless this is 0. The same holds for each of
            the files that arrived, so that what was taken once is not too bad later.
        arrived: Further distant files, in the order of their arrival. They come after the
            source's own, so that no id changes when there are more of them, and have no say in
            the vocabulary.

    Raises:
        TooManyRejectedError: if more of a split's documents are bad.
        ValueError: if a file cannot be read, or no training document has labels.
    """
    with whole(destination) as draft:
        vocabulary = source_vocabulary(folder)
        own = {split: folder.files.get(split, []) for split in CORPUS_SPLITS}
        files = own | {Split.DISTANT: [*own[Split.DISTANT], *arrived]}
        conversions = {
            split: convert(files[split], draft / documents_file(split), vocabulary, split)
            for split in CORPUS_SPLITS
        }
        rejected = pl.concat([c.rejected for c in conversions.values()])
        for split, conversion in conversions.items():
            _require_good(split, conversion, len(own[split]), max_rejected_share)
        _require_labels(folder, conversions[Split.TRAIN])
        vocabulary.save(draft / RELATIONS_FILE)
        write_table(rejected, draft / REJECTED_FILE)
    return Ingested(
        {split: conversion.accepted for split, conversion in conversions.items()},
        rejected,
        sum(conversion.merged_labels for conversion in conversions.values()),
        vocabulary,
    )


def _require_good(split: Split, conversion: Conversion, n_own: int, share: float) -> None:
    """Judge the source's own files together, and each that arrived alone, as it was taken."""
    own, arrived = conversion.files[:n_own], conversion.files[n_own:]
    if own:
        together = Judged(sum(f.documents for f in own), pl.concat([f.rejected for f in own]))
        require_few_rejected(f"{split} documents", together, share)
    for file in arrived:
        require_few_rejected(f"{split} documents of a file that arrived", file, share)


def require_few_rejected(what: str, judged: Judged, max_share: float, shown: int = 5) -> None:
    """Refuse documents of which too many are bad; a single one is tolerated unless 0 are.

    Args:
        what: Names the documents in the message.
        judged: All of them, and the bad ones.
        max_share: Share that may be bad.
        shown: How many bad documents the message tells.

    Raises:
        TooManyRejectedError: if more of them are bad.
    """
    rejected, bad = judged.rejected, judged.rejected.height
    if bad <= (max_share > 0) or bad / judged.documents <= max_share:
        return
    raise TooManyRejectedError(
        f"{what}: {bad} of {judged.documents} are bad ({bad / judged.documents:.1%}), at most "
        f"{max_share:.1%} may be; nothing was written. The first of them:\n"
        f"{told(rejected.head(shown))}\n"
        "Correct them, or raise max_rejected_share to go on without them",
        rejected,
    )


def told(rejected: pl.DataFrame) -> str:
    """A line for each rejected document: which, where, expected, found, what to do."""
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
