"""The training loop: what it learns, which epoch it keeps, and when it stops."""

import dataclasses
import math

import numpy as np
import pytest
import torch
from little_training import (
    CPU,
    DOCUMENTS,
    KD,
    candidates,
    fresh,
    same,
    soft_labels_of,
    stage,
    trained,
    weights,
)

from models import train
from models.config import Objective, Start
from models.infer import stream_logits
from models.losses import evidence_loss
from models.metrics import score
from models.mixture import Mixture
from models.predictions import triples
from models.thresholds import Candidates
from models.train import fit

# What is the same, and what is learnt


def test_one_seed_gives_one_model():
    first = trained(fresh(), stage(seed=3))
    torch.rand(5)  # what else draws random numbers does not count
    assert same(trained(fresh(), stage(seed=3)), first)
    assert not same(trained(fresh(), stage(seed=4)), first)


def test_training_leaves_the_global_generator_alone():
    extractor = fresh()
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    trained(extractor, stage(epochs=1))
    assert torch.equal(torch.rand(3), expected)


def test_the_loss_falls_and_the_toys_are_remembered():
    extractor = fresh()
    how = stage(epochs=60, encoder_lr=3e-3, head_lr=1e-2, batch_documents=4)
    history = fit(extractor, DOCUMENTS, how, runtime=CPU)
    losses = [epoch.loss for epoch in history.epochs]
    assert losses[-1] < 0.2 * losses[0]
    assert history.kept == len(losses) == 60
    assert score(DOCUMENTS, triples(extractor, DOCUMENTS, CPU)).f1 > 0.95


def test_the_student_comes_near_its_teacher(tmp_path):
    soft = soft_labels_of(DOCUMENTS, tmp_path)
    extractor = fresh()
    objective = Objective(hard_weight=0.0, soft_weight=1.0)
    unlabelled = [dataclasses.replace(document, labels=None) for document in DOCUMENTS]
    how = stage(objective, epochs=30, encoder_lr=3e-3, head_lr=1e-2)
    history = fit(extractor, unlabelled, how, runtime=CPU, soft_labels=soft)
    assert history.epochs[0].terms.keys() == {"soft", "soft_evidence"}
    assert history.epochs[-1].loss < 0.5 * history.epochs[0].loss


def test_contexts_come_near_the_evidence():
    """As far as a switch says: without it, nothing of the evidence is learnt."""
    falls = {}
    for weight in (0.0, 10.0):
        extractor = fresh(dropout=False)
        how = stage(Objective(evidence_weight=weight), epochs=20, encoder_lr=3e-3, head_lr=1e-2)
        before = _divergence(extractor)
        history = fit(extractor, DOCUMENTS, how, runtime=CPU)
        falls[weight] = _divergence(extractor) / before
        assert ("evidence" in history.epochs[0].terms) is (weight > 0)
    assert falls[10.0] < 0.8
    assert falls[0.0] > 0.95


def _divergence(extractor) -> float:
    encoded = [extractor.encode(document) for document in DOCUMENTS]
    batch = extractor.collate(encoded, n_classes=len(extractor.vocabulary))
    with torch.no_grad():
        _, shares = extractor.network.eval().with_evidence(batch)
    return evidence_loss(shares, batch.evidence).item()


def test_terms_sum_to_the_loss(tmp_path):
    soft = soft_labels_of(DOCUMENTS, tmp_path)
    history = fit(fresh(), DOCUMENTS, stage(KD), runtime=CPU, soft_labels=soft)
    for number, epoch in enumerate(history.epochs, 1):
        assert epoch.number == number
        assert epoch.terms.keys() == {"hard", "soft", "evidence", "soft_evidence"}
        assert epoch.loss == pytest.approx(sum(epoch.terms.values()))
        assert epoch.dev_f1 is None


def test_soft_labels_are_not_looked_at_by_naive_adaptation(tmp_path):
    soft = soft_labels_of(DOCUMENTS[:1], tmp_path)  # the others' would be missed
    assert same(trained(fresh(), stage(), soft_labels=soft), trained(fresh(), stage()))


# Epochs: which one is kept, and when training stops


@pytest.fixture
def dev_scores(monkeypatch):
    """Let dev F1 be what a test says, epoch by epoch: of two documents, or of each by itself."""

    def pretend(*scores: float | tuple[float, ...]) -> None:
        given = iter(scores)
        monkeypatch.setattr(train, "_dev_candidates", lambda *_: scoring(next(given)))

    def scoring(score: float | tuple[float, ...]) -> Candidates:
        of_documents = score if isinstance(score, tuple) else (score, score)
        return candidates([[10, 10, 10 * f1] for f1 in of_documents])

    return pretend


