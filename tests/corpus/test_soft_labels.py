"""Soft-label shards: what is written is read, and whatever does not fit is told."""

import dataclasses
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from safetensors.numpy import load_file

from corpus.evidence import PairEvidence
from corpus.schema import Document, Entity, Label, Mention, Split
from corpus.soft_evidence import EVIDENCE
from corpus.soft_labels import (
    LOGITS,
    MANIFEST,
    ORIGIN,
    ShardOrigin,
    SoftLabels,
    check_shard,
    document_digest,
    earlier_labels,
    shard_is_current,
    write_shard,
)
from corpus.tables import write_documents

ORIGINS = ShardOrigin(teacher="t1", vocabulary="v1", corpus="c1", code="k1")
R = 3


def document(doc_id: str, n_entities: int, text: str = "some words") -> Document:
    entity = Entity("X", (Mention("some", 0, 0, 1),))
    return Document(doc_id, doc_id, (tuple(text.split()),), (entity,) * n_entities, ())


def logits_for(lines: Document, seed: int = 0) -> np.ndarray:
    draw = np.random.default_rng([seed, lines.n_pairs])
    return draw.normal(size=(lines.n_pairs, R)).astype(np.float32)


def records(*documents: Document) -> list[tuple[Document, np.ndarray]]:
    return [(lines, logits_for(lines, seed)) for seed, lines in enumerate(documents)]


DOCUMENTS = (document("a", 3), document("none", 0), document("b", 2), document("one", 1))


@pytest.fixture
def shard(tmp_path: Path) -> Path:
    """A good shard, with the table of its documents beside it."""
    write_shard(tmp_path / "shard-000", records(*DOCUMENTS), ORIGINS, R)
    write_documents(DOCUMENTS, tmp_path / "shard-000.parquet", Split.DISTANT)
    return tmp_path / "shard-000"


def problems(shard: Path) -> list[str]:
    return check_shard(shard, shard.with_suffix(".parquet"))


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


def test_the_safetensors_library_reads_the_same(shard):
    stored = load_file(shard / LOGITS)["logits"]
    expected = np.concatenate([logits for _, logits in records(*DOCUMENTS)])
    np.testing.assert_array_equal(stored, expected.astype(np.float16))


@pytest.mark.parametrize("documents", [(), (document("none", 0), document("one", 1))])
def test_a_shard_without_rows(tmp_path, documents):
    shard = tmp_path / "shard"
    assert write_shard(shard, records(*documents), ORIGINS, R) == 0
    write_documents(documents, shard.with_suffix(".parquet"), Split.DISTANT)
    assert problems(shard) == []
    soft = SoftLabels([shard], vocabulary="v1")
    assert len(soft) == len(documents)
    assert all(soft.logits(lines.doc_id).shape == (0, R) for lines in documents)
    assert load_file(shard / LOGITS)["logits"].shape == (0, R)


def test_several_shards_are_one_store(shard, tmp_path):
    other = document("c", 4)
    write_shard(tmp_path / "shard-001", records(other), ORIGINS, R)
    soft = SoftLabels([tmp_path / "shard-001", shard], vocabulary="v1", teacher="t1")
    assert len(soft) == 5
    np.testing.assert_array_equal(soft.logits("c"), logits_for(other).astype(np.float16))
    np.testing.assert_array_equal(soft.logits("b"), logits_for(DOCUMENTS[2], 2).astype(np.float16))


@pytest.mark.parametrize(
    ("lines", "shape"), [(DOCUMENTS[0], (5, R)), (DOCUMENTS[0], (6, R + 1)), (DOCUMENTS[1], (1, R))]
)
def test_logits_that_do_not_cover_the_pairs(tmp_path, lines, shape):
    with pytest.raises(ValueError, match=rf"'{lines.doc_id}'.* make {lines.n_pairs} pairs of 3"):
        write_shard(tmp_path / "shard", [(lines, np.zeros(shape))], ORIGINS, R)
    assert list(tmp_path.iterdir()) == []


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
    assert document_digest(relabelled) == document_digest(DOCUMENTS[0])


ODD_NAME = 'a "new\n\u2028 Café \\ 日本 \U0001f30d\x7f\x00'
ODD = Document(
    "odd",
    "odd",
    ((ODD_NAME, "stands", "by"), (), ("it",)),
    (
        Entity("LOC", (Mention(ODD_NAME, 0, 0, 1), Mention("it", 2, 0, 1))),
        Entity("", ()),
    ),
)


@pytest.mark.parametrize(
    ("lines", "digest"),
    [
        (ODD, "49d5736f04667163"),
        (DOCUMENTS[0], "353cd39224f8d388"),
        (DOCUMENTS[1], "51539679dcad0a45"),
    ],
)
def test_digests_of_documents_stay_as_they_are_on_disk(tmp_path, lines, digest):
    """Others would make all soft labels of earlier runs those of other documents."""
    assert document_digest(lines) == digest
    write_shard(tmp_path / "shard", records(lines), ORIGINS, R)
    write_documents([lines], tmp_path / "shard.parquet", Split.DISTANT)
    assert problems(tmp_path / "shard") == []


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


def test_no_shard(tmp_path):
    with pytest.raises(ValueError, match="expected a shard of soft labels, found no origin"):
        SoftLabels([tmp_path / "shard-007"], vocabulary="v1")


