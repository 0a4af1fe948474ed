"""Soft labels of one shard: computed once, kept while nothing they depend on has changed."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from corpus.artefacts import digest_of
from corpus.evidence import PairEvidence
from corpus.relations import RelationVocabulary
from corpus.schema import Document
from corpus.soft_labels import (
    MANIFEST,
    DocumentKey,
    Record,
    ShardOrigin,
    SoftLabel,
    check_shard,
    document_keys,
    earlier_labels,
    shard_is_current,
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
        """
        keys = list(document_keys(documents))
        origin = self._origin(keys)
        kept = shard_is_current(folder, origin) and not check_shard(folder, documents)
        n_kept = len(keys) if kept else self._write(documents, keys, origin, folder)
        entities = pl.read_parquet(folder / MANIFEST)["entities"].cast(pl.Int64)
        n_pairs = (entities * (entities - 1)).sum()
        return LabelledShard(n_kept, len(keys) - n_kept, n_pairs, digest_of(vars(origin)), folder)

    def _write(
        self, documents: Path, keys: Sequence[DocumentKey], origin: ShardOrigin, folder: Path
    ) -> int:
        """Write the shard, and give the number of documents whose logits were taken over."""
        earlier = earlier_labels(folder, origin)
        n_kept = sum(key in earlier for key in keys)
        records = self._records(documents, keys, earlier)
        del earlier  # the stream alone maps the old files, and ends before they are removed
        write_shard(folder, records, origin, len(self.vocabulary))
        return n_kept

    def _records(
        self,
        documents: Path,
        keys: Sequence[DocumentKey],
        earlier: Mapping[DocumentKey, SoftLabel],
    ) -> Iterator[Record]:
        """Soft labels of all documents in the order of the table.

        The table is read twice side by side: the teacher looks ahead for documents to compute
        together, past any number that it need not compute.
        """
        new = (
            document
            for document, key in zip(read_documents(documents), keys, strict=True)
            if key not in earlier
        )
        computed = self._computed(new)
        for document, key in zip(read_documents(documents), keys, strict=True):
            yield (document, *_copied(earlier[key])) if key in earlier else next(computed)

    def _computed(self, documents: Iterator[Document]) -> Iterator[Record]:
        """Soft labels by the teacher, which is not loaded before the first are asked for."""
        from models.infer import infer

        learnt = learnt_evidence(self.checkpoint)
        for document, found in infer(self.teacher, documents, self.runtime()):
            none = PairEvidence.none(len(document.sentences))
            yield document, found.logits, found.evidence() if learnt else none

    def _origin(self, keys: Sequence[DocumentKey]) -> ShardOrigin:
        """Digests of teacher, vocabulary and text; the documents' labels do not move logits."""
        return ShardOrigin(
            teacher=checkpoint_digest(self.checkpoint),
            vocabulary=self.vocabulary.digest,
            corpus=digest_of(keys),
            code=self.code,
        )


def _copied(label: SoftLabel) -> tuple[np.ndarray, PairEvidence]:
    """Logits and evidence in memory: the files that they are mapped from are to be removed."""
    evidence = PairEvidence(label.evidence.pairs.copy(), label.evidence.shares.copy())
    return label.logits.copy(), evidence
