"""Taking in a corpus: tables of all splits, the tolerated share of bad documents."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from docred_json import article, write_articles

from corpus.ingest import Ingested, TooManyRejectedError, ingest, source_vocabulary
from corpus.relations import RelationVocabulary
from corpus.schema import CORPUS_SPLITS, DOCUMENTS, REJECTED, Split
from corpus.sources import open_source
from corpus.tables import read_documents

BAD = article("bad", vertexSet=None)


def articles(n: int, n_bad: int = 0) -> list[Any]:
    return [article(f"Ada {number}") for number in range(n)] + [BAD] * n_bad


def ingested(folder: Path, files: dict[str, Any], **options: Any) -> Ingested:
    for name, content in files.items():
        write_articles(folder / "source" / name, content)
    source = open_source(str(folder / "source"), folder)
    return ingest(source, folder / "raw", **options)


def test_every_split_has_a_table(tmp_path: Path) -> None:
    distant = article(labels=[{"h": 1, "t": 0, "r": "P69"}] * 2)
    files = {"train.json": articles(3), "train_distant.json.gz": [distant]}
    found = ingested(tmp_path, files)
    assert found.documents == {
        Split.TRAIN: 3,
        Split.DEV: 0,
        Split.TEST: 0,
        Split.DISTANT: 1,
        Split.UNLABELLED: 0,
    }
    assert found.merged_labels == 1
    for split in CORPUS_SPLITS:
        table = pl.read_parquet(tmp_path / f"raw/{split}.parquet")
        assert table.schema == DOCUMENTS
        assert table["split"].to_list() == [split] * found.documents[split]
    assert found.vocabulary.ids == ("Na", "P19", "P69")
    assert RelationVocabulary.load(tmp_path / "raw/relations.json") == found.vocabulary


def test_ids_are_unique_over_the_splits(tmp_path: Path) -> None:
    files = {f"{name}.json": [article()] for name in ("train", "dev", "test", "unlabelled")}
    ingested(tmp_path, files)
    tables = [tmp_path / f"raw/{split}.parquet" for split in CORPUS_SPLITS]
    ids = [document.doc_id for table in tables for document in read_documents(table)]
    assert ids == ["train/Ada", "dev/Ada", "test/Ada", "unlabelled/Ada"]


def test_documents_with_relations_that_rel2id_lacks_are_kept_out(tmp_path: Path) -> None:
    odd = article("odd", labels=[{"h": 0, "t": 1, "r": "P1"}])
    found = ingested(tmp_path, {"train.json": [article(), odd], "rel2id.json": {"Na": 0, "P19": 1}})
    assert found.rejected["title"].to_list() == ["odd"]
    assert found.documents[Split.TRAIN] == 1


def test_few_bad_documents_are_kept_out_and_the_rest_goes_on(tmp_path: Path) -> None:
    found = ingested(tmp_path, {"train.json": articles(198, 2), "dev.json": articles(1, 1)})
    assert (found.documents[Split.TRAIN], found.documents[Split.DEV]) == (198, 1)
    saved = pl.read_parquet(tmp_path / "raw/rejected.parquet")
    assert saved.schema == REJECTED
    assert saved.equals(found.rejected)
    places = saved.select("file", "position").rows()
    assert places == [("train.json", 198), ("train.json", 199), ("dev.json", 1)]


@pytest.mark.parametrize(
    ("files", "options"),
    [
        ({"train.json": articles(197, 3)}, {}),
        ({"train.json": articles(300), "dev.json": articles(3, 2)}, {}),
        ({"train.json": articles(300, 1)}, {"max_rejected_share": 0}),
    ],
)
def test_too_many_bad_documents_leave_all_as_it_was(
    tmp_path: Path, files: dict[str, Any], options: dict[str, Any]
) -> None:
    ingested(tmp_path, {"train.json": articles(2)})
    before = sorted((p.name, p.read_bytes()) for p in (tmp_path / "raw").iterdir())
    with pytest.raises(TooManyRejectedError, match="expected a list of entities") as refusal:
        ingested(tmp_path, files, **options)
    assert sorted((p.name, p.read_bytes()) for p in (tmp_path / "raw").iterdir()) == before
    assert {path.name for path in tmp_path.iterdir()} == {"source", "raw"}
    assert refusal.value.rejected["title"].unique().to_list() == ["bad"]
    assert "max_rejected_share" in str(refusal.value)


def test_a_larger_share_can_be_tolerated(tmp_path: Path) -> None:
    found = ingested(tmp_path, {"train.json": articles(3, 3)}, max_rejected_share=0.5)
    assert found.rejected.height == 3


def test_training_documents_without_labels_are_refused(tmp_path: Path) -> None:
    files = {"train.json": [article(labels=None)], "dev.json": articles(1)}
    with pytest.raises(ValueError, match=r"train\.json.*none with labels"):
        ingested(tmp_path, files)
    assert not (tmp_path / "raw").exists()


def test_an_unreadable_file_leaves_all_as_it_was(tmp_path: Path) -> None:
    ingested(tmp_path, {"train.json": articles(2)})
    (tmp_path / "source/dev.json").write_text('[{"title": ')
    with pytest.raises(ValueError, match=r"dev\.json: expected JSON"):
        ingested(tmp_path, {})
    assert pl.read_parquet(tmp_path / "raw/train.parquet").height == 2


@pytest.mark.parametrize("others", [{}, {"rel2id.json": {"Na": 0, "P69": 1, "P19": 2}}])
def test_the_vocabulary_of_a_source_is_that_of_what_is_ingested(
    tmp_path: Path, others: dict[str, Any]
) -> None:
    unlabelled = article(labels=[{"h": 0, "t": 1, "r": "P1"}])
    files = {"train.json": [article()], "unlabelled.json": [unlabelled], **others}
    found = ingested(tmp_path, files)
    assert source_vocabulary(open_source(str(tmp_path / "source"), tmp_path)) == found.vocabulary


def test_files_that_arrive_come_after_the_sources_own_and_change_no_id(tmp_path: Path) -> None:
    files = {"train.json": articles(1), "train_distant.json": [article("Ada"), article("Eve")]}
    arrived = [
        write_articles(tmp_path / "arrived" / name, [BAD, article("Ada"), article(name)])
        for name in ("3.json", "1.json.gz", "2.jsonl")
    ]
    tables = []
    for n in range(len(arrived) + 1):
        found = ingested(tmp_path, files, arrived=arrived[:n])
        tables.append(pl.read_parquet(tmp_path / "raw/distant.parquet"))
        assert found.rejected["file"].to_list() == [file.name for file in arrived[:n]]
    for fewer, more in pairwise(tables):
        assert more.head(fewer.height).equals(fewer)
    assert tables[-1]["title"].to_list()[2:] == ["Ada", "3.json", "Ada", "1.json.gz", "Ada",
                                                 "2.jsonl"]  # fmt: skip
    assert tables[-1]["doc_id"].n_unique() == tables[-1].height


def test_arrived_files_have_no_say_in_the_vocabulary(tmp_path: Path) -> None:
    odd = article("odd", labels=[{"h": 0, "t": 1, "r": "P1"}])
    arrived = write_articles(tmp_path / "arrived/1.json", [article(), odd])
    found = ingested(tmp_path, {"train.json": articles(1)}, arrived=[arrived])
    assert found.vocabulary.relations == ("P19",)
    assert found.rejected.select("file", "title").rows() == [("1.json", "odd")]


def test_every_file_that_arrived_is_judged_alone(tmp_path: Path) -> None:
    files = {"train.json": articles(1), "train_distant.json": articles(300)}
    arrived = [write_articles(tmp_path / f"arrived/{n}.json", [BAD, article()]) for n in range(9)]
    assert ingested(tmp_path, files, arrived=arrived).rejected.height == 9
    worse = write_articles(tmp_path / "arrived/worse.json", [BAD, BAD, article()])
    with pytest.raises(TooManyRejectedError, match=r"2 of 3 are bad.*\n- worse\.json"):
        ingested(tmp_path, files, arrived=[worse])
