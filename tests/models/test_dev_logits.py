"""A model is calibrated on what dev's labels say of the logits, or not at all."""

import dataclasses
from dataclasses import asdict

import numpy as np
import pytest
import torch
from conftest import make_document

from corpus.logits import Calibration, margins_to_th
from models.calibration import fit_calibration
from models.dev_logits import calibrate
from models.infer import stream_logits
from models.predictions import predict
from models.runtime import Runtime

RUNTIME = Runtime("cpu", "float32")
DEV = [make_document(name, size) for name, size in (("a", 4), ("b", 6), ("lonely", 1))]


def test_it_is_the_calibration_of_the_labels(extractor):
    found = calibrate(extractor, DEV, RUNTIME)
    margins, truth = [], []
    for document, logits in stream_logits(extractor, DEV, RUNTIME):
        held = {(x.head, x.tail, x.relation) for x in document.labels}
        relations = enumerate(extractor.vocabulary.relations, 1)
        cells = [(h, t, column, r) for column, r in relations for h, t in document.pairs()]
        of_pairs = dict(zip(document.pairs(), margins_to_th(logits), strict=True))
        margins += [of_pairs[h, t][column] for h, t, column, _ in cells]
        truth += [(h, t, r) in held for h, t, _, r in cells]
    expected = fit_calibration(np.array(margins, np.float32), np.array(truth))
    assert asdict(extractor.calibration) == pytest.approx(asdict(expected))
    assert [document.doc_id for document, _ in found] == ["a", "b", "lonely"]


@pytest.mark.parametrize("labels", [None, ()])
@pytest.mark.parametrize("size", [0, 3])
def test_without_anything_that_holds_there_is_none(extractor, labels, size):
    dev = [dataclasses.replace(document, labels=labels) for document in DEV[:size]]
    extractor.calibration = Calibration(2.0)
    found = calibrate(extractor, dev, RUNTIME)
    assert extractor.calibration is None
    assert len(found) == (0 if labels is None else size)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_without_finite_logits_there_is_none_and_the_model_is_kept(extractor, value):
    with torch.no_grad():
        extractor.network.classifier.bias[1] = value
    extractor.calibration = Calibration(2.0)
    found = calibrate(extractor, DEV, RUNTIME)
    assert extractor.calibration is None
    assert not all(np.isfinite(logits).all() for _, logits in found)


def test_scores_follow_the_calibration_and_what_is_found_does_not(extractor):
    plain = predict(DEV, extractor, RUNTIME)
    extractor.calibration = Calibration(3.0, 6.0)
    hot = predict(DEV, extractor, RUNTIME)
    assert plain.height > 0
    assert hot.drop("probability", "rank").equals(plain.drop("probability", "rank"))
    logit = [np.log(p / (1 - p)) for p in (plain["probability"], hot["probability"])]
    assert hot["probability"].max() < 0.5
    np.testing.assert_allclose(logit[0], 3 * logit[1] + 6, rtol=1e-3, atol=1e-5)
