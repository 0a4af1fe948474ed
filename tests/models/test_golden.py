"""Parity with the reference implementation's logits, losses and predictions."""

import math

import golden
import numpy as np
import pytest
import torch

from models.config import Loss, Objective
from models.losses import total_loss
from models.predictions import above_threshold

R = golden.CONFIG["num_labels"]


@pytest.fixture(scope="module")
def network():
    return golden.network()


def reference_logits(name: str) -> torch.Tensor:
    return golden.OUTPUTS[f"{name}.logits"]


def pair_logits(network, *names: str) -> torch.Tensor:
    with torch.no_grad():
        return network(golden.batch_of(*names))


@pytest.mark.parametrize("name", golden.CASES)
def test_hidden_states(network, name):
    with torch.no_grad():
        [(hidden, _)] = network.encoder(golden.batch_of(name))
    expected = golden.OUTPUTS[f"{name}.sequence_output"]
    torch.testing.assert_close(hidden, expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize("name", golden.CASES)
def test_logits(network, name):
    expected = reference_logits(name)[golden.pair_rows(name)]
    torch.testing.assert_close(pair_logits(network, name), expected, atol=1e-4, rtol=0)


def test_logits_of_all_cases_as_one_batch(network):
    expected = torch.cat([reference_logits(n)[golden.pair_rows(n)] for n in golden.CASES])
    torch.testing.assert_close(pair_logits(network, *golden.CASES), expected, atol=1e-4, rtol=0)


def predicted_cells(logits: torch.Tensor, n_entities: int) -> list[list[int]]:
    found = above_threshold(logits.numpy(), n_entities)
    return sorted([p.head * n_entities + p.tail, p.column] for p in found)


@pytest.mark.parametrize("name", golden.CASES)
def test_predictions(network, name):
    n_entities = len(golden.CASES[name]["entity_mention_starts"])
    cells = predicted_cells(pair_logits(network, name), n_entities)
    assert cells == sorted(golden.CASES[name]["predicted"])


def test_predictions_of_all_cases_as_one_batch(network):
    logits = pair_logits(network, *golden.CASES)
    sizes = [len(case["entity_mention_starts"]) for case in golden.CASES.values()]
    pieces = logits.split([size * (size - 1) for size in sizes])
    for case, piece, size in zip(golden.CASES.values(), pieces, sizes, strict=True):
        assert predicted_cells(piece, size) == sorted(case["predicted"])


def self_pair_loss(name: str, *, with_mse: bool) -> float:
    """What the reference's self-pairs add to the sum over its cells.

    Their logits are set to 0 and they have no labels, so each adds -log(1 / R) to the adaptive
    focal loss, and the mean square of the teacher's logits in its row to the squared error.
    """
    n_entities = len(golden.CASES[name]["entity_mention_starts"])
    total = n_entities * math.log(R)
    if with_mse:
        diagonal = torch.arange(n_entities) * (n_entities + 1)
        teacher = reference_logits(name).roll(1, 0)[diagonal]
        total += (teacher.square().sum() / R).item()
    return total


@pytest.mark.parametrize("name", golden.CASES)
@pytest.mark.parametrize(
    ("key", "gamma", "with_mse"),
    [
        ("adaptive_focal_gamma_0", 0.0, False),
        ("adaptive_focal_gamma_1", 1.0, False),
        ("adaptive_focal_gamma_2", 2.0, False),
        ("adaptive_focal_gamma_1_plus_mse", 1.0, True),
    ],
)
def test_losses(network, name, key, gamma, with_mse):
    pairs = golden.pair_rows(name)
    n_cells = len(golden.CASES[name]["entity_mention_starts"]) ** 2
    objective = Objective(Loss.ADAPTIVE_FOCAL, gamma=gamma, soft_weight=float(with_mse))
    teacher = reference_logits(name).roll(1, 0)[pairs]
    labels = golden.batch_of(name).labels
    terms = total_loss(pair_logits(network, name), labels, teacher, objective)
    ours = sum(terms.values()).item() * len(pairs) + self_pair_loss(name, with_mse=with_mse)
    assert ours / n_cells == pytest.approx(golden.CASES[name]["loss"][key], abs=1e-5)


def test_reference_labels_are_in_their_cells():
    for name, case in golden.CASES.items():
        size = len(case["entity_mention_starts"])
        cells = np.zeros((size, size, R), bool)
        for head, tail, column in case["labels"]:
            cells[head, tail, column] = True
        flat = torch.from_numpy(cells.reshape(-1, R))[golden.pair_rows(name)]
        assert torch.equal(golden.batch_of(name).labels, flat)
