"""Labels as rows, whoever gave them: people, a knowledge base, a teacher or a student."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

LABELS: Final = pl.Schema(
    {
        "doc_id": pl.String,
        "head": pl.Int32,
        "tail": pl.Int32,
        "relation": pl.String,
        "head_type": pl.String,
        "tail_type": pl.String,
    }
)
"""One label a row, with the types of its entities."""

PAIRS: Final = pl.Schema({"doc_id": pl.String, "pairs": pl.Int64})
"""One document a row, with its ordered pairs of different entities: E · (E - 1)."""

KEY: Final = ("doc_id", "head", "tail", "relation")
"""What makes a label one and the same."""


@dataclass(frozen=True)
class Labelled:
    """Documents as somebody labelled them."""

    labels: pl.LazyFrame
    """`LABELS`, each once."""
    pairs: pl.LazyFrame
    """`PAIRS`."""

    @classmethod
    def of_documents(cls, documents: pl.LazyFrame) -> Labelled:
        """The labels that `DOCUMENTS` carry; where ``labels`` is null there are none."""
        labels = (
            documents.select("doc_id", _types(), "labels")
            .explode("labels", empty_as_null=False, keep_nulls=False)
            .unnest("labels")
            .select("doc_id", "head", "tail", "relation", *_of_ends())
        )
        return cls(labels, _pairs(documents))

    @classmethod
    def of_triples(cls, triples: pl.LazyFrame, documents: pl.LazyFrame) -> Labelled:
        """What a model found.

        Args:
            triples: with ``doc_id``, ``head``, ``tail`` and ``relation``, as `PREDICTIONS` has.
            documents: the `DOCUMENTS` that it was given; triples of others are left out.

        Returns:
            Labels in the order of the triples.
        """
        types = documents.select("doc_id", _types())
        placed = triples.select(KEY).join(types, on="doc_id", maintain_order="left")
        return cls(placed.select(*KEY, *_of_ends()), _pairs(documents))

    def counts(self, relations: Sequence[str]) -> NDArray[np.float32]:
        """[documents, 1 + relations] float32: labels of each relation, the first column NA.

        NA counts a document's pairs that have no label at all. Labels of relations that are not
        asked for make their pair no NA and are counted nowhere.
        """
        pairs = self.pairs.with_row_index("row").collect()
        columns = pl.DataFrame(
            {"relation": relations, "column": range(1, len(relations) + 1)},
            {"relation": pl.String, "column": pl.Int64},
        )
        rows = self.labels.join(pairs.lazy().select("doc_id", "row"), on="doc_id")
        cells = rows.join(columns.lazy(), on="relation").group_by("row", "column").len()
        taken = rows.group_by("row").agg(pl.struct("head", "tail").n_unique().alias("len"))
        found, labelled = pl.collect_all([cells, taken], engine="streaming")
        counts = np.zeros((pairs.height, 1 + len(relations)), np.float32)
        counts[:, 0] = pairs["pairs"].to_numpy()
        counts[found["row"].to_numpy(), found["column"].to_numpy()] = found["len"].to_numpy()
        counts[labelled["row"].to_numpy(), 0] -= labelled["len"].to_numpy()
        return counts


def _types() -> pl.Expr:
    """Types of a document's entities, in their order."""
    return pl.col("entities").list.eval(pl.element().struct.field("type")).alias("types")


def _of_ends() -> list[pl.Expr]:
    types = pl.col("types")
    return [types.list.get(pl.col(end), null_on_oob=True).alias(f"{end}_type") for end in _ENDS]


_ENDS = ("head", "tail")


def _pairs(documents: pl.LazyFrame) -> pl.LazyFrame:
    entities = pl.col("entities").list.len().cast(pl.Int64)
    return documents.select("doc_id", pairs=entities * (entities - 1))
