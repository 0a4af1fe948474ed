"""The one training loop, for teacher, student and fine-tuning."""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor, nn
from tqdm import tqdm

from corpus.encode import EncodedDocument
from corpus.schema import Document
from corpus.soft_labels import SoftLabels
from models.batch import pack
from models.config import Objective, Stage, TrainConfig
from models.extractor import Extractor
from models.infer import triples
from models.losses import total_loss
from models.metrics import score
from models.network import DocRENetwork
from models.runtime import Runtime

BUCKET: Final = 16
"""Batches' worth of documents that are sorted by length together, out of a random order."""


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
    """Training and evaluation since the start of `fit`."""


@dataclass(frozen=True)
class History:
    """All epochs, and which of them the weights are of."""

    epochs: tuple[Epoch, ...]
    best: int


def fit(
    extractor: Extractor,
    documents: Iterable[Document],
    stage: Stage,
    *,
    runtime: Runtime | None = None,
    dev: Sequence[Document] = (),
    soft_labels: SoftLabels | None = None,
    on_epoch: Callable[[Epoch], None] | None = None,
) -> History:
    """Train an extractor in place; it ends with the weights of the epoch that was best on dev.

    The result depends on nothing but the arguments, the machine and its number of threads.

    Args:
        extractor: where training starts.
        documents: labelled, unless the objective's ``hard_weight`` is 0.
        stage: loop and objective.
        runtime: device and precision.
        dev: labelled documents that choose the epoch; the last one is taken if there are none.
        soft_labels: the teacher's logits; needed where the objective distils.
        on_epoch: called after every epoch.

    Raises:
        ValueError: if there are no documents, or soft labels are missing or of other documents.
        FloatingPointError: if a loss or a gradient is not finite; names step and documents.
    """
    runtime = runtime or Runtime()
    runtime.use_threads()
    encoded = _encode(extractor, documents, stage.objective, soft_labels)
    devices = [runtime.torch_device] if runtime.torch_device.type == "cuda" else []
    with torch.random.fork_rng(devices):
        torch.manual_seed(stage.training.seed)
        loop = _Loop(extractor, encoded, stage, runtime, soft_labels)
        return _run(loop, dev, on_epoch)


def _encode(
    extractor: Extractor,
    documents: Iterable[Document],
    objective: Objective,
    soft_labels: SoftLabels | None,
) -> list[EncodedDocument]:
    """Documents that have pairs, each seen to have what the objective needs."""
    if objective.distils and soft_labels is None:
        raise ValueError(
            f"the objective distils (soft_weight {objective.soft_weight}), but no soft labels are "
            "given, and without them this would silently be naive adaptation; materialize "
            "soft_labels, or set soft_weight to 0"
        )
    encoded = []
    for document in documents:
        if objective.distils and soft_labels is not None:
            soft_labels.require(document)
        if document.n_pairs:
            encoded.append(extractor.encode(document))
    if not encoded:
        raise ValueError("no document with two entities or more to train on; check the corpus")
    return encoded


def _run(loop: _Loop, dev: Sequence[Document], on_epoch: Callable[[Epoch], None] | None) -> History:
    started, epochs, best = time.monotonic(), list[Epoch](), 0
    best_weights: dict[str, Tensor] = {}
    for number, batches in enumerate(loop.plan, 1):
        terms = loop.epoch(number, batches)
        dev_f1 = _dev_f1(loop, dev) if dev else None
        seconds = time.monotonic() - started
        epochs.append(Epoch(number, sum(terms.values()), terms, dev_f1, seconds))
        if on_epoch:
            on_epoch(epochs[-1])
        if dev_f1 is None or best == 0 or dev_f1 > (epochs[best - 1].dev_f1 or 0.0):
            best, best_weights = number, _copied(loop.network) if dev else {}
        elif 0 < loop.config.patience <= number - best:
            break
    if best_weights:
        loop.network.load_state_dict(best_weights)
    return History(tuple(epochs), best)


def _dev_f1(loop: _Loop, dev: Sequence[Document]) -> float:
    return score(dev, triples(loop.extractor, dev, loop.runtime)).f1


def _copied(network: nn.Module) -> dict[str, Tensor]:
    return {name: weight.detach().clone() for name, weight in network.state_dict().items()}


