"""Objectives: pure functions of logits [P, R], column 0 = TH; they return scalars."""

from __future__ import annotations

from typing import Final

import torch
import torch.nn.functional as F
from torch import Tensor

from corpus.relations import TH
from models.batch import Batch, Evidence
from models.config import Loss, Objective


def focal_positives(logits: Tensor, labels: Tensor, gamma: float, *, published: bool) -> Tensor:
    """Each labelled relation against TH: -Σ_{r ∈ labels} w(P_r) log P_r, per pair.

    P_r = e^{l_r} / (e^{l_r} + e^{l_TH}) = sigmoid(l_r - l_TH). The weight w is (1 - P)^γ as
    printed in Tan et al. 2022, section 3.3 (``published``), or 1 + (1 - P)^γ as in the authors'
    code, whose author says that the 1 raises recall where labels are incomplete.

    Args:
        logits: [P, R] float32.
        labels: [P, R] bool, TH False.
        gamma: γ, 0 or at least 1.
        published: which form.

    Returns:
        [P] float32.
    """
    log_p = F.logsigmoid(logits - logits[:, TH : TH + 1])
    weight = (1 - log_p.exp()) ** gamma + (0.0 if published else 1.0)
    return -(weight * log_p * labels).sum(-1)


def joint_positives(logits: Tensor, labels: Tensor) -> Tensor:
    """Labelled relations against TH in one softmax (Zhou et al. 2021, L₁), per pair [P]."""
    others = ~labels
    others[:, TH] = False
    log_p = logits.masked_fill(others, -torch.inf).log_softmax(-1)
    return -log_p.masked_fill(~labels, 0.0).sum(-1)


def threshold_over_rest(logits: Tensor, labels: Tensor) -> Tensor:
    """TH against all relations that are not labelled: -log P(TH), per pair [P].

    Tan et al. 2022, section 3.3, and Zhou et al. 2021, L₂.
    """
    return -logits.masked_fill(labels, -torch.inf).log_softmax(-1)[:, TH]


def hard_loss(
    logits: Tensor, labels: Tensor, objective: Objective, spared: Tensor | None = None
) -> Tensor:
    """Mean over pairs of the chosen loss; 0 where there is no pair.

    Args:
        logits: [P, R] float32.
        labels: [P, R] bool, TH False.
        objective: which loss, and how its parts weigh.
        spared: [P, R] bool, TH False: what TH does not stand against, as if it were labelled.
    """
    if objective.loss is Loss.ADAPTIVE_THRESHOLDING:
        positives = joint_positives(logits, labels)
    else:
        published = objective.loss is Loss.ADAPTIVE_FOCAL_PAPER
        positives = focal_positives(logits, labels, objective.gamma, published=published)
    rest = threshold_over_rest(logits, labels if spared is None else labels | spared)
    return (positives + objective.na_weight * rest).sum() / max(len(logits), 1)


def soft_loss(logits: Tensor, teacher_logits: Tensor) -> Tensor:
    """Mean squared error to the teacher's logits over pairs and classes (Tan et al. 2022, 3.4)."""
    return (logits - teacher_logits).square().sum() / max(logits.numel(), 1)


def above_th(logits: Tensor, margin: float = 0.0) -> Tensor:
    """Relations above TH by more than a margin, 0 or more, [P, R] bool, TH False.

    They are all of a pair's, where predictions are its best four.
    """
    return logits > logits[:, TH : TH + 1] + margin


def evidence_loss(shares: Tensor, evidence: Evidence) -> Tensor:
    """KL(evidence ‖ shares), summed over the pairs that have evidence, by the number of all pairs.

    The evidence loss of Ma et al. 2023 (DREEAM), section 3.2, on sentences. Like the part of the
    hard loss that labelled relations have, it counts for labelled pairs and is a mean over all, so
    that both stand to each other in the same proportion however a step is cut into batches.

    Args:
        shares: [P, S] float32, how the pairs' contexts are spread over sentences.
        evidence: what they should be.
    """
    wanted = evidence.shares
    log_shares = (shares[evidence.pairs] + _LEAST_SHARE).log()
    return (wanted.xlogy(wanted) - wanted * log_shares).sum() / max(len(shares), 1)


_LEAST_SHARE: Final = 1e-6
"""Added to shares, so that evidence where no context is has a finite loss."""


def total_loss(
    logits: Tensor, labels: Tensor | None, teacher_logits: Tensor | None, objective: Objective
) -> dict[str, Tensor]:
    """The objective's terms of relations, each with its weight; the sum of terms is minimized.

    Args:
        logits: [P, R], any float type; computed in float32.
        labels: [P, R] bool; needed where ``hard_weight`` is not 0.
        teacher_logits: [P, R]; needed where ``soft_weight`` is not 0. They may add to the labels
            (``believe_above``) and keep relations from TH's part (``spare_found``).
        objective: which terms, and how they weigh.

    Raises:
        ValueError: if what a term needs is missing; it would silently not be learnt.
    """
    logits = logits.float()
    wanted, terms = None, {}
    if objective.distils:
        wanted = _given(teacher_logits, "teacher logits", "soft_weight").float()
    if objective.hard_weight:
        found = _given(labels, "labels", "hard_weight")
        if wanted is not None and objective.believe_above is not None:
            found = found | above_th(wanted, objective.believe_above)
        spared = None if wanted is None or not objective.spare_found else above_th(wanted)
        terms["hard"] = objective.hard_weight * hard_loss(logits, found, objective, spared)
    if wanted is not None:
        terms["soft"] = objective.soft_weight * soft_loss(logits, wanted)
    return terms


def evidence_terms(shares: Tensor, batch: Batch, objective: Objective) -> dict[str, Tensor]:
    """The objective's terms of what evidence the batch has, people's and the teacher's.

    Args:
        shares: [P, S] float32, how the pairs' contexts are spread over sentences.
        batch: with what evidence is known.
        objective: how they weigh.
    """
    known = {"evidence": batch.evidence, "soft_evidence": batch.teacher_evidence}
    return {
        name: objective.evidence_weight * evidence_loss(shares, evidence)
        for name, evidence in known.items()
        if evidence is not None
    }


def _given(value: Tensor | None, what: str, weight: str) -> Tensor:
    if value is None:
        raise ValueError(
            f"the objective's {weight} is not 0, so the batch must hold {what}, but it holds "
            f"none; they would silently not be learnt: collate with {what}, or set {weight} to 0"
        )
    return value
