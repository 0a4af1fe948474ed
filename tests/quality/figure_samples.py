"""Numbers to draw, and pictures of few and of many of them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import numpy as np
import polars as pl
from drawn_figures import picture_of
from matplotlib.figure import Figure

from corpus.schema import EVALUATION
from quality.confidence_figures import margin_histogram, reliability_diagram
from quality.history_figure import history_panels
from quality.label_figures import agreement, label_distributions
from quality.score_figure import SCORES, score_bars
from quality.soft import EDGES
from quality.statistics import by_relation, joined, totals
from quality.training_figure import training_curve

LONG = "an endless name, with $x_{$ in it, that is no formula and that no figure has a place for"


def relations(number: int) -> list[str]:
    return [f"P{place}" for place in range(number)]


def shares(number: int, stage: str = "annotated", exponent: float = 1.0) -> pl.DataFrame:
    """Of so many relations, the first the most frequent."""
    weights = np.arange(1, number + 1) ** -exponent
    table = pl.DataFrame({"relation": relations(number), "share": weights / weights.sum()})
    return by_relation(stage, table)


def stages(number: int) -> dict[str, pl.DataFrame]:
    return {
        "annotated": shares(number),
        "distant": shares(number, "distant", 2.0).filter(pl.col("relation") != "P2"),
        "soft labels": shares(max(1, number // 2), "soft labels", 1.5),
    }


def counts(number: int, size: int = 100) -> pl.DataFrame:
    """Agreement about so many relations, the first the most frequent."""
    both = np.arange(number, 0, -1) * size
    table = {"both": both, "distant_only": both // 2, "teacher_only": both // 3}
    kappa = {"cohen_kappa": np.linspace(-0.1, 1, number)}
    return by_relation("distant", pl.DataFrame({"relation": relations(number), **table, **kappa}))


def bins(probabilities: list[float], shares: list[float]) -> pl.DataFrame:
    return pl.DataFrame(
        {"cells": [50] * len(shares), "probability": probabilities, "share": shares}
    )


def counted(*margins: float) -> np.ndarray:
    return np.histogram(margins, EDGES)[0]


CAPTIONS = {
    "distant/js_bits": "divergence of distant labels (bits)",
    "distant/estimated_false_positive_rate": "false positives of distant labels, estimated",
    "soft labels/margin_median": "median margin to TH",
}


def runs(number: int, apart: timedelta = timedelta(hours=31)) -> pl.DataFrame:
    """So many runs with all of `CAPTIONS`."""
    stored = []
    for run in range(number):
        values = {"js_bits": 0.05 + run % 7 / 100, "estimated_false_positive_rate": 0.97123}
        table = joined([totals("distant", values), totals("soft labels", {"margin_median": -8.1})])
        when = pl.lit(datetime(2026, 1, 5, 9, 12, tzinfo=UTC) + run * apart)
        stored.append(table.select(pl.lit(f"run {run}").alias("run"), when.alias("time"), pl.all()))
    return pl.concat(stored)


MODELS = ["teacher", "student", "finetuned"]


def evaluation(models: list[str], splits: list[str], f1: float = 0.5) -> pl.DataFrame:
    """The same scores of all models on all splits."""
    rows = [
        (model, split, part, None, metric, f1, 0.8 * f1, min(1.0, 1.1 * f1))
        for split in splits
        for model in models
        for part, metric in SCORES
    ]
    return pl.DataFrame(rows, EVALUATION, orient="row")


def epoch(number: int, loss: float, dev_f1: float | None) -> dict[str, Any]:
    return {"number": number, "loss": loss, "dev_f1": dev_f1, "seconds": 1.0}


def epochs(number: int, *, dev: bool = True) -> list[dict[str, Any]]:
    """So many, ever better ones."""
    return [epoch(n, 3 / n, n / (n + 5) if dev else None) for n in range(1, number + 1)]


TEN, CURVE = list(np.linspace(0.05, 0.95, 10)), list(np.linspace(0.1, 0.7, 10) ** 2)
NAMES = dict.fromkeys(relations(97), LONG)

FIGURES: dict[str, Callable[[], bytes]] = {
    "no names": lambda: label_distributions(stages(97)),
    "long names": lambda: label_distributions(stages(97), NAMES),
    "five stages": lambda: label_distributions(
        {**stages(97), "student predictions": shares(97), "fine-tuned predictions": shares(40)}
    ),
    "one stage": lambda: label_distributions({"annotated": shares(97)}),
    "one relation": lambda: label_distributions({"annotated": shares(1)}),
    "even shares": lambda: label_distributions({"a": shares(10, exponent=0), "b": shares(0)}),
    "agreement": lambda: agreement(counts(97)),
    "millions": lambda: agreement(counts(97, 1_234_567), NAMES),
    "agreement on one": lambda: agreement(counts(1)),
    "reliability": lambda: reliability_diagram(bins(CURVE, TEN), bins(TEN, TEN)),
    "one bin": lambda: reliability_diagram(bins([0.9], [0.6]), bins([0.6], [0.6])),
    "nothing holds": lambda: reliability_diagram(bins([0.0], [0.0]), bins([0.0], [0.0])),
    "wide": lambda: margin_histogram(counted(*np.linspace(-30, 30, 10_000)), EDGES),
    "flooded": lambda: margin_histogram(counted(-8.0, 5.0) * 12_345_678, EDGES),
    "one pair": lambda: margin_histogram(counted(-8.0), EDGES),
    "one run": lambda: history_panels(runs(1), CAPTIONS),
    "two runs": lambda: history_panels(runs(2), CAPTIONS),
    "a day's runs": lambda: history_panels(runs(9, timedelta(hours=1)), CAPTIONS),
    "many runs": lambda: history_panels(runs(300), CAPTIONS),
    "one statistic": lambda: history_panels(runs(30), {"distant/js_bits": LONG}),
    "a lacking one": lambda: history_panels(
        runs(3), CAPTIONS | {"teacher/ece": "calibration error"}
    ),
    "scores": lambda: score_bars(evaluation(MODELS, ["dev", "test"])),
    "perfect scores": lambda: score_bars(evaluation(MODELS, ["dev"], 1.0)),
    "four models": lambda: score_bars(evaluation(list("abcd"), ["dev"])),
    "seven models": lambda: score_bars(evaluation(list("abcdefg"), ["dev"])),
    "a training": lambda: training_curve(epochs(5), 4),
    "no dev": lambda: training_curve(epochs(5, dev=False), 5),
    "a hundred epochs": lambda: training_curve(epochs(100), 100),
}


@cache
def picture(name: str) -> tuple[bytes, Figure]:
    """One of `FIGURES`, and what was drawn for it."""
    return picture_of(FIGURES[name])
