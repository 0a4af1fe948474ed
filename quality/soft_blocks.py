"""Soft labels beside the labels of the same documents, a block of pairs at a time."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import reduce
from mmap import MADV_DONTNEED, mmap
from operator import add
from pathlib import Path
from typing import Final, TypeVar

import numpy as np
import polars as pl
from numpy.typing import NDArray

from corpus.logits import ends_of_pairs, margins_to_th, places_of_pairs
from corpus.relations import RelationVocabulary
from corpus.soft_shards import open_shard
from quality.labels import LABELS, Labelled

ROWS: Final = 4096
"""Pairs of a block: 1.6 MB of float32 at DocRED's 97 classes, which a processor's caches hold."""

MAPPED: Final = 32
"""Blocks after which the pages of the file that were read are let go: 25 MB."""

Rows = NDArray[np.int64]
Part = TypeVar("Part")


@dataclass(frozen=True)
class Block:
    """Pairs of some documents, with what the teacher and the labels say of them."""

    logits: NDArray[np.float16]
    """[n, R], not loaded yet."""
    rows: Rows
    """Pairs, from 0, that carry labels; one entry a label."""
    columns: Rows
    """The labels' relations."""
    first: int
    """The first pair's place among all of the shard."""
    shard: Shard

    def margins(self) -> NDArray[np.float32]:
        """l_r - l_TH [n, R] float32, TH's own -inf."""
        return margins_to_th(self.logits)

    def given(self) -> NDArray[np.bool_]:
        """Whether a pair is labelled with a relation [n, R]."""
        given = np.zeros(self.logits.shape, bool)
        given[self.rows, self.columns] = True
        return given


class Shard:
    """A shard of soft labels and the labels of its documents, by pair.

    Args:
        folder: of the soft labels.
        documents: the `DOCUMENTS` that they are of, with labels.
        vocabulary: of the soft labels; other relations' labels are left out.
    """

    def __init__(self, folder: Path, documents: Path, vocabulary: RelationVocabulary) -> None:
        self.logits, manifest = open_shard(folder)
        self.manifest = manifest.filter(pl.col("entities") > 1).sort("offset")
        self.vocabulary = vocabulary
        self.documents = documents
        self._offsets = self.manifest["offset"].to_numpy()
        self._entities = self.manifest["entities"].to_numpy().astype(np.int64)
        self.rows, self.columns = self._labels()

    def _labels(self) -> tuple[Rows, Rows]:
        """Row and column of each label, by row."""
        labelled = Labelled.of_documents(pl.scan_parquet(self.documents))
        columns = {r: c for c, r in enumerate(self.vocabulary.ids)}
        placed = (
            labelled.labels.join(self.manifest.lazy(), on="doc_id")
            .filter(pl.col("relation").is_in(list(self.vocabulary.relations)))
            .with_columns(column=pl.col("relation").replace_strict(columns, return_dtype=pl.Int64))
            .filter(pl.max_horizontal("head", "tail") < pl.col("entities"))
            .select("offset", "entities", "head", "tail", "column")
            .collect(engine="streaming")
        )
        offset, entities, head, tail, column = (
            placed[name].to_numpy().astype(np.int64) for name in placed.columns
        )
        rows = offset + places_of_pairs(head, tail, entities)
        order = np.argsort(rows, kind="stable")
        return rows[order], column[order]

    def blocks(self, size: int = ROWS) -> Iterator[Block]:
        """All pairs in their order, ``size`` at a time."""
        for number, first in enumerate(range(0, len(self.logits), size), start=1):
            logits = self.logits[first : first + size]
            low, high = np.searchsorted(self.rows, (first, first + len(logits)))
            yield Block(logits, self.rows[low:high] - first, self.columns[low:high], first, self)
            if number % MAPPED == 0:
                self._let_go()
        self._let_go()

    def _let_go(self) -> None:
        """Give back the file's pages: all that was read counts as this process' memory else."""
        if isinstance(file := self.logits.base, mmap):
            file.madvise(MADV_DONTNEED)

    def labels_at(self, rows: Rows, columns: Rows) -> pl.DataFrame:
        """Relations of pairs as labels: ``doc_id``, ``head``, ``tail``, ``relation``.

        Args:
            rows: places among all pairs of the shard.
            columns: of the relations.
        """
        documents = self.documents_at(rows)
        heads, tails = ends_of_pairs(rows - self._offsets[documents], self._entities[documents])
        found = {
            "doc_id": self.manifest["doc_id"].gather(documents),
            "head": heads,
            "tail": tails,
            "relation": pl.Series(self.vocabulary.ids).gather(columns),
        }
        return pl.DataFrame(found, {name: LABELS[name] for name in found})

    def documents_at(self, rows: Rows) -> Rows:
        """Places in the manifest of the documents that pairs belong to."""
        return np.searchsorted(self._offsets, rows, side="right") - 1


def shards_of(
    folders: Sequence[Path], documents: Sequence[Path], vocabulary: RelationVocabulary
) -> list[Shard]:
    """Shards in their order, each beside its table of documents."""
    return [
        Shard(folder, table, vocabulary) for folder, table in zip(folders, documents, strict=True)
    ]


def of_each(shards: Sequence[Shard], count: Callable[[Shard], Part]) -> list[Part]:
    """What is counted in each shard, in their order, by a thread a processor."""
    with ThreadPoolExecutor(processors()) as pool:
        return list(pool.map(count, shards))


def processors() -> int:
    """How many processors this process may use: in a container fewer than the machine has."""
    if hasattr(os, "sched_getaffinity"):  # not on macOS
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def summed(shards: Sequence[Shard], count: Callable[[Block], Part], nothing: Part) -> Part:
    """Sum of what is counted in all blocks of all shards, read once.

    Args:
        shards: they are read beside each other, but added in their order.
        count: what is counted in a block.
        nothing: what no block has.
    """

    def of_shard(shard: Shard) -> Part:
        return reduce(add, map(count, shard.blocks()), nothing)

    return reduce(add, of_each(shards, of_shard), nothing)
