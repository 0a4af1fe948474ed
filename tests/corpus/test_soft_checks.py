"""A shard is what was written and of the documents as they are now, or what is not is told."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from little_shards import DOCUMENTS, ORIGINS, R, document, good_shard, logits_for, records

from corpus.schema import Document, Split
from corpus.soft_checks import check_shard, earlier_rows, shard_is_current
from corpus.soft_evidence import EVIDENCE
from corpus.soft_shards import LOGITS, MANIFEST, ORIGIN, ShardOrigin, write_shard
from corpus.tables import write_documents


@pytest.fixture
def shard(tmp_path: Path) -> Path:
    """A good shard, with the table of its documents beside it."""
    return good_shard(tmp_path)


def problems(shard: Path) -> list[str]:
    return check_shard(shard, shard.with_suffix(".parquet"))


def earlier(shard: Path, origin: ShardOrigin, *documents: Document) -> list[int | None]:
    """Rows of the shard that are right for some documents."""
    table = shard.with_name("now.parquet")
    write_documents(documents, table, Split.DISTANT)
    return earlier_rows(shard, origin, table).to_list()


@pytest.mark.parametrize("kept", [0, 5, 100, 256, 270])
def test_truncated_file(shard, kept):
    path = shard / LOGITS
    path.write_bytes(path.read_bytes()[:kept])
    [problem] = problems(shard)
    assert "expected content digest" in problem


@pytest.mark.parametrize("name", [LOGITS, EVIDENCE, MANIFEST])
def test_corrupted_byte(shard, name):
    content = bytearray((shard / name).read_bytes())
    content[len(content) // 2] ^= 1
    (shard / name).write_bytes(content)
    [problem] = problems(shard)
    assert name in problem
    assert "expected content digest" in problem


@pytest.mark.parametrize("name", [LOGITS, EVIDENCE, MANIFEST, ORIGIN])
def test_missing_file(shard, name):
    (shard / name).unlink()
    assert problems(shard) == [f"{shard}: expected {name}, found no such file"]


def test_check_of_a_good_shard(shard):
    assert problems(shard) == []


def test_check_tells_documents_that_came_went_or_changed(shard):
    now = (document("a", 4), *DOCUMENTS[1:3], document("new", 2))
    write_documents(now, shard.with_suffix(".parquet"), Split.DISTANT)
    assert problems(shard) == [
        "document 'a': text or entities changed after its soft labels were made",
        "document 'new': has no soft labels",
        "soft labels of 'one': no such document",
    ]


def test_documents_of_one_id_have_soft_labels_once(shard):
    write_documents([*DOCUMENTS, DOCUMENTS[2]], shard.with_suffix(".parquet"), Split.DISTANT)
    assert problems(shard) == ["document 'b': has no soft labels"]


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e6])
def test_check_tells_logits_that_are_not_finite(tmp_path, value):
    """1e6 is finite, but not as float16."""
    logits = logits_for(DOCUMENTS[0])
    logits[4, 1] = value
    shard = tmp_path / "shard"
    write_shard(shard, [(DOCUMENTS[0], logits), *records(*DOCUMENTS[1:])], ORIGINS, R)
    write_documents(DOCUMENTS, shard.with_suffix(".parquet"), Split.DISTANT)
    assert problems(shard) == ["document 'a': logits are not all finite"]


@pytest.mark.parametrize("name", ["teacher", "vocabulary", "corpus", "code"])
def test_a_shard_is_current_only_with_every_digest(shard, name):
    assert shard_is_current(shard, ORIGINS)
    assert not shard_is_current(shard, dataclasses.replace(ORIGINS, **{name: "other"}))


def test_no_shard_is_not_current(tmp_path):
    assert not shard_is_current(tmp_path / "shard-000", ORIGINS)


CORPUS_CHANGED = dataclasses.replace(ORIGINS, corpus="c2")


def test_logits_outlive_a_change_of_the_corpus(shard):
    a, none, b, one = DOCUMENTS
    now = (document("new", 2), one, document("a", 3, "other words"), b, document("b", 3), a, none)
    assert earlier(shard, CORPUS_CHANGED, *now) == [None, 3, None, 2, None, 0, 1]


KEY = st.tuples(st.sampled_from("ab"), st.integers(0, 3))
"""Id and entities of a document, both of which another may have too."""


@given(before=st.lists(st.tuples(KEY, st.booleans()), max_size=6), now=st.lists(KEY, max_size=6))
@settings(max_examples=50, deadline=None)
def test_what_is_taken_over_is_of_the_same_document_and_finite(tmp_path_factory, before, now):
    """However often there were documents of the same id in the shard."""
    shard = tmp_path_factory.mktemp("any") / "shard"
    written = [(document(*key), finite) for key, finite in before]
    labels = [(d, logits_for(d) if finite else logits_for(d) + np.inf) for d, finite in written]
    write_shard(shard, labels, ORIGINS, R)
    right = {
        key: row
        for row, (key, finite) in enumerate(before)
        if finite or document(*key).n_pairs == 0
    }
    assert earlier(shard, ORIGINS, *(document(*key) for key in now)) == list(map(right.get, now))


@pytest.mark.parametrize("name", ["teacher", "vocabulary", "code"])
def test_logits_do_not_outlive_what_they_were_made_with(shard, name):
    assert (
        earlier(shard, dataclasses.replace(CORPUS_CHANGED, **{name: "other"}), *DOCUMENTS)
        == [None] * 4
    )


def test_logits_that_are_not_finite_are_not_taken_over(tmp_path):
    endless = np.full((2, R), 1e6)
    shard = tmp_path / "shard"
    write_shard(shard, [(DOCUMENTS[2], endless), *records(DOCUMENTS[0])], ORIGINS, R)
    assert earlier(shard, ORIGINS, DOCUMENTS[2], DOCUMENTS[0]) == [None, 1]


@pytest.mark.parametrize("name", [LOGITS, EVIDENCE, MANIFEST, ORIGIN])
@pytest.mark.parametrize("kept", [0, 0.5, None])
def test_a_shard_that_is_not_whole_gives_nothing(shard, name, kept):
    """Cut short, or without one of its files."""
    path = shard / name
    content = path.read_bytes()
    path.unlink()
    if kept is not None:
        path.write_bytes(content[: int(kept * len(content))])
    assert earlier(shard, CORPUS_CHANGED, *DOCUMENTS) == [None] * 4
    assert len(problems(shard)) == 1
    assert name != ORIGIN or not shard_is_current(shard, ORIGINS)


@pytest.mark.parametrize("name", [LOGITS, EVIDENCE, MANIFEST])
def test_a_shard_with_another_byte_gives_nothing(shard, name):
    content = bytearray((shard / name).read_bytes())
    content[len(content) // 2] ^= 1
    (shard / name).write_bytes(content)
    assert earlier(shard, CORPUS_CHANGED, *DOCUMENTS) == [None] * 4


def test_no_shard_gives_nothing(tmp_path):
    assert earlier(tmp_path / "shard-000", ORIGINS, *DOCUMENTS) == [None] * 4
