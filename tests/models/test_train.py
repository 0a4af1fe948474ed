"""The training loop: what it plans, learns, keeps, and refuses."""

import dataclasses
import math
import random
from collections import Counter

import numpy as np
import pytest
import torch
from conftest import VOCABULARY, make_document
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus.encode import EncodedDocument
from corpus.schema import Document
from corpus.soft_labels import ShardOrigin, SoftLabels, write_shard
from models import train
from models.config import Objective, Stage, TrainConfig
from models.extractor import Extractor
from models.infer import stream_logits
from models.runtime import Runtime
from models.train import fit, linear_schedule, optimizer_of, plan_epochs

CPU = Runtime("cpu", "float32")
DOCUMENTS = [make_document(f"d{i}", n, n_words=6) for i, n in enumerate((2, 5, 3, 4))]
QUICK = TrainConfig(epochs=2, encoder_lr=1e-3, head_lr=2e-3, batch_documents=2)
KD = Objective(soft_weight=1.0)


def stage(objective: Objective | None = None, **training) -> Stage:
    return Stage(dataclasses.replace(QUICK, **training), objective or Objective())


@pytest.fixture
def fresh(tiny):
    """Makes the same untrained extractor over and over, without dropout if asked."""

    def create(*, dropout: bool = True, **changes) -> Extractor:
        config = dataclasses.replace(tiny.model, **changes)
        extractor = Extractor.create(config, VOCABULARY, seed=1)
        if not dropout:
            for module in extractor.network.modules():
                if isinstance(module, torch.nn.Dropout):
                    module.p = 0.0
                if hasattr(module, "dropout") and isinstance(module.dropout, float):
                    module.dropout = 0.0
        return extractor

    return create


@pytest.fixture
def soft_labels(tmp_path):
    """A teacher's logits for documents, as a store."""

    def store(*documents: Document, spoil=None) -> SoftLabels:
        draw = np.random.default_rng(0)
        records = [(d, draw.normal(size=(d.n_pairs, len(VOCABULARY)))) for d in documents]
        for document, logits in records:
            if document.doc_id == spoil:
                logits[0, 1] = np.nan
        origin = ShardOrigin("teacher", VOCABULARY.digest, "corpus", "code")
        write_shard(tmp_path / "shard", records, origin, len(VOCABULARY))
        return SoftLabels([tmp_path / "shard"], vocabulary=VOCABULARY.digest)

    return store


def weights(extractor: Extractor) -> dict[str, torch.Tensor]:
    return {name: w.detach().clone() for name, w in extractor.network.state_dict().items()}


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(one[name], other[name]) for name in one)


def trained(extractor: Extractor, how: Stage, **arguments) -> dict[str, torch.Tensor]:
    fit(extractor, DOCUMENTS, how, runtime=CPU, **arguments)
    return weights(extractor)


# What is the same, and what is learnt


def test_one_seed_gives_one_model(fresh):
    first = trained(fresh(), stage(seed=3))
    torch.rand(5)  # what else draws random numbers does not count
    assert same(trained(fresh(), stage(seed=3)), first)
    assert not same(trained(fresh(), stage(seed=4)), first)


def test_training_leaves_the_global_generator_alone(fresh):
    extractor = fresh()
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    trained(extractor, stage(epochs=1))
    assert torch.equal(torch.rand(3), expected)


def test_the_loss_falls_and_the_toys_are_remembered(fresh):
    extractor = fresh()
    how = stage(epochs=60, encoder_lr=3e-3, head_lr=1e-2, batch_documents=4)
    history = fit(extractor, DOCUMENTS, how, runtime=CPU)
    losses = [epoch.loss for epoch in history.epochs]
    assert losses[-1] < 0.2 * losses[0]
    assert history.best == len(losses) == 60
    assert train._dev_f1(train._Loop(extractor, [], stage(), CPU, None), DOCUMENTS) > 0.95


def test_the_student_comes_near_its_teacher(fresh, soft_labels):
    soft = soft_labels(*DOCUMENTS)
    extractor = fresh()
    objective = Objective(hard_weight=0.0, soft_weight=1.0)
    unlabelled = [dataclasses.replace(document, labels=None) for document in DOCUMENTS]
    how = stage(objective, epochs=30, encoder_lr=3e-3, head_lr=1e-2)
    history = fit(extractor, unlabelled, how, runtime=CPU, soft_labels=soft)
    assert history.epochs[0].terms.keys() == {"soft"}
    assert history.epochs[-1].loss < 0.5 * history.epochs[0].loss


