"""Which documents are trained on together, epoch by epoch, fixed by the seed."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Final

from corpus.encode import EncodedDocument
from models.batch import pack
from models.config import TrainConfig

BUCKET: Final = 16
"""Batches' worth of documents that are sorted by length together, out of a random order."""


def plan_epochs(
    documents: Sequence[EncodedDocument], config: TrainConfig, window: int | None = None
) -> list[list[list[int]]]:
    """Batches of document indices for every epoch, fixed by the seed.

    Each epoch draws a random order, sorts stretches of it by length, cuts them into batches and
    shuffles those, so that batches hold little padding and yet differ from epoch to epoch.
    ``window`` is the longest row of tokens, as `models.batch.pack` takes it.
    """
    draw = random.Random(config.seed)
    return [_plan_epoch(documents, config, window, draw) for _ in range(config.epochs)]


def _plan_epoch(
    documents: Sequence[EncodedDocument],
    config: TrainConfig,
    window: int | None,
    draw: random.Random,
) -> list[list[int]]:
    order = list(range(len(documents)))
    draw.shuffle(order)
    stretch = BUCKET * config.batch_documents
    bucketed = [
        index
        for start in range(0, len(order), stretch)
        for index in sorted(
            order[start : start + stretch], key=lambda i: len(documents[i].token_ids)
        )
    ]
    batches = list(
        pack(
            documents,
            bucketed,
            batch_documents=config.batch_documents,
            token_budget=config.token_budget,
            cell_budget=config.cell_budget,
            window=window,
        )
    )
    draw.shuffle(batches)
    return batches


def in_groups(batches: Sequence[list[int]], accumulation: int) -> list[list[list[int]]]:
    """Batches whose gradients make one step; the last group may be smaller."""
    starts = range(0, len(batches), accumulation)
    return [list(batches[start : start + accumulation]) for start in starts]
