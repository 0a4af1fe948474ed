"""Estimates follow known shares of wrong labels that are put into annotated documents."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from noisy_corpus import values

from benchmarks import noise_estimates
from benchmarks.noise_estimates import Judged, noisy_labels, relabelled
from corpus.demo import demo_corpus
from corpus.demo_variety import RELATION_NAMES
from corpus.logits import Calibration, places_of_pairs
from corpus.relations import RelationVocabulary
from corpus.schema import DOCUMENTS, Document, Split, to_row
from corpus.soft_shards import ShardOrigin, write_shard
from corpus.tables import write_table
from models.calibration import fit_calibration
from quality.noise import noise_statistics
from quality.soft_blocks import Shard

VOCABULARY = RelationVocabulary.of_relations(RELATION_NAMES)
HALF_KNOWN = 2.2
"""How far a relation that holds moves the teacher's margin, in standard deviations: with it the
teacher finds two in three of them, and one in three that it finds is wrong."""


def truth_of(document: Document) -> np.ndarray:
    """[P, R] bool."""
    truth = np.zeros((document.n_pairs, len(VOCABULARY)), bool)
    for label in document.labels:
        heads, tails = np.array([label.head]), np.array([label.tail])
        place = places_of_pairs(heads, tails, len(document.entities))
        truth[place, VOCABULARY.column(label.relation)] = True
    return truth


def judged(documents: tuple[Document, ...], seed: int) -> list[np.ndarray]:
    """What a teacher makes of documents: logits [P, R] that know the truth by half, too sharply."""
    draw = np.random.default_rng(seed)
    logits = []
    for document in documents:
        truth = truth_of(document)
        margins = draw.normal(0, 1, truth.shape) + 2 * HALF_KNOWN * truth - 1.6 * HALF_KNOWN
        margins *= 6
        margins[:, 0] = 0
        logits.append(margins.astype(np.float32))
    return logits


@pytest.fixture(scope="module")
def calibration() -> Calibration:
    """Fitted on dev, as after a training."""
    dev = demo_corpus().documents(Split.DEV)
    margins = np.concatenate([logits[:, 1:].ravel() for logits in judged(dev, 1)])
    return fit_calibration(margins, np.concatenate([truth_of(d)[:, 1:].ravel() for d in dev]))


@pytest.fixture(scope="module")
def annotated(tmp_path_factory) -> tuple[pl.DataFrame, Path]:
    """Documents with their true labels, and a shard of what the teacher says of them."""
    documents = demo_corpus().documents(Split.UNLABELLED)
    folder = tmp_path_factory.mktemp("judged") / "shard"
    records = zip(documents, judged(documents, 2), strict=True)
    write_shard(folder, records, ShardOrigin("t", "v", "c", "k"), len(VOCABULARY))
    return pl.DataFrame([to_row(d, Split.DISTANT) for d in documents], DOCUMENTS), folder


def estimated(
    annotated, labels: pl.DataFrame, calibration: Calibration, path: Path
) -> pl.DataFrame:
    documents, shard = annotated
    write_table(relabelled(documents, labels), path)
    return noise_statistics("s", [Shard(shard, path, VOCABULARY)], VOCABULARY, calibration)


@pytest.mark.parametrize("false_positives", [0.05, 0.15, 0.30])
@pytest.mark.parametrize("false_negatives", [0.10, 0.30, 0.50])
def test_noise_that_is_spread_evenly(
    annotated, calibration, tmp_path, false_positives, false_negatives
):
    labels = noisy_labels(annotated[0], false_positives, false_negatives, seed=3)
    found = values(estimated(annotated, labels, calibration, tmp_path / "noisy.parquet"))
    assert found["estimated_false_positive_rate"] == pytest.approx(false_positives, abs=0.03)
    assert found["estimated_false_negative_rate"] == pytest.approx(false_negatives, abs=0.02)
    assert found["joint_false_positive_rate"] == pytest.approx(false_positives, abs=0.07)
    assert found["joint_false_negative_rate"] == pytest.approx(false_negatives, abs=0.07)


@pytest.mark.parametrize(("false_positives", "false_negatives"), [(0.3, 0.1), (0.05, 0.5)])
def test_noise_of_one_relation(annotated, calibration, tmp_path, false_positives, false_negatives):
    clean = noisy_labels(annotated[0], 0, 0, seed=3)
    noisy = noisy_labels(annotated[0], false_positives, false_negatives, seed=3)
    of_one = pl.col("relation") == "P17"
    labels = pl.concat([clean.filter(~of_one), noisy.filter(of_one)])
    statistics = estimated(annotated, labels, calibration, tmp_path / "noisy.parquet")
    found = values(statistics, "P17")
    assert found["estimated_false_positive_rate"] == pytest.approx(false_positives, abs=0.12)
    assert found["estimated_false_negative_rate"] == pytest.approx(false_negatives, abs=0.08)
    common = [values(statistics, relation) for relation in ("P19", "P27")]
    for name in ("estimated_false_positive_rate", "estimated_false_negative_rate"):
        assert all(found[name] > other[name] for other in common)
    assert all(other["joint_false_positive_rate"] < 0.03 for other in common)


def _measured(annotated, calibration, monkeypatch, path, false_positives):
    """What the benchmark says of one share of false labels, with half of the true ones missed."""
    monkeypatch.setattr(noise_estimates, "FALSE_POSITIVES", (false_positives,))
    monkeypatch.setattr(noise_estimates, "FALSE_NEGATIVES", (0.5,))
    documents, shard = annotated
    write_table(documents, path)
    (row,) = Judged(path, shard, VOCABULARY, calibration).measure(seed=3)
    return row


def test_the_benchmark_tells_the_shares_that_there_are(
    annotated, calibration, monkeypatch, tmp_path
):
    row = _measured(annotated, calibration, monkeypatch, tmp_path / "truth.parquet", 0.7)
    assert row["false_labels_lacking"] == 0
    assert row["true_false_positive_rate"] == pytest.approx(0.7, abs=0.002)
    assert row["true_false_negative_rate"] == pytest.approx(0.5, abs=0.002)
    assert row["estimated_false_positive_rate"] == pytest.approx(0.7, abs=0.05)


def test_the_benchmark_tells_false_labels_that_have_no_pair(
    annotated, calibration, monkeypatch, tmp_path
):
    row = _measured(annotated, calibration, monkeypatch, tmp_path / "truth.parquet", 0.99)
    assert row["false_labels_lacking"] > 0
    assert row["true_false_positive_rate"] < 0.98