def test_terms_sum_to_the_loss(fresh, soft_labels):
    soft = soft_labels(*DOCUMENTS)
    history = fit(fresh(), DOCUMENTS, stage(KD), runtime=CPU, soft_labels=soft)
    for number, epoch in enumerate(history.epochs, 1):
        assert epoch.number == number
        assert epoch.terms.keys() == {"hard", "soft"}
        assert epoch.loss == pytest.approx(sum(epoch.terms.values()))
        assert epoch.dev_f1 is None


def test_soft_labels_are_not_looked_at_by_naive_adaptation(fresh, soft_labels):
    soft = soft_labels(DOCUMENTS[0])  # the others' would be missed
    assert same(trained(fresh(), stage(), soft_labels=soft), trained(fresh(), stage()))


# Epochs: which one is kept, and when training stops


@pytest.fixture
def dev_scores(monkeypatch):
    """Let dev F1 be what a test says, epoch by epoch."""

    def pretend(*scores: float) -> None:
        given_scores = iter(scores)
        monkeypatch.setattr(train, "_dev_f1", lambda *_: next(given_scores))

    return pretend


@pytest.mark.parametrize(
    ("scores", "best"),
    [((0.1, 0.5, 0.3), 2), ((0.5, 0.5, 0.1), 1), ((0.0, 0.0, 0.1), 3), ((0.0, 0.0, 0.0), 1)],
)
def test_the_best_epoch_is_kept(fresh, dev_scores, scores, best):
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
    assert history.best == best
    assert [epoch.dev_f1 for epoch in history.epochs] == list(scores)
    assert same(weights(extractor), seen[best - 1])
    assert sum(same(weights(extractor), epoch) for epoch in seen) == 1


@pytest.mark.parametrize(
    ("patience", "epochs"),
    [(0, 6), (1, 3), (2, 6), (3, 6)],
)
def test_patience_stops(fresh, dev_scores, patience, epochs):
    dev_scores(0.2, 0.3, 0.1, 0.4, 0.1, 0.1)
    history = fit(
        fresh(), DOCUMENTS, stage(epochs=6, patience=patience), runtime=CPU, dev=DOCUMENTS[:1]
    )
    assert len(history.epochs) == epochs


def test_dev_f1_is_that_of_the_scorer(fresh):
    history = fit(fresh(), DOCUMENTS, stage(epochs=1), runtime=CPU, dev=DOCUMENTS)
    [epoch] = history.epochs
    assert 0 <= epoch.dev_f1 <= 1
    assert epoch.seconds > 0


def test_epochs_are_told_as_they_end(fresh):
    told = []
    history = fit(fresh(), DOCUMENTS, stage(epochs=3), runtime=CPU, on_epoch=told.append)
    assert tuple(told) == history.epochs


# What is refused


def test_a_loss_that_is_not_finite_stops(fresh, soft_labels):
    soft = soft_labels(*DOCUMENTS, spoil="d2")
    with pytest.raises(FloatingPointError, match=r"step \d: expected finite .*'soft': nan.*'d2'"):
        fit(fresh(), DOCUMENTS, stage(KD), runtime=CPU, soft_labels=soft)


def test_the_step_is_the_one_that_failed(fresh):
    """Far too high a learning rate: the first step spoils the weights, the second finds out."""
    how = stage(encoder_lr=1e30, head_lr=1e30, clip=1e30, batch_documents=4, epochs=5, warmup=0.0)
    extractor = fresh()
    with pytest.raises(FloatingPointError, match=r"step 2: expected finite .* learning rates"):
        fit(extractor, DOCUMENTS, how, runtime=CPU)


def test_a_gradient_that_is_not_finite_stops_before_it_moves_weights(fresh):
    extractor = fresh()
    before = weights(extractor)
    extractor.network.classifier.weight.register_hook(lambda grad: grad * math.inf)
    with pytest.raises(FloatingPointError, match=r"step 1: .*norm of the gradient.*'d\d'"):
        fit(extractor, DOCUMENTS, stage(), runtime=CPU)
    assert same(weights(extractor), before)


def test_distillation_without_soft_labels_is_refused(fresh):
    with pytest.raises(ValueError, match=r"objective distils \(soft_weight 1.0\), but no soft lab"):
        fit(fresh(), DOCUMENTS, stage(KD), runtime=CPU)


def test_distillation_without_soft_labels_of_a_document_is_refused(fresh, soft_labels):
    soft = soft_labels(*DOCUMENTS[:3])
    with pytest.raises(ValueError, match="'d3' has no soft labels among 3 documents"):
        fit(fresh(), DOCUMENTS, stage(KD), runtime=CPU, soft_labels=soft)


def test_unlabelled_documents_are_refused(fresh):
    unlabelled = dataclasses.replace(DOCUMENTS[1], labels=None)
    with pytest.raises(ValueError, match="'d1' has no labels, so there is nothing to learn"):
        fit(fresh(), [DOCUMENTS[0], unlabelled], stage(), runtime=CPU)


