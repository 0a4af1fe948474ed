"""What training refuses, and that nothing has moved then."""

import dataclasses
import math

import pytest
from conftest import make_document
from little_training import CPU, DOCUMENTS, KD, fresh, same, soft_labels_of, stage, trained, weights

from models.train import fit


def test_a_loss_that_is_not_finite_stops(tmp_path):
    soft = soft_labels_of(DOCUMENTS, tmp_path, spoil="d2")
    with pytest.raises(FloatingPointError, match=r"step \d: expected finite .*'soft': nan.*'d2'"):
        fit(fresh(), DOCUMENTS, stage(KD), runtime=CPU, soft_labels=soft)


def test_the_step_is_the_one_that_failed():
    """Far too high a learning rate: the first step spoils the weights, the second finds out."""
    how = stage(encoder_lr=1e30, head_lr=1e30, clip=1e30, batch_documents=4, epochs=5, warmup=0.0)
    extractor = fresh()
    with pytest.raises(FloatingPointError, match=r"step 2: expected finite .* learning rates"):
        fit(extractor, DOCUMENTS, how, runtime=CPU)


def test_a_gradient_that_is_not_finite_stops_before_it_moves_weights():
    extractor = fresh()
    before = weights(extractor)
    extractor.network.classifier.weight.register_hook(lambda grad: grad * math.inf)
    with pytest.raises(FloatingPointError, match=r"step 1: .*norm of the gradient.*'d\d'"):
        fit(extractor, DOCUMENTS, stage(), runtime=CPU)
    assert same(weights(extractor), before)


def test_distillation_without_soft_labels_is_refused():
    with pytest.raises(ValueError, match=r"objective distils \(soft_weight 1.0\), but no soft lab"):
        fit(fresh(), DOCUMENTS, stage(KD), runtime=CPU)


def test_distillation_without_soft_labels_of_a_document_is_refused(tmp_path):
    soft = soft_labels_of(DOCUMENTS[:3], tmp_path)
    with pytest.raises(ValueError, match="'d3' has no soft labels among 3 documents"):
        fit(fresh(), DOCUMENTS, stage(KD), runtime=CPU, soft_labels=soft)


def test_unlabelled_documents_are_refused():
    unlabelled = dataclasses.replace(DOCUMENTS[1], labels=None)
    with pytest.raises(ValueError, match="'d1' has no labels, so there is nothing to learn"):
        fit(fresh(), [DOCUMENTS[0], unlabelled], stage(), runtime=CPU)


@pytest.mark.parametrize("documents", [[], [make_document("e", 0), make_document("s", 1)]])
def test_nothing_to_learn_from_is_refused(documents):
    with pytest.raises(ValueError, match="no document with two entities or more"):
        fit(fresh(), documents, stage(), runtime=CPU)


def test_documents_without_pairs_are_left_out():
    more = [make_document("e", 0), DOCUMENTS[0], make_document("s", 1), *DOCUMENTS[1:]]
    extractor = fresh()
    fit(extractor, more, stage(), runtime=CPU)
    assert same(weights(extractor), trained(fresh(), stage()))
