"""A small run of the benchmark: figures that must agree with each other do."""

import argparse
import json

import pytest

from benchmarks import throughput
from benchmarks.operations import Operations
from benchmarks.phases import INFERENCE, PHASES, SOFT_LABELLING, TOKENIZING, TRAINING, Measured
from benchmarks.throughput import Figures, convert_dev, measure, peak_alone, read_subject, report
from corpus.artefacts import write_json
from corpus.demo import write_demo_corpus


def measured(seconds):
    return Measured(seconds, {})


def options_of(folder):
    """Of a small run over a demo corpus, which is made."""
    write_demo_corpus(folder / "demo")
    return argparse.Namespace(
        data=folder / "demo",
        preset="tiny",
        overrides={},
        documents=9,
        precision="float32",
        rounds=1,
    )


def test_the_fastest_round_counts():
    rounds = {
        TOKENIZING: [measured(0.3), measured(0.02)],
        INFERENCE: [measured(4.0), measured(2.0)],
        SOFT_LABELLING: [measured(2.5), measured(9.0)],
        TRAINING: [measured(6.0), measured(9.0)],
    }
    needed = {"encoder": Operations(3_000, 6_000), "classifier": Operations(1_000, 2_000)}
    figures = Figures([4_000.0, 2_000.0], rounds, needed, {TRAINING: 2_000_000_000}, documents=10)
    found = [(aim.found, aim.met) for aim in figures.aims()]
    expected = [(0.5, False), (0.5, False), (2.0, True), (2.0, False), (0.8, False)]
    assert found == [(pytest.approx(figure), met) for figure, met in expected]


def test_a_phase_is_measured_in_a_process_that_does_nothing_else(tmp_path):
    held = b"x" * 1_200_000_000
    convert_dev(options_of(tmp_path).data, tmp_path)
    assert 1e8 < peak_alone(options_of(tmp_path), tmp_path, TOKENIZING) < len(held)


def test_phases_are_the_sums_of_their_parts(tmp_path, monkeypatch):
    peaks = dict(zip(PHASES, range(1, 5), strict=True))
    monkeypatch.setattr(throughput, "peak_alone", lambda _options, _root, phase: peaks[phase])
    options = options_of(tmp_path)
    convert_dev(options.data, tmp_path)
    subject = read_subject(options, tmp_path)
    assert len(subject.documents) == 9
    outcome = report(subject, measure(options, subject))
    write_json(outcome, tmp_path / "report.json")
    read = json.loads((tmp_path / "report.json").read_text())
    assert [row["phase"] for row in read["phases"]] == list(PHASES)
    for phase in read["phases"]:
        parts = [row for row in read["parts"] if row["phase"] == phase["phase"]]
        for column, near in (("ms_per_document", 0.1), ("gflop_per_document", 1e-6)):
            if parts:
                whole = pytest.approx(phase[column], near)
                assert sum(row[column] for row in parts) == whole, (phase, column)
        assert phase["gflop_per_s"] == pytest.approx(
            phase["gflop_per_document"] * phase["documents_per_s"]
        )
        assert phase["peak_gb"] == peaks[phase["phase"]] / 1e9
