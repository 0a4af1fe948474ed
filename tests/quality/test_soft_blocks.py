"""Soft labels are read a block at a time, several shards at once, and nothing is kept of them."""

import os
from pathlib import Path

import numpy as np
import pytest
from noisy_corpus import Corpus

from quality import soft_blocks
from quality.soft import summarize
from quality.soft_blocks import of_each, processors, summed

SMAPS = Path("/proc/self/smaps")


def _shards(folder, n_shards):
    return [Corpus.drawn(4, seed).shard(folder / str(seed)) for seed in range(n_shards)]


def _resident(file):
    """Kilobytes of a mapped file that are in this process' memory."""
    lines = iter(SMAPS.read_text().splitlines())
    found = [
        next(entry for entry in lines if entry.startswith("Rss:"))
        for line in lines
        if line.endswith(str(file))
    ]
    return sum(int(line.split()[1]) for line in found)


@pytest.mark.parametrize("size", [1, 7, 56, 1000])
def test_blocks_are_all_pairs_and_labels_once(tmp_path, size):
    (shard,) = _shards(tmp_path, 1)
    blocks = list(shard.blocks(size))
    np.testing.assert_array_equal(np.concatenate([b.logits for b in blocks]), shard.logits)
    np.testing.assert_array_equal(np.concatenate([b.rows + b.first for b in blocks]), shard.rows)
    np.testing.assert_array_equal(np.concatenate([b.columns for b in blocks]), shard.columns)


def test_a_block_says_which_relations_its_pairs_are_labelled_with(tmp_path):
    corpus = Corpus.drawn(4, 0)
    given = np.concatenate([block.given() for block in corpus.shard(tmp_path).blocks(37)])
    truth = np.concatenate(corpus.truth)
    np.testing.assert_array_equal(given[:, 1:], truth[:, 1:])
    assert not given[:, 0].any()


@pytest.mark.skipif(not SMAPS.exists(), reason="only Linux tells what is in memory")
def test_what_was_read_is_let_go(tmp_path, monkeypatch):
    monkeypatch.setattr(soft_blocks, "MAPPED", 2)
    (shard,) = _shards(tmp_path, 1)
    file = tmp_path / "0" / "shard" / "logits.safetensors"
    blocks = shard.blocks(100)
    next(blocks).margins()
    assert _resident(file) > 0
    first = np.concatenate([block.margins() for block in shard.blocks(100)])
    assert _resident(file) == 0
    again = np.concatenate([block.margins() for block in shard.blocks(100)])
    np.testing.assert_array_equal(first, again)


def test_shards_are_counted_in_their_order(tmp_path):
    shards = _shards(tmp_path, 5)
    assert of_each(shards, lambda shard: shard) == shards
    assert of_each([], len) == []


def test_only_processors_that_may_be_used_count(monkeypatch):
    monkeypatch.setattr(os, "cpu_count", lambda: 64)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {5, 9}, raising=False)
    assert processors() == 2
    monkeypatch.delattr(os, "sched_getaffinity")
    assert processors() == 64


def test_an_error_in_one_shard_is_not_lost(tmp_path):
    shards = _shards(tmp_path, 3)

    def count(block):
        if block.shard is shards[1]:
            raise ValueError("sick")
        return len(block.logits)

    assert summed(shards[::2], count, 0) == 2 * 4 * 56
    with pytest.raises(ValueError, match="sick"):
        summed(shards, count, 0)


def test_how_pairs_are_cut_into_blocks_changes_no_summary(tmp_path, monkeypatch):
    shards = _shards(tmp_path, 3)
    whole = summarize(shards)
    monkeypatch.setattr(soft_blocks.Shard.blocks, "__defaults__", (7,))
    cut = summarize(shards)
    assert cut.labels.equals(whole.labels)
    for name in ("pairs", "finite", "near", "above", "margin", "entropy"):
        assert getattr(cut, name) == getattr(whole, name)
    np.testing.assert_array_equal(cut.margins, whole.margins)
    np.testing.assert_array_equal(cut.entropies, whole.entropies)
