"""Soft labels of one shard: computed once, kept while nothing they depend on has changed."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from corpus.artefacts import digest_of, digest_of_all
from corpus.document_keys import document_keys
from corpus.evidence import PairEvidence
from corpus.relations import RelationVocabulary
from corpus.schema import Document
from corpus.soft_checks import check_shard, earlier_rows, shard_is_current
from corpus.soft_shards import (
    MANIFEST,
    MappedShard,
    Record,
    ShardOrigin,
    SoftLabel,
    write_shard,
)
from corpus.tables import read_documents
from models.checkpoint_files import RELATIONS, checkpoint_digest, learnt_evidence

if TYPE_CHECKING:
    from models.extractor import Extractor
    from models.runtime import Runtime


@dataclass(frozen=True)
class LabelledShard:
    """What became of a shard."""

    n_kept: int
    """Documents whose logits were right already."""
    n_computed: int
    """Documents that are new or have changed."""
    n_pairs: int
    digest: str
    """Of everything that its logits depend on."""
    folder: Path

    @property
    def kept(self) -> bool:
        """Whether nothing had to be computed."""
        return self.n_computed == 0

    def metadata(self) -> dict[str, Any]:
        """The shard as Dagster shows it."""
        return {
            "documents": self.n_kept + self.n_computed,
            "documents_kept": self.n_kept,
            "documents_computed": self.n_computed,
            "dagster/partition_row_count": self.n_pairs,
            "kept": self.kept,
            "origin": self.digest,
            "dagster/uri": str(self.folder),
        }

    def __str__(self) -> str:
        some = f"{self.n_kept} kept, {self.n_computed} computed"
        documents = f"{self.n_kept + self.n_computed} documents, {self.n_pairs} pairs"
        return f"{'all kept' if self.kept else some} ({documents})"


@dataclass
class SoftLabeller:
    """A teacher, loaded when the first document needs it."""

    checkpoint: Path
    code: str
    """Version of the code that computes soft labels."""
    runtime: "Callable[[], Runtime]"
    """Device and precision, asked for when the first document needs them."""

    @cached_property
    def teacher(self) -> "Extractor":
        """The teacher's model."""
        from models.checkpoint import load_checkpoint

        return load_checkpoint(self.checkpoint)

    @cached_property
    def vocabulary(self) -> RelationVocabulary:
        """The teacher's relations."""
        return RelationVocabulary.load(self.checkpoint / RELATIONS)

    def label(self, documents: Path, folder: Path) -> LabelledShard:
        """Write the soft labels of a table of documents, unless they are there and whole.

        Where the same teacher made the shard for other documents, only those that are new or have
        changed are computed; the others' logits are taken over bit for bit.

        Args:
            documents: a `DOCUMENTS` table.
            folder: the shard of soft labels, replaced if it exists and is of something else.

        Raises:
            ValueError: if the table is replaced meanwhile.
        """
        opened = documents.stat()
        origin, n_computed = self._origin(documents), 0
        if not shard_is_current(folder, origin) or check_shard(folder, documents):
            rows = earlier_rows(folder, origin, documents)
            n_computed = rows.null_count()
            records = _of_one_table(self._records(documents, rows, folder), documents, opened)
            write_shard(folder, records, origin, len(self.vocabulary))
        manifest = pl.read_parquet(folder / MANIFEST, columns=["entities"])
        entities = manifest["entities"].cast(pl.Int64)
        n_pairs = (entities * (entities - 1)).sum()
        n_kept, told = len(manifest) - n_computed, digest_of(vars(origin))
        return LabelledShard(n_kept, n_computed, n_pairs, told, folder)

    def _records(self, documents: Path, rows: pl.Series, folder: Path) -> Iterator[Record]:
        """Soft labels of all documents in the order of the table.

        Where some are kept, the table is read twice side by side: the teacher looks ahead for
        documents to compute together, past any number that it need not compute.

        Args:
            documents: the table.
            rows: `earlier_rows` of its documents.
            folder: the earlier shard. This stream alone maps its files, and ends before they are
                removed.
        """
        if not rows.count():
            if len(rows):  # without a document the teacher need not be loaded
                yield from self._computed(read_documents(documents))
            return
        earlier = MappedShard(folder)
        new = (
            document
            for document, row in zip(read_documents(documents), rows, strict=True)
            if row is None
        )
        computed = self._computed(new)
        for document, row in zip(read_documents(documents), rows, strict=True):
            yield next(computed) if row is None else (document, *_copied(earlier.at(row)))

    def _computed(self, documents: Iterator[Document]) -> Iterator[Record]:
        """Soft labels by the teacher, which is not loaded before the first are asked for."""
        from models.infer import infer

        learnt = learnt_evidence(self.checkpoint)
        for document, found in infer(self.teacher, documents, self.runtime()):
            none = PairEvidence.none(len(document.sentences))
            yield document, found.logits, found.evidence() if learnt else none

    def _origin(self, documents: Path) -> ShardOrigin:
        """Digests of teacher, vocabulary and text; the documents' labels do not move logits."""
        return ShardOrigin(
            teacher=checkpoint_digest(self.checkpoint),
            vocabulary=self.vocabulary.digest,
            corpus=digest_of_all(document_keys(documents)),
            code=self.code,
        )


def _of_one_table(
    records: Iterator[Record], documents: Path, opened: os.stat_result
) -> Iterator[Record]:
    """Records of a table that is the same file at their end as it was when all began."""
    try:
        yield from records
    except (ValueError, RuntimeError) as error:  # rows that other documents do not fit to
        _require_same(documents, opened, error)
        raise
    _require_same(documents, opened)


def _require_same(documents: Path, opened: os.stat_result, cause: Exception | None = None) -> None:
    if _file_of(documents.stat()) != _file_of(opened):
        raise ValueError(
            f"{documents}: expected the same table from the first document to the last, found it "
            "replaced while soft labels were computed, perhaps by another run. They would be of "
            "other texts, so nothing was written: materialize soft_labels again"
        ) from cause


def _file_of(told: os.stat_result) -> tuple[int, ...]:
    """What is another for a file that has been replaced or written to."""
    return told.st_dev, told.st_ino, told.st_size, told.st_mtime_ns


def _copied(label: SoftLabel) -> tuple[np.ndarray, PairEvidence]:
    """Logits and evidence in memory: the files that they are mapped from are to be removed."""
    evidence = PairEvidence(label.evidence.pairs.copy(), label.evidence.shares.copy())
    return label.logits.copy(), evidence
