"""Presets, overrides by dotted path, and what each refusal says."""

import dataclasses
from itertools import permutations

import pytest

from models.config import PRESETS, Loss, ModelConfig, Objective, Stage, Start, TrainConfig, preset


@pytest.mark.parametrize("name", PRESETS)
def test_presets_construct(name):
    chosen = preset(name)
    assert chosen == PRESETS[name]
    assert not chosen.teacher.objective.distils
    assert chosen.student.objective.distils
    assert not chosen.finetune.objective.distils
    assert chosen.finetune.start is Start.PREVIOUS


def test_published_stages_weigh_the_teacher_by_one():
    for name in ("bert-base", "roberta-large"):
        assert preset(name).student.objective == Objective(Loss.ADAPTIVE_FOCAL, 1.0, soft_weight=1)


def test_budgets_are_no_settings_and_all_else_is():
    stage = preset("small").student
    cut = preset("small", {"student.training.cell_budget": 1, "student.training.token_budget": 1})
    assert cut.student.settings() == stage.settings()
    assert cut.student.budgets() == {"token_budget": 1, "cell_budget": 1} != stage.budgets()
    for name in ("training.batch_documents", "training.seed", "objective.gamma"):
        other = preset("small", {f"student.{name}": 7.0 if name.endswith("gamma") else 7})
        assert other.student.settings() != stage.settings()


def test_overrides_replace_what_they_name_and_nothing_else():
    overrides = {"teacher.training.epochs": 1, "model.window": 64, "student.start": "previous"}
    chosen = preset("tiny", overrides)
    assert chosen.teacher.training.epochs == 1
    assert chosen.model.window == 64
    assert chosen.student.start is Start.PREVIOUS
    plain = PRESETS["tiny"]
    assert chosen.finetune == plain.finetune
    assert chosen.student.training == plain.student.training
    restored = dataclasses.replace(chosen.teacher.training, epochs=plain.teacher.training.epochs)
    assert restored == plain.teacher.training


@pytest.mark.parametrize(
    "overrides",
    [
        {"model.emb_size": 48, "model.block_size": 24, "model.axial_heads": 6},
        {"teacher.objective.hard_weight": 0, "teacher.objective.soft_weight": 0.5},
    ],
)
def test_overrides_count_together_in_any_order(overrides):
    """No order of them is refused because of what the preset still holds in between."""
    results = [preset("tiny", dict(order)) for order in permutations(overrides.items())]
    assert all(result == results[0] for result in results)


def test_a_loss_may_be_named_by_text():
    chosen = preset("tiny", {"teacher.objective.loss": "adaptive_thresholding"})
    assert chosen.teacher.objective.loss is Loss.ADAPTIVE_THRESHOLDING


def test_numbers_may_be_whole_where_they_need_not_be():
    assert preset("tiny", {"teacher.training.clip": 2}).teacher.training.clip == 2


def test_what_may_be_none_may_be_none():
    assert preset("small", {"model.attention_dropout": None}).model.attention_dropout is None


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"coach.training.epochs": 1}, r"'coach' is not one of model, teacher, student, finetune"),
        ({"": 1}, "'' is not one of model"),
        (
            {"teacher.training.epoch": 1},
            r"override 'teacher.training.epoch': 'epoch' is not .*pat",
        ),
        ({"teacher.training": 1}, "override 'teacher.training': name one of its fields"),
        ({"teacher.training.epochs.x": 1}, "override 'teacher.training.epochs': it has no fields"),
        ({"teacher.training.epochs": "3"}, r"'teacher.training.epochs': must be int, found '3'"),
        ({"teacher.training.epochs": 1.5}, "must be int, found 1.5"),
        ({"teacher.training.epochs": True}, "must be int, found True"),
        ({"teacher.training.epochs": None}, "must be int, found None"),
        ({"model.freeze_word_embeddings": 1}, "must be bool, found 1"),
        ({"teacher.training.encoder_lr": "1e-4"}, "must be float, found '1e-4'"),
        ({"teacher.training.epochs": 0}, "epochs must be 1 or more, found 0"),
        ({"teacher.training.head_lr": -1.0}, "head_lr must not be negative, found -1.0"),
        ({"teacher.training.clip": 0}, "clip must be above 0, found 0"),
        ({"teacher.training.warmup": 1.0}, "warmup is a share of all steps, found 1.0"),
        ({"teacher.training.patience": -1}, "patience must not be negative, found -1"),
        ({"teacher.objective.loss": "focal"}, "loss must be one of adaptive_focal, .* 'focal'"),
        ({"teacher.start": "scratch"}, "start must be one of encoder, previous, found 'scratch'"),
        ({"teacher.objective.gamma": 0.5}, r"gamma must be 0 or at least 1, found 0.5"),
        ({"teacher.objective.na_weight": -1}, "na_weight must not be negative, found -1"),
        ({"teacher.objective.hard_weight": 0}, "are both 0: there is nothing to learn"),
        ({"model.window": 4}, "window must be at least 8 tokens, found 4"),
        ({"model.axial_layers": -1}, "axial_layers must be 0 or more: -1"),
        ({"model.axial_heads": 5}, "axial_heads must divide emb_size 32, found 5"),
    ],
)
def test_refused_overrides(overrides, message):
    with pytest.raises(ValueError, match=message):
        preset("tiny", overrides)


def test_unknown_preset():
    with pytest.raises(ValueError, match="unknown preset 'huge': there are tiny, small, demo"):
        preset("huge")


@pytest.mark.parametrize("margin", [-0.5, -3])
def test_what_the_teacher_does_not_find_is_never_believed(margin):
    with pytest.raises(
        ValueError, match=f"believe_above must be 0 or more, or None, found {margin}"
    ):
        Objective(believe_above=margin)


def test_only_a_trained_start_is_mixed_in():
    with pytest.raises(ValueError, match="mix_start needs start 'previous', found 'encoder'"):
        Stage(mix_start=True)


@pytest.mark.parametrize("gamma", [-1.0, 0.001, 0.5, 0.999, float("nan")])
def test_gammas_without_finite_gradients_are_refused(gamma):
    with pytest.raises(ValueError, match="gamma must be 0 or at least 1"):
        Objective(gamma=gamma)


@pytest.mark.parametrize("name", ["block_size", "axial_heads"])
@pytest.mark.parametrize("size", [0, -32, 48])
def test_sizes_that_do_not_divide(name, size):
    with pytest.raises(ValueError, match=f"{name} must divide emb_size 256, found {size}"):
        ModelConfig(**{name: size})


def test_configurations_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        TrainConfig().epochs = 3
