"""Documents to token ids: where the markers stand, and what is remembered between words."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import corpus.encode
from corpus.encode import MARKER, DocumentEncoder
from corpus.relations import RelationVocabulary
from corpus.schema import Document, Entity, Label, Mention

CLASS, SEPARATOR = 1, 2
VOCABULARY = RelationVocabulary(("Na", "P17", "P19"))
SILENT = "\u200b"
"""A word that the stub has no pieces for."""


def split(words: list[str]) -> list[list[int]]:
    """A piece a letter: code points, which never are 1 or 2; a silent word has none."""
    return [[] if word == SILENT else list(map(ord, word)) for word in words]


def encoder(split=split) -> DocumentEncoder:
    return DocumentEncoder(split, class_id=CLASS, separator_id=SEPARATOR)


def document(*sentences: str, mentions=(), labels=None) -> Document:
    """A document of sentences of one-letter words; each entity is a list of (s, start, end)."""
    entities = tuple(
        Entity("X", tuple(Mention("m", *place) for place in places)) for places in mentions
    )
    return Document("d", "d", tuple(tuple(text) for text in sentences), entities, labels)


def spelled(encoded) -> str:
    """The tokens as text, [ and ] for the class token and the separator."""
    texts = {CLASS: "[", SEPARATOR: "]"}
    return "".join(texts.get(i, chr(i)) for i in encoded.token_ids.tolist())


@pytest.mark.parametrize(
    ("mentions", "text", "starts"),
    [
        pytest.param([], "[abcd]", [], id="no entity"),
        pytest.param([[(0, 1, 2)]], "[a*b*cd]", [[2]], id="one word"),
        pytest.param([[(0, 0, 3)]], "[*abc*d]", [[1]], id="first words"),
        pytest.param([[(1, 1, 2)]], "[abc*d*]", [[4]], id="last word"),
        pytest.param([[(0, 0, 1)], [(0, 1, 2)]], "[*a**b*cd]", [[1], [4]], id="adjacent"),
        pytest.param([[(0, 0, 1)], [(0, 0, 3)]], "[*a*bc*d]", [[1], [1]], id="same first word"),
        pytest.param([[(0, 0, 3)], [(0, 1, 2)]], "[*a*b*c*d]", [[1], [3]], id="nested"),
        pytest.param([[(0, 0, 3)], [(0, 1, 3)]], "[*a*bc*d]", [[1], [3]], id="same last word"),
        pytest.param([[(0, 0, 2)], [(0, 0, 2)]], "[*ab*cd]", [[1], [1]], id="same words"),
        pytest.param([[(1, 0, 1), (0, 2, 3)]], "[ab*c**d*]", [[6, 3]], id="two mentions"),
    ],
)
def test_markers(mentions, text, starts):
    sentences = ("abc", "d") if text != "[abc*d*]" else ("ab", "cd")
    encoded = encoder().encode(document(*sentences, mentions=mentions), VOCABULARY)
    assert spelled(encoded) == text
    assert [places.tolist() for places in encoded.mention_starts] == starts


def test_words_without_pieces_keep_their_markers():
    lines = document(f"a{SILENT}b", SILENT, mentions=[[(0, 1, 2)], [(1, 0, 1)], [(0, 1, 3)]])
    encoded = encoder().encode(lines, VOCABULARY)
    assert spelled(encoded) == "[a**b***]"
    assert [places.tolist() for places in encoded.mention_starts] == [[2], [6], [2]]


def test_a_marker_of_several_pieces_is_pointed_at_by_its_first():
    doubled = encoder(lambda words: [[i] * (1 + (w == MARKER)) for w in words for i in map(ord, w)])
    encoded = doubled.encode(document("ab", mentions=[[(0, 1, 2)]]), VOCABULARY)
    assert spelled(encoded) == "[a**b**]"
    assert encoded.mention_starts[0].tolist() == [2]


@pytest.mark.parametrize(("n_entities", "n_pairs"), [(0, 0), (1, 0), (2, 2), (5, 20)])
def test_pairs_are_those_of_the_document(n_entities, n_pairs):
    lines = document("abc", mentions=[[(0, 0, 1)]] * n_entities)
    encoded = encoder().encode(lines, VOCABULARY)
    assert encoded.n_entities == n_entities
    assert encoded.n_pairs == lines.n_pairs == n_pairs


def test_labels_become_columns():
    labels = (Label(1, 0, "P19", (0,)), Label(0, 1, "P17"))
    lines = document("ab", mentions=[[(0, 0, 1)], [(0, 1, 2)]], labels=labels)
    assert encoder().encode(lines, VOCABULARY).labels.tolist() == [[1, 0, 2], [0, 1, 1]]


def test_no_label_is_not_unlabelled():
    assert encoder().encode(document("ab", labels=()), VOCABULARY).labels.shape == (0, 3)
    assert encoder().encode(document("ab"), VOCABULARY).labels is None


def test_unknown_relation_is_an_error():
    lines = document("ab", mentions=[[(0, 0, 1)]] * 2, labels=(Label(0, 1, "P999"),))
    with pytest.raises(ValueError, match=r"document 'd': label \(0, 1\) has relation 'P999'.*rel2"):
        encoder().encode(lines, VOCABULARY)


WORDS = st.text("abc*é", min_size=1, max_size=3) | st.just(SILENT)


@st.composite
def documents(draw) -> Document:
    sentences = draw(
        st.lists(st.lists(WORDS, min_size=1, max_size=8).map(tuple), min_size=1, max_size=4)
    )

    def mention() -> Mention:
        sentence = draw(st.integers(0, len(sentences) - 1))
        start = draw(st.integers(0, len(sentences[sentence]) - 1))
        end = draw(st.integers(start + 1, len(sentences[sentence])))
        return Mention("m", sentence, start, end)

    entities = tuple(
        Entity("X", tuple(mention() for _ in range(draw(st.integers(1, 3)))))
        for _ in range(draw(st.integers(0, 4)))
    )
    return Document("d", "d", tuple(sentences), entities)


@given(documents())
@settings(max_examples=150, deadline=None)
def test_mention_starts_point_at_markers(lines):
    encoded = encoder().encode(lines, VOCABULARY)
    assert encoded.token_ids[0] == CLASS
    assert encoded.token_ids[-1] == SEPARATOR
    assert [len(p) for p in encoded.mention_starts] == [len(e.mentions) for e in lines.entities]
    for starts, entity in zip(encoded.mention_starts, lines.entities, strict=True):
        for start, mention in zip(starts, entity.mentions, strict=True):
            assert encoded.token_ids[start] == ord(MARKER)
            [pieces] = split([lines.sentences[mention.sentence][mention.start]])
            assert encoded.token_ids[start + 1 :][: len(pieces)].tolist() == pieces


@given(documents())
@settings(max_examples=100, deadline=None)
def test_markers_are_all_that_is_added(lines):
    mentions = [m for entity in lines.entities for m in entity.mentions]
    openings = {(m.sentence, m.start) for m in mentions}
    closings = {(m.sentence, m.end) for m in mentions}
    written = [i for s in lines.sentences for ids in split(list(s)) for i in ids]
    encoded = encoder().encode(lines, VOCABULARY)
    assert len(encoded.token_ids) == 2 + len(written) + len(openings) + len(closings)
    without = [i for i in encoded.token_ids[1:-1].tolist() if i != ord(MARKER)]
    assert without == [i for i in written if i != ord(MARKER)]


@given(st.lists(documents(), min_size=1, max_size=4))
@settings(max_examples=50, deadline=None)
def test_remembered_pieces_are_those_of_one_by_one(several):
    remembering = encoder()
    for lines in several:
        ours, alone = remembering.encode(lines, VOCABULARY), encoder().encode(lines, VOCABULARY)
        np.testing.assert_array_equal(ours.token_ids, alone.token_ids)


@given(st.lists(documents(), min_size=1, max_size=6), st.integers(0, 8))
@settings(max_examples=50, deadline=None)
def test_forgotten_pieces_are_asked_for_again(several, remembered):
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(corpus.encode, "REMEMBERED", remembered)
        forgetting = encoder()
        for lines in several:
            ours, alone = forgetting.encode(lines, VOCABULARY), encoder().encode(lines, VOCABULARY)
            np.testing.assert_array_equal(ours.token_ids, alone.token_ids)


def test_no_more_words_are_remembered_than_may_be(monkeypatch):
    """But for those of one document."""
    monkeypatch.setattr(corpus.encode, "REMEMBERED", 5)
    forgetting = encoder()
    for number in range(20):
        forgetting.encode(document(chr(1000 + 2 * number) + chr(1001 + 2 * number)), VOCABULARY)
        assert len(forgetting._pieces) <= 5 + 2


def test_every_word_is_split_once():
    asked: list[str] = []

    def watched(words: list[str]) -> list[list[int]]:
        asked.extend(words)
        return split(words)

    remembering = encoder(watched)
    for text in ("abca", "bcd", "abcd"):
        remembering.encode(document(text), VOCABULARY)
    assert sorted(asked) == sorted([MARKER, *"abcd"])


def test_sentences_start_where_their_words_do():
    encoded = encoder().encode(
        document("ab", "", "cd", mentions=[[(0, 0, 1)], [(2, 0, 2)]]), VOCABULARY
    )
    assert spelled(encoded) == "[*a*b*cd*]"
    assert encoded.sentence_starts.tolist() == [1, 5, 5]


def test_evidence_of_a_pairs_labels_is_taken_together():
    labels = (
        Label(0, 1, "P17", (0, 2)),
        Label(0, 1, "P19", (2,)),
        Label(1, 0, "P17"),
        Label(2, 1, "P17", (1,)),
    )
    mentions = [[(0, 0, 1)], [(1, 0, 1)], [(2, 0, 1)]]
    encoded = encoder().encode(
        document("a", "b", "c", mentions=mentions, labels=labels), VOCABULARY
    )
    assert encoded.evidence.pairs.tolist() == [0, 5]
    expected = [[1 / 3, 0, 2 / 3], [0, 1, 0]]
    np.testing.assert_allclose(encoded.evidence.shares, expected, rtol=1e-6)


def test_without_evidence_there_is_none():
    mentions = [[(0, 0, 1)], [(1, 0, 1)]]
    for labels in (None, (), (Label(0, 1, "P17"),)):
        lines = document("a", "b", mentions=mentions, labels=labels)
        assert encoder().encode(lines, VOCABULARY).evidence is None
