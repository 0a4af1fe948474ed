"""A cut corpus holds disjoint documents of the right kind."""

import json

import pytest

from benchmarks.real_corpus import cut


@pytest.fixture
def source(tmp_path):
    folder = tmp_path / "source"
    folder.mkdir()
    for name, size in (("train", 40), ("dev", 9)):
        documents = [{"title": f"{name}{n}", "labels": [n]} for n in range(size)]
        (folder / f"{name}.json").write_text(json.dumps(documents))
    for name in ("knowledge_base", "rel2id", "rel_info"):
        (folder / f"{name}.json").write_text("{}")
    return folder


def _cut(source, folder, seed):
    cut(source, folder, annotated=10, distant=20, dev=5, seed=seed)
    names = ("train_annotated", "unlabelled", "dev")
    return [json.loads((folder / f"{name}.json").read_text()) for name in names]


def test_documents_are_disjoint_and_only_the_distant_ones_lose_their_labels(source, tmp_path):
    annotated, distant, dev = _cut(source, tmp_path / "cut", seed=1)
    assert (len(annotated), len(distant), len(dev)) == (10, 20, 5)
    titles = [document["title"] for document in annotated + distant + dev]
    assert len(set(titles)) == len(titles)
    assert all("labels" in document for document in annotated + dev)
    assert all("labels" not in document for document in distant)


def test_the_seed_draws_the_documents(source, tmp_path):
    one, again, other = (_cut(source, tmp_path / str(n), s) for n, s in enumerate((1, 1, 2)))
    assert one == again
    assert one != other
