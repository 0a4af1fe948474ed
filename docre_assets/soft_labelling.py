"""Soft labels of one shard: computed once, kept while nothing they depend on has changed."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from corpus.artefacts import digest_of
from corpus.relations import RelationVocabulary
from corpus.schema import Document
from corpus.soft_labels import (
    ShardOrigin,
    check_shard,
    document_digest,
    shard_is_current,
    write_shard,
)
from corpus.tables import read_documents
from models.checkpoint_files import RELATIONS

if TYPE_CHECKING:
    from models.extractor import Extractor
    from models.runtime import Runtime


@dataclass(frozen=True)
class LabelledShard:
    """What became of a shard."""

    n_documents: int
    n_pairs: int
    kept: bool
    """Whether it was right already, and not computed again."""
    digest: str
    """Of everything that its logits depend on."""
    folder: Path

    def metadata(self) -> dict[str, Any]:
        """The shard as Dagster shows it."""
        return {
            "documents": self.n_documents,
            "dagster/partition_row_count": self.n_pairs,
            "kept": self.kept,
            "origin": self.digest,
            "dagster/uri": str(self.folder),
        }

    def __str__(self) -> str:
        done = "kept, its digests match" if self.kept else "computed"
        return f"{done} ({self.n_documents} documents, {self.n_pairs} pairs)"


@dataclass
class SoftLabeller:
    """A teacher, loaded when the first shard needs it."""

    checkpoint: Path
    code: str
    """Version of the code that computes soft labels."""
    runtime: "Runtime"

    @cached_property
    def teacher(self) -> "Extractor":
        """The teacher's model."""
        from models.checkpoint import load_checkpoint

        return load_checkpoint(self.checkpoint)

    def label(self, documents: Path, folder: Path) -> LabelledShard:
        """Write the soft labels of a table of documents, unless they are there and whole.

        Args:
            documents: a `DOCUMENTS` table.
            folder: the shard of soft labels, replaced if it exists and is of something else.
        """
        origin = self._origin(documents)
        kept = shard_is_current(folder, origin) and not check_shard(folder, documents)
        if not kept:
            write_shard(folder, self._logits(documents), origin, len(self.teacher.vocabulary))
        n_pairs = [document.n_pairs for document in read_documents(documents)]
        return LabelledShard(len(n_pairs), sum(n_pairs), kept, digest_of(vars(origin)), folder)

    def _logits(self, documents: Path) -> Iterator[tuple[Document, np.ndarray]]:
        from models.infer import stream_logits

        return stream_logits(self.teacher, read_documents(documents), self.runtime)

    def _origin(self, documents: Path) -> ShardOrigin:
        """Digests of teacher, vocabulary and text; the documents' labels do not move logits."""
        from models.checkpoint import checkpoint_digest

        vocabulary = RelationVocabulary.load(self.checkpoint / RELATIONS)
        text = [(d.doc_id, document_digest(d)) for d in read_documents(documents)]
        return ShardOrigin(
            teacher=checkpoint_digest(self.checkpoint),
            vocabulary=vocabulary.digest,
            corpus=digest_of(text),
            code=self.code,
        )
