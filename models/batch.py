"""Several encoded documents as tensors: windows of tokens, places of mentions, ragged pairs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import ceil
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from corpus.encode import EncodedDocument
from corpus.evidence import PairEvidence


@dataclass(frozen=True)
class Window:
    """Tokens ``start`` to ``end`` of a document, at ``row`` of the batch's token table.

    ``lead`` is 1 where the row opens with an added class token, which is no part of the document.
    """

    row: int
    start: int
    end: int
    lead: int


@dataclass(frozen=True, eq=False)
class Layout:
    """Where one document's windows, mentions and entities are."""

    windows: tuple[Window, ...]
    length: int
    """T, class token and separator included."""
    mention_starts: Tensor
    """[M] int64: positions of all mentions' start markers in the document, entity by entity."""
    mention_slots: Tensor
    """[E, S] int64: each entity's mentions as indices into ``mention_starts``, -1 where fewer."""
    sentence_starts: Tensor
    """[S] int64: positions of the sentences' first tokens in the document."""

    @property
    def n_entities(self) -> int:
        """E."""
        return len(self.mention_slots)


@dataclass(frozen=True, eq=False)
class Evidence:
    """Where the evidence of some of a batch's pairs is."""

    pairs: Tensor
    """[K] int64: rows of the batch's logits."""
    shares: Tensor
    """[K, S] float32: how much is in each sentence, S of the document that has most."""

    def to(self, device: torch.device, *, non_blocking: bool) -> Evidence:
        """The same on a device."""
        return Evidence(
            self.pairs.to(device, non_blocking=non_blocking),
            self.shares.to(device, non_blocking=non_blocking),
        )


@dataclass(frozen=True, eq=False)
class Batch:
    """B documents; every list of pairs or cells is ragged, one document after another.

    Cells are all (head, tail) of a document's pair table, self-pairs included; pairs leave the
    self-pairs out. Both run heads first.
    """

    token_ids: Tensor
    """[W, T] int64: one row a window, padded at the end."""
    token_mask: Tensor
    """[W, T] bool: False on padding."""
    layouts: tuple[Layout, ...]
    pair_cells: Tensor
    """[P] int64: the cells that are pairs."""
    labels: Tensor | None = None
    """[P, R] bool, TH False; None at inference."""
    teacher_logits: Tensor | None = None
    """[P, R] float; only when distilling."""
    evidence: Evidence | None = None
    """Of the labels that tell their evidence; None at inference and where none does."""
    teacher_evidence: Evidence | None = None
    """Of the pairs that the teacher gives a relation; only when distilling."""

    @property
    def table_sizes(self) -> list[int]:
        """E of each document."""
        return [layout.n_entities for layout in self.layouts]

    def to(self, device: torch.device) -> Batch:
        """The same batch on a device."""
        if device.type == "cpu":
            return self
        layouts = tuple(
            replace(
                layout,
                mention_starts=layout.mention_starts.to(device, non_blocking=True),
                mention_slots=layout.mention_slots.to(device, non_blocking=True),
                sentence_starts=layout.sentence_starts.to(device, non_blocking=True),
            )
            for layout in self.layouts
        )
        moved: dict[str, Any] = {
            name: value.to(device, non_blocking=True)
            for name, value in vars(self).items()
            if isinstance(value, Tensor | Evidence)
        }
        return replace(self, layouts=layouts, **moved)


def window_spans(length: int, size: int) -> list[tuple[int, int]]:
    """Overlapping spans of a sequence of ``length`` tokens, its two special tokens included.

    The first span leaves room for an added separator, the last for a class token, others for
    both; two spans are the published rule (first and last 511 tokens of at most 1022). More are
    spread evenly.
    """
    if length <= size:
        return [(0, length)]
    edge, inner = size - 1, size - 2
    count = 2 if length <= 2 * edge else 1 + ceil((length - edge) / inner)
    steps = np.linspace(0, length - edge, count)
    middle = [(start, start + inner) for start in np.floor(steps[1:-1]).astype(int).tolist()]
    return [(0, edge), *middle, (length - edge, length)]


