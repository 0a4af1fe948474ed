"""What is timed: documents to batches, to logits, to soft labels on disk, to weights that move."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

from benchmarks.parts import BATCHING, OPTIMIZER, Clock, Part, timed_parts
from benchmarks.peak import peak_memory
from benchmarks.teacher import save_teacher
from corpus.encode import EncodedDocument, Sizes
from corpus.schema import Document, Split
from corpus.tables import write_documents
from docre_assets.soft_labelling import SoftLabeller
from models.config import Stage
from models.extractor import Extractor
from models.infer import InferenceBudget, infer_encoded
from models.memory import DocumentLimit
from models.plan import Pieces, Plan
from models.runtime import Runtime
from models.steps import Steps

TOKENIZING: Final = "tokenizing"
INFERENCE: Final = "inference"
SOFT_LABELLING: Final = "soft labelling"
TRAINING: Final = "training"


@dataclass
class Subject:
    """A model and the documents that it is timed on."""

    documents: list[Document]
    """Labelled."""
    extractor: Extractor
    stage: Stage
    runtime: Runtime
    root: Path
    """Where tables and shards are written."""

    @cached_property
    def encoded(self) -> list[EncodedDocument]:
        """The documents as the network reads them."""
        return [self.extractor.encode(document) for document in self.documents]

    @cached_property
    def groups(self) -> list[Pieces]:
        """What each step of an epoch computes at once."""
        sizes = Sizes.of(self.encoded)
        return list(Plan(sizes, self.stage.training, self.extractor.window).epoch(1))

    @property
    def teacher(self) -> Path:
        """Checkpoint that labels softly."""
        return self.root / "teacher"

    @property
    def table(self) -> Path:
        """The documents."""
        return self.root / "documents.parquet"

    @property
    def shard(self) -> Path:
        """Their soft labels."""
        return self.root / "shard"

    def prepare(self) -> None:
        """Write the teacher and the table; the model has computed once then."""
        save_teacher(self.extractor, self.documents, self.runtime, self.teacher)
        write_documents(self.documents, self.table, Split.DISTANT)


@dataclass(frozen=True)
class Measured:
    """What one round of a phase took."""

    seconds: float
    parts: Mapping[Part, float]
    """Seconds of each part; empty where the phase is not told apart."""


Work = Callable[[Clock], None]
"""A phase that is ready to begin; it tells the clock of ends that the network knows nothing of."""


def tokenizing(subject: Subject) -> Work:
    """Documents to batches, by an extractor that has seen no word yet."""
    used = subject.extractor
    fresh = Extractor(used.network, used.tokenizer, used.vocabulary, used.config)
    pieces = [piece for group in subject.groups for piece in group]

    def work(_clock: Clock) -> None:
        encoded = [fresh.encode(document) for document in subject.documents]
        for piece in pieces:
            fresh.collate([encoded[i] for i in piece], n_classes=len(used.vocabulary))

    return work


def inference(subject: Subject) -> Work:
    """Encoded documents to logits and shares of sentences, in the batches that `infer` makes."""
    encoded = subject.encoded
    budget = InferenceBudget.of(subject.runtime.torch_device)
    limit = DocumentLimit(budget.batch_documents)

    def work(clock: Clock) -> None:
        for start in range(0, len(encoded), budget.look_ahead):
            group = encoded[start : start + budget.look_ahead]
            infer_encoded(subject.extractor, group, subject.runtime, budget, limit)
            clock.ended(BATCHING)

    return work


def soft_labelling(subject: Subject) -> Work:
    """A table of documents to a shard on disk, by a teacher that is in memory already."""
    labeller = SoftLabeller(subject.teacher, "benchmark", lambda: subject.runtime)
    labeller.teacher.network.eval()
    shutil.rmtree(subject.shard, ignore_errors=True)

    def work(_clock: Clock) -> None:
        labeller.label(subject.table, subject.shard)

    return work


def training(subject: Subject) -> Work:
    """All steps of an epoch; the subject's weights move."""
    steps = Steps(
        subject.extractor,
        subject.encoded,
        subject.stage,
        subject.runtime,
        soft_labels=None,
        total=len(subject.groups),
    )
    steps.network.train()

    def work(clock: Clock) -> None:
        for number, group in enumerate(subject.groups, 1):
            steps.take(number, group)
            clock.ended(OPTIMIZER)

    return work


PHASES: Final[Mapping[str, Callable[[Subject], Work]]] = {
    TOKENIZING: tokenizing,
    INFERENCE: inference,
    SOFT_LABELLING: soft_labelling,
    TRAINING: training,
}


def timed(subject: Subject, phase: str) -> Measured:
    """Seconds of a phase and of the parts of the subject's network in it."""
    work = PHASES[phase](subject)
    with timed_parts(subject.extractor.network) as clock:
        started = time.perf_counter()
        work(clock)
        elapsed = time.perf_counter() - started
    return Measured(elapsed, clock.seconds)


def peak_of(subject: Subject, phase: str) -> int:
    """Bytes that the whole process takes at most in a phase, which nothing else watches."""
    work = PHASES[phase](subject)
    with peak_memory() as peak:
        work(Clock())
    return peak.resident
