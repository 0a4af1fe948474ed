"""Noise estimates follow noise that is known, because it was put in."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import polars as pl
import pytest
from noisy_corpus import CALIBRATION, RELATIONS, Corpus, document, labels_of, table, values

from corpus.logits import relations_above_th
from corpus.schema import Label
from quality.labels import Labelled
from quality.noise import disagreeing_documents, noise_statistics, true_noise_statistics
from quality.soft_blocks import Shard

CORPUS = Corpus.drawn(400, 7)
SHARP = Corpus.drawn(400, 8, sharpness=6.0)
P17 = RELATIONS.column("P17")


def flipped(corpus, false_positives, false_negatives, columns=slice(1, None)):
    """Labels of which a share is false, and that miss a share of what holds."""
    draw = np.random.default_rng(99)
    given = [cells.copy() for cells in corpus.truth]
    for cells in given:
        cells[:, 0] = False
    truth = np.concatenate([cells[:, columns] for cells in given])
    kept = truth & (draw.random(truth.shape) >= false_negatives)
    n_false = kept.sum() * false_positives / (1 - false_positives)
    kept |= ~truth & (draw.random(truth.shape) < n_false / (~truth).sum())
    for cells, new in zip(given, np.split(kept, len(given)), strict=True):
        cells[:, columns] = new
    return given


def _noise(corpus, folder, given):
    return noise_statistics("distant", [corpus.shard(folder, given)], RELATIONS, CALIBRATION)


@pytest.mark.parametrize("false_positives", [0.05, 0.15, 0.30])
@pytest.mark.parametrize("false_negatives", [0.10, 0.30, 0.50])
@pytest.mark.parametrize("corpus", [CORPUS, SHARP], ids=["doubting", "sharp"])
def test_estimates_follow_noise_that_is_spread_evenly(
    tmp_path, corpus, false_positives, false_negatives
):
    given = flipped(corpus, false_positives, false_negatives)
    found = values(_noise(corpus, tmp_path, given))
    assert found["estimated_false_positive_rate"] == pytest.approx(false_positives, abs=0.02)
    assert found["estimated_false_negative_rate"] == pytest.approx(false_negatives, abs=0.02)


@pytest.mark.parametrize(("false_positives", "false_negatives"), [(0.3, 0.1), (0.05, 0.5)])
def test_estimates_tell_the_relation_that_is_noisy(tmp_path, false_positives, false_negatives):
    given = flipped(CORPUS, false_positives, false_negatives, columns=[P17])
    statistics = _noise(CORPUS, tmp_path, given)
    noisy, clean = values(statistics, "P17"), values(statistics, "P19")
    assert noisy["estimated_false_positive_rate"] == pytest.approx(false_positives, abs=0.05)
    assert noisy["estimated_false_negative_rate"] == pytest.approx(false_negatives, abs=0.05)
    assert clean["estimated_false_positive_rate"] < 0.03
    assert clean["estimated_false_negative_rate"] < 0.03


def test_labels_that_the_teacher_contradicts_are_all_wrong(tmp_path):
    """Labelled is what holds of other pairs, and the less likely a pair the rather it is."""
    given = [np.concatenate([~c[:, :1] & False, ~c[:, 1:]], 1) for c in CORPUS.truth]
    found = values(_noise(CORPUS, tmp_path, given))
    for name in ("estimated_false_positive_rate", "estimated_false_negative_rate"):
        assert found[name] == pytest.approx(1, abs=0.02)


def test_without_a_calibration_nothing_is_estimated(tmp_path):
    shards = [Corpus.drawn(6, 3).shard(tmp_path)]
    fitted = noise_statistics("distant", shards, RELATIONS, CALIBRATION)
    found = noise_statistics("distant", shards, RELATIONS, None)
    estimated = pl.col("statistic").str.contains("^(estimated|joint)_")
    assert fitted.filter(estimated)["statistic"].n_unique() == 4
    assert found.equals(fitted.filter(~estimated))


def test_the_confident_joint_rises_with_the_noise(tmp_path):
    rates = []
    for step, noise in enumerate((0.0, 0.15, 0.3, 0.5)):
        given = flipped(SHARP, noise, noise)
        found = values(_noise(SHARP, tmp_path / str(step), given))
        rates.append((found["joint_false_positive_rate"], found["joint_false_negative_rate"]))
    for before, after in pairwise(rates):
        assert before[0] < after[0]
        assert before[1] < after[1]
    assert rates[2] == pytest.approx((0.3, 0.3), abs=0.1)


def test_agreement_is_counted(tmp_path):
    corpus = Corpus.drawn(6, 3)
    statistics = _noise(corpus, tmp_path, None)
    ours = np.concatenate([cells[:, 1:] for cells in corpus.truth])
    theirs = np.zeros((len(ours), len(RELATIONS)), bool)
    margins = np.concatenate(corpus.logits).astype(np.float32)
    margins[:, 0] = -np.inf
    theirs[relations_above_th(margins)] = True
    theirs = theirs[:, 1:]
    for relation, a, b in (
        (None, ours.ravel(), theirs.ravel()),
        ("P17", ours[:, P17 - 1], theirs[:, P17 - 1]),
    ):
        found = values(statistics, relation)
        assert found["both"] == (a & b).sum()
        assert found["distant_only"] == (a & ~b).sum()
        assert found["teacher_only"] == (b & ~a).sum()
        assert found["jaccard"] == pytest.approx((a & b).sum() / (a | b).sum())
        chance = a.mean() * b.mean() + (1 - a.mean()) * (1 - b.mean())
        kappa = ((a == b).mean() - chance) / (1 - chance)
        assert found["cohen_kappa"] == pytest.approx(kappa)


def test_how_pairs_are_cut_into_blocks_changes_nothing(tmp_path, monkeypatch):
    corpus = Corpus.drawn(9, 5)
    whole = _noise(corpus, tmp_path / "whole", None)
    monkeypatch.setattr(Shard.blocks, "__defaults__", (7,))
    cut = _noise(corpus, tmp_path / "cut", None)
    assert cut.drop("value").equals(whole.drop("value"))
    np.testing.assert_allclose(cut["value"], whole["value"], rtol=1e-9)


def test_how_pairs_are_cut_into_shards_changes_nothing(tmp_path):
    corpus = Corpus.drawn(9, 5)
    parts = [slice(0, 4), slice(4, 5), slice(5, 9)]
    cut = [
        Corpus(*(of[part] for of in vars(corpus).values())).shard(tmp_path / str(part.start))
        for part in parts
    ]
    whole = [corpus.shard(tmp_path / "whole")]
    of_cut, of_whole = (noise_statistics("s", s, RELATIONS, CALIBRATION) for s in (cut, whole))
    assert of_cut.drop("value").equals(of_whole.drop("value"))
    np.testing.assert_allclose(of_cut["value"], of_whole["value"], rtol=1e-9)
    assert disagreeing_documents(cut).equals(disagreeing_documents(whole))


def test_true_rates_are_counted_on_documents_that_both_have_labelled():
    truth = (Label(0, 1, "P17"), Label(0, 1, "P19"), Label(2, 3, "P17"), Label(4, 5, "P17"))
    given = (Label(0, 1, "P17"), Label(6, 7, "P17"))
    distant = table(document("a", given), document("other", truth))
    annotated = table(document("a", truth), document("elsewhere", given))
    sides = map(Labelled.of_documents, (distant, annotated))
    statistics = true_noise_statistics("distant", *sides, RELATIONS)
    assert values(statistics) == {
        "true_false_positive_rate": 0.5,
        "true_false_negative_rate": 0.75,
        "documents_with_truth": 1,
    }
    assert values(statistics, "P17")["true_false_negative_rate"] == pytest.approx(2 / 3)
    assert values(statistics, "P19") == {"true_false_negative_rate": 1}


def test_without_shared_documents_there_is_no_true_rate():
    sides = [Labelled.of_documents(table(document(name))) for name in "ab"]
    assert true_noise_statistics("distant", *sides, RELATIONS).is_empty()


def test_the_documents_that_disagree_most_come_first(tmp_path):
    corpus = Corpus.drawn(20, 6)
    given = [np.zeros_like(cells) for cells in corpus.truth]
    given[13][:40, 1] = True
    first = disagreeing_documents([corpus.shard(tmp_path, given)]).row(0, named=True)
    assert first["doc_id"] == "d13"
    margins = corpus.logits[13].astype(np.float32)
    assert first["distant_only"] == (margins[:40, 1] <= 0).sum()


def test_documents_without_pairs_are_passed_over(tmp_path):
    corpus = Corpus.drawn(3, 1)
    corpus.documents.insert(1, document("lonely", types="A"))
    for cells in (corpus.logits, corpus.truth):
        cells.insert(1, np.zeros((0, len(RELATIONS)), cells[0].dtype))
    found = values(_noise(corpus, tmp_path, None))
    assert found["both"] + found["distant_only"] == sum(c[:, 1:].sum() for c in corpus.truth)


def test_labels_stand_at_the_pairs_that_they_are_of(tmp_path):
    corpus = Corpus.drawn(4, 2)
    shard = corpus.shard(tmp_path)
    given = np.zeros((len(shard.logits), len(RELATIONS)), bool)
    given[shard.rows, shard.columns] = True
    truth = np.concatenate(corpus.truth)
    np.testing.assert_array_equal(given[:, 1:], truth[:, 1:])
    back = shard.labels_at(shard.rows, shard.columns)
    documents = zip(corpus.documents, corpus.truth, strict=True)
    labelled = table(*(replace(d, labels=labels_of(t * [0, 1, 1, 1, 1] > 0)) for d, t in documents))
    wanted = Labelled.of_documents(labelled).labels.select(back.columns).collect()
    assert back.sort(pl.all()).equals(wanted.sort(pl.all()))
