"""Training that was interrupted, wherever that was, ends as if it had not been."""

import contextlib
import dataclasses
import functools
import itertools
import logging
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

import pytest
import torch
from little_training import (
    CPU,
    DOCUMENTS,
    NoMemory,
    candidates,
    fresh,
    same,
    stage,
    trained,
    weights,
)

from corpus.artefacts import read_json
from models import resume, train
from models.config import Start
from models.mixture import Mixture
from models.resume import TrainingState
from models.steps import Steps
from models.thresholds import Candidates
from models.train import Epoch, fit

pytestmark = pytest.mark.breaks

# (how, whether with dev); "patience" stops early, and its last epoch is not its best; "riper" keeps
# an epoch that comes after its best; "mixed" ends between its start and its end
TRAININGS = {
    "plain": (stage(), False),
    "accumulation": (stage(batch_documents=1, accumulation=3), False),
    "pieces": (stage(cell_budget=30), False),
    "dev": (stage(), True),
    "patience": (stage(epochs=5, patience=1, encoder_lr=1e-2, head_lr=3e-2), True),
    "riper": (stage(epochs=3), True),
    "mixed": (dataclasses.replace(stage(epochs=6), start=Start.PREVIOUS, mix_start=True), True),
}


class Kill(BaseException):
    """Stands for whatever ends a training in its midst."""


@dataclasses.dataclass(frozen=True)
class Outcome:
    weights: dict[str, torch.Tensor]
    kept: int
    mixture: Mixture | None
    epochs: tuple[Epoch, ...]
    told: tuple[Epoch, ...]
    """Epochs that ended in this call."""

    @property
    def steps(self) -> int:
        """Of these trainings, which all take two an epoch."""
        return 2 * len(self.epochs)

    @property
    def numbers(self) -> list[Epoch]:
        """All that must be the same, which excepts time."""
        return [dataclasses.replace(epoch, seconds=0.0) for epoch in self.epochs]

    def is_that_of(self, other: "Outcome") -> bool:
        one, two = ((o.kept, o.mixture, o.numbers) for o in (self, other))
        return one == two and same(self.weights, other.weights)


def outcome(name: str, state: TrainingState | None = None, on_epoch=None) -> Outcome:
    """A training from the start, or from its state, to its end."""
    how, with_dev = TRAININGS[name]
    extractor, told = fresh(), []
    torch.rand(3)  # the process that goes on has drawn other numbers than the first one
    scores = mock.patch.object(train, "_dev_candidates", counted)
    with scores if name == "riper" else contextlib.nullcontext():
        history = fit(
            extractor,
            DOCUMENTS,
            how,
            runtime=CPU,
            dev=DOCUMENTS[:3] if with_dev else (),
            on_epoch=on_epoch or told.append,
            state=state,
        )
    return Outcome(weights(extractor), history.kept, history.mixture, history.epochs, tuple(told))


uninterrupted = functools.cache(outcome)

RIPER = [(9, 9, 3), (9, 9, 6), (9, 9, 5)]
"""Gold, predicted and correct triples of one document of dev after each epoch: the third is lower
than the second, but one document does not make it clear."""


