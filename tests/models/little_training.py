"""Trainings that take no time: four small documents, an untrained encoder, a few steps."""

import dataclasses
from pathlib import Path

import numpy as np
import torch
from conftest import VOCABULARY, make_document

from corpus.evidence import PairEvidence
from corpus.schema import Document
from corpus.soft_labels import SoftLabels
from corpus.soft_shards import ShardOrigin, write_shard
from models.config import Objective, Stage, TrainConfig, preset
from models.extractor import Extractor
from models.runtime import Runtime
from models.steps import Steps
from models.thresholds import Candidates
from models.train import fit
from models.weights import snapshot

CPU = Runtime("cpu", "float32")
DOCUMENTS = [make_document(f"d{i}", n, n_words=6) for i, n in enumerate((2, 5, 3, 4))]
QUICK = TrainConfig(epochs=2, encoder_lr=1e-3, head_lr=2e-3, batch_documents=2)
KD = Objective(soft_weight=1.0)


def stage(objective: Objective | None = None, **training) -> Stage:
    return Stage(dataclasses.replace(QUICK, **training), objective or Objective())


def fresh(*, dropout: bool = True, **changes) -> Extractor:
    """The same untrained extractor over and over, without dropout if asked."""
    config = dataclasses.replace(preset("tiny").model, **changes)
    extractor = Extractor.create(config, VOCABULARY, seed=1)
    if not dropout:
        for module in extractor.network.modules():
            if isinstance(module, torch.nn.Dropout):
                module.p = 0.0
            if hasattr(module, "dropout") and isinstance(module.dropout, float):
                module.dropout = 0.0
    return extractor


def soft_labels_of(documents: list[Document], folder: Path, spoil: str = "") -> SoftLabels:
    """A teacher's logits for documents, as a store; one document's may be not finite."""
    draw = np.random.default_rng(0)
    records = [
        (d, draw.normal(size=(d.n_pairs, len(VOCABULARY))), evidence_of(d, draw)) for d in documents
    ]
    for document, logits, _ in records:
        if document.doc_id == spoil:
            logits[0, 1] = np.nan
    origin = ShardOrigin("teacher", VOCABULARY.digest, "corpus", "code")
    write_shard(folder / "shard", records, origin, len(VOCABULARY))
    return SoftLabels([folder / "shard"], vocabulary=VOCABULARY.digest)


def evidence_of(document: Document, draw: np.random.Generator) -> PairEvidence:
    """Evidence of every other pair, drawn."""
    pairs = np.arange(0, document.n_pairs, 2, dtype=np.int32)
    return PairEvidence(pairs, draw.dirichlet(np.ones(len(document.sentences)), len(pairs)))


def weights(extractor: Extractor) -> dict[str, torch.Tensor]:
    return snapshot(extractor.network)


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(one[name], other[name]) for name in one)


def trained(extractor: Extractor, how: Stage, **arguments) -> dict[str, torch.Tensor]:
    fit(extractor, DOCUMENTS, how, runtime=CPU, **arguments)
    return weights(extractor)


def candidates(counts: list[list[float]], rank: int = 0) -> Candidates:
    """Gold, predicted and correct triples of documents.

    One true triple stands behind ``rank`` wrong ones: the average precision is 1 / (1 + rank) by
    the number of gold ones.
    """
    margins = np.arange(rank + 1, 0, -1, dtype=np.float32)
    columns, holds = np.ones(rank + 1, np.int64), np.arange(rank + 1) == rank
    return Candidates(margins, columns, holds, np.array([0, 1]), np.array(counts, float))


def steps_of(extractor: Extractor, how: Stage, soft: SoftLabels | None = None, total=1) -> Steps:
    """What takes steps on `DOCUMENTS`."""
    encoded = [extractor.encode(document) for document in DOCUMENTS]
    return Steps(extractor, encoded, how, CPU, soft_labels=soft, total=total)


class NoMemory:
    """Lets memory run out wherever an extractor computes more documents at once than fit.

    In backward it does so as late as can be, when most weights have got their gradient.
    """

    def __init__(self, extractor: Extractor, fitting: int, where: str = "forward") -> None:
        self.fitting, self.where, self.network = fitting, where, extractor.network
        self.failures: list[int] = []
        self.computed = 0
        extractor.network.encoder.register_forward_hook(self._forward)
        embeddings = extractor.network.encoder.transformer.embeddings
        embeddings.position_embeddings.weight.register_hook(self._backward)

    def _forward(self, _module, arguments, _encoded) -> None:
        self.computed = len(arguments[0].layouts)
        if self.where == "forward":
            self._run_out()

    def _backward(self, _gradient) -> None:
        if self.where == "backward":
            assert self.network.classifier.weight.grad is not None
            self._run_out()

    def _run_out(self) -> None:
        if self.computed > self.fitting:
            self.failures.append(self.computed)
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate")
