"""How many floating-point operations the network needs, counted from shapes.

Letters are those of `corpus.schema`, with H attention heads, C = E² cells and emb for the width of
the pair table.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from torch import nn

from corpus.encode import EncodedDocument
from models.batch import window_spans
from models.extractor import Extractor
from models.network import DocRENetwork

ENCODER: Final = "encoder"
PAIRS: Final = "pairs"
BILINEAR: Final = "bilinear"
AXIAL: Final = "axial attention"
CLASSIFIER: Final = "classifier"


@dataclass(frozen=True)
class Operations:
    """Floating-point operations of the two passes; a multiplication and an addition are two."""

    forward: int = 0
    backward: int = 0

    def __add__(self, other: Operations) -> Operations:
        return Operations(self.forward + other.forward, self.backward + other.backward)

    @property
    def both(self) -> int:
        """Of training."""
        return self.forward + self.backward


def operations(extractor: Extractor, document: EncodedDocument) -> dict[str, Operations]:
    """What a document needs, by part of the network.

    Matrix products alone, which are all but a hundredth. They are counted for the document as if it
    were computed alone, each once: padding, and products that a backward pass makes again to save
    memory, cost time and count as nothing. Backward, a product needs one more for each of its two
    factors that has a gradient.

    Args:
        extractor: its network's shapes, and its window.
        document: its T, M and E.

    Returns:
        By `ENCODER`, `PAIRS`, `BILINEAR`, `AXIAL` and `CLASSIFIER`, in the network's order.
    """
    network, entities = extractor.network, document.n_entities
    return {
        ENCODER: _encoder(network, document, extractor.window),
        PAIRS: _pairs(network, document),
        BILINEAR: _learnt(entities**2 * network.bilinear.weight.numel()),
        AXIAL: _axial(network, entities),
        CLASSIFIER: _learnt(document.n_pairs * network.classifier.weight.numel()),
    }


def total(counts: Iterable[dict[str, Operations]]) -> dict[str, Operations]:
    """Sums by part."""
    sums: dict[str, Operations] = {}
    for parts in counts:
        for part, count in parts.items():
            sums[part] = sums.get(part, Operations()) + count
    return sums


def _learnt(products: int) -> Operations:
    """Of so many multiplications whose factors both have a gradient."""
    return Operations(2 * products, 4 * products)


def _encoder(network: DocRENetwork, document: EncodedDocument, window: int) -> Operations:
    """Linear maps and attention of every row of tokens, and the last attention at mentions."""
    transformer = network.encoder.transformer
    hidden, layers = transformer.config.hidden_size, transformer.config.num_hidden_layers
    weights = sum(m.weight.numel() for m in transformer.modules() if isinstance(m, nn.Linear))
    starts = [start for entity in document.mention_starts for start in entity.tolist()]
    length, products = len(document.token_ids), 0
    for start, end in window_spans(length, window):
        row = end - start + (start > 0) + (end < length)
        mentions = sum(start <= place < end for place in starts)
        products += row * weights + 2 * row * row * hidden * layers + mentions * row * hidden
    return _learnt(products)


def _pairs(network: DocRENetwork, document: EncodedDocument) -> Operations:
    """Localized context pooling, and the maps of entities and contexts to heads and tails."""
    config = network.encoder.transformer.config
    tokens, entities, cells = len(document.token_ids), document.n_entities, document.n_entities**2
    mentions = sum(map(len, document.mention_starts))
    averaged = 2 * entities * mentions * config.num_attention_heads * tokens
    shared = cells * config.num_attention_heads * tokens
    context = cells * tokens * config.hidden_size
    of_entity = network.head_extractor.weight.numel() // 2  # its other half maps the context
    extracted = 2 * (entities + cells) * of_entity
    # what averages over mentions is no weight, and has no gradient
    return Operations(averaged, averaged) + _learnt(shared + context + extracted)


def _axial(network: DocRENetwork, entities: int) -> Operations:
    """Linear maps of every cell, and attention of E lines of E cells along both axes."""
    width = network.classifier.in_features
    linear = sum(m.weight.numel() for m in network.axial.modules() if isinstance(m, nn.Linear))
    attention = 4 * entities**3 * width * len(network.axial.layers)
    return _learnt(entities**2 * linear + attention)
