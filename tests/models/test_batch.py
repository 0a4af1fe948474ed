"""A batch on another device has everything there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np
import torch
from conftest import VOCABULARY, make_document

from corpus.evidence import PairEvidence
from models.batch import Batch
from models.extractor import Extractor


def learnt_from(extractor: Extractor) -> Batch:
    """A batch that has all that a batch may have."""
    documents = [extractor.encode(make_document(f"d{n}", n)) for n in (4, 3)]
    told = [
        PairEvidence(np.zeros(1, np.int32), np.ones((1, len(d.sentence_starts)), np.float32))
        for d in documents
    ]
    logits = [np.zeros((d.n_pairs, len(VOCABULARY)), np.float16) for d in documents]
    return extractor.collate(
        documents,
        n_classes=len(VOCABULARY),
        teacher_logits=logits,
        teacher_evidence=told,
    )


def tensors(value: Any) -> Iterator[torch.Tensor]:
    """All tensors in a dataclass and in what it holds."""
    if isinstance(value, torch.Tensor):
        yield value
    elif is_dataclass(value):
        for field in fields(value):
            yield from tensors(getattr(value, field.name))
    elif isinstance(value, tuple):
        for each in value:
            yield from tensors(each)


def test_every_tensor_moves(extractor: Extractor) -> None:
    batch = learnt_from(extractor)
    assert all(getattr(batch, field.name) is not None for field in fields(batch))
    there = list(tensors(batch.to(torch.device("meta"))))
    assert [t.shape for t in there] == [t.shape for t in tensors(batch)]
    assert {t.device.type for t in there} == {"meta"}


def test_what_is_not_there_stays_away(extractor: Extractor) -> None:
    plain = extractor.collate([extractor.encode(make_document("d", 3))])
    moved = plain.to(torch.device("meta"))
    assert moved.labels is moved.teacher_logits is moved.evidence is moved.teacher_evidence is None
    assert {t.device.type for t in tensors(moved)} == {"meta"}
