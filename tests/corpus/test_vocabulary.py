"""Where the relation vocabulary comes from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from docred_json import article, write_articles

from corpus.vocabulary import vocabulary_of


def written(path: Path, value: Any) -> Path:
    return write_articles(path, value)


def test_rel2id_keeps_its_columns_and_rel_info_gives_names(tmp_path: Path) -> None:
    rel2id = written(tmp_path / "rel2id.json.gz", {"P9": 1, "P1": 2, "Na": 0})
    rel_info = written(tmp_path / "rel_info.json", {"P1": "one", "P5": "five"})
    vocabulary = vocabulary_of([], rel2id, rel_info)
    assert vocabulary.ids == ("Na", "P9", "P1")
    assert [vocabulary.name(relation) for relation in vocabulary.relations] == ["P9", "one"]


def test_na_may_be_spelled_otherwise(tmp_path: Path) -> None:
    rel2id = written(tmp_path / "rel2id.json", {"NA": 0, "P1": 1})
    assert vocabulary_of([], rel2id).ids == ("Na", "P1")


def test_rel_info_alone_gives_sorted_relations(tmp_path: Path) -> None:
    rel_info = written(tmp_path / "rel_info.json", {"P9": "nine", "P1": "one"})
    vocabulary = vocabulary_of([], rel_info=rel_info)
    assert vocabulary.ids == ("Na", "P1", "P9")
    assert vocabulary.name("P9") == "nine"


def test_labels_give_the_relations_where_nothing_else_does(tmp_path: Path) -> None:
    files = [
        written(tmp_path / "a.json", [article(labels=[{"h": 0, "t": 1, "r": "works at"}]), None]),
        written(tmp_path / "b.json.gz", [article(), article(labels=None), article(labels="x")]),
    ]
    assert vocabulary_of(files).ids == ("Na", "P19", "works at")


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("rel2id", {"Na": 0, "P1": 2}, "columns 0 to 1"),
        ("rel2id", {"P1": 0}, "column 0 must be 'Na'"),
        ("rel2id", {"Na": 0, "P1": "1"}, "one JSON object of relation ids and their columns"),
        ("rel2id", ["Na", "P1"], "one JSON object of relation ids and their columns"),
        ("rel_info", {"P1": 1}, "one JSON object of relation ids and their names"),
        ("rel_info", {}, "found none"),
    ],
)
def test_a_wrong_file_is_named(tmp_path: Path, name: str, value: Any, reason: str) -> None:
    path = written(tmp_path / f"{name}.json", value)
    with pytest.raises(ValueError, match=str(path)) as refusal:
        vocabulary_of([], **{name: path})
    assert reason in str(refusal.value)


def test_no_relation_anywhere_is_an_error(tmp_path: Path) -> None:
    path = written(tmp_path / "train.json", [article(labels=[])])
    with pytest.raises(ValueError, match=r"expected rel2id\.json, rel_info\.json or labels"):
        vocabulary_of([path])


def test_broken_json_is_named(tmp_path: Path) -> None:
    path = tmp_path / "rel2id.json"
    path.write_text(json.dumps({"Na": 0})[:-1] + ",}")
    with pytest.raises(ValueError, match=str(path)):
        vocabulary_of([], path)
