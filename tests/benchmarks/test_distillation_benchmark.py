"""Arms of a comparison differ in what is compared, and in nothing else."""

from dataclasses import asdict

from benchmarks.distillation import with_weights
from models.config import PRESETS


def test_a_stage_with_other_weights_differs_in_them_only():
    student = PRESETS["small"].student
    before = asdict(student)
    naive = asdict(with_weights(student, soft_weight=0.0))
    assert naive["objective"].pop("soft_weight") == 0.0
    assert asdict(student) == before
    assert before["objective"].pop("soft_weight") > 0
    assert naive == before
