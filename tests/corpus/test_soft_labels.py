"""Soft labels are found by document, and whatever does not fit is told."""

import dataclasses
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from little_shards import DOCUMENTS, ORIGINS, R, document, good_shard, logits_for, records

from corpus.evidence import PairEvidence
from corpus.schema import Label
from corpus.soft_evidence import EVIDENCE
from corpus.soft_labels import SoftLabels
from corpus.soft_shards import LOGITS, write_shard


@pytest.fixture
def shard(tmp_path: Path) -> Path:
    """A good shard, with the table of its documents beside it."""
    return good_shard(tmp_path)


@given(
    sizes=st.lists(st.integers(0, 6), max_size=6),
    n_classes=st.integers(1, 120),
    seed=st.integers(0, 9),
)
@settings(max_examples=30, deadline=None)
def test_what_is_written_is_read(sizes, n_classes, seed):
    draw = np.random.default_rng(seed)
    written = [
        (lines, draw.normal(size=(lines.n_pairs, n_classes)))
        for lines in (document(f"d{i}", size) for i, size in enumerate(sizes))
    ]
    with tempfile.TemporaryDirectory() as folder:
        shard = Path(folder) / "shard"
        rows = write_shard(shard, iter(written), ORIGINS, n_classes)
        assert rows == sum(lines.n_pairs for lines, _ in written)
        soft = SoftLabels([shard], vocabulary="v1")
        assert len(soft) == len(sizes)
        for lines, logits in written:
            soft.require(lines)
            np.testing.assert_array_equal(soft.logits(lines.doc_id), logits.astype(np.float16))
            assert soft.logits(lines.doc_id).shape == (lines.n_pairs, n_classes)


@given(
    arrays.arrays(np.float32, (6, R), elements=st.floats(width=32, min_value=-6e4, max_value=6e4))
)
@settings(max_examples=30, deadline=None)
def test_values_lose_no_more_than_float16(logits):
    with tempfile.TemporaryDirectory() as folder:
        write_shard(Path(folder) / "s", [(document("a", 3), logits)], ORIGINS, R)
        read = SoftLabels([Path(folder) / "s"], vocabulary="v1").logits("a")
    np.testing.assert_allclose(read.astype(np.float32), logits, rtol=2**-11, atol=2**-24)


def test_logits_are_mapped_not_loaded(shard):
    rows = SoftLabels([shard], vocabulary="v1").logits("b")
    assert isinstance(rows, np.memmap)
    assert rows.dtype == np.float16
    assert not rows.flags.writeable
    with pytest.raises(ValueError, match="read-only"):
        rows[0, 0] = 1


def test_several_shards_are_one_store(shard, tmp_path):
    other = document("c", 4)
    write_shard(tmp_path / "shard-001", records(other), ORIGINS, R)
    soft = SoftLabels([tmp_path / "shard-001", shard], vocabulary="v1", teacher="t1")
    assert len(soft) == 5
    np.testing.assert_array_equal(soft.logits("c"), logits_for(other).astype(np.float16))
    np.testing.assert_array_equal(soft.logits("b"), logits_for(DOCUMENTS[2], 2).astype(np.float16))


IDS = st.lists(st.text(max_size=3), unique=True, max_size=12)


@given(ids=IDS, absent=st.text(max_size=3), n_shards=st.integers(1, 3))
@settings(max_examples=50, deadline=None)
def test_documents_are_found_by_whatever_id(ids, absent, n_shards):
    written = [document(doc_id, 2, f"words of {doc_id!r}") for doc_id in ids]
    with tempfile.TemporaryDirectory() as folder:
        shards = [Path(folder) / str(number) for number in range(n_shards)]
        for number, shard in enumerate(shards):
            part = written[number::n_shards]
            logits = [(lines, np.full((2, R), ids.index(lines.doc_id))) for lines in part]
            write_shard(shard, logits, ORIGINS, R)
        soft = SoftLabels(shards, vocabulary="v1")
        for number, lines in enumerate(written):
            soft.require(lines)
            assert soft.logits(lines.doc_id)[0, 0] == number
        if absent not in ids:
            with pytest.raises(KeyError):
                soft.logits(absent)
            with pytest.raises(ValueError, match=f"no soft labels among {len(ids)} documents"):
                soft.require(document(absent, 2))


def test_without_shards_there_are_none():
    soft = SoftLabels([], vocabulary="v1")
    assert len(soft) == 0
    with pytest.raises(ValueError, match="'a' has no soft labels among 0 documents"):
        soft.require(DOCUMENTS[0])


