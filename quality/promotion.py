"""Whether a newly trained model may take the place of the one in use, by a paired bootstrap."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from corpus.arrays import Float64Array
from quality.labels import KEY

COUNTS: Final = pl.Schema(
    {"doc_id": pl.String, "correct": pl.Int64, "predicted": pl.Int64, "gold": pl.Int64}
)
"""One labelled document a row: triples that a model predicts, those that are gold, and both."""

MARGIN: Final = 0.01
"""F1 that a challenger may lose, for it has learnt from fresher documents than dev has."""

RISK: Final = 0.25
"""Share of samples that may say that it loses more."""

SAMPLES: Final = 2000


@dataclass(frozen=True, slots=True)
class Comparison:
    """How a challenger does beside the champion, on the same documents."""

    documents: int
    """Labelled documents that both were scored on."""
    samples: int
    """How often documents were drawn."""
    champion_f1: float
    """Micro F1 from 0 to 1; 0 for a model that predicts nothing."""
    challenger_f1: float
    """Likewise."""
    low: float
    """2.5 % of the samples have a smaller difference of F1."""
    high: float
    """2.5 % have a larger one."""
    worse: float
    """Share of samples in which the challenger loses more than the margin, from 0 to 1."""
    margin: float
    """F1 that it may lose, from 0 to 1."""
    risk: float
    """What ``worse`` may be at most."""

    @property
    def difference(self) -> float:
        """F1 that the challenger gains, negative where it loses."""
        return self.challenger_f1 - self.champion_f1

    @property
    def promoted(self) -> bool:
        """Whether the challenger takes the champion's place."""
        return self.worse <= self.risk

    @property
    def told(self) -> str:
        """All of it in a sentence, F1 in per cent and differences in points of it."""
        return (
            f"The challenger has {self.challenger_f1:.1%} F1 and the champion "
            f"{self.champion_f1:.1%} on {self.documents} dev documents "
            f"({100 * self.difference:+.1f} points, 95% interval {100 * self.low:+.1f} to "
            f"{100 * self.high:+.1f}); it loses more than {100 * self.margin:.1f} points in "
            f"{self.worse:.1%} of {self.samples} samples, where up to {self.risk:.1%} are allowed: "
            f"{'promoted' if self.promoted else 'refused'}"
        )


def counts(documents: pl.LazyFrame, predicted: pl.LazyFrame) -> pl.DataFrame:
    """What the F1 of a model is made of, document by document.

    Args:
        documents: `DOCUMENTS` of dev; those that nobody has labelled are left out.
        predicted: `PREDICTIONS` of the model; those on other documents are left out, repeated ones
            count once.

    Returns:
        `COUNTS`, ordered by ``doc_id``.
    """
    labelled = documents.filter(pl.col("labels").is_not_null())
    labels = labelled.select("doc_id", "labels").explode(
        "labels", empty_as_null=False, keep_nulls=False
    )
    gold = labels.unnest("labels").select(KEY).unique()
    found = predicted.select(KEY).unique()
    table = labelled.select("doc_id")
    for triples, name in [
        (found.join(gold, on=KEY, how="semi"), "correct"),
        (found, "predicted"),
        (gold, "gold"),
    ]:
        table = table.join(triples.group_by("doc_id").len(name), on="doc_id", how="left")
    return table.fill_null(0).cast(COUNTS).sort("doc_id").collect()


def compare(
    champion: pl.DataFrame,
    challenger: pl.DataFrame,
    *,
    margin: float = MARGIN,
    risk: float = RISK,
    samples: int = SAMPLES,
    seed: int = 13,
) -> Comparison:
    """Compare two models on the same documents by the paired bootstrap.

    Documents are drawn with replacement, as many as there are, and both models are scored on what
    was drawn (Koehn 2004; Berg-Kirkpatrick, Burkett and Klein 2012, EMNLP): what is hard for both
    cancels out. The challenger is promoted unless more than ``risk`` of the samples say that it
    loses more than ``margin``.

    Why not simply the higher F1: the difference of two equally good models is noise, and says no
    to every second challenger however large dev is, though it has learnt from fresher documents.
    On a thousand documents, this rule promotes nearly all equally good ones, and as good as none
    that is truly 3 points worse. Why not to be 95 % certain that no more than the margin is lost:
    the difference has a standard error of 1.5 points on 60 documents of a dozen triples each, so
    that seven in eight equally good challengers would be refused, and a mediocre champion would
    stay. With a quarter, half of them are promoted there, and 3 in 100 that are 3 points worse.

    Args:
        champion: `COUNTS` of the model in use.
        challenger: `COUNTS` of the new one, of the same documents.
        margin: F1 that it may lose, 0 to 1.
        risk: share of samples that may say that it loses more, 0 to 1.
        samples: how often documents are drawn.
        seed: of the drawing; the same gives the same.

    Raises:
        ValueError: if there is no document, the two are of different documents or gold labels, or
            a number is out of bounds.
    """
    _require_bounds(margin=margin, risk=risk)
    _require_comparable(champion, challenger)
    ours, theirs = (_numbers(side) for side in (challenger, champion))
    draw = np.random.default_rng(seed)
    drawn = draw.multinomial(len(ours), np.full(len(ours), 1 / len(ours)), size=samples)
    differences = _f1(drawn @ ours) - _f1(drawn @ theirs)
    low, high = np.quantile(differences, [0.025, 0.975])
    return Comparison(
        documents=len(ours),
        samples=samples,
        champion_f1=float(_f1(theirs.sum(0))),
        challenger_f1=float(_f1(ours.sum(0))),
        low=float(low),
        high=float(high),
        worse=float((differences < -margin).mean()),
        margin=margin,
        risk=risk,
    )


def f1(counted: pl.DataFrame) -> float:
    """Micro F1 of `COUNTS`, 0 to 1; 0 where nothing is predicted or gold."""
    return float(_f1(_numbers(counted).sum(0)))


def _numbers(counted: pl.DataFrame) -> Float64Array:
    """[documents, 3]: correct, predicted, gold."""
    return counted.select("correct", "predicted", "gold").cast(pl.Float64).to_numpy()


def _f1(sums: Float64Array) -> Float64Array:
    """[...] from sums [..., 3]: twice what is correct among all that is predicted and gold."""
    both, stated = 2 * sums[..., 0], sums[..., 1] + sums[..., 2]
    return np.divide(both, stated, out=np.zeros_like(both), where=stated > 0)


def _require_bounds(**shares: float) -> None:
    for name, share in shares.items():
        if not 0 <= share <= 1:
            raise ValueError(
                f"{name}: expected a number from 0 to 1, found {share}; it would promote every "
                f"model or none. Margins are F1 as a share: one point is 0.01"
            )


def _require_comparable(champion: pl.DataFrame, challenger: pl.DataFrame) -> None:
    if champion.is_empty() and challenger.is_empty():
        raise ValueError(
            "champion and challenger: expected labelled documents in dev, found none, so nobody "
            "knows which model is better. Label some dev documents, and materialize raw_documents "
            "and annotated_documents again"
        )
    same = ["doc_id", "gold"]
    if not champion.select(same).equals(challenger.select(same)):
        raise ValueError(
            f"champion and challenger: expected scores on the same labelled documents, found "
            f"{champion.height} and {challenger.height} documents that differ in id or number of "
            "gold labels: the difference would be that of the documents. Count both models' "
            "predictions on the dev documents as they are now"
        )
