"""Whether probabilities mean what they say."""

from __future__ import annotations

from dataclasses import asdict
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from corpus.arrays import Float64Array
from corpus.logits import Calibration
from quality.soft_blocks import Shard
from quality.statistics import share, totals

BINS: Final = 10

Margins = NDArray[np.float32]
Truth = NDArray[np.bool_]


def margins_and_truth(shard: Shard) -> tuple[Margins, Truth]:
    """Margins to TH and whether the relation is labelled, of all relations of all pairs [N].

    For documents to score on, whose margins fit into memory: 4 bytes a pair and relation.
    """
    margins, truth = [], []
    for block in shard.blocks():
        margins.append(block.margins()[:, 1:].ravel())
        truth.append(block.given()[:, 1:].ravel())
    nothing = np.zeros(0, np.float32)
    return np.concatenate([nothing, *margins]), np.concatenate([nothing.astype(bool), *truth])


def calibration_statistics(
    stage: str, margins: Margins, truth: Truth, calibration: Calibration
) -> pl.DataFrame:
    """Calibration of σ(margin), and of probabilities as fitted, on labelled documents.

    Of 1,000 relations of pairs 999 do not hold, and every model is sure of nearly all of them:
    an error over all cells is tiny whatever the model. So each number is given over all cells and
    over those that the model predicts (margin above 0), chosen by the model alone:
    ``ece`` (expected calibration error), ``ece_predicted``, ``brier`` and ``brier_predicted``, each
    also with ``_uncalibrated`` for σ(margin); ``temperature`` and ``offset``; ``predicted``, how
    many cells those are. Bins hold equally many cells (Nguyen and O'Connor 2015), for of bins of
    equal width the first would hold nearly all.

    Args:
        stage: which model's they are.
        margins: [N] l_r - l_TH.
        truth: [N] whether the relation is labelled.
        calibration: fitted on documents that the model was not trained on.
    """
    predicted = margins > 0
    values: dict[str, float | None] = {**asdict(calibration), "predicted": predicted.sum()}
    for suffix, fitted in (("", calibration), ("_uncalibrated", Calibration())):
        probabilities = fitted.probability(margins)
        for cells, chosen in (("", slice(None)), ("_predicted", predicted)):
            of_cells, holds = probabilities[chosen], truth[chosen]
            values[f"ece{cells}{suffix}"] = calibration_error(of_cells, holds)
            values[f"brier{cells}{suffix}"] = _mean(np.square(of_cells - holds))
    return totals(stage, values)


def calibration_error(
    probabilities: NDArray[np.floating], truth: Truth, bins: int = BINS
) -> float | None:
    """Expected calibration error: mean of |share that holds - mean probability| over bins.

    Args:
        probabilities: [N], from 0 to 1.
        truth: [N].
        bins: of equally many cells.

    Returns:
        From 0 to 1; None where there are no cells.
    """
    table = reliability(probabilities, truth, bins)
    gaps = (table["share"] - table["probability"]).abs() * table["cells"]
    return share(float(gaps.sum()), float(table["cells"].sum()))


def reliability(
    probabilities: NDArray[np.floating], truth: Truth, bins: int = BINS
) -> pl.DataFrame:
    """Bins of equally many cells: ``cells``, mean ``probability``, ``share`` that holds.

    Args:
        probabilities: [N], from 0 to 1.
        truth: [N].
        bins: at most so many; fewer where there are fewer cells.
    """
    order = np.argsort(probabilities, kind="stable")
    edges = np.unique(np.linspace(0, len(order), bins + 1).astype(int))
    starts, cells = edges[:-1], np.diff(edges)
    return pl.DataFrame(
        {
            "cells": cells,
            "probability": _sums(probabilities[order], starts) / np.maximum(cells, 1),
            "share": _sums(truth[order], starts) / np.maximum(cells, 1),
        },
        {"cells": pl.Int64, "probability": pl.Float64, "share": pl.Float64},
    )


def _sums(values: NDArray[np.generic], starts: NDArray[np.int64]) -> Float64Array:
    if not len(starts):
        return np.zeros(0)
    summed: Float64Array = np.add.reduceat(values, starts, dtype=np.float64)
    return summed


def _mean(values: NDArray[np.floating]) -> float | None:
    return float(values.mean(dtype=np.float64)) if len(values) else None
