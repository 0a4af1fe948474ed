"""The one training loop, for teacher, student and fine-tuning."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from corpus.arrays import Float64Array
from corpus.encode import EncodedDocument
from corpus.encoded_documents import EncodedDocuments
from corpus.schema import Document
from corpus.soft_labels import SoftLabels
from models.choice import clearly_worse, f1_of
from models.config import Objective, Stage
from models.extractor import Extractor
from models.infer import stream_logits
from models.judged import scorable
from models.mixture import Mixture, mix
from models.optimizer import restore_by_name, state_by_name
from models.plan import Plan
from models.random_state import random_state, set_random_state
from models.resume import Snapshot, TrainingState
from models.runtime import Runtime
from models.steps import Steps
from models.thresholds import Candidates
from models.weights import snapshot, trained_on_cpu

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Epoch:
    """What one pass over the documents gave."""

    number: int
    """From 1."""
    loss: float
    """Mean over steps of the sum of the objective's terms."""
    terms: dict[str, float]
    """Mean over steps of each term."""
    dev_f1: float | None
    """F1 on dev, from 0 to 1; None where no dev documents are given."""
    seconds: float
    """Training and evaluation since the start, without what an interruption lost."""


@dataclass(frozen=True)
class History:
    """All epochs, and which of them the weights come from."""

    epochs: tuple[Epoch, ...]
    kept: int
    """Number of the epoch that the weights are of, or that the start's are mixed with."""
    mixture: Mixture | None
    """How much of the weights is the start's; None where nothing was mixed."""


def fit(
    extractor: Extractor,
    documents: Iterable[Document],
    stage: Stage,
    *,
    runtime: Runtime | None = None,
    dev: Sequence[Document] = (),
    soft_labels: SoftLabels | None = None,
    on_epoch: Callable[[Epoch], None] | None = None,
    state: TrainingState | None = None,
    scratch: Path | None = None,
) -> History:
    """Train an extractor in place; dev tells which weights it ends with.

    They are an epoch's (`models.choice`), or where the stage says so a mixture of an epoch's and
    those that it started from (`models.mixture`).

    The result depends on nothing but the arguments, the machine and its number of threads; unless
    memory runs out, in which case a step's batches are cut smaller from there on.

    Args:
        extractor: where training starts.
        documents: labelled, unless the objective's ``hard_weight`` is 0.
        stage: loop and objective.
        runtime: device and precision.
        dev: labelled documents that choose the epoch and the mixture; the last epoch is kept as it
            is if there are none.
        soft_labels: the teacher's logits; needed where the objective distils.
        on_epoch: called after every epoch that ends in this call.
        state: where training leaves its state as it goes. If it was interrupted, it goes on from
            there and ends as if it had not been. The caller clears it when the extractor is saved.
        scratch: folder on a disk, where the encoded documents are while this call lasts, unnamed;
            the system's for temporary files if not given.

    Raises:
        ValueError: if there are no documents, soft labels are missing or of other documents, or
            dev cannot be scored.
        FloatingPointError: if a loss, a gradient or a logit of dev is not finite; names the
            documents, and the step of the first two.
        MemoryError: if a document does not fit into memory even by itself.
    """
    _require_taught(stage.objective, soft_labels)
    scorable(dev)
    runtime = runtime or Runtime()
    runtime.prepare()
    extractor.version = None  # it is about to be another model than the one that was saved
    stream = _encode(extractor, documents, stage.objective, soft_labels)
    encoded = EncodedDocuments(stream, scratch)
    if not encoded:
        raise ValueError("no document with two entities or more to train on; check the corpus")
    plan = Plan(encoded.sizes, stage.training, extractor.window)
    devices = [runtime.torch_device] if runtime.torch_device.type == "cuda" else []
    with torch.random.fork_rng(devices):
        torch.manual_seed(stage.training.seed)
        steps = Steps(
            extractor, encoded, stage, runtime, soft_labels=soft_labels, total=plan.n_steps
        )
        start = trained_on_cpu(steps.network) if stage.mix_start and dev else None
        judge, run = partial(_dev_candidates, steps, dev), _Run(steps, plan, state)
        _train(run, judge if dev else None, on_epoch)
        mixture = None if start is None else mix(steps.network, start, judge)
    return History(tuple(run.progress.epochs), run.progress.kept, mixture)


def _require_taught(objective: Objective, soft_labels: SoftLabels | None) -> None:
    if objective.distils and soft_labels is None:
        raise ValueError(
            f"the objective distils (soft_weight {objective.soft_weight}), but no soft labels are "
            "given, and without them this would silently be naive adaptation; materialize "
            "soft_labels, or set soft_weight to 0"
        )


def _encode(
    extractor: Extractor,
    documents: Iterable[Document],
    objective: Objective,
    soft_labels: SoftLabels | None,
) -> Iterator[EncodedDocument]:
    """Documents that have pairs, each seen to have what the objective needs."""
    for document in documents:
        if objective.distils and soft_labels is not None:
            soft_labels.require(document)
        if document.n_pairs:
            yield extractor.encode(document)


def _train(
    run: _Run,
    judge: Callable[[], Candidates] | None,
    on_epoch: Callable[[Epoch], None] | None,
) -> None:
    """Take a run to its end, and the network to the weights that are kept."""
    run.resume()
    while not run.ended:
        run.train_epoch()
        epoch = run.end_epoch(judge().counts if judge else None)
        if on_epoch:
            on_epoch(epoch)
        run.save_if_due()
    run.take_kept()


