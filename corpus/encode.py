"""Documents as token ids: every mention is set between ``*`` markers, as in ATLOP and KD-DocRE."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from corpus.arrays import Int32Array
from corpus.evidence import PairEvidence
from corpus.logits import places_of_pairs
from corpus.relations import RelationVocabulary
from corpus.schema import Document, Label

MARKER: Final = "*"
"""The word put before and after every mention."""

REMEMBERED: Final = 100_000
"""Words whose pieces are kept, at 250 bytes each; all are forgotten when there are more."""

Split = Callable[[list[str]], Sequence[Sequence[int]]]


@dataclass(frozen=True, eq=False)
class EncodedDocument:
    """A document as the network reads it."""

    doc_id: str
    token_ids: Int32Array
    """[T] int32: the class token, all words with markers, the separator."""
    mention_starts: tuple[Int32Array, ...]
    """Per entity [M] int32: positions of its mentions' start markers in ``token_ids``."""
    labels: Int32Array | None
    """[L, 3] int32: head, tail, column; None where the document is not labelled."""
    sentence_starts: Int32Array
    """[S] int32: position of each sentence's first token in ``token_ids``."""
    evidence: PairEvidence | None = None
    """Of the labels that tell their evidence, taken together by pair; None if none does."""

    @property
    def n_entities(self) -> int:
        """E."""
        return len(self.mention_starts)

    @property
    def n_pairs(self) -> int:
        """E · (E - 1)."""
        return self.n_entities * (self.n_entities - 1)


@dataclass(frozen=True, eq=False)
class Sizes:
    """What decides which documents fit together."""

    tokens: Int32Array
    """T of each document, int32."""
    entities: Int32Array
    """E of each document, int32."""

    @classmethod
    def of(cls, documents: Sequence[EncodedDocument]) -> Sizes:
        """Of documents in memory."""
        tokens = [len(document.token_ids) for document in documents]
        entities = [document.n_entities for document in documents]
        return cls(np.array(tokens, np.int32), np.array(entities, np.int32))


class DocumentEncoder:
    """Turns documents into token ids, remembering the pieces of words it has seen.

    Args:
        split: gives the token ids of each word of a list, without special tokens.
        class_id: id of the token that opens a sequence ([CLS] or its like).
        separator_id: id of the token that closes it.
    """

    def __init__(self, split: Split, *, class_id: int, separator_id: int) -> None:
        self._split = split
        self._pieces: dict[str, Sequence[int]] = {}
        self.class_id = class_id
        self.separator_id = separator_id

    def encode(self, document: Document, vocabulary: RelationVocabulary) -> EncodedDocument:
        """Token ids, marker positions and label columns of one document.

        Raises:
            ValueError: if a label's relation is not in the vocabulary.
        """
        self._learn(word for sentence in document.sentences for word in sentence)
        token_ids, starts, sentence_starts = self._tokens(document)
        return EncodedDocument(
            doc_id=document.doc_id,
            token_ids=np.asarray(token_ids, np.int32),
            mention_starts=tuple(
                np.asarray([starts[m.sentence, m.start] for m in e.mentions], np.int32)
                for e in document.entities
            ),
            labels=_label_columns(document, vocabulary),
            sentence_starts=np.asarray(sentence_starts, np.int32),
            evidence=_evidence(document),
        )

    def _learn(self, words: Iterable[str]) -> None:
        if len(self._pieces) > REMEMBERED:
            self._pieces.clear()
        unseen = sorted({*words, MARKER} - self._pieces.keys())
        if unseen:
            self._pieces.update(zip(unseen, self._split(unseen), strict=True))

    def _tokens(
        self, document: Document
    ) -> tuple[list[int], dict[tuple[int, int], int], list[int]]:
        """Token ids, positions of the marker before each mention's first word, of sentences."""
        mentions = [m for entity in document.entities for m in entity.mentions]
        opening = {(m.sentence, m.start) for m in mentions}
        closing = {(m.sentence, m.end - 1) for m in mentions}
        marker = self._pieces[MARKER]
        ids, starts, sentence_starts = [self.class_id], {}, []
        for s, sentence in enumerate(document.sentences):
            sentence_starts.append(len(ids))
            for w, word in enumerate(sentence):
                if (s, w) in opening:
                    starts[s, w] = len(ids)
                    ids.extend(marker)
                ids.extend(self._pieces[word])
                if (s, w) in closing:
                    ids.extend(marker)
        return [*ids, self.separator_id], starts, sentence_starts


def _label_columns(document: Document, vocabulary: RelationVocabulary) -> Int32Array | None:
    if document.labels is None:
        return None
    rows = [_label_row(document, label, vocabulary) for label in document.labels]
    return np.asarray(rows, np.int32).reshape(-1, 3)


def _evidence(document: Document) -> PairEvidence | None:
    """The evidence of a pair's labels: how often each sentence is named, as shares.

    Labels of a pair are taken together, as in Ma et al. 2023 (DREEAM), section 3.2.
    """
    named = [
        (label.head, label.tail, sentence)
        for label in document.labels or ()
        for sentence in label.evidence
    ]
    if not named:
        return None
    heads, tails, sentences = np.array(named, np.int64).T
    rows = places_of_pairs(heads, tails, len(document.entities))
    pairs, places = np.unique(rows, return_inverse=True)
    counts = np.zeros((len(pairs), len(document.sentences)), np.float32)
    np.add.at(counts, (places, sentences), 1)
    return PairEvidence(pairs.astype(np.int32), counts / counts.sum(1, keepdims=True))


def _label_row(
    document: Document, label: Label, vocabulary: RelationVocabulary
) -> tuple[int, int, int]:
    if label.relation not in vocabulary:
        raise ValueError(
            f"document {document.doc_id!r}: label ({label.head}, {label.tail}) has relation "
            f"{label.relation!r}, which is not among the {len(vocabulary) - 1} relations of the "
            "vocabulary, so there is no column to train; add it to rel2id.json and train again"
        )
    return label.head, label.tail, vocabulary.column(label.relation)
