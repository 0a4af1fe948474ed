"""What is told of soft labels is so, and what is amiss with them shows."""

import numpy as np
import polars as pl
import pytest
from noisy_corpus import RELATIONS, Corpus, document, table, values

from corpus.logits import Calibration, margins_to_th
from quality.calibration import (
    calibration_error,
    calibration_statistics,
    margins_and_truth,
    reliability,
)
from quality.labels import Labelled
from quality.soft import EDGES, soft_statistics, summarize


def _statistics(corpus, folder, documents=None):
    shard = corpus.shard(folder)
    pairs = Labelled.of_documents(table(*(documents or corpus.documents))).pairs
    return values(soft_statistics("soft_labels", summarize([shard]), [shard], pairs))


def test_sureness_is_that_of_the_logits(tmp_path):
    corpus = Corpus.drawn(30, 1)
    found = _statistics(corpus, tmp_path)
    logits = np.concatenate(corpus.logits).astype(np.float64)
    p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    best = margins_to_th(logits)[:, 1:].max(1)
    assert found["entropy_bits"] == pytest.approx(-(p * np.log2(p)).sum(1).mean(), rel=1e-4)
    assert found["margin"] == pytest.approx(best.mean(), rel=1e-4)
    assert found["near_th_share"] == pytest.approx((np.abs(best) < 0.5).mean())
    assert found["above_th_share"] == pytest.approx((best > 0).mean())
    for name, at in (("margin_median", 0.5), ("margin_p90", 0.9), ("margin_p99", 0.99)):
        assert found[name] == pytest.approx(np.quantile(best, at), abs=EDGES[1] - EDGES[0])
    assert found["non_finite_pairs"] == 0
    assert found["documents_covered"] == found["pairs_covered"] == 1


def test_a_teacher_that_knows_nothing_has_the_greatest_entropy(tmp_path):
    corpus = Corpus.drawn(3, 1)
    corpus.logits = [np.zeros_like(logits) for logits in corpus.logits]
    found = _statistics(corpus, tmp_path)
    assert found["entropy_bits"] == pytest.approx(np.log2(len(RELATIONS)))
    assert found["near_th_share"] == 1
    assert found["above_th_share"] == 0


def test_logits_that_are_not_finite_are_counted_and_left_out(tmp_path):
    corpus = Corpus.drawn(5, 2)
    corpus.logits[2][:7, 1] = np.nan
    corpus.logits[3][0, 2] = np.inf
    corpus.logits[3][1, 3] = -np.inf
    corpus.logits[3][2, 0] = np.inf
    corpus.logits[3][3, 0] = -np.inf
    found = _statistics(corpus, tmp_path)
    assert found["non_finite_pairs"] == 11
    assert np.isfinite(list(found.values())).all()
    labels = summarize([corpus.shard(tmp_path)]).labels
    finite = [np.isfinite(logits).all(1, keepdims=True) for logits in corpus.logits]
    above = [margins_to_th(logits) > 0 for logits in corpus.logits]
    assert labels.height == (np.concatenate(above) & np.concatenate(finite)).sum()


def test_documents_without_soft_labels_are_missed(tmp_path):
    corpus = Corpus.drawn(3, 3)
    more = [*corpus.documents, document("new"), document("lonely", types="A")]
    found = _statistics(corpus, tmp_path, more)
    assert found["documents_covered"] == found["pairs_covered"] == 0.75
    grown = [*corpus.documents[:2], document("d2", types="ABA")]
    found = _statistics(corpus, tmp_path / "grown", grown)
    assert found["documents_covered"] == pytest.approx(2 / 3)


def test_the_teachers_own_labels_are_those_above_th(tmp_path):
    corpus = Corpus.drawn(8, 4)
    labels = summarize([corpus.shard(tmp_path)]).labels
    above = [(margins_to_th(logits) > 0).sum() for logits in corpus.logits]
    found = labels.group_by("doc_id", maintain_order=True).len()
    assert found["len"].to_list() == above
    assert labels.select(pl.struct(pl.all()).is_duplicated().any()).item() is False


def test_no_shard_gives_no_number_but_what_is_missing():
    found = values(soft_statistics("s", summarize([]), [], Labelled.of_documents(table()).pairs))
    assert found == {"non_finite_pairs": 0}


def test_probabilities_that_drew_the_truth_are_calibrated(tmp_path):
    corpus = Corpus.drawn(150, 5)
    margins, truth = margins_and_truth(corpus.shard(tmp_path))
    assert len(margins) == sum(cells[:, 1:].size for cells in corpus.truth)
    assert truth.sum() == sum(cells[:, 1:].sum() for cells in corpus.truth)
    found = values(calibration_statistics("teacher", margins, truth, Calibration()))
    assert found["ece"] < 0.01
    assert found["ece_predicted"] < 0.03
    hot = values(calibration_statistics("teacher", 3 * margins, truth, Calibration(3.0)))
    assert hot["ece_predicted"] == pytest.approx(found["ece_predicted"], abs=1e-4)
    assert hot["ece_predicted_uncalibrated"] > 0.1
    assert hot["brier_predicted_uncalibrated"] > hot["brier_predicted"]


def test_calibration_error_is_0_for_who_knows_and_1_for_who_is_sure_and_wrong():
    truth = np.array([True, False] * 50)
    assert calibration_error(truth.astype(float), truth) == 0
    assert calibration_error(1 - truth.astype(float), truth) == 1
    assert calibration_error(np.zeros(0), np.zeros(0, bool)) is None


@pytest.mark.parametrize("n", [0, 1, 7, 100, 101])
def test_bins_share_all_cells_evenly(n):
    draw = np.random.default_rng(n)
    table_ = reliability(draw.random(n), draw.random(n) < 0.5)
    assert table_["cells"].sum() == n
    assert table_.height == min(n, 10)
    assert n == 0 or table_["cells"].max() - table_["cells"].min() <= 1
    assert table_["probability"].is_sorted()