def _dev_candidates(steps: Steps, dev: Sequence[Document]) -> Candidates:
    """What the network as it is could predict on dev."""
    extractor = steps.extractor
    return Candidates.of(stream_logits(extractor, dev, steps.runtime), extractor.vocabulary)


@dataclass
class _Progress:
    """How far a training has come."""

    step: int = 0
    """Steps taken in all epochs."""
    group: int = 0
    """Steps taken in the running epoch."""
    sums: dict[str, float] = field(default_factory=dict)
    """Sums of the running epoch's loss terms."""
    epochs: list[Epoch] = field(default_factory=list)
    """Those that have ended."""
    best: int = 0
    """Number of the epoch with the highest dev F1 so far; 0 before the first has ended."""
    best_counts: list[list[float]] = field(default_factory=list)
    """Its gold, predicted and correct triples of each document of dev; empty without dev."""
    kept: int = 0
    """Number of the epoch whose weights are kept."""

    @classmethod
    def read(cls, numbers: Mapping[str, Any]) -> _Progress:
        """What `dataclasses.asdict` has made of a progress."""
        epochs = [Epoch(**epoch) for epoch in numbers["epochs"]]
        return cls(**{**numbers, "epochs": epochs})


class _Run:
    """A training under way: all that changes from step to step, in memory and on disk."""

    def __init__(self, steps: Steps, plan: Plan, state: TrainingState | None) -> None:
        self.steps, self.plan, self.state = steps, plan, state
        self.progress = _Progress()
        self.kept_weights: Mapping[str, Tensor] = {}
        self.started = self.saved = time.monotonic()

    @property
    def ended(self) -> bool:
        """Whether no epoch is to follow."""
        ended, config = len(self.progress.epochs), self.steps.config
        return ended == config.epochs or 0 < config.patience <= ended - self.progress.best

    def train_epoch(self) -> None:
        """Take the steps that are left of the running epoch."""
        progress, number = self.progress, len(self.progress.epochs) + 1
        groups, title = self.plan.epoch(number), f"epoch {number}/{self.steps.config.epochs}"
        left = groups.from_step(progress.group)
        self.steps.network.train()
        for group in tqdm(
            left, title, len(groups), initial=progress.group, disable=None, leave=False
        ):
            self._count(self.steps.take(progress.step + 1, group))
            self.save_if_due()

    def _count(self, batches: list[dict[str, float]]) -> None:
        progress = self.progress
        progress.step, progress.group = progress.step + 1, progress.group + 1
        for terms in batches:
            for name, value in terms.items():
                progress.sums[name] = progress.sums.get(name, 0.0) + value

    def end_epoch(self, dev: Float64Array | None) -> Epoch:
        """Draw up the epoch whose steps are all taken, and keep its weights if they are to be.

        Args:
            dev: [B, 3] gold, predicted and correct triples of each document of dev.
        """
        progress = self.progress
        terms = {name: value / progress.group for name, value in progress.sums.items()}
        seconds, dev_f1 = time.monotonic() - self.started, None if dev is None else f1_of(dev)
        number = len(progress.epochs) + 1
        progress.epochs.append(Epoch(number, sum(terms.values()), terms, dev_f1, seconds))
        progress.group, progress.sums = 0, {}
        if dev is None:
            progress.best = progress.kept = number
        else:
            self._judge(number, dev)
        return progress.epochs[-1]

    def _judge(self, number: int, dev: Float64Array) -> None:
        """See whether an epoch is the best so far, and whether its weights are to be kept."""
        progress, best = self.progress, np.array(self.progress.best_counts)
        if progress.best == 0 or f1_of(dev) > f1_of(best):
            progress.best, progress.best_counts, best = number, dev.tolist(), dev
        if not clearly_worse(dev, best):
            progress.kept, self.kept_weights = number, snapshot(self.steps.network)

    def take_kept(self) -> None:
        """Give the network the weights of the epoch that is kept; without dev it has them."""
        if self.kept_weights:
            self.steps.network.load_state_dict(self.kept_weights)
            self.kept_weights = {}

    def save_if_due(self) -> None:
        """Write the training's state if the last one is old enough."""
        if self.state is None or time.monotonic() - self.saved < self.state.every:
            return
        progress = self.progress
        self.state.write(self._snapshot(), step=progress.step, epochs=len(progress.epochs))
        self.saved = time.monotonic()

    def _snapshot(self) -> Snapshot:
        steps = self.steps
        tensors = {
            "weights": steps.network.state_dict(),
            "optimizer": state_by_name(steps.network, steps.optimizer),
            "kept": self.kept_weights,
            "random": random_state(steps.device),
        }
        numbers = {
            "progress": asdict(self.progress),
            "seconds": time.monotonic() - self.started,
            "documents_at_once": steps.limit.documents,
        }
        return Snapshot(tensors, numbers)

    def resume(self) -> None:
        """Go on from the newest state on disk, if there is one of this training."""
        snapshot = self.state.latest() if self.state else None
        if snapshot is None:
            return
        steps, tensors, numbers = self.steps, snapshot.tensors, snapshot.numbers
        steps.network.load_state_dict(tensors["weights"])
        restore_by_name(steps.network, steps.optimizer, tensors["optimizer"])
        set_random_state(tensors["random"], steps.device)
        steps.limit.documents = numbers["documents_at_once"]
        self.kept_weights = tensors.get("kept", {})
        self.progress = _Progress.read(numbers["progress"])
        self.started = time.monotonic() - numbers["seconds"]
        done = len(self.progress.epochs)
        _log.info("training goes on after step %d; %d epochs have ended", self.progress.step, done)