def counted(steps: Steps, _: object) -> Candidates:
    """What is found by the epoch that has just ended, whoever trains it."""
    taken = max(int(state["step"]) for state in steps.optimizer.state.values())
    return candidates([RIPER[taken // 2 - 1]])


def every_step(folder: Path, **changes) -> TrainingState:
    return dataclasses.replace(TrainingState(folder, "this", every=0.0), **changes)


@contextlib.contextmanager
def killing(owner, name: str, at: int):
    """The call of that number, from 0, of a function ends the block when it has done its work."""
    calls, original = itertools.count(), getattr(owner, name)

    def called(*arguments, **named):
        result = original(*arguments, **named)
        if next(calls) == at:
            raise Kill
        return result

    with contextlib.suppress(Kill), mock.patch.object(owner, name, called):
        yield


# Interrupted anywhere


def test_trainings_are_of_the_kinds_that_they_are_to_be():
    early = uninterrupted("patience")
    assert early.kept < len(early.epochs) < TRAININGS["patience"][0].training.epochs
    riper = uninterrupted("riper")
    assert [epoch.dev_f1 for epoch in riper.epochs] == [1 / 3, 2 / 3, 5 / 9]
    assert riper.kept == 3
    assert uninterrupted("mixed").mixture.start_share > 0
    assert not same(uninterrupted("plain").weights, uninterrupted("accumulation").weights)


@pytest.mark.parametrize("every", [0.0, 1e9])
@pytest.mark.parametrize("name", TRAININGS)
def test_killed_after_any_step_it_ends_as_if_nothing_had_been(tmp_path, name, every):
    """The step is taken, and its state not yet written."""
    calls = killed_anywhere(tmp_path, name, Steps, "take", every=every)
    assert calls == uninterrupted(name).steps


@pytest.mark.parametrize(
    ("name", "owner", "function"),
    [
        ("patience", train, "_dev_candidates"),
        ("patience", resume, "save_file"),
        ("mixed", train, "_dev_candidates"),
    ],
)
def test_killed_in_between_it_ends_as_if_nothing_had_been(tmp_path, name, owner, function):
    """After scoring on dev, in the midst of writing any state, and while mixing."""
    assert killed_anywhere(tmp_path, name, owner, function) >= 2


def killed_anywhere(folder: Path, name: str, owner, function: str, *, every=0.0) -> int:
    """Kill a training in each of its calls of a function; how many calls there are."""
    at = 0
    while True:
        state, ended = every_step(folder / str(at), every=every), False
        with killing(owner, function, at):
            outcome(name, state)
            ended = True
        if ended:
            return at
        assert outcome(name, state).is_that_of(uninterrupted(name))
        at += 1


@pytest.mark.parametrize("name", TRAININGS)
def test_killed_at_every_step_it_gets_to_its_end(tmp_path, name):
    """Each time it leaves one state, after a step or an epoch; no epoch is told twice."""
    state, told, found = every_step(tmp_path), [], None
    for _ in range(uninterrupted(name).steps + len(uninterrupted(name).epochs) + 1):
        assert found is None
        with killing(TrainingState, "write", 0):
            found = outcome(name, state, told.append)
    assert found.is_that_of(uninterrupted(name))
    assert tuple(told) == found.epochs


@pytest.mark.slow
def test_killed_with_sigkill_it_ends_as_if_nothing_had_been(tmp_path):
    """Another process, at a moment that may be in the midst of anything."""
    draw = random.Random(7)
    state = every_step(tmp_path / "state")
    _train_and_kill(state.folder, draw.randrange(3, 30), pause=draw.random() / 20)
    extractor = fresh()
    history = fit(extractor, DOCUMENTS, LONG, runtime=CPU, dev=DOCUMENTS[:3], state=state)
    other = fresh()
    expected = fit(other, DOCUMENTS, LONG, runtime=CPU, dev=DOCUMENTS[:3])
    assert same(weights(extractor), weights(other))
    assert [e.loss for e in history.epochs] == [e.loss for e in expected.epochs]
    assert len(list(state.folder.iterdir())) == resume.KEPT  # no draft is left of the kill


LONG = stage(epochs=40, patience=0)

CHILD = """
import sys, torch
from pathlib import Path
torch.set_num_threads(1)
from little_training import CPU, DOCUMENTS, fresh
from test_interruption import LONG, every_step
from models.train import fit
fit(fresh(), DOCUMENTS, LONG, runtime=CPU, dev=DOCUMENTS[:3], state=every_step(Path(sys.argv[1])))
"""


def _train_and_kill(folder: Path, step: int, pause: float) -> None:
    """Let a process train, and kill it a moment after it has left a state of a step."""
    command = [sys.executable, "-c", CHILD, str(folder)]
    here = Path(__file__).parent
    path = f"{here}:{here.parent.parent}"
    with subprocess.Popen(command, env={"PYTHONPATH": path, "OMP_NUM_THREADS": "1"}) as child:
        while child.poll() is None and _last_step(folder) < step:
            time.sleep(0.002)
        time.sleep(pause)
        child.kill()
    assert child.returncode == -signal.SIGKILL
    assert _last_step(folder) < 80


def _last_step(folder: Path) -> int:
    return max((int(path.name.split("-")[1]) for path in folder.glob("step-*")), default=0)


# Where there is nothing left to do, or nothing to go on from


def test_a_training_that_has_ended_goes_right_to_its_end(tmp_path, monkeypatch):
    state = every_step(tmp_path)
    outcome("patience", state)
    monkeypatch.setattr(Steps, "take", lambda *_: pytest.fail("a step was taken"))
    again = outcome("patience", state)
    assert again.is_that_of(uninterrupted("patience"))
    assert again.told == ()


def test_a_state_that_is_kept_moves_nothing(tmp_path):
    assert outcome("dev", every_step(tmp_path)).is_that_of(uninterrupted("dev"))


def test_a_state_of_another_training_is_not_taken(tmp_path, caplog):
    """Not even where it would fit, as that of another seed."""
    state = every_step(tmp_path)
    fit(fresh(), DOCUMENTS, stage(seed=5), runtime=CPU, state=state)
    found = outcome("plain", every_step(tmp_path, identity="other"))
    assert found.is_that_of(uninterrupted("plain"))
    [told] = [record.getMessage() for record in caplog.records]
    assert "of identity other, found one of this: inputs, settings, code, device" in told
    identities = [read_json(path / resume.NUMBERS)["identity"] for path in tmp_path.iterdir()]
    assert identities == ["other", "other"]


def test_training_goes_on_from_the_state_before_a_damaged_one(tmp_path):
    state = every_step(tmp_path)
    with killing(Steps, "take", 3):
        outcome("dev", state)
    (max(tmp_path.iterdir()) / resume.TENSORS).write_bytes(b"cut short")
    assert outcome("dev", state).is_that_of(uninterrupted("dev"))


# Time and memory


@pytest.fixture
def clock(monkeypatch) -> SimpleNamespace:
    """A clock that training is timed with, on which a step takes ten seconds."""
    clock = SimpleNamespace(now=1000.0)
    clock.monotonic = lambda: clock.now
    monkeypatch.setattr(train, "time", clock)
    take = Steps.take

    def slow(*arguments):
        clock.now += 10.0
        return take(*arguments)

    monkeypatch.setattr(Steps, "take", slow)
    return clock


def test_states_are_written_when_it_is_time(tmp_path, monkeypatch, clock):
    written = []
    write = TrainingState.write

    def seen(self, snapshot, **place) -> None:
        written.append((place["step"], place["epochs"]))
        write(self, snapshot, **place)

    monkeypatch.setattr(TrainingState, "write", seen)
    how = stage(batch_documents=1)  # four steps an epoch
    fit(fresh(), DOCUMENTS, how, runtime=CPU, state=every_step(tmp_path, every=20.0))
    assert written == [(2, 0), (4, 0), (6, 1), (8, 1)]
    written.clear()
    fit(fresh(), DOCUMENTS, how, runtime=CPU, state=every_step(tmp_path / "b", every=30.0))
    assert written == [(3, 0), (6, 1)]


def test_seconds_add_up(tmp_path, clock):
    """Those of steps whose outcome was lost are left out; so is the time between."""
    state = every_step(tmp_path)
    with killing(Steps, "take", 2):
        outcome("plain", state)
    clock.now += 5000.0
    assert [epoch.seconds for epoch in outcome("plain", state).epochs] == [20.0, 40.0]


def test_what_memory_allows_is_remembered(tmp_path):
    """A training that goes on does not run out of memory again, and ends the same."""
    how = stage(batch_documents=4, epochs=4)

    def hampered(state: TrainingState | None):
        extractor = fresh()
        short = NoMemory(extractor, 2, "backward")
        return trained(extractor, how, state=state), short.failures

    expected, failures = hampered(None)
    assert failures == [4]
    state = every_step(tmp_path)
    with killing(Steps, "take", 2):
        hampered(state)
    found, failures = hampered(state)
    assert failures == []
    assert same(found, expected)


def test_going_on_is_told(tmp_path, caplog):
    state = every_step(tmp_path)
    outcome("plain", state)
    with caplog.at_level(logging.INFO, "models.train"):
        outcome("plain", state)
    [told] = [record.getMessage() for record in caplog.records]
    assert told == "training goes on after step 4; 2 epochs have ended"
