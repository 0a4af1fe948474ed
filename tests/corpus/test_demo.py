"""The demo corpus as files: the same from the same seed, and as hard as it is meant to be."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from corpus.artefacts import digest
from corpus.demo import DemoCorpus, demo_corpus, demo_truth, write_demo_corpus
from corpus.demo_variety import RELATION_NAMES, DemoSize, Variety
from corpus.distant import label_distantly
from corpus.ingest import ingest
from corpus.knowledge_base import read_triples
from corpus.schema import DOCUMENTS, Document, Split, to_row
from corpus.sources import open_folder
from corpus.tables import read_documents

SMALL = DemoSize(train=6, dev=4, test=4, unlabelled=10)


@pytest.fixture(scope="module")
def corpus() -> DemoCorpus:
    return demo_corpus()


@pytest.fixture(scope="module")
def everything(corpus: DemoCorpus) -> list[Document]:
    return [document for split in corpus.written for document in corpus.documents(split)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("demo") / "corpus"
    write_demo_corpus(path, size=SMALL)
    return path


def _written_by_another_process(folder: Path, hash_seed: str) -> str:
    program = (
        "import sys; from pathlib import Path; from corpus.demo import write_demo_corpus; "
        "from corpus.demo_variety import DemoSize; "
        "write_demo_corpus(Path(sys.argv[1]), 5, DemoSize(4, 3, 3, 8))"
    )
    environment = os.environ | {"PYTHONHASHSEED": hash_seed}
    subprocess.run([sys.executable, "-c", program, str(folder)], check=True, env=environment)
    return digest(folder)


def test_the_same_seed_gives_the_same_bytes_in_any_process(tmp_path):
    one = _written_by_another_process(tmp_path / "one", "1")
    assert one == _written_by_another_process(tmp_path / "two", "4242")


def test_another_seed_gives_another_corpus():
    assert demo_corpus(1, SMALL).written != demo_corpus(2, SMALL).written


def test_writing_again_replaces_the_folder_whole(tmp_path):
    target = tmp_path / "corpus"
    write_demo_corpus(target, size=SMALL)
    (target / "stale.json").write_text("{}")
    write_demo_corpus(target, size=DemoSize(1, 1, 1, 1))
    assert sorted(file.name for file in target.iterdir()) == [
        "dev.json",
        "knowledge_base.json",
        "rel_info.json",
        "test.json",
        "train_annotated.json",
        "unlabelled.json",
    ]


def test_an_impossible_size_is_refused():
    with pytest.raises(ValueError, match="0 or more"):
        DemoSize(train=-1)


def test_a_world_smaller_than_the_corpus_is_grown_with_it():
    corpus = demo_corpus(3, DemoSize(train=1, dev=0, test=0, unlabelled=0))
    assert [len(corpus.written[split]) for split in (Split.TRAIN, Split.DEV)] == [1, 0]


def test_files_hold_the_documents_and_no_label_of_the_unlabelled_ones(folder):
    counts = {
        name: len(json.loads((folder / name).read_text(encoding="utf-8")))
        for name in ("train_annotated.json", "dev.json", "test.json", "unlabelled.json")
    }
    assert list(counts.values()) == [6, 4, 4, 10]
    unlabelled = json.loads((folder / "unlabelled.json").read_text(encoding="utf-8"))
    assert all("labels" not in document for document in unlabelled)


def test_the_files_are_read_like_any_other_corpus(folder, tmp_path):
    source = open_folder(folder)
    ingest(source, tmp_path / "raw")
    read = list(read_documents(tmp_path / "raw" / "train.parquet"))
    expected = demo_corpus(size=SMALL).documents(Split.TRAIN)
    assert [d.entities for d in read] == [d.entities for d in expected]
    assert [set(d.labels or ()) for d in read] == [set(d.labels or ()) for d in expected]
    assert pl.read_parquet(tmp_path / "raw" / "rejected.parquet").is_empty()
    assert (tmp_path / "raw" / "relations.json").read_text().count('"P') >= 2 * 26


def test_the_knowledge_base_is_read_in_its_order_of_columns(folder):
    triples = read_triples(folder / "knowledge_base.json").collect()
    assert set(triples.rows()) == set(demo_corpus(size=SMALL).knowledge_base)


def test_truth_is_of_the_unlabelled_documents(folder):
    truth = demo_truth(size=SMALL)
    titles = [d["title"] for d in json.loads((folder / "unlabelled.json").read_text())]
    assert list(truth) == titles
    assert all(truth.values())


def test_most_pairs_are_na(everything):
    related = sum(len({(x.head, x.tail) for x in d.labels or ()}) for d in everything)
    assert 1 - related / sum(d.n_pairs for d in everything) >= 0.9


def test_documents_are_small(everything):
    words = [sum(map(len, d.sentences)) for d in everything]
    assert 90 <= sum(words) / len(words) <= 120
    assert min(words) >= 60
    assert max(words) <= 160
    assert all(4 <= len(d.sentences) <= 10 for d in everything)
    entities = [len(d.entities) for d in everything]
    assert 10 <= sum(entities) / len(entities) <= 16
    assert max(entities) <= 16


def test_relations_have_a_long_tail(everything):
    counts = Counter(x.relation for d in everything for x in d.labels or ())
    ranked = [n for _, n in counts.most_common()]
    assert set(counts) == set(RELATION_NAMES)
    assert sum(ranked[:5]) > 0.45 * sum(ranked)
    assert sum(ranked[-13:]) < 0.25 * sum(ranked)
    assert ranked[0] > 10 * ranked[-1] > 0


def test_titles_are_unique(everything):
    assert len({d.title for d in everything}) == len(everything)


def test_names_of_dev_and_test_are_in_no_other_split(corpus):
    def names(*splits: Split) -> set[str]:
        return {
            mention.name.casefold()
            for split in splits
            for document in corpus.documents(split)
            for entity in document.entities
            if entity.type not in ("TIME", "NUM")
            for mention in entity.mentions
        }

    train, dev, test = names(Split.TRAIN, Split.UNLABELLED), names(Split.DEV), names(Split.TEST)
    assert not train & dev
    assert not train & test
    assert not dev & test


def _noise(corpus: DemoCorpus) -> tuple[float, float]:
    """Precision and recall of the distant labels of the unlabelled documents."""
    documents = corpus.documents(Split.UNLABELLED)
    rows = [to_row(replace(d, labels=None), Split.UNLABELLED) for d in documents]
    triples = pl.DataFrame(
        corpus.knowledge_base, schema=["head_name", "relation", "tail_name"], orient="row"
    )
    table = pl.DataFrame(rows, schema=DOCUMENTS).lazy()
    labelled = label_distantly(table, triples.lazy()).collect()
    distant = {
        (row["doc_id"], x["head"], x["tail"], x["relation"])
        for row in labelled.iter_rows(named=True)
        for x in row["labels"]
    }
    true = {(d.doc_id, x.head, x.tail, x.relation) for d in documents for x in d.labels or ()}
    return len(distant & true) / len(distant), len(distant & true) / len(true)


def test_distant_labels_are_noisy_both_ways(corpus):
    precision, recall = _noise(corpus)
    assert 0.6 <= precision <= 0.8
    assert 0.4 <= recall <= 0.6


def test_a_fuller_knowledge_base_misses_less(corpus):
    fuller = demo_corpus(size=DemoSize(unlabelled=150), variety=Variety(kept_rare=1.0))
    assert _noise(fuller)[1] > _noise(corpus)[1]
