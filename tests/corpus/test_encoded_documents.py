"""Encoded documents are read from the disk as they were written, one by one, in any order."""

import tempfile
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.artefacts import UnwritableError
from corpus.encode import EncodedDocument
from corpus.encoded_documents import EncodedDocuments
from corpus.evidence import PairEvidence

numbers = st.integers(0, 2**31 - 1)


def of_numbers(**size: int) -> st.SearchStrategy:
    return st.lists(numbers, **size).map(lambda found: np.array(found, np.int32))


@st.composite
def evidence(draw, sentences: int) -> PairEvidence:
    pairs = draw(of_numbers(max_size=4))
    share = st.floats(0, 1, width=32)
    size = len(pairs) * sentences
    shares = draw(st.lists(share, min_size=size, max_size=size))
    return PairEvidence(pairs, np.array(shares, np.float32).reshape(len(pairs), sentences))


@st.composite
def encoded(draw) -> EncodedDocument:
    starts = draw(of_numbers(max_size=5))
    labels = st.lists(st.tuples(numbers, numbers, numbers), max_size=4).map(
        lambda rows: np.array(rows, np.int32).reshape(-1, 3)
    )
    return EncodedDocument(
        doc_id=draw(st.text()),
        token_ids=draw(of_numbers(max_size=8)),
        mention_starts=tuple(draw(st.lists(of_numbers(max_size=3), max_size=4))),
        labels=draw(st.none() | labels),
        sentence_starts=starts,
        evidence=draw(st.none() | evidence(len(starts))),
    )


def told(document: EncodedDocument) -> tuple:
    """Everything of a document in a form that can be compared."""

    def of(array):
        return None if array is None else (array.dtype, array.shape, array.tobytes())

    evidence = document.evidence
    return (
        document.doc_id,
        *map(of, (document.token_ids, document.labels, document.sentence_starts)),
        tuple(map(of, document.mention_starts)),
        None if evidence is None else (of(evidence.pairs), of(evidence.shares)),
    )


@given(st.lists(encoded(), max_size=6))
def test_what_is_read_is_what_was_written(documents):
    stored = EncodedDocuments(iter(documents))
    assert len(stored) == len(documents)
    assert [told(stored[i]) for i in reversed(range(len(stored)))] == [
        told(document) for document in reversed(documents)
    ]
    assert [told(document) for document in stored[:2]] == [told(d) for d in documents[:2]]
    assert stored.sizes.tokens.tolist() == [len(document.token_ids) for document in documents]
    assert stored.sizes.entities.tolist() == [document.n_entities for document in documents]


def test_there_is_nothing_beyond_the_last_document():
    empty = np.empty(0, np.int32)
    stored = EncodedDocuments([EncodedDocument("a", empty, (), None, empty)])
    assert stored[-1].doc_id == "a"
    for index in (1, -2):
        with pytest.raises(IndexError):
            stored[index]


def test_nothing_is_left_in_the_folder_even_while_it_is_used(tmp_path):
    empty = np.empty(0, np.int32)
    folder = tmp_path / "not" / "there"
    stored = EncodedDocuments([EncodedDocument("a", empty, (), None, empty)], folder)
    assert list(folder.iterdir()) == []
    assert stored[0].doc_id == "a"


def test_changing_what_was_read_changes_nothing_that_is_read_later():
    """Arrays may be written to, as torch demands of those that it shares."""
    three = np.arange(3, dtype=np.int32)
    stored = EncodedDocuments([EncodedDocument("a", three, (), None, three)])
    stored[0].token_ids[0] = 99
    assert stored[0].token_ids.tolist() == [0, 1, 2]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a full disk is Linux' /dev/full")
def test_a_full_disk_is_told_with_what_was_to_be_written(tmp_path, monkeypatch):
    full = partial(Path("/dev/full").open, "r+b")
    monkeypatch.setattr(tempfile, "TemporaryFile", lambda **_: full())
    one = EncodedDocument("d", np.arange(9, dtype=np.int32), (), None, np.zeros(1, np.int32), None)
    with pytest.raises(UnwritableError, match=f"{tmp_path}: expected room for .* No space left"):
        EncodedDocuments([one], tmp_path)


def test_an_error_of_the_documents_is_not_the_folders(tmp_path):
    def broken():
        yield from ()
        raise OSError(28, "No space left on device", "elsewhere")

    with pytest.raises(OSError, match="elsewhere") as raised:
        EncodedDocuments(broken(), tmp_path)
    assert not isinstance(raised.value, UnwritableError)