@pytest.mark.parametrize("documents", [[], [make_document("e", 0), make_document("s", 1)]])
def test_nothing_to_learn_from_is_refused(fresh, documents):
    with pytest.raises(ValueError, match="no document with two entities or more"):
        fit(fresh(), documents, stage(), runtime=CPU)


def test_documents_without_pairs_are_left_out(fresh):
    more = [make_document("e", 0), DOCUMENTS[0], make_document("s", 1), *DOCUMENTS[1:]]
    extractor = fresh()
    fit(extractor, more, stage(), runtime=CPU)
    assert same(weights(extractor), trained(fresh(), stage()))


# Steps


def gradients(extractor: Extractor, objective: Objective, groups, soft=None) -> list[torch.Tensor]:
    """Gradients of one step over a group of batches of `DOCUMENTS`."""
    encoded = [extractor.encode(document) for document in DOCUMENTS]
    how = stage(objective, accumulation=len(groups), epochs=1, clip=1e9)
    loop = train._Loop(extractor, encoded, how, CPU, soft)
    loop._step = lambda *_: None
    loop.epoch(1, groups)
    return [w.grad.clone() for w in extractor.network.parameters() if w.grad is not None]


@pytest.mark.parametrize("distils", [False, True])
@pytest.mark.parametrize("groups", [[[0, 1], [2, 3]], [[1, 2, 3], [0]], [[0], [1], [2], [3]]])
def test_accumulated_batches_are_one_large_one(fresh, soft_labels, groups, distils):
    """Also where batches have different numbers of pairs (2, 20, 6 and 12 here)."""
    objective = KD if distils else Objective()
    soft = soft_labels(*DOCUMENTS) if distils else None
    together = gradients(fresh(dropout=False), objective, [[0, 1, 2, 3]], soft)
    apart = gradients(fresh(dropout=False), objective, groups, soft)
    assert len(together) > 20
    for ours, expected in zip(apart, together, strict=True):
        torch.testing.assert_close(ours, expected, atol=1e-6, rtol=1e-4)


def test_the_loss_does_not_depend_on_how_a_step_is_cut(fresh):
    large = stage(epochs=1, batch_documents=4)
    small = stage(epochs=1, batch_documents=1, accumulation=4)
    losses = [
        fit(fresh(dropout=False), DOCUMENTS, how, runtime=CPU).epochs[0].loss
        for how in (large, small)
    ]
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)


def test_a_step_follows_every_group_also_the_last_smaller_one(fresh, monkeypatch):
    steps = []
    monkeypatch.setattr(train._Loop, "_step", lambda *_: steps.append(1))
    fit(fresh(), DOCUMENTS, stage(batch_documents=1, accumulation=3), runtime=CPU)
    assert len(steps) == 2 * 2


def test_gradients_are_clipped(fresh):
    extractor = fresh()
    loop = train._Loop(extractor, [], stage(clip=0.01), CPU, None)
    extractor.network.classifier.weight.grad = torch.ones_like(extractor.network.classifier.weight)
    norms = []
    loop.optimizer.register_step_pre_hook(
        lambda *_: norms.append(extractor.network.classifier.weight.grad.norm().item())
    )
    loop._step([])
    assert norms == [pytest.approx(0.01, rel=1e-3)]
    assert extractor.network.classifier.weight.grad is None


def test_bfloat16_trains_too(fresh):
    extractor = fresh()
    history = fit(extractor, DOCUMENTS, stage(epochs=4), runtime=Runtime("cpu", "bfloat16"))
    assert history.epochs[-1].loss < history.epochs[0].loss
    assert {w.dtype for w in extractor.network.parameters()} == {torch.float32}


# Optimizer


def test_groups_hold_every_trainable_parameter_once(fresh):
    for frozen in (False, True):
        network = fresh(freeze_word_embeddings=frozen).network
        encoder, head = (g["params"] for g in optimizer_of(network, QUICK).param_groups)
        trainable = [w for w in network.parameters() if w.requires_grad]
        assert len(trainable) == len(encoder) + len(head)
        assert {id(w) for w in trainable} == {id(w) for w in (*encoder, *head)}
        assert {id(w) for w in encoder} <= {id(w) for w in network.encoder.parameters()}


def test_groups_have_their_learning_rates(fresh):
    encoder, head = optimizer_of(fresh().network, QUICK).param_groups
    assert (encoder["lr"], head["lr"]) == (QUICK.encoder_lr, QUICK.head_lr)
    assert encoder["weight_decay"] == head["weight_decay"] == QUICK.weight_decay


