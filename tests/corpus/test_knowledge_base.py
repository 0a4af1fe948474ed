"""Triples: every format, names as they are compared, facts of annotated documents."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from docred_json import VOCABULARY

from corpus.knowledge_base import normalized, read_triples, triples_of
from corpus.schema import DOCUMENTS, TRIPLES, Document, Entity, Label, Mention, Split, to_row

FACTS = [("Ada", "P19", "New York"), ("Bob", "P69", "Yale"), ("Eve", "P69", "Yale")]


def written(path: Path, content: str) -> Path:
    path.write_bytes(gzip.compress(content.encode()) if path.suffix == ".gz" else content.encode())
    return path


def as_json(values: Any) -> str:
    return json.dumps(values)


FORMATS = {
    "lists.json": as_json(FACTS),
    "tails-first.json": as_json([(h, t, r) for h, r, t in FACTS]),
    "objects.json": as_json([{"head_name": h, "relation": r, "tail_name": t} for h, r, t in FACTS]),
    "short.jsonl.gz": "\n".join(as_json({"t": t, "r": r, "h": h}) for h, r, t in FACTS),
    "mixed.json": as_json(
        [FACTS[0], {"subject": "Bob", "object": "Yale", "property": "P69"}, FACTS[2]]
    ),
    "table.csv": "Head,relation,TAIL\n" + "\n".join(",".join(fact) for fact in FACTS),
    "table.csv.gz": "t,r,h\n" + "\n".join(",".join(fact[::-1]) for fact in FACTS),
}


@pytest.mark.parametrize(("name", "content"), FORMATS.items(), ids=FORMATS.keys())
def test_every_format_gives_the_same_triples(tmp_path: Path, name: str, content: str) -> None:
    triples = read_triples(written(tmp_path / name, content)).collect()
    assert triples.schema == TRIPLES
    assert triples.rows() == FACTS


def test_parquet_is_read_whatever_the_order_of_its_columns(tmp_path: Path) -> None:
    table = pl.DataFrame(FACTS, schema=list(TRIPLES), orient="row").select(pl.all().reverse())
    table.select("tail_name", "head_name", "relation").write_parquet(tmp_path / "kb.parquet")
    triples = read_triples(tmp_path / "kb.parquet").collect()
    assert triples.rows() == FACTS[::-1]


def test_repeated_and_nameless_triples_are_left_out(tmp_path: Path) -> None:
    path = written(tmp_path / "kb.json", as_json([*FACTS, FACTS[0], ("", "P19", "x"), FACTS[1]]))
    assert read_triples(path).collect().rows() == FACTS


def test_the_vocabulary_tells_where_relations_stand_and_which_count(tmp_path: Path) -> None:
    rows = [("a", "b", "P19"), ("c", "d", "P17"), ("e", "f", "P1")]
    path = written(tmp_path / "kb.json", as_json(rows))
    triples = read_triples(path, VOCABULARY).collect()
    assert triples.rows() == [("a", "P19", "b"), ("c", "P17", "d")]


def test_without_ids_the_fewer_texts_are_relations(tmp_path: Path) -> None:
    path = written(tmp_path / "a.json", as_json([("a", "b", "likes"), ("c", "d", "likes")]))
    assert read_triples(path).collect()["relation"].to_list() == ["likes", "likes"]
    path = written(tmp_path / "b.json", as_json([("a", "likes", "b")]))
    assert read_triples(path).collect()["relation"].to_list() == ["likes"]


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("kb.json", as_json([*FACTS, ["a", "b"]]), "1 of 4 to be something else.*position 3"),
        ("kb.json", as_json([{"head": "a", "tail": "b"}]), "1 of 1"),
        ("kb.json", as_json([[*FACTS[0], "more"]]), "1 of 1"),
        ("kb.json", "", "an empty file"),
        ("kb.json", as_json(FACTS)[:-3], "cut short"),
        ("kb.csv", "Ada,P19,New York\n", "add a header"),
        ("kb.txt", "Ada", "another format"),
    ],
)
def test_a_wrong_file_is_named(tmp_path: Path, name: str, content: str, reason: str) -> None:
    path = written(tmp_path / name, content)
    with pytest.raises(ValueError, match=rf"kb\.\w+: expected (.|\n)*{reason}"):
        read_triples(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"kb\.json: expected .* found nothing there"):
        read_triples(tmp_path / "kb.json")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("New  York ", "new york"),
        ("September 7 , 1822", "September 7, 1822"),
        ("Abe 's Exoddus", "Abe's Exoddus"),
        ("\uff21\uff22\uff23", "abc"),
        ("Cafe\u0301", "caf\u00e9"),
        ("\u5317\u4eac \u5927\u5b66", "\u5317\u4eac\u5927\u5b66"),
        ("a\u00a0b", "a b"),
    ],
)
def test_names_that_mean_the_same_are_the_same(one: str, other: str) -> None:
    first, second = pl.DataFrame({"name": [one, other]}).select(normalized(pl.col("name")))["name"]
    assert first == second


def test_names_that_differ_stay_different() -> None:
    names = ["New York", "Newyork", "York", "New York 2", ""]
    table = pl.DataFrame({"name": names}).select(normalized(pl.col("name")))
    assert table["name"].n_unique() == len(names)


def test_facts_of_documents_take_all_names_of_both_entities() -> None:
    ada = Entity("PER", (Mention("Ada", 0, 0, 1), Mention("She", 0, 1, 2), Mention("Ada", 0, 2, 3)))
    city = Entity("LOC", (Mention("NYC", 0, 3, 4), Mention("New York", 0, 4, 5)))
    labels = (Label(0, 1, "P19"), Label(1, 0, "P17"))
    words = (tuple("abcde"),)
    documents = [
        Document("1", "1", words, (ada, city), labels),
        Document("2", "2", words, (ada, city), labels[:1]),
        Document("3", "3", words, (ada,), ()),
        Document("4", "4", words, (city, ada), None),
    ]
    table = pl.DataFrame([to_row(one, Split.TRAIN) for one in documents], schema=DOCUMENTS)
    triples = triples_of(table.lazy()).collect()
    assert triples.schema == TRIPLES
    people, cities = ["Ada", "She"], ["NYC", "New York"]
    expected = [(p, "P19", c) for p in people for c in cities]
    assert triples.rows() == sorted(expected + [(c, "P17", p) for p in people for c in cities])
    assert triples_of(table.head(0).lazy()).collect().is_empty()