class _Loop:
    """Everything that stays the same from step to step."""

    def __init__(
        self,
        extractor: Extractor,
        documents: list[EncodedDocument],
        stage: Stage,
        runtime: Runtime,
        soft_labels: SoftLabels | None,
    ) -> None:
        self.extractor, self.documents, self.runtime = extractor, documents, runtime
        self.config, self.objective = stage.training, stage.objective
        self.soft_labels = soft_labels if stage.objective.distils else None
        self.network = extractor.network.to(runtime.torch_device)
        self.plan = plan_epochs(documents, self.config, extractor.window)
        self.optimizer = optimizer_of(self.network, self.config)
        steps = sum(math.ceil(len(epoch) / self.config.accumulation) for epoch in self.plan)
        self.schedule = torch.optim.lr_scheduler.LambdaLR(
            self.optimizer, linear_schedule(steps, self.config.warmup)
        )

    def epoch(self, number: int, batches: list[list[int]]) -> dict[str, float]:
        """Train on all batches; means of the objective's terms over them."""
        self.network.train()
        sums: dict[str, float] = {}
        title = f"epoch {number}/{len(self.plan)}"
        groups = list(_groups(batches, self.config))
        for group in tqdm(groups, title, disable=None, leave=False):
            pairs = [sum(self.documents[i].n_pairs for i in indices) for indices in group]
            for indices, n_pairs in zip(group, pairs, strict=True):
                for name, value in self._backward(indices, n_pairs / sum(pairs)).items():
                    sums[name] = sums.get(name, 0.0) + value
            self._step([self.documents[i] for indices in group for i in indices])
        return {name: value / len(groups) for name, value in sums.items()}

    def _backward(self, indices: list[int], share: float) -> dict[str, float]:
        """Add one batch's gradient; its loss terms.

        Both are weighed by the batch's share of its step's pairs: the terms are means over pairs,
        so that a step has the same gradient however its documents are cut into batches.
        """
        chosen = [self.documents[i] for i in indices]
        soft = self.soft_labels
        batch = self.extractor.collate(
            chosen,
            n_classes=len(self.extractor.vocabulary) if self.objective.hard_weight else None,
            teacher_logits=None if soft is None else [soft.logits(d.doc_id) for d in chosen],
        ).to(self.runtime.torch_device)
        with self.runtime.autocast():
            logits = self.network(batch)
        terms = total_loss(logits, batch.labels, batch.teacher_logits, self.objective)
        values = {name: term.item() for name, term in terms.items()}
        self._require_finite(values, chosen)
        torch.stack(list(terms.values())).sum().mul(share).backward()
        return {name: value * share for name, value in values.items()}

    def _step(self, documents: list[EncodedDocument]) -> None:
        norm = nn.utils.clip_grad_norm_(self.network.parameters(), self.config.clip)
        self._require_finite({"norm of the gradient": norm.item()}, documents)
        self.optimizer.step()
        self.schedule.step()
        self.optimizer.zero_grad(set_to_none=True)

    def _require_finite(self, found: dict[str, float], documents: list[EncodedDocument]) -> None:
        """Stop before a weight is moved by what is not finite."""
        if all(map(math.isfinite, found.values())):
            return
        raise FloatingPointError(
            f"step {self.schedule.last_epoch + 1}: expected finite numbers, found {found} on "
            f"documents {[document.doc_id for document in documents]}; weights trained further "
            "would be worthless. Lower the learning rates, or train with precision float32; if "
            "'soft' is the term, check the teacher's logits of these documents"
        )


def _groups(batches: Iterable[list[int]], config: TrainConfig) -> Iterator[list[list[int]]]:
    """Batches whose gradients make one step; the last group may be smaller."""
    group: list[list[int]] = []
    for batch in batches:
        group.append(batch)
        if len(group) == config.accumulation:
            yield group
            group = []
    if group:
        yield group


def plan_epochs(
    documents: Sequence[EncodedDocument], config: TrainConfig, window: int | None = None
) -> list[list[list[int]]]:
    """Batches of document indices for every epoch, fixed by the seed.

    Each epoch draws a random order, sorts stretches of it by length, cuts them into batches and
    shuffles those, so that batches hold little padding and yet differ from epoch to epoch.
    ``window`` is the longest row of tokens, as `models.batch.pack` takes it.
    """
    draw = random.Random(config.seed)
    return [_plan_epoch(documents, config, window, draw) for _ in range(config.epochs)]


def _plan_epoch(
    documents: Sequence[EncodedDocument],
    config: TrainConfig,
    window: int | None,
    draw: random.Random,
) -> list[list[int]]:
    order = list(range(len(documents)))
    draw.shuffle(order)
    stretch = BUCKET * config.batch_documents
    bucketed = [
        index
        for start in range(0, len(order), stretch)
        for index in sorted(
            order[start : start + stretch], key=lambda i: len(documents[i].token_ids)
        )
    ]
    batches = list(
        pack(
            documents,
            bucketed,
            batch_documents=config.batch_documents,
            token_budget=config.token_budget,
            cell_budget=config.cell_budget,
            window=window,
        )
    )
    draw.shuffle(batches)
    return batches


def optimizer_of(network: DocRENetwork, config: TrainConfig) -> torch.optim.AdamW:
    """AdamW with one learning rate for the encoder and one for all that is above it."""
    encoder = [w for w in network.encoder.parameters() if w.requires_grad]
    within = {id(w) for w in network.encoder.parameters()}
    head = [w for w in network.parameters() if id(w) not in within]
    groups = [
        {"params": encoder, "lr": config.encoder_lr},
        {"params": head, "lr": config.head_lr},
    ]
    return torch.optim.AdamW(groups, weight_decay=config.weight_decay, fused=True)


def linear_schedule(steps: int, warmup: float) -> Callable[[int], float]:
    """Factor of the learning rate at a step: up from 0 over the warm-up, then down to 0."""
    rising = int(steps * warmup)

    def factor(step: int) -> float:
        if step < rising:
            return (step + 1) / (rising + 1)
        return max(0.0, (steps - step) / max(1, steps - rising))

    return factor