@pytest.mark.parametrize("kept", [0, 5, 100, 256, 270])
def test_truncated_file(shard, kept):
    path = shard / LOGITS
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(ValueError, match=f"expected .* bytes, found {kept}: the shard is truncat"):
        SoftLabels([shard], vocabulary="v1")
    [problem] = problems(shard)
    assert "expected content digest" in problem


@pytest.mark.parametrize("kept", [0, 5, 100, -1])
def test_truncated_evidence(shard, kept):
    path = shard / EVIDENCE
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(ValueError, match=r"expected .* bytes, found \d+: the shard is truncated"):
        SoftLabels([shard], vocabulary="v1")


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


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e6])
def test_check_tells_logits_that_are_not_finite(tmp_path, value):
    """1e6 is finite, but not as float16."""
    logits = logits_for(DOCUMENTS[0])
    logits[4, 1] = value
    shard = tmp_path / "shard"
    write_shard(shard, [(DOCUMENTS[0], logits), *records(*DOCUMENTS[1:])], ORIGINS, R)
    write_documents(DOCUMENTS, shard.with_suffix(".parquet"), Split.DISTANT)
    assert problems(shard) == ["document 'a': logits are not all finite"]


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
        earlier = earlier_labels(shard, CORPUS_CHANGED)
        for lines, _, evidence in written:
            for found in (
                soft.evidence(lines.doc_id),
                earlier[lines.doc_id, document_digest(lines)].evidence,
            ):
                np.testing.assert_array_equal(found.pairs, evidence.pairs)
                np.testing.assert_allclose(found.shares, evidence.shares, atol=1e-3)


def test_without_evidence_no_pair_has_any(shard):
    found = SoftLabels([shard], vocabulary="v1").evidence("a")
    assert len(found) == 0
    assert found.shares.shape == (0, 1)


@pytest.mark.parametrize("name", ["teacher", "vocabulary", "corpus", "code"])
def test_a_shard_is_current_only_with_every_digest(shard, name):
    assert shard_is_current(shard, ORIGINS)
    assert not shard_is_current(shard, dataclasses.replace(ORIGINS, **{name: "other"}))


def test_no_shard_is_not_current(tmp_path):
    assert not shard_is_current(tmp_path / "shard-000", ORIGINS)


CORPUS_CHANGED = dataclasses.replace(ORIGINS, corpus="c2")


def test_logits_outlive_a_change_of_the_corpus(shard):
    found = earlier_labels(shard, CORPUS_CHANGED)
    assert set(found) == {(lines.doc_id, document_digest(lines)) for lines in DOCUMENTS}
    for lines, logits in records(*DOCUMENTS):
        kept = found[lines.doc_id, document_digest(lines)]
        assert kept.logits.dtype == np.float16
        np.testing.assert_array_equal(kept.logits, logits.astype(np.float16))


@pytest.mark.parametrize("name", ["teacher", "vocabulary", "code"])
def test_logits_do_not_outlive_what_they_were_made_with(shard, name):
    assert earlier_labels(shard, dataclasses.replace(CORPUS_CHANGED, **{name: "other"})) == {}


def test_logits_that_are_not_finite_are_not_taken_over(tmp_path):
    endless = np.full((2, R), 1e6)
    shard = tmp_path / "shard"
    write_shard(shard, [(DOCUMENTS[2], endless), *records(DOCUMENTS[0])], ORIGINS, R)
    assert [doc_id for doc_id, _ in earlier_labels(shard, ORIGINS)] == ["a"]


@pytest.mark.parametrize("name", [LOGITS, EVIDENCE, MANIFEST, ORIGIN])
@pytest.mark.parametrize("kept", [0, 0.5, None])
def test_a_shard_that_is_not_whole_gives_nothing(shard, name, kept):
    """Cut short, or without one of its files."""
    path = shard / name
    content = path.read_bytes()
    path.unlink()
    if kept is not None:
        path.write_bytes(content[: int(kept * len(content))])
    assert earlier_labels(shard, CORPUS_CHANGED) == {}
    assert len(problems(shard)) == 1
    assert name != ORIGIN or not shard_is_current(shard, ORIGINS)


@pytest.mark.parametrize("name", [LOGITS, EVIDENCE, MANIFEST])
def test_a_shard_with_another_byte_gives_nothing(shard, name):
    content = bytearray((shard / name).read_bytes())
    content[len(content) // 2] ^= 1
    (shard / name).write_bytes(content)
    assert earlier_labels(shard, CORPUS_CHANGED) == {}


def test_no_shard_gives_nothing(tmp_path):
    assert earlier_labels(tmp_path / "shard-000", ORIGINS) == {}


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_a_failure_midway_leaves_the_former_shard(shard):
    before = contents(shard.parent)

    def failing():
        yield from records(document("c", 5))
        raise RuntimeError("teacher died")

    with pytest.raises(RuntimeError, match="teacher died"):
        write_shard(shard, failing(), dataclasses.replace(ORIGINS, teacher="t2"), R)
    assert contents(shard.parent) == before


def test_a_shard_is_replaced_whole(shard):
    write_shard(shard, records(document("c", 5)), dataclasses.replace(ORIGINS, teacher="t2"), R)
    assert sorted(p.name for p in shard.parent.iterdir()) == [shard.name, f"{shard.name}.parquet"]
    assert len(SoftLabels([shard], vocabulary="v1", teacher="t2")) == 1


def test_the_same_records_make_the_same_bytes(shard, tmp_path):
    write_shard(tmp_path / "again", records(*DOCUMENTS), ORIGINS, R)
    assert contents(tmp_path / "again") == contents(shard)
