"""Training states on disk: whole, the last two, of one training, or not taken."""

from pathlib import Path

import pytest
import torch

from corpus.artefacts import digest, digest_of, read_json, write_json
from models import resume
from models.resume import Snapshot, TrainingState

pytestmark = pytest.mark.breaks


def small(step: int) -> Snapshot:
    draw = torch.Generator().manual_seed(step)
    kinds = {"weights": {"a.weight": torch.rand(3, 2, generator=draw)}, "kept": {}}
    numbers = {"step": step, "loss": 0.1 + step / 3, "epochs": [{"f1": None}]}
    return Snapshot(kinds, numbers)


def numbers_of(state: TrainingState):
    found = state.latest()
    return None if found is None else found.numbers["step"]


def test_what_is_written_is_read(tmp_path):
    state = TrainingState(tmp_path, "this")
    state.write(small(3), step=3, epochs=0)
    found, expected = state.latest(), small(3).tensors["weights"]["a.weight"]
    assert found.numbers == small(3).numbers
    assert found.tensors.keys() == {"weights"}
    assert torch.equal(found.tensors["weights"]["a.weight"], expected)


def test_the_last_two_are_kept(tmp_path):
    state = TrainingState(tmp_path, "this")
    (tmp_path / ".step-00000001-epoch-0000.a0b1").mkdir()
    for step, epochs in ((8, 0), (9, 0), (10, 0), (10, 1)):
        state.write(small(step), step=step, epochs=epochs)
    names = ["step-00000010-epoch-0000", "step-00000010-epoch-0001"]
    assert sorted(path.name for path in tmp_path.iterdir()) == names


def cut_tensors(path: Path) -> None:
    file = path / resume.TENSORS
    file.write_bytes(file.read_bytes()[:-3])


def flip_a_bit(path: Path) -> None:
    file = path / resume.TENSORS
    content = bytearray(file.read_bytes())
    content[-2] ^= 1
    file.write_bytes(content)


def cut_numbers(path: Path) -> None:
    file = path / resume.NUMBERS
    file.write_text(file.read_text()[:40])


def change_a_number(path: Path) -> None:
    file = path / resume.NUMBERS
    file.write_text(file.read_text().replace('"step": 2', '"step": 7'))


def lose_tensors(path: Path) -> None:
    (path / resume.TENSORS).unlink()


def another_format(path: Path) -> None:
    text = {**read_json(path / resume.NUMBERS), "format": 0}
    del text["digest"]
    text["digest"] = digest_of(text, digest(path / resume.TENSORS))
    write_json(text, path / resume.NUMBERS)


DAMAGES = [cut_tensors, flip_a_bit, cut_numbers, change_a_number, lose_tensors, another_format]


@pytest.mark.parametrize("damage", DAMAGES)
def test_the_state_before_a_damaged_one_is_taken(tmp_path, caplog, damage):
    state = TrainingState(tmp_path, "this")
    for step in (1, 2):
        state.write(small(step), step=step, epochs=0)
    assert numbers_of(state) == 2
    damage(tmp_path / "step-00000002-epoch-0000")
    assert numbers_of(state) == 1
    [told] = [record.getMessage() for record in caplog.records]
    assert "step-00000002-epoch-0000: expected a whole training state, found " in told
    cut_tensors(tmp_path / "step-00000001-epoch-0000")
    assert numbers_of(state) is None
    assert list(tmp_path.iterdir()) == []


def test_a_cleared_state_leaves_nothing(tmp_path):
    state = TrainingState(tmp_path / "state", "this")
    state.clear()  # also where there is none
    state.write(small(8), step=8, epochs=1)
    (state.folder / ".step-00000009-epoch-0001.a0b1").mkdir()  # what a kill leaves of a draft
    assert state.latest() is not None
    state.clear()
    assert state.latest() is None
    assert list(tmp_path.iterdir()) == []


def test_what_is_not_a_state_is_not_removed(tmp_path):
    (tmp_path / "mine.txt").write_text("text")
    state = TrainingState(tmp_path, "this")
    state.write(small(8), step=8, epochs=1)
    state.clear()
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
