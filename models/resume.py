"""Training states on disk: what a training that was interrupted goes on from."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from corpus.artefacts import digest, digest_of, read_json, whole, write_json

_log = logging.getLogger(__name__)

FORMAT: Final = 2
"""Of what is below; a state of another format is not gone on from."""
KEPT: Final = 2
"""States that are kept: if the newest is damaged, there is the one before it."""
TENSORS: Final = "tensors.safetensors"
NUMBERS: Final = "numbers.json"


@dataclass(frozen=True)
class Snapshot:
    """A whole training state."""

    tensors: Mapping[str, Mapping[str, Tensor]]
    """By kind, then by name. A kind without tensors is not there when it is read again."""
    numbers: Mapping[str, Any]
    """What JSON can hold."""


@dataclass(frozen=True)
class TrainingState:
    """Where a training's states are kept, and of which training they are.

    The folder has room for three states while one is written, each about four times as large as
    the model's weights (weights, the optimizer's two means of them, those of the epoch to keep).
    """

    folder: Path
    """For this training alone; made when the first state is written."""
    identity: str
    """Digest of all that the training's result depends on; another one's state is not taken."""
    every: float = 60.0
    """Seconds from one state to the next, at most, but for the step under way."""

    def write(self, snapshot: Snapshot, *, step: int, epochs: int) -> None:
        """Write a state whole, then remove all but the last two.

        Args:
            snapshot: the state.
            step: optimizer steps taken.
            epochs: epochs that have ended.
        """
        flat = {
            f"{kind}/{name}": tensor.detach().contiguous().cpu()
            for kind, tensors in snapshot.tensors.items()
            for name, tensor in tensors.items()
        }
        text = {"format": FORMAT, "identity": self.identity, "numbers": dict(snapshot.numbers)}
        with whole(self.folder / f"step-{step:08d}-epoch-{epochs:04d}") as draft:
            draft.mkdir()
            save_file(flat, draft / TENSORS)
            seal = digest_of(text, digest(draft / TENSORS))
            write_json({**text, "digest": seal}, draft / NUMBERS)
        self._remove_all_but(self._states()[-KEPT:])

    def latest(self) -> Snapshot | None:
        """The newest state that is undamaged and of this training.

        A damaged one is removed and the one before it taken; states of another training are all
        removed. Both are told by a warning.
        """
        for path in reversed(self._states()):
            try:
                identity, snapshot = _read(path)
            except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
                _log.warning(_DAMAGED, path, error)
                shutil.rmtree(path)
                continue
            if identity == self.identity:
                return snapshot
            _log.warning(_OF_ANOTHER, path, self.identity, identity)
            self.clear()
            break
        return None

    def clear(self) -> None:
        """Remove all states; to be called when what was trained has been saved."""
        self._remove_all_but([])
        if self.folder.is_dir() and not any(self.folder.iterdir()):
            self.folder.rmdir()

    def _states(self) -> list[Path]:
        """Oldest first."""
        return sorted(self.folder.glob("step-*"))

    def _remove_all_but(self, kept: list[Path]) -> None:
        """Remove states, and drafts of states that a kill has left behind."""
        for path in (*self._states(), *self.folder.glob(".step-*")):
            if path not in kept:
                shutil.rmtree(path)


_DAMAGED: Final = (
    "%s: expected a whole training state, found %s; it was damaged after it was written, or is of "
    "another version of this code. It is removed, and training goes on from the state before it, "
    "or starts anew if there is none"
)
_OF_ANOTHER: Final = (
    "%s: expected a training state of identity %s, found one of %s: inputs, settings, code, "
    "device, precision or the number of threads have changed, and a training that went on from it "
    "would be neither the old one nor the new. It is removed, and training starts anew"
)


def _read(path: Path) -> tuple[str, Snapshot]:
    """A state and the identity of its training."""
    text = read_json(path / NUMBERS)
    expected, found = text.pop("digest"), digest_of(text, digest(path / TENSORS))
    if found != expected:
        raise ValueError(f"content of digest {found} instead of {expected}")
    if text["format"] != FORMAT:
        raise ValueError(f"one of format {text['format']} instead of {FORMAT}")
    tensors: dict[str, dict[str, Tensor]] = {}
    for place, tensor in load_file(path / TENSORS).items():
        kind, _, name = place.partition("/")
        tensors.setdefault(kind, {})[name] = tensor
    return text["identity"], Snapshot(tensors, text["numbers"])