def test_frozen_word_embeddings_stay_as_they_are(fresh):
    extractor = fresh(freeze_word_embeddings=True)
    before = weights(extractor)
    after = trained(extractor, stage())
    moved = {name for name in before if not torch.equal(before[name], after[name])}
    assert not [name for name in moved if "word_embeddings" in name]
    assert "encoder.transformer.embeddings.position_embeddings.weight" in moved
    assert "classifier.weight" in moved


@pytest.mark.parametrize(("steps", "warmup"), [(100, 0.1), (100, 0.0), (7, 0.5), (1, 0.06), (3, 0)])
def test_the_schedule_climbs_then_falls(steps, warmup):
    factor = linear_schedule(steps, warmup)
    rates = [factor(step) for step in range(steps)]
    rising = int(steps * warmup)
    assert max(rates) == rates[rising] == 1
    assert all(0 < rate <= 1 for rate in rates)
    assert rates[: rising + 1] == sorted(rates[: rising + 1])
    falls = -np.diff([*rates[rising:], factor(steps)])
    np.testing.assert_allclose(falls, 1 / (steps - rising))
    assert factor(steps) == factor(steps + 1) == 0


# The plan


def lengths_only(lengths: list[tuple[int, int]]) -> list[EncodedDocument]:
    """Documents of which only the length and the number of entities count."""
    empty = np.empty(0, np.int32)
    return [
        EncodedDocument(f"d{i}", np.zeros(length, np.int32), (empty,) * size, None)
        for i, (length, size) in enumerate(lengths)
    ]


@given(
    lengths=st.lists(st.tuples(st.integers(2, 600), st.integers(2, 20)), min_size=1, max_size=60),
    batch_documents=st.integers(1, 6),
    token_budget=st.integers(1, 2000),
    cell_budget=st.integers(1, 800),
    seed=st.integers(0, 3),
)
@settings(max_examples=100, deadline=None)
def test_every_epoch_has_every_document_once_within_budgets(
    lengths, batch_documents, token_budget, cell_budget, seed
):
    config = TrainConfig(
        epochs=3,
        batch_documents=batch_documents,
        token_budget=token_budget,
        cell_budget=cell_budget,
        seed=seed,
    )
    documents = lengths_only(lengths)
    plan = plan_epochs(documents, config)
    assert plan == plan_epochs(documents, config)
    assert len(plan) == 3
    for epoch in plan:
        assert Counter(i for batch in epoch for i in batch) == Counter(range(len(lengths)))
        for batch in epoch:
            assert 1 <= len(batch) <= batch_documents
            if len(batch) > 1:
                assert len(batch) * max(lengths[i][0] for i in batch) <= token_budget
                assert sum(lengths[i][1] ** 2 for i in batch) <= cell_budget


def test_the_token_budget_counts_rows_of_windows():
    """Two documents of 700 tokens are four rows of 512."""
    documents = lengths_only([(700, 3), (700, 3)])
    config = TrainConfig(epochs=1, token_budget=4 * 512 - 1, batch_documents=4)
    assert [len(epoch) for epoch in plan_epochs(documents, config, window=512)] == [2]
    enough = dataclasses.replace(config, token_budget=4 * 512)
    assert [len(epoch) for epoch in plan_epochs(documents, enough, window=512)] == [1]


def test_epochs_and_seeds_differ():
    documents = lengths_only([(random.Random(i).randrange(5, 90), 3) for i in range(40)])
    one, other = (plan_epochs(documents, dataclasses.replace(QUICK, seed=s)) for s in (1, 2))
    assert one[0] != one[1]
    assert one[0] != other[0]


def test_batches_hold_little_padding():
    draw = random.Random(0)
    documents = lengths_only([(draw.randrange(10, 500), 3) for _ in range(200)])
    config = dataclasses.replace(QUICK, batch_documents=4, epochs=1)
    [epoch] = plan_epochs(documents, config)
    tokens = [[len(documents[i].token_ids) for i in batch] for batch in epoch]
    padded = sum(len(batch) * max(batch) for batch in tokens)
    assert sum(map(sum, tokens)) / padded > 0.9


def test_what_is_trained_is_what_is_streamed(fresh):
    """Training ends with weights that give the dev F1 that it tells."""
    extractor = fresh()
    history = fit(extractor, DOCUMENTS, stage(epochs=3), runtime=CPU, dev=DOCUMENTS)
    loop = train._Loop(extractor, [], stage(), CPU, None)
    assert train._dev_f1(loop, DOCUMENTS) == history.epochs[history.best - 1].dev_f1
    logits = [rows for _, rows in stream_logits(extractor, DOCUMENTS, CPU)]
    assert all(math.isfinite(rows.sum()) for rows in logits)
