"""Shards of soft labels are written whole, as they come, and read as they were written."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from little_shards import DOCUMENTS, ORIGINS, R, contents, document, good_shard, records
from safetensors.numpy import load_file

from corpus.schema import Split
from corpus.soft_checks import check_shard
from corpus.soft_labels import SoftLabels
from corpus.soft_shards import LOGITS, MANIFEST_SCHEMA, MappedShard, open_shard, write_shard
from corpus.tables import ROW_GROUP, write_documents


@pytest.fixture
def shard(tmp_path: Path) -> Path:
    """A good shard, with the table of its documents beside it."""
    return good_shard(tmp_path)


def test_the_safetensors_library_reads_the_same(shard):
    stored = load_file(shard / LOGITS)["logits"]
    expected = np.concatenate([logits for _, logits in records(*DOCUMENTS)])
    np.testing.assert_array_equal(stored, expected.astype(np.float16))


@pytest.mark.parametrize("documents", [(), (document("none", 0), document("one", 1))])
def test_a_shard_without_rows(tmp_path, documents):
    shard = tmp_path / "shard"
    assert write_shard(shard, records(*documents), ORIGINS, R) == 0
    write_documents(documents, shard.with_suffix(".parquet"), Split.DISTANT)
    assert check_shard(shard, shard.with_suffix(".parquet")) == []
    soft = SoftLabels([shard], vocabulary="v1")
    assert len(soft) == len(documents)
    assert all(soft.logits(lines.doc_id).shape == (0, R) for lines in documents)
    assert load_file(shard / LOGITS)["logits"].shape == (0, R)


@pytest.mark.parametrize(
    ("lines", "shape"), [(DOCUMENTS[0], (5, R)), (DOCUMENTS[0], (6, R + 1)), (DOCUMENTS[1], (1, R))]
)
def test_logits_that_do_not_cover_the_pairs(tmp_path, lines, shape):
    with pytest.raises(ValueError, match=rf"'{lines.doc_id}'.* make {lines.n_pairs} pairs of 3"):
        write_shard(tmp_path / "shard", [(lines, np.zeros(shape))], ORIGINS, R)
    assert list(tmp_path.iterdir()) == []


def test_a_manifest_of_more_than_a_row_group_is_in_the_order_of_its_documents(tmp_path):
    written = [document(f"d{number}", number % 3) for number in range(ROW_GROUP + 3)]
    write_shard(tmp_path / "shard", records(*written), ORIGINS, R)
    logits, manifest = open_shard(tmp_path / "shard")
    assert manifest.schema == MANIFEST_SCHEMA
    assert manifest["doc_id"].to_list() == [lines.doc_id for lines in written]
    sizes = [lines.n_pairs for lines in written]
    assert manifest["offset"].to_list() == [0, *np.cumsum(sizes)[:-1].tolist()]
    assert len(logits) == sum(sizes)


def test_a_row_of_the_manifest_has_its_documents_soft_labels(shard):
    mapped = MappedShard(shard)
    for row, (lines, logits) in enumerate(records(*DOCUMENTS)):
        assert mapped.entities(row) == len(lines.entities)
        np.testing.assert_array_equal(mapped.at(row).logits, logits.astype(np.float16))
        assert len(mapped.at(row).evidence) == 0


def test_a_failure_midway_leaves_the_former_shard(shard):
    before = contents(shard.parent)

    def failing():
        yield from records(*(document(f"c{number}", 2) for number in range(ROW_GROUP + 1)))
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