def collate(
    documents: Sequence[EncodedDocument],
    *,
    window: int,
    special_ids: tuple[int, int, int],
    n_classes: int | None = None,
    teacher_logits: Sequence[NDArray[np.float16]] | None = None,
    teacher_evidence: Sequence[PairEvidence] | None = None,
) -> Batch:
    """Encoded documents as one batch on the CPU.

    Args:
        documents: B documents.
        window: longest row of tokens.
        special_ids: ids of the class token, the separator and padding.
        n_classes: R; if given, the documents' labels and their evidence become the batch's.
        teacher_logits: per document [P, R] float16, when distilling.
        teacher_evidence: per document, when distilling.
    """
    rows: list[NDArray[np.int32]] = []
    layouts = [_layout(document, window, special_ids, rows) for document in documents]
    longest = max(map(len, rows))
    token_ids = np.full((len(rows), longest), special_ids[2], np.int64)
    lengths = np.array([len(row) for row in rows])
    for row, ids in enumerate(rows):
        token_ids[row, : len(ids)] = ids
    return Batch(
        token_ids=torch.from_numpy(token_ids),
        token_mask=torch.from_numpy(np.arange(longest) < lengths[:, None]),
        layouts=tuple(layouts),
        pair_cells=_pair_cells([document.n_entities for document in documents]),
        labels=None if n_classes is None else _labels(documents, n_classes),
        teacher_logits=None
        if teacher_logits is None
        else torch.from_numpy(np.concatenate(teacher_logits)),
        evidence=None
        if n_classes is None
        else _evidence(documents, [document.evidence for document in documents]),
        teacher_evidence=None
        if teacher_evidence is None
        else _evidence(documents, teacher_evidence),
    )


def _layout(
    document: EncodedDocument,
    size: int,
    special_ids: tuple[int, int, int],
    rows: list[NDArray[np.int32]],
) -> Layout:
    """Add the document's windows to ``rows`` and tell where everything is."""
    length, windows = len(document.token_ids), []
    for start, end in window_spans(length, size):
        lead, trail = int(start > 0), int(end < length)
        opening, closing = [special_ids[0]] * lead, [special_ids[1]] * trail
        windows.append(Window(len(rows), start, end, lead))
        rows.append(np.concatenate([opening, document.token_ids[start:end], closing]))
    counts = [len(starts) for starts in document.mention_starts]
    flat = np.concatenate([*document.mention_starts, np.empty(0, np.int32)]).astype(np.int64)
    sentences = torch.from_numpy(document.sentence_starts.astype(np.int64))
    return Layout(tuple(windows), length, torch.from_numpy(flat), _slots(counts), sentences)


def _slots(counts: Sequence[int]) -> Tensor:
    slots = torch.full((len(counts), max(counts, default=1)), -1, dtype=torch.int64)
    first = 0
    for entity, count in enumerate(counts):
        slots[entity, :count] = torch.arange(first, first + count)
        first += count
    return slots


def _pair_cells(sizes: Sequence[int]) -> Tensor:
    cells, first = [torch.empty(0, dtype=torch.int64)], 0
    for size in sizes:
        off_diagonal = ~torch.eye(size, dtype=torch.bool)
        cells.append(off_diagonal.flatten().nonzero().squeeze(1) + first)
        first += size * size
    return torch.cat(cells)


def _labels(documents: Sequence[EncodedDocument], n_classes: int) -> Tensor:
    labels = torch.zeros(sum(d.n_pairs for d in documents), n_classes, dtype=torch.bool)
    first = 0
    for document in documents:
        if document.labels is None:
            raise ValueError(
                f"document {document.doc_id!r} has no labels, so there is nothing to learn from "
                "it; leave it out of training, or label it (distant_documents does)"
            )
        head, tail, column = torch.from_numpy(document.labels).long().unbind(1)
        row = head * (document.n_entities - 1) + tail - (tail > head).long()
        labels[first + row, column] = True
        first += document.n_pairs
    return labels


def _evidence(
    documents: Sequence[EncodedDocument], evidence: Sequence[PairEvidence | None]
) -> Evidence | None:
    """Evidence of all documents' pairs; None if there is none."""
    firsts = np.cumsum([0, *(document.n_pairs for document in documents)])
    found = [(first, e) for first, e in zip(firsts, evidence, strict=False) if e is not None]
    if not any(len(e) for _, e in found):
        return None
    longest = max(len(document.sentence_starts) for document in documents)
    shares = [np.pad(e.shares, ((0, 0), (0, longest - e.shares.shape[1]))) for _, e in found]
    return Evidence(
        torch.from_numpy(np.concatenate([first + e.pairs for first, e in found])),
        torch.from_numpy(np.concatenate(shares).astype(np.float32)),
    )
