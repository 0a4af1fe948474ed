"""Optimizer steps: from the documents of a step to weights that have moved once."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import torch
from torch import nn

from corpus.encode import EncodedDocument
from corpus.soft_labels import SoftLabels
from models.batch import Batch
from models.config import Stage
from models.extractor import Extractor
from models.losses import evidence_terms, total_loss
from models.memory import DocumentLimit, memory_for
from models.optimizer import linear_schedule, optimizer_of
from models.plan import Pieces
from models.random_state import random_state, set_random_state
from models.runtime import Runtime

Terms = dict[str, float]
"""The objective's terms of one piece, weighed by its share of its step's pairs."""


class Steps:
    """Network, optimizer, and what they are trained on and how.

    Args:
        extractor: trained in place.
        documents: what pieces are indices of.
        stage: loop and objective.
        runtime: device and precision.
        soft_labels: the teacher's logits; needed where the objective distils.
        total: steps of the whole run, over which learning rates rise and fall.
    """

    def __init__(
        self,
        extractor: Extractor,
        documents: Sequence[EncodedDocument],
        stage: Stage,
        runtime: Runtime,
        *,
        soft_labels: SoftLabels | None,
        total: int,
    ) -> None:
        self.extractor, self.documents, self.runtime = extractor, documents, runtime
        self.config, self.objective = stage.training, stage.objective
        self.soft_labels = soft_labels if stage.objective.distils else None
        self.device = runtime.torch_device
        self.network = extractor.network.to(self.device)
        self.optimizer = optimizer_of(self.network, self.config)
        self.peaks = [group["lr"] for group in self.optimizer.param_groups]
        self.factor = linear_schedule(total, self.config.warmup)
        self.limit = DocumentLimit(self.config.batch_documents)

    def take(self, number: int, pieces: Pieces) -> list[Terms]:
        """Move the weights by one step, ``number`` from 1; each piece's terms.

        Raises:
            FloatingPointError: if a loss or a gradient is not finite; no weight has moved then.
            MemoryError: if a document does not fit into memory even by itself.
        """
        terms = self.gradient(number, pieces)
        self.move(number, (self.documents[i] for piece in pieces for i in piece))
        return terms

    def gradient(self, number: int, pieces: Pieces) -> list[Terms]:
        """Leave a step's gradient in the network.

        If memory runs out on a piece, which may leave a part of its gradient behind, the step's
        gradient is computed anew in smaller pieces, with the same random numbers before it.
        """
        before = random_state(self.device)

        def compute(pieces: Pieces) -> list[Terms]:
            self.optimizer.zero_grad(set_to_none=True)
            set_random_state(before, self.device)
            return self._accumulated(number, pieces)

        return self.limit.fitted(pieces, compute)

    def _accumulated(self, number: int, pieces: Pieces) -> list[Terms]:
        read = [[self.documents[i] for i in piece] for piece in pieces]
        pairs = [sum(document.n_pairs for document in documents) for documents in read]
        return [
            self._backward(number, documents, n_pairs / sum(pairs))
            for documents, n_pairs in zip(read, pairs, strict=True)
        ]

    def _backward(self, number: int, documents: list[EncodedDocument], share: float) -> Terms:
        """Add one piece's gradient; its loss terms.

        Both are weighed by the piece's share of its step's pairs: the terms are means over pairs,
        so that a step has the same gradient however its documents are cut into pieces.
        """
        with memory_for(documents, f"step {number}"):
            terms = self._terms(documents)
            values = {name: term.item() for name, term in terms.items()}
            _require_finite(values, number, documents)
            torch.stack(list(terms.values())).sum().mul(share).backward()
        return {name: value * share for name, value in values.items()}

    def _terms(self, documents: list[EncodedDocument]) -> dict[str, torch.Tensor]:
        """The objective's terms of one piece, means over its pairs."""
        batch = self._batch(documents)
        with self.runtime.autocast():
            logits, shares = self._read(batch)
        terms = total_loss(logits, batch.labels, batch.teacher_logits, self.objective)
        if shares is not None:
            terms |= evidence_terms(shares, batch, self.objective)
        return terms

    def _batch(self, documents: list[EncodedDocument]) -> Batch:
        """The documents with their labels and the teacher's, as far as the objective looks."""
        soft, objective = self.soft_labels, self.objective
        ids = [document.doc_id for document in documents]
        taught = soft if objective.evidence_weight > 0 else None
        return self.extractor.collate(
            documents,
            n_classes=len(self.extractor.vocabulary) if objective.hard_weight else None,
            teacher_logits=None if soft is None else [soft.logits(doc_id) for doc_id in ids],
            teacher_evidence=None if taught is None else [taught.evidence(i) for i in ids],
        ).to(self.device)

    def _read(self, batch: Batch) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Logits [P, R], and shares of sentences [P, S] where the objective looks at them."""
        if self.objective.evidence_weight == 0:
            return self.network(batch), None
        return self.network.with_evidence(batch)

    def move(self, number: int, documents: Iterable[EncodedDocument]) -> None:
        """Clip the gradient, move the weights by it, and drop it; an error names the documents."""
        norm = nn.utils.clip_grad_norm_(self.network.parameters(), self.config.clip)
        _require_finite({"norm of the gradient": norm.item()}, number, documents)
        for group, peak in zip(self.optimizer.param_groups, self.peaks, strict=True):
            group["lr"] = peak * self.factor(number - 1)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)


def _require_finite(found: Terms, number: int, documents: Iterable[EncodedDocument]) -> None:
    """Stop before a weight is moved by what is not finite."""
    if all(map(math.isfinite, found.values())):
        return
    raise FloatingPointError(
        f"step {number}: expected finite numbers, found {found} on documents "
        f"{[document.doc_id for document in documents]}; weights trained further would be "
        "worthless. Lower the learning rates, or train with precision float32; if 'soft' is the "
        "term, check the teacher's logits of these documents"
    )
