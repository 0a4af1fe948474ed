"""Evidence is written as it comes, and what is read is what was written."""

import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import load_file, save_file

from corpus.evidence import PairEvidence
from corpus.soft_evidence import EVIDENCE, MappedEvidence, evidence_writer


def drawn(n_pairs: int, n_sentences: int, draw: np.random.Generator) -> PairEvidence:
    """Evidence of some pairs out of twice as many."""
    pairs = np.sort(draw.choice(2 * n_pairs, n_pairs, replace=False)).astype(np.int32)
    shares = draw.dirichlet(np.ones(n_sentences), n_pairs).reshape(-1, n_sentences)
    return PairEvidence(pairs, shares.astype(np.float32))


SIZES = st.lists(st.tuples(st.integers(0, 20), st.integers(1, 7)), max_size=8)
"""K and S of documents."""


@given(sizes=SIZES, seed=st.integers(0, 9))
@settings(max_examples=50, deadline=None)
def test_what_is_written_is_read(sizes, seed):
    draw = np.random.default_rng(seed)
    written = [drawn(*size, draw) for size in sizes]
    with tempfile.TemporaryDirectory() as folder:
        with evidence_writer(Path(folder) / EVIDENCE) as writer:
            places = [writer.add(evidence) for evidence in written]
        assert [path.name for path in Path(folder).iterdir()] == [EVIDENCE]
        mapped = MappedEvidence(Path(folder) / EVIDENCE)
        for place, evidence in zip(places, written, strict=True):
            found = mapped.at(place)
            np.testing.assert_array_equal(found.pairs, evidence.pairs)
            np.testing.assert_array_equal(found.shares, evidence.shares.astype(np.float16))


@given(sizes=SIZES, seed=st.integers(0, 9))
@settings(max_examples=50, deadline=None)
def test_the_file_is_that_of_all_evidence_written_at_once(sizes, seed):
    draw = np.random.default_rng(seed)
    written = [drawn(*size, draw) for size in sizes]
    pairs = [np.empty(0, np.int32), *(evidence.pairs for evidence in written)]
    shares = [np.empty(0, np.float16), *(evidence.shares.ravel() for evidence in written)]
    tensors = {
        "pairs": np.concatenate(pairs),
        "shares": np.concatenate(shares).astype(np.float16),
    }
    with tempfile.TemporaryDirectory() as folder:
        one, other = Path(folder) / "one", Path(folder) / "other"
        save_file(tensors, other)
        with evidence_writer(one) as writer:
            for evidence in written:
                writer.add(evidence)
        assert one.read_bytes() == other.read_bytes()


def test_the_safetensors_library_reads_the_same(tmp_path):
    evidence = drawn(3, 2, np.random.default_rng(0))
    with evidence_writer(tmp_path / EVIDENCE) as writer:
        writer.add(evidence)
    found = load_file(tmp_path / EVIDENCE)
    assert found["pairs"].tolist() == evidence.pairs.tolist()
    assert found["shares"].tolist() == evidence.shares.astype(np.float16).ravel().tolist()


def test_a_failure_leaves_no_file(tmp_path):
    def failing() -> None:
        with evidence_writer(tmp_path / EVIDENCE) as writer:
            writer.add(drawn(3, 2, np.random.default_rng(0)))
            raise RuntimeError("teacher died")

    with pytest.raises(RuntimeError, match="teacher died"):
        failing()
    assert list(tmp_path.iterdir()) == []