@pytest.mark.parametrize(
    ("scores", "kept"),
    [
        ((0.1, 0.5, 0.3), 2),
        ((0.5, 0.5, 0.1), 2),
        ((0.0, 0.0, 0.1), 3),
        ((0.0, 0.0, 0.0), 3),
        (((0.1,), (0.5,), (0.3,)), 3),
        (((0.2, 0.2), (0.5, 0.5), (0.3, 0.3)), 2),
        (((0.2, 0.2), (0.3, 0.7), (0.6, 0.3)), 3),
        (((0.3, 0.7), (0.6, 0.3), (0.1, 0.1)), 2),
    ],
)
def test_the_last_epoch_that_is_not_clearly_worse_than_the_best_is_kept(dev_scores, scores, kept):
    dev_scores(*scores)
    extractor, seen = fresh(), []
    history = fit(
        extractor,
        DOCUMENTS,
        stage(epochs=3),
        runtime=CPU,
        dev=DOCUMENTS[:1],
        on_epoch=lambda _: seen.append(weights(extractor)),
    )
    assert history.kept == kept
    expected = [pytest.approx(np.mean(score)) for score in scores]
    assert [epoch.dev_f1 for epoch in history.epochs] == expected
    assert same(weights(extractor), seen[kept - 1])
    assert sum(same(weights(extractor), epoch) for epoch in seen) == 1


def test_the_outcome_is_mixed_with_the_start_where_dev_says_so(monkeypatch):
    """Two epochs, of which the last is kept, then its mixtures in the order of shares."""
    judged = iter([candidates([[9, 9, 5]], rank) for rank in (9, 9, 3, 0, 1, 2, 2)])
    monkeypatch.setattr(train, "_dev_candidates", lambda *_: next(judged))
    extractor, seen = fresh(), []
    start = weights(extractor)
    how = dataclasses.replace(stage(), start=Start.PREVIOUS, mix_start=True)
    history = fit(
        extractor,
        DOCUMENTS,
        how,
        runtime=CPU,
        dev=DOCUMENTS[:1],
        on_epoch=lambda _: seen.append(weights(extractor)),
    )
    assert history.mixture == Mixture(0.2, average_precision=1 / 9, dev_f1=5 / 9)
    kept = seen[history.kept - 1]
    expected = {name: torch.lerp(kept[name], start[name], 0.2) for name in start}
    assert same(weights(extractor), expected)
    assert not same(weights(extractor), kept)


def test_a_mixture_is_told_as_it_scores():
    extractor = fresh()
    how = dataclasses.replace(stage(epochs=20), start=Start.PREVIOUS, mix_start=True)
    history = fit(extractor, DOCUMENTS, how, runtime=CPU, dev=DOCUMENTS)
    found = score(DOCUMENTS, triples(extractor, DOCUMENTS, CPU)).f1
    assert history.mixture.dev_f1 == pytest.approx(found)
    assert found > 0


def test_without_dev_or_unless_asked_nothing_is_mixed():
    mixing = dataclasses.replace(stage(), start=Start.PREVIOUS, mix_start=True)
    assert fit(fresh(), DOCUMENTS, mixing, runtime=CPU).mixture is None
    assert fit(fresh(), DOCUMENTS, stage(), runtime=CPU, dev=DOCUMENTS).mixture is None
    assert same(trained(fresh(), mixing), trained(fresh(), stage()))


@pytest.mark.parametrize(
    ("patience", "epochs"),
    [(0, 6), (1, 3), (2, 6), (3, 6)],
)
def test_patience_stops(dev_scores, patience, epochs):
    dev_scores(0.2, 0.3, 0.1, 0.4, 0.1, 0.1)
    history = fit(
        fresh(), DOCUMENTS, stage(epochs=6, patience=patience), runtime=CPU, dev=DOCUMENTS[:1]
    )
    assert len(history.epochs) == epochs


def test_dev_f1_is_that_of_the_scorer():
    history = fit(fresh(), DOCUMENTS, stage(epochs=1), runtime=CPU, dev=DOCUMENTS)
    [epoch] = history.epochs
    assert 0 <= epoch.dev_f1 <= 1
    assert epoch.seconds > 0


def test_epochs_are_told_as_they_end():
    told = []
    history = fit(fresh(), DOCUMENTS, stage(epochs=3), runtime=CPU, on_epoch=told.append)
    assert tuple(told) == history.epochs


def test_what_is_trained_is_what_is_streamed():
    """Training ends with weights that give the dev F1 that it tells."""
    extractor = fresh()
    history = fit(extractor, DOCUMENTS, stage(epochs=3), runtime=CPU, dev=DOCUMENTS)
    found = score(DOCUMENTS, triples(extractor, DOCUMENTS, CPU)).f1
    assert found == history.epochs[history.kept - 1].dev_f1
    logits = [rows for _, rows in stream_logits(extractor, DOCUMENTS, CPU)]
    assert all(math.isfinite(rows.sum()) for rows in logits)
