"""What is measured over corpora of growing size, each in a process of its own.

No stage's process holds what only another one needs: torch and Dagster are imported where they are
used.
"""

from __future__ import annotations

import dataclasses
import os
import shutil
import time
from collections.abc import Callable, Iterable
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from benchmarks.peak import held, peak_memory
from corpus.distant import read_shards
from corpus.evidence import PairEvidence
from corpus.ingest import RELATIONS_FILE, documents_file, ingest
from corpus.relations import RelationVocabulary
from corpus.schema import Split
from corpus.soft_labels import SoftLabels
from corpus.soft_shards import MANIFEST
from corpus.sources import open_folder
from corpus.tables import read_documents
from models.checkpoint_files import checkpoint_digest
from models.config import Stage, preset

if TYPE_CHECKING:
    from models.train import History

TEACHER_DOCUMENTS: Final = 100
"""That the untrained teacher's TH is set by."""


@dataclasses.dataclass(frozen=True)
class Place:
    """Where a corpus of one size is, and what is made of it."""

    root: Path
    documents: int
    preset: str = "tiny"

    @property
    def source(self) -> Path:
        """Folder of JSON files."""
        return self.root / "source"

    @property
    def raw(self) -> Path:
        """Folder of tables."""
        return self.root / "raw"

    @property
    def distant(self) -> Path:
        """The table of all documents."""
        return self.raw / documents_file(Split.DISTANT)

    @property
    def relations(self) -> RelationVocabulary:
        """The corpus' relations."""
        return RelationVocabulary.load(self.raw / RELATIONS_FILE)

    @property
    def teacher(self) -> Path:
        """A checkpoint."""
        return self.root / "teacher"

    @property
    def shard(self) -> Path:
        """Its soft labels."""
        return self.root / "shard"

    @property
    def student(self) -> Stage:
        """One epoch."""
        stage = preset(self.preset).student
        return dataclasses.replace(stage, training=dataclasses.replace(stage.training, epochs=1))


Row = dict[str, Any]
"""A stage's figures."""


def ingest_stage(place: Place) -> Row:
    """JSON to tables."""
    folder = open_folder(place.source)
    size = sum(file.stat().st_size for file in folder.files[Split.DISTANT])
    row = _measured("ingest", place, lambda: ingest(folder, place.raw))
    return row | {"mb": size / 1e6, "mb_per_s": size / 1e6 / row["seconds"]}


def teacher_stage(place: Place) -> Row:
    """An untrained teacher."""
    from benchmarks.teacher import save_teacher
    from models.extractor import Extractor
    from models.runtime import Runtime

    extractor = Extractor.create(preset(place.preset).model, place.relations, seed=13)
    documents = list(islice(read_documents(place.distant), TEACHER_DOCUMENTS))
    runtime = Runtime("cpu", "float32")
    return _measured(
        "teacher", place, lambda: save_teacher(extractor, documents, runtime, place.teacher)
    )


def soft_label_stage(place: Place) -> Row:
    """Table to shard, as the asset does it; loading the teacher is a part of it.

    A shard of an earlier round goes first: its soft labels would be kept, and nothing computed.
    """
    from docre_assets.soft_labelling import SoftLabeller
    from models.runtime import Runtime

    shutil.rmtree(place.shard, ignore_errors=True)
    labeller = SoftLabeller(place.teacher, "benchmark", lambda: Runtime("cpu", "float32"))
    row = _measured("soft labelling", place, lambda: labeller.label(place.distant, place.shard))
    entities = pl.read_parquet(place.shard / MANIFEST)["entities"].cast(pl.Int64)
    pairs = (entities * (entities - 1)).sum()
    size = sum(file.stat().st_size for file in place.shard.iterdir())
    return row | {"pairs": pairs, "bytes_per_pair": size / pairs}


def student_stage(place: Place) -> Row:
    """An epoch of the student, soft labels read from files that nothing has in memory."""
    evict(place.shard.iterdir())
    return _student("student", place, _soft_labels(place, SoftLabels))


def student_in_memory_stage(place: Place) -> Row:
    """The same with all soft labels in memory before it starts."""
    return _student("student, soft labels in memory", place, _soft_labels(place, HeldSoftLabels))


def _student(name: str, place: Place, soft_labels: SoftLabels) -> Row:
    from models.extractor import Extractor
    from models.runtime import Runtime
    from models.train import fit

    extractor = Extractor.create(preset(place.preset).model, place.relations, seed=13)
    history: list[History] = []

    def work() -> None:
        documents, runtime = read_shards([place.distant]), Runtime("cpu", "float32")
        history.append(
            fit(extractor, documents, place.student, runtime=runtime, soft_labels=soft_labels)
        )

    row = _measured(name, place, work)
    return row | {"epoch_seconds": history[0].epochs[0].seconds}


def _soft_labels(place: Place, kind: type[SoftLabels]) -> SoftLabels:
    teacher = checkpoint_digest(place.teacher)
    return kind([place.shard], vocabulary=place.relations.digest, teacher=teacher)


class HeldSoftLabels(SoftLabels):
    """Soft labels that have all been read."""

    def __init__(self, folders: list[Path], **expected: Any) -> None:
        super().__init__(folders, **expected)
        ids = [i for folder in folders for i in pl.read_parquet(folder / MANIFEST)["doc_id"]]
        self._held_logits = {i: np.array(super(HeldSoftLabels, self).logits(i)) for i in ids}
        self._held_evidence = {i: _copied(super(HeldSoftLabels, self).evidence(i)) for i in ids}

    def logits(self, doc_id: str) -> NDArray[np.float16]:
        """As `SoftLabels` gives them."""
        return self._held_logits[doc_id]

    def evidence(self, doc_id: str) -> PairEvidence:
        """As `SoftLabels` gives it."""
        return self._held_evidence[doc_id]


def _copied(evidence: PairEvidence) -> PairEvidence:
    return PairEvidence(np.array(evidence.pairs), np.array(evidence.shares))


def evict(files: Iterable[Path]) -> None:
    """Have the system forget what it keeps of some files, so that they are read from the disk."""
    for file in files:
        with file.open("rb") as stream:
            os.fsync(stream.fileno())
            os.posix_fadvise(stream.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def _measured(name: str, place: Place, work: Callable[[], Any]) -> Row:
    before = held("RssAnon")
    with peak_memory() as peak:
        started = time.perf_counter()
        work()
        seconds = time.perf_counter() - started
    return {
        "stage": name,
        "documents": place.documents,
        "seconds": seconds,
        "documents_per_s": place.documents / seconds,
        "private_mb": peak.private / 1e6,
        "resident_mb": peak.resident / 1e6,
        "private_mb_before": before / 1e6,
    }
