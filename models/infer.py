"""Inference: documents streamed to logits and shares of sentences."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np
import torch
from torch import Tensor

from corpus.arrays import Float32Array
from corpus.encode import EncodedDocument, Sizes
from corpus.evidence import PairEvidence
from corpus.logits import margins_to_th, relations_above_th
from corpus.schema import Document
from models.allocation import give_back_gaps
from models.config import CELLS_AT_ONCE, TOKENS_AT_ONCE
from models.extractor import Extractor
from models.memory import DocumentLimit, memory_for
from models.plan import Budget, Pieces, pack
from models.runtime import Runtime


@dataclass(frozen=True)
class InferenceBudget:
    """What is computed at once."""

    look_ahead: int = 64
    """Documents that are sorted by length together, so that batches hold little padding."""
    batch_documents: int = 16
    token_budget: int = 8192
    cell_budget: int = 20000

    @classmethod
    def of(cls, device: torch.device) -> InferenceBudget:
        """What suits a device: a CPU is faster on few documents, whose numbers its cache holds."""
        if device.type == "cpu":
            return cls(batch_documents=4, token_budget=TOKENS_AT_ONCE, cell_budget=CELLS_AT_ONCE)
        return cls()

    def of_a_batch(self, window: int) -> Budget:
        """What a batch may hold, in rows of at most ``window`` tokens."""
        return Budget(self.batch_documents, self.token_budget, self.cell_budget, window)


@dataclass(frozen=True, eq=False)
class Inferred:
    """What a model says of a document."""

    logits: Float32Array
    """[P, R] float32."""
    shares: Float32Array
    """[P, S] float32: how each pair's context is spread over sentences."""

    def evidence(self) -> PairEvidence:
        """Evidence of the pairs that are given a relation."""
        rows, _ = relations_above_th(margins_to_th(self.logits))
        pairs = np.unique(rows)
        return PairEvidence(pairs.astype(np.int32), self.shares[pairs])


def stream_logits(
    extractor: Extractor,
    documents: Iterable[Document],
    runtime: Runtime,
    budget: InferenceBudget | None = None,
) -> Iterator[tuple[Document, Float32Array]]:
    """Documents in their order, each with its logits [P, R] float32; see `infer`."""
    for document, found in infer(extractor, documents, runtime, budget):
        yield document, found.logits


def infer(
    extractor: Extractor,
    documents: Iterable[Document],
    runtime: Runtime,
    budget: InferenceBudget | None = None,
) -> Iterator[tuple[Document, Inferred]]:
    """Documents in their order, each with what the model says of it.

    Only ``look_ahead`` documents are in memory at once. A document's logits do not depend on
    which others are computed with it, but for rounding. Where memory runs out, fewer are computed
    at once.

    Raises:
        MemoryError: if a document does not fit even by itself.
    """
    budget = budget or InferenceBudget.of(runtime.torch_device)
    limit = DocumentLimit(budget.batch_documents)
    stream = iter(documents)
    while group := list(islice(stream, budget.look_ahead)):
        encoded = [extractor.encode(document) for document in group]
        found = infer_encoded(extractor, encoded, runtime, budget, limit)
        give_back_gaps()
        yield from zip(group, found, strict=True)


def infer_encoded(
    extractor: Extractor,
    documents: list[EncodedDocument],
    runtime: Runtime,
    budget: InferenceBudget,
    limit: DocumentLimit,
) -> list[Inferred]:
    """What the model says of each encoded document; ``limit`` is lowered if memory runs out."""
    runtime.prepare()
    extractor.network.to(runtime.torch_device).eval()
    sizes = Sizes.of(documents)
    order = np.argsort(sizes.tokens, stable=True).tolist()
    inferred: dict[int, Inferred] = {}

    def compute(pieces: Pieces) -> None:
        for indices in pieces:
            found = _infer_batch(extractor, [documents[i] for i in indices], runtime)
            inferred.update(zip(indices, found, strict=True))

    for piece in pack(sizes, order, budget.of_a_batch(extractor.window)):
        limit.fitted([piece], compute)
    return [inferred[i] for i in range(len(documents))]


def _infer_batch(
    extractor: Extractor, documents: list[EncodedDocument], runtime: Runtime
) -> list[Inferred]:
    with memory_for(documents, "inference"), torch.inference_mode():
        batch = extractor.collate(documents).to(runtime.torch_device)
        with runtime.autocast():
            found: tuple[Tensor, Tensor] = extractor.network.with_evidence(batch)
        logits, shares = (rows.float().cpu().split(_pairs(documents)) for rows in found)
    return [
        Inferred(of_pairs.numpy(), of_sentences[:, : len(document.sentence_starts)].numpy())
        for document, of_pairs, of_sentences in zip(documents, logits, shares, strict=True)
    ]


def _pairs(documents: list[EncodedDocument]) -> list[int]:
    return [document.n_pairs for document in documents]