def test_missing_document(shard):
    with pytest.raises(ValueError, match="'new' has no soft labels among 4 documents"):
        SoftLabels([shard], vocabulary="v1").require(document("new", 3))


@pytest.mark.parametrize(
    "now", [document("a", 4), document("a", 3, "some other words"), document("a", 2)]
)
def test_changed_document(shard, now):
    with pytest.raises(ValueError, match=f"'a'.*cover 3 entities.*now has {len(now.entities)}"):
        SoftLabels([shard], vocabulary="v1").require(now)


def test_labels_and_titles_do_not_make_another_document(shard):
    relabelled = dataclasses.replace(DOCUMENTS[0], labels=(Label(0, 1, "P17"),), title="new")
    SoftLabels([shard], vocabulary="v1").require(relabelled)


def test_other_vocabulary(shard):
    with pytest.raises(ValueError, match="made with vocabulary v1, but v2 is needed"):
        SoftLabels([shard], vocabulary="v2")


def test_other_teacher(shard):
    with pytest.raises(ValueError, match="made with teacher t1, but t2 is needed"):
        SoftLabels([shard], vocabulary="v1", teacher="t2")


def test_two_teachers(shard, tmp_path):
    later = dataclasses.replace(ORIGINS, teacher="t2")
    write_shard(tmp_path / "shard-001", records(document("c", 2)), later, R)
    with pytest.raises(ValueError, match=r"shard-001.*made with teacher t2, but t1 is needed"):
        SoftLabels([shard, tmp_path / "shard-001"], vocabulary="v1")


def test_a_document_in_two_shards(shard, tmp_path):
    write_shard(tmp_path / "shard-001", records(DOCUMENTS[1]), ORIGINS, R)
    with pytest.raises(
        ValueError, match=rf"shard-001: .*{DOCUMENTS[1].doc_id!r} has some in .*000"
    ):
        SoftLabels([shard, tmp_path / "shard-001"], vocabulary="v1")


def test_a_document_twice_in_a_shard(tmp_path):
    twice = (DOCUMENTS[0], document("a", 2))
    write_shard(tmp_path / "shard-000", records(*twice), ORIGINS, R)
    with pytest.raises(ValueError, match=r"shard-000: .*'a' has some in .*shard-000 too"):
        SoftLabels([tmp_path / "shard-000"], vocabulary="v1")


def test_no_shard(tmp_path):
    with pytest.raises(ValueError, match="expected a shard of soft labels, found no origin"):
        SoftLabels([tmp_path / "shard-007"], vocabulary="v1")


@pytest.mark.parametrize("kept", [0, 5, 100, 256, 270])
def test_truncated_file(shard, kept):
    path = shard / LOGITS
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(ValueError, match=f"expected .* bytes, found {kept}: the shard is truncat"):
        SoftLabels([shard], vocabulary="v1")


@pytest.mark.parametrize("kept", [0, 5, 100, -1])
def test_truncated_evidence(shard, kept):
    path = shard / EVIDENCE
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(ValueError, match=r"expected .* bytes, found \d+: the shard is truncated"):
        SoftLabels([shard], vocabulary="v1")


@given(
    sizes=st.lists(st.tuples(st.integers(0, 5), st.integers(1, 7)), max_size=6),
    seed=st.integers(0, 9),
)
@settings(max_examples=30, deadline=None)
def test_evidence_that_is_written_is_read(sizes, seed):
    """Of any number of pairs of documents of any number of sentences."""
    draw = np.random.default_rng(seed)
    written = []
    for number, (n_entities, n_sentences) in enumerate(sizes):
        lines = document(f"d{number}", n_entities)
        lines = dataclasses.replace(lines, sentences=lines.sentences * n_sentences)
        pairs = np.flatnonzero(draw.random(lines.n_pairs) < 0.5).astype(np.int32)
        shares = draw.dirichlet(np.ones(n_sentences), len(pairs)).reshape(-1, n_sentences)
        written.append((lines, logits_for(lines), PairEvidence(pairs, shares)))
    with tempfile.TemporaryDirectory() as folder:
        shard = Path(folder) / "shard"
        write_shard(shard, iter(written), ORIGINS, R)
        soft = SoftLabels([shard], vocabulary="v1")
        for lines, _, evidence in written:
            found = soft.evidence(lines.doc_id)
            np.testing.assert_array_equal(found.pairs, evidence.pairs)
            np.testing.assert_allclose(found.shares, evidence.shares, atol=1e-3)


def test_without_evidence_no_pair_has_any(shard):
    found = SoftLabels([shard], vocabulary="v1").evidence("a")
    assert len(found) == 0
    assert found.shares.shape == (0, 1)
