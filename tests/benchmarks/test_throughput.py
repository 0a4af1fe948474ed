"""A small run of the benchmark: figures that must agree with each other do."""

import argparse
import json

import pytest

from benchmarks.operations import Operations
from benchmarks.phases import INFERENCE, PHASES, SOFT_LABELLING, TOKENIZING, TRAINING, Measured
from benchmarks.throughput import Figures, measure, read_subject, report
from corpus.artefacts import write_json
from corpus.demo import write_demo_corpus


def measured(seconds, peak=1, **parts):
    return Measured(seconds, peak, parts)


def test_the_fastest_round_counts_and_the_highest_peak():
    rounds = {
        TOKENIZING: [measured(0.3), measured(0.02)],
        INFERENCE: [measured(4.0), measured(2.0)],
        SOFT_LABELLING: [measured(2.5), measured(9.0)],
        TRAINING: [measured(6.0, 2_000_000_000), measured(9.0, 1_000_000_000)],
    }
    needed = {"encoder": Operations(3_000, 6_000), "classifier": Operations(1_000, 2_000)}
    figures = Figures([4_000.0, 2_000.0], rounds, needed, documents=10)
    found = [(aim.found, aim.met) for aim in figures.aims()]
    expected = [(0.5, False), (0.5, False), (2.0, True), (2.0, False), (0.8, False)]
    assert found == [(pytest.approx(figure), met) for figure, met in expected]


def test_phases_are_the_sums_of_their_parts(tmp_path):
    write_demo_corpus(tmp_path / "demo")
    options = argparse.Namespace(
        data=tmp_path / "demo", preset="tiny", overrides={}, documents=9, precision="float32"
    )
    subject = read_subject(options, tmp_path)
    assert len(subject.documents) == 9
    outcome = report(options, subject, measure(subject, rounds=1))
    write_json(outcome, tmp_path / "report.json")
    read = json.loads((tmp_path / "report.json").read_text())
    assert [row["phase"] for row in read["phases"]] == list(PHASES)
    for phase in read["phases"]:
        parts = [row for row in read["parts"] if row["phase"] == phase["phase"]]
        for column in ("ms_per_document", "gflop_per_document"):
            if parts:
                whole = pytest.approx(phase[column])
                assert sum(row[column] for row in parts) == whole, (phase, column)
        assert phase["gflop_per_s"] == pytest.approx(
            phase["gflop_per_document"] * phase["documents_per_s"]
        )
        assert phase["peak_gb"] > 0
