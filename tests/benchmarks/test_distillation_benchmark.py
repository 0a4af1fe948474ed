"""Arms of a comparison differ in what is compared, and in nothing else."""

import itertools
from dataclasses import asdict

import pytest

from benchmarks import distillation
from benchmarks.distillation import Experiment, Tables, minutes_of, with_weights
from models.config import PRESETS
from models.runtime import Runtime


def test_a_stage_with_other_weights_differs_in_them_only():
    student = PRESETS["small"].student
    before = asdict(student)
    naive = asdict(with_weights(student, soft_weight=0.0))
    assert naive["objective"].pop("soft_weight") == 0.0
    assert asdict(student) == before
    assert before["objective"].pop("soft_weight") > 0
    assert naive == before


class Recorded(Experiment):
    """An experiment that trains nothing and keeps what each stage would have read."""

    def __init__(self, root, monkeypatch):
        monkeypatch.setattr(distillation, "Benchmark", NoBenchmark)
        self.labelled, self.read, self.told = [], {}, []
        super().__init__(
            Tables(root),
            PRESETS["small"],
            Runtime("cpu", "float32", 1),
            lambda experiment: self.told.append(set(experiment.results)),
        )

        def train_stage(model, stage, inputs, outputs, *, runtime):
            self.read[outputs.checkpoint.name] = (stage, inputs)
            return Trained

        monkeypatch.setattr(distillation, "train_stage", train_stage)

    def _label(self, teacher):
        self.labelled.append(teacher)

    def _score(self, name):
        pass


class NoBenchmark:
    @staticmethod
    def read(*_):
        return None


class Trained:
    epochs, kept, mixture = (), 1, None


@pytest.fixture
def two_rounds(tmp_path, monkeypatch) -> Recorded:
    experiment = Recorded(tmp_path, monkeypatch)
    experiment.run(rounds=2, with_naive=True)
    return experiment


def test_in_the_second_round_the_fine_tuned_model_teaches(two_rounds):
    tables, read = two_rounds.tables, two_rounds.read
    assert two_rounds.labelled == ["teacher", "finetuned_kd"]
    for student, teacher in (("student_kd", "teacher"), ("student_kd_2", "finetuned_kd")):
        stage, inputs = read[student]
        assert stage == PRESETS["small"].student
        assert inputs.documents == [tables.distant]
        assert inputs.teacher == inputs.previous == tables.model(teacher)
        assert inputs.soft_labels == [tables.soft_labels(teacher)]
    for finetuned, student in (
        ("finetuned_kd", "student_kd"),
        ("finetuned_kd_2", "student_kd_2"),
        ("finetuned_na", "student_na"),
    ):
        stage, inputs = read[finetuned]
        assert stage == PRESETS["small"].finetune
        assert inputs.documents == [tables.annotated]
        assert inputs.previous == tables.model(student)
    assert not read["student_na"][0].objective.distils


def test_what_there_is_is_told_after_each_model(two_rounds):
    """A run of hours that ends in its midst has told of all before."""
    told = two_rounds.told
    assert len(told) == len(two_rounds.read) == 7
    assert told[0] == {"teacher"}
    assert all(before < after for before, after in itertools.pairwise(told))


def test_minutes_are_told_of_each_round_and_without_the_naive_arm():
    names = ("teacher", "soft_labels", "student_kd", "finetuned_kd")
    second = ("soft_labels_2", "student_kd_2", "finetuned_kd_2")
    naive = ("student_na", "finetuned_na")
    results = {name: {"minutes": 1.5} for name in (*names, *second, *naive)}
    assert minutes_of(results) == [6.0, 10.5]
