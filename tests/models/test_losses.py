"""Losses: by hand, against plain Python, at the edges, and as the objective weighs them."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from models.batch import Evidence
from models.config import Loss, Objective
from models.losses import (
    above_th,
    evidence_loss,
    focal_positives,
    hard_loss,
    joint_positives,
    soft_loss,
    threshold_over_rest,
    total_loss,
)

LOGITS = torch.tensor([[0.0, math.log(3.0), math.log(2.0)]])
"""One pair: e^l is 1, 3 and 2."""
BOTH, ONE, NO = ([[False, *on]] for on in ((True, True), (True, False), (False, False)))


def labelled(rows: list[list[bool]]) -> torch.Tensor:
    return torch.tensor(rows, dtype=torch.bool)


P1, P2 = 3 / 4, 2 / 3
"""sigmoid(l_r - l_TH) of the two relations."""


@pytest.mark.parametrize(
    ("labels", "gamma", "published", "expected"),
    [
        (NO, 1.0, False, 0.0),
        (ONE, 0.0, False, -2 * math.log(P1)),
        (ONE, 0.0, True, -math.log(P1)),
        (ONE, 1.0, False, -(1 + 1 - P1) * math.log(P1)),
        (ONE, 1.0, True, -(1 - P1) * math.log(P1)),
        (ONE, 2.0, True, -((1 - P1) ** 2) * math.log(P1)),
        (BOTH, 1.0, False, -(2 - P1) * math.log(P1) - (2 - P2) * math.log(P2)),
    ],
)
def test_focal_positives_by_hand(labels, gamma, published, expected):
    [value] = focal_positives(LOGITS, labelled(labels), gamma, published=published).tolist()
    assert value == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(
    ("labels", "expected"),
    [(NO, 0.0), (ONE, -math.log(3 / 4)), (BOTH, -math.log(3 / 6) - math.log(2 / 6))],
)
def test_joint_positives_by_hand(labels, expected):
    [value] = joint_positives(LOGITS, labelled(labels)).tolist()
    assert value == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(
    ("labels", "expected"), [(NO, -math.log(1 / 6)), (ONE, -math.log(1 / 3)), (BOTH, 0.0)]
)
def test_threshold_over_rest_by_hand(labels, expected):
    [value] = threshold_over_rest(LOGITS, labelled(labels)).tolist()
    assert value == pytest.approx(expected, rel=1e-6)


def test_soft_loss_by_hand():
    logits = torch.tensor([[1.0, 2.0], [0.0, 0.0]])
    assert soft_loss(logits, torch.tensor([[0.0, 0.0], [0.0, 2.0]])).item() == 9 / 4


def plain_loss(logits: list[list[float]], labels: list[list[bool]], objective: Objective) -> float:
    """The same by loops over pairs and relations, in double precision."""
    total = 0.0
    for row, on in zip(logits, labels, strict=True):
        exps = [math.exp(value) for value in row]
        rest = sum(e for e, label in zip(exps, on, strict=True) if not label)
        total -= objective.na_weight * math.log(exps[0] / rest)
        for exp in (e for e, label in zip(exps, on, strict=True) if label):
            p = exp / (exp + exps[0])
            if objective.loss is Loss.ADAPTIVE_THRESHOLDING:
                joint = exps[0] + sum(e for e, label in zip(exps, on, strict=True) if label)
                total -= math.log(exp / joint)
            else:
                one = 0.0 if objective.loss is Loss.ADAPTIVE_FOCAL_PAPER else 1.0
                total -= (one + (1 - p) ** objective.gamma) * math.log(p)
    return objective.hard_weight * total / len(logits)


@st.composite
def cases(draw) -> tuple[torch.Tensor, torch.Tensor]:
    pairs, classes = draw(st.integers(1, 5)), draw(st.integers(2, 5))
    value = st.floats(-8, 8, width=32)
    logits = [[draw(value) for _ in range(classes)] for _ in range(pairs)]
    labels = [[False, *(draw(st.booleans()) for _ in range(classes - 1))] for _ in range(pairs)]
    return torch.tensor(logits), torch.tensor(labels)


@given(
    case=cases(),
    loss=st.sampled_from(Loss),
    gamma=st.sampled_from([0.0, 1.0, 1.5, 2.0]),
    na_weight=st.sampled_from([0.0, 0.3, 1.0]),
)
@settings(max_examples=150, deadline=None)
def test_losses_are_those_of_plain_python(case, loss, gamma, na_weight):
    objective = Objective(loss, gamma=gamma, hard_weight=0.7, na_weight=na_weight)
    expected = plain_loss(case[0].tolist(), case[1].tolist(), objective)
    [term] = total_loss(*case, None, objective).values()
    assert term.item() == pytest.approx(expected, rel=1e-4, abs=1e-5)


@given(case=cases(), loss=st.sampled_from(Loss))
@settings(max_examples=25, deadline=None)
def test_inputs_are_left_as_they_are(case, loss):
    logits, labels = case
    teacher = logits.flip(0)
    kept = [logits.clone(), labels.clone(), teacher.clone()]
    total_loss(logits, labels, teacher, Objective(loss, soft_weight=1.0))
    for now, before in zip((logits, labels, teacher), kept, strict=True):
        assert torch.equal(now, before)


@pytest.mark.parametrize("loss", Loss)
def test_no_pair_costs_nothing_and_has_a_gradient(loss):
    logits = torch.zeros(0, 3, requires_grad=True)
    objective = Objective(loss, soft_weight=1.0)
    terms = total_loss(logits, torch.zeros(0, 3, dtype=torch.bool), torch.zeros(0, 3), objective)
    assert {name: term.item() for name, term in terms.items()} == {"hard": 0.0, "soft": 0.0}
    sum(terms.values()).backward()
    assert logits.grad.shape == (0, 3)


@pytest.mark.parametrize("loss", Loss)
@pytest.mark.parametrize("gamma", [0.0, 1.0, 1.5, 2.0])
@pytest.mark.parametrize("size", [0.0, 20.0, 1e4])
def test_gradients_are_finite_at_extremes(loss, gamma, size):
    """Confident and right, confident and wrong, with every combination of labels."""
    signs = torch.cartesian_prod(*[torch.tensor([-1.0, 1.0])] * 3).repeat_interleave(4, 0)
    labels = torch.tensor([[0, a, b] for a in (0, 1) for b in (0, 1)], dtype=torch.bool)
    logits = (signs * size).requires_grad_()
    objective = Objective(loss, gamma=gamma, soft_weight=1.0)
    teacher = -logits.detach().half()
    terms = total_loss(logits, labels.repeat(8, 1), teacher, objective)
    sum(terms.values()).backward()
    assert all(term.isfinite() for term in terms.values())
    assert logits.grad.isfinite().all()


def test_terms_weigh_as_the_objective_says():
    labels, teacher = labelled(ONE), torch.zeros(1, 3)
    plain = total_loss(LOGITS, labels, teacher, Objective(soft_weight=1.0))
    weighed = total_loss(
        LOGITS, labels, teacher, Objective(hard_weight=0.25, na_weight=1.0, soft_weight=3.0)
    )
    assert weighed["hard"] == pytest.approx(0.25 * plain["hard"])
    assert weighed["soft"] == pytest.approx(3.0 * plain["soft"])


def test_na_weight_weighs_only_unlabelled_relations():
    labels = labelled(ONE)
    values = [hard_loss(LOGITS, labels, Objective(na_weight=w)).item() for w in (0.0, 0.5, 2.0)]
    rest = threshold_over_rest(LOGITS, labels).item()
    positives = focal_positives(LOGITS, labels, 1.0, published=False).item()
    assert values == pytest.approx([positives, positives + rest / 2, positives + 2 * rest])


@given(case=cases(), loss=st.sampled_from(Loss), na_weight=st.sampled_from([0.3, 1.0]))
@settings(max_examples=50, deadline=None)
def test_what_the_teacher_finds_is_not_pushed_under_th(case, loss, na_weight):
    """Its logits, where no label has them, move the soft term alone; all others as without it."""
    logits, labels = case[0].requires_grad_(), case[1]
    teacher = logits.detach().flip(0).roll(1, 1)
    objective = Objective(loss, na_weight=na_weight, soft_weight=1.0, spare_found=True)
    hard = total_loss(logits, labels, teacher, objective)["hard"]
    [gradient] = torch.autograd.grad(hard, logits)
    found = torch.tensor([[value > row[0] for value in row] for row in teacher.tolist()])
    assert (gradient[found & ~labels] == 0).all()
    hidden = logits.masked_fill(found & ~labels, -1e4)
    assert hard.item() == pytest.approx(hard_loss(hidden, labels, objective).item(), 1e-5, 1e-6)


@pytest.mark.parametrize(
    ("teacher", "labels", "rest"),
    [
        ([0.0, 1.0, -1.0], NO, 1 / 3),  # the first is found, the second stands against TH
        ([0.0, 0.0, 2.0], NO, 1 / 4),  # a tie with TH is not found
        ([3.0, 1.0, 2.0], NO, 1 / 6),
        ([0.0, 1.0, 1.0], NO, 1.0),
        ([0.0, 1.0, -1.0], ONE, 1 / 3),  # labelled and found
        ([0.0, -1.0, 1.0], ONE, 1.0),
    ],
)
def test_spared_relations_by_hand(teacher, labels, rest):
    objective = Objective(soft_weight=1.0, spare_found=True)
    hard = total_loss(LOGITS, labelled(labels), torch.tensor([teacher]), objective)["hard"]
    positives = focal_positives(LOGITS, labelled(labels), 1.0, published=False)
    assert hard.item() == pytest.approx(positives.item() - math.log(rest), abs=1e-6)


def test_any_number_of_relations_is_above_th():
    logits = torch.tensor([[0.0, 1.0, 2.0, 3.0, 4.0, 5.0, -1.0]])
    assert above_th(logits).tolist() == [[False, *[True] * 5, False]]
    assert above_th(logits, 3.0).tolist() == [[*[False] * 4, True, True, False]]


@given(case=cases(), loss=st.sampled_from(Loss), margin=st.floats(0, 6))
@settings(max_examples=50, deadline=None)
def test_what_the_teacher_is_sure_of_counts_as_labelled(case, loss, margin):
    """The hard term is that of the labels with it, to the last bit; the soft term is as it was."""
    logits, labels = case
    teacher = 2 * logits.flip(0).roll(1, 1)
    objective = Objective(loss, soft_weight=1.0, believe_above=margin)
    sure = [[value > row[0] + margin for value in row] for row in teacher]
    found = total_loss(logits, labels, teacher, objective)
    expected = total_loss(
        logits, labels | torch.tensor(sure), teacher, Objective(loss, soft_weight=1.0)
    )
    assert found == expected


def test_relations_are_believed_above_the_margin_and_others_spared():
    """By hand: the first is sure, the second is found at the margin, the third is not found."""
    teacher, logits = torch.tensor([[0.0, 3.5, 3.0, -1.0]]), torch.tensor([[0.3, 1.0, -0.5, 0.2]])
    objective = Objective(soft_weight=1.0, spare_found=True, believe_above=3.0)
    labels = torch.tensor([[False, False, False, False]])
    hard = total_loss(logits, labels, teacher, objective)["hard"]
    seen = [0, 1, 3]  # what is spared is as good as absent
    known, believed = logits[:, seen], torch.tensor([[False, True, False]])
    expected = total_loss(known, believed, None, Objective())["hard"]
    assert hard.item() == pytest.approx(expected.item(), abs=1e-6)


def test_without_distillation_nothing_is_believed():
    naive, teacher = Objective(believe_above=1.0), torch.tensor([[0.0, 2.0, 2.0]])
    [term] = total_loss(LOGITS, labelled(NO), teacher, naive).values()
    assert term == hard_loss(LOGITS, labelled(NO), naive)


def test_without_distillation_nothing_is_spared():
    naive, teacher = Objective(spare_found=True), torch.tensor([[0.0, -1.0, 1.0]])
    [term] = total_loss(LOGITS, labelled(ONE), teacher, naive).values()
    assert term == hard_loss(LOGITS, labelled(ONE), naive)


@pytest.mark.parametrize(
    ("objective", "names"),
    [
        (Objective(), {"hard"}),
        (Objective(hard_weight=0.0, soft_weight=1.0), {"soft"}),
        (Objective(soft_weight=1.0), {"hard", "soft"}),
    ],
)
def test_only_terms_with_a_weight_are_computed(objective, names):
    assert set(total_loss(LOGITS, labelled(ONE), torch.zeros(1, 3), objective)) == names
    labels = labelled(ONE) if "hard" in names else None
    teacher = torch.zeros(1, 3) if "soft" in names else None
    assert set(total_loss(LOGITS, labels, teacher, objective)) == names


def test_missing_labels_are_an_error():
    with pytest.raises(ValueError, match="hard_weight is not 0, so the batch must hold labels"):
        total_loss(LOGITS, None, None, Objective())


def test_missing_teacher_logits_are_an_error():
    with pytest.raises(ValueError, match=r"soft_weight is not 0, so .* must hold teacher logits"):
        total_loss(LOGITS, labelled(ONE), None, Objective(soft_weight=1.0))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_losses_are_computed_in_float32(dtype):
    logits, labels = torch.randn(50, 4, generator=torch.Generator().manual_seed(0)), [[False] * 4]
    rows = logits.to(dtype)
    [term] = total_loss(rows, labelled(labels * 50), None, Objective()).values()
    [exact] = total_loss(rows.float(), labelled(labels * 50), None, Objective()).values()
    assert term.dtype == torch.float32
    assert term == exact


def test_evidence_is_a_divergence_by_hand():
    """Two pairs have evidence of four: KL of (1, 0) and (1/2, 1/2) from what the contexts are."""
    shares = torch.tensor([[0.5, 0.5], [0.25, 0.75], [0.9, 0.1], [0.5, 0.5]])
    evidence = Evidence(torch.tensor([1, 3]), torch.tensor([[1.0, 0.0], [0.5, 0.5]]))
    assert evidence_loss(shares, evidence).item() == pytest.approx(math.log(4) / 4, abs=1e-5)


@given(st.lists(st.floats(0.01, 1.0), min_size=2, max_size=6), st.integers(0, 99))
@settings(max_examples=50, deadline=None)
def test_evidence_is_least_where_the_context_is(wanted, seed):
    wanted = torch.tensor([wanted]) / sum(wanted)
    torch.manual_seed(seed)
    other = torch.rand(1, wanted.shape[1]).softmax(1)
    evidence = Evidence(torch.tensor([0]), wanted)
    assert evidence_loss(wanted, evidence).item() == pytest.approx(0, abs=1e-4)
    assert evidence_loss(other, evidence) >= evidence_loss(wanted, evidence) - 1e-5


def test_evidence_far_from_the_context_has_a_finite_gradient():
    shares = torch.tensor([[0.0, 1.0]], requires_grad=True)
    evidence_loss(shares, Evidence(torch.tensor([0]), torch.tensor([[1.0, 0.0]]))).backward()
    assert torch.isfinite(shares.grad).all()
