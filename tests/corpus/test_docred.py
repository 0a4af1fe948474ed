"""Reading DocRED's files: what comes out of good files, bad documents and unreadable files."""

from __future__ import annotations

import gzip
import json
import re
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest
from docred_json import VOCABULARY, article, as_docred, documents, write_articles
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus.docred import Conversion, convert
from corpus.json_files import naming
from corpus.schema import DOCUMENTS, REJECTED, Document, Label, Split
from corpus.tables import read_documents


def converted(
    folder: Path, articles: Any, name: str = "in.json", split: Split = Split.TRAIN
) -> tuple[Conversion, list[Document]]:
    source = write_articles(folder / name, articles)
    conversion = convert(source, folder / "out.parquet", VOCABULARY, split)
    return conversion, list(read_documents(folder / "out.parquet"))


@settings(max_examples=30, deadline=None)
@given(st.lists(documents(), max_size=4), st.data())
def test_documents_come_back_as_they_were_written(written: list[Document], draw: Any) -> None:
    with tempfile.TemporaryDirectory() as folder:
        articles = [as_docred(document, draw.draw) for document in written]
        conversion, found = converted(Path(folder), articles)
    assert [replace(document, doc_id="") for document in found] == written
    assert conversion.accepted == len(written)
    assert conversion.rejected.is_empty()
    assert conversion.labelled == sum(document.labels is not None for document in written)
    assert len({document.doc_id for document in found}) == len(found)
    assert all(doc.doc_id.startswith(f"train/{doc.title}") for doc in found)


def test_the_table_has_the_schema_of_documents(tmp_path: Path) -> None:
    converted(tmp_path, [article()])
    assert pl.read_parquet_schema(tmp_path / "out.parquet") == dict(DOCUMENTS)
    converted(tmp_path, [])
    assert pl.read_parquet_schema(tmp_path / "out.parquet") == dict(DOCUMENTS)


def test_gzipped_and_one_a_line_give_the_same_as_an_array(tmp_path: Path) -> None:
    articles = [article(f"Ada {number}") for number in range(5)]
    _, plain = converted(tmp_path, articles)
    _, gzipped = converted(tmp_path, articles, "in.json.gz")
    lines = "\n".join(json.dumps(one) for one in articles)
    (tmp_path / "in.jsonl").write_text(lines)
    convert(tmp_path / "in.jsonl", tmp_path / "lines.parquet", VOCABULARY, Split.TRAIN)
    assert plain == gzipped == list(read_documents(tmp_path / "lines.parquet"))


def test_signs_in_paths_are_taken_literally(tmp_path: Path) -> None:
    odd = tmp_path / "it's [a]*"
    source = write_articles(odd / "in?.json", [article()])
    convert(source, odd / "out.parquet", VOCABULARY, Split.TRAIN)
    assert pl.read_parquet(odd / "out.parquet", glob=False).height == 1


def test_several_files_make_one_table(tmp_path: Path) -> None:
    files = [
        write_articles(tmp_path / "a.json", [article("Ada"), article("Bob", sents=None)]),
        write_articles(tmp_path / "b.json", [article("Ada"), article("Eve", sents=None)]),
    ]
    conversion = convert(files, tmp_path / "out.parquet", VOCABULARY, Split.DISTANT)
    ids = [document.doc_id for document in read_documents(tmp_path / "out.parquet")]
    assert ids == ["distant/Ada", "distant/Ada#2"]
    assert conversion.rejected.select("file", "position").rows() == [("a.json", 1), ("b.json", 1)]


def test_repeated_titles_get_suffixes_that_nothing_else_has(tmp_path: Path) -> None:
    titles = ["a", "a", "a#2", "a", "a#2", "b"]
    _, found = converted(tmp_path, [article(title) for title in titles])
    assert [document.title for document in found] == titles
    ids = [document.doc_id.removeprefix("train/") for document in found]
    assert ids == ["a", "a#2", "a#2#1", "a#3", "a#2#2", "b"]


def test_an_id_does_not_change_when_a_bad_document_of_the_title_is_mended(tmp_path: Path) -> None:
    _, before = converted(tmp_path, [article("Ada", sents=None), article("Ada")])
    _, after = converted(tmp_path, [article("Ada"), article("Ada")])
    assert before == after[1:]


def test_ids_begin_with_the_prefix_and_the_split_stays(tmp_path: Path) -> None:
    source = write_articles(tmp_path / "in.json", [article(), article()])
    convert(source, tmp_path / "out.parquet", VOCABULARY, Split.NEW, prefix="it's")
    table = pl.read_parquet(tmp_path / "out.parquet")
    assert table.select("doc_id", "split").rows() == [("it's/Ada", "new"), ("it's/Ada#2", "new")]


def test_the_documents_of_each_file_are_counted(tmp_path: Path) -> None:
    contents = [[article(), article("Bob", sents=None)], [], [article()] * 3]
    files = [write_articles(tmp_path / f"{n}.json", found) for n, found in enumerate(contents)]
    conversion = convert(files, tmp_path / "out.parquet", VOCABULARY, Split.DISTANT)
    counts = [(file.documents, file.rejected.height) for file in conversion.files]
    assert counts == [(2, 1), (0, 0), (3, 0)]
    assert conversion.accepted == 4


def test_repeated_labels_are_merged_and_their_evidence_united(tmp_path: Path) -> None:
    labels = [
        {"h": 0, "t": 1, "r": "P19", "evidence": [1]},
        {"h": 1, "t": 0, "r": "P19"},
        {"h": 0, "t": 1, "r": "P19", "evidence": [0, 1]},
        {"h": 0, "t": 1, "r": "P17", "evidence": [1, 0]},
        {"h": 0, "t": 1, "r": "P19"},
    ]
    conversion, found = converted(tmp_path, [article(labels=labels), article("Eve")])
    assert conversion.merged_labels == 2
    assert found[0].labels == (
        Label(0, 1, "P19", (0, 1)),
        Label(1, 0, "P19"),
        Label(0, 1, "P17", (0, 1)),
    )


def test_absent_names_and_types_are_filled_in(tmp_path: Path) -> None:
    vertices = [[{"sent_id": 0, "pos": [3, 5]}, {"name": "", "sent_id": 1, "pos": [0, 1]}]]
    _, [found] = converted(tmp_path, [article(vertexSet=vertices, labels=[])])
    assert [mention.name for mention in found.entities[0].mentions] == ["New York", "It"]
    assert found.entities[0].type == ""


@pytest.mark.parametrize("n_entities", [0, 1])
def test_documents_without_pairs_are_kept(tmp_path: Path, n_entities: int) -> None:
    vertices = article()["vertexSet"][:n_entities]
    conversion, [found] = converted(tmp_path, [article(vertexSet=vertices, labels=[])])
    assert conversion.accepted == 1
    assert found.n_pairs == 0


@pytest.mark.parametrize("split", [Split.UNLABELLED, Split.NEW])
def test_labels_of_unlabelled_documents_do_not_count(tmp_path: Path, split: Split) -> None:
    articles = [article(), article("Eve", labels=[]), article("Bob", labels="none")]
    conversion, found = converted(tmp_path, articles, split=split)
    assert [document.labels for document in found] == [None] * 3
    assert (conversion.labelled, conversion.merged_labels) == (0, 0)


def mention(**fields: Any) -> dict[str, Any]:
    vertices = article()["vertexSet"]
    vertices[1][1] |= fields
    return article("bad", vertexSet=vertices)


def label(**fields: Any) -> dict[str, Any]:
    good = article()["labels"][0]
    return article("bad", labels=[good, {"h": 1, "t": 0, "r": "P17"} | fields])


def alone(**fields: Any) -> dict[str, Any]:
    return article("bad", **{"vertexSet": [], "labels": []} | fields)


BAD = {
    "no object": (["bad"], "document", "an object", "ARRAY"),
    "null": (None, "document", "an object", "NULL"),
    "no title": (article(None), "title", "a text", "none"),
    "blank title": (article(" "), "title", "a text", '" "'),
    "no sentences": (article("bad", sents=None), "sents", "a list of sentences", "null"),
    "sentences as text": (article("bad", sents="Ada."), "sents", "a list of sent", '"Ada."'),
    "sentence as text": (alone(sents=["Ada."]), "sents[0]", "a list of words", "no list"),
    "null as word": (alone(sents=[["a", None]]), "sents[0]", "each a text", "null"),
    "no words": (alone(sents=[[], []]), "sents", "at least one word", "no words"),
    "no entities": (article("bad", vertexSet=None), "vertexSet", "a list of entities", "null"),
    "entity as text": (alone(vertexSet=["A"]), "vertexSet[0]", "at least one", "none"),
    "no mentions": (alone(vertexSet=[[]]), "vertexSet[0]", "at least one", "none"),
    "null as mention": (alone(vertexSet=[[None]]), "vertexSet[0][0]", "sent_id", "null"),
    "no sent_id": (mention(sent_id=None), "vertexSet[1][1]", "sent_id", '"sent_id":null'),
    "pos of words": (mention(pos=["a", 2]), "vertexSet[1][1]", "pos = [start", "[null,2]"),
    "pos of one": (mention(pos=[1]), "vertexSet[1][1]", "pos = [start", "[1]"),
    "pos as number": (mention(pos=1), "vertexSet[1][1]", "pos = [start", '"pos":null'),
    "no such sentence": (mention(sent_id=2), "vertexSet[1][1].sent_id", "from 0 to 1", "2"),
    "sentence before": (mention(sent_id=-1), "vertexSet[1][1].sent_id", "from 0 to 1", "-1"),
    "empty mention": (mention(pos=[2, 2]), "vertexSet[1][1].pos", "start < end", "[2,2]"),
    "past its sentence": (
        mention(pos=[4, 6]),
        "vertexSet[1][1].pos",
        "sentence 1, 0 to 5",
        "[4,6]",
    ),
    "before its sentence": (mention(pos=[-1, 1]), "vertexSet[1][1].pos", "0 to 5", "[-1,1]"),
    "labels as text": (article("bad", labels="P17"), "labels", "a list of labels", '"P17"'),
    "null as label": (article("bad", labels=[None]), "labels[0]", "h and t", "null"),
    "no head": (label(h=None), "labels[1]", "h and t", '"h":null'),
    "no relation": (label(r=None), "labels[1]", "and r", '"r":null'),
    "no such head": (label(h=2), "labels[1]", "among the 2 entities", "h = 2"),
    "no such tail": (label(t=-1), "labels[1]", "among the 2 entities", "t = -1"),
    "head = tail": (label(h=0), "labels[1]", "two different entities", "h = t = 0"),
    "unknown relation": (label(r="P1"), "labels[1].r", "of the 3 relations", '"P1"'),
    "NA": (label(r="Na"), "labels[1].r", "of the 3 relations", '"Na"'),
    "evidence outside": (label(evidence=[2]), "labels[1].evidence", "from 0 to 1", "[2]"),
    "evidence as text": (label(evidence="s"), "labels[1].evidence", "a list", '"s"'),
    "null as evidence": (label(evidence=[None]), "labels[1].evidence", "a list", "[null]"),
}


@pytest.mark.parametrize(("bad", "place", "expected", "found"), BAD.values(), ids=BAD.keys())
def test_a_bad_document_is_kept_out_and_told(
    tmp_path: Path, bad: Any, place: str, expected: str, found: str
) -> None:
    conversion, kept = converted(tmp_path, [article("Ada"), bad, article("Eve")])
    assert [document.title for document in kept] == ["Ada", "Eve"]
    assert conversion.rejected.schema == REJECTED
    [row] = conversion.rejected.rows(named=True)
    assert (row["file"], row["position"], row["place"]) == ("in.json", 1, place)
    assert row["title"] == (bad["title"] if isinstance(bad, dict) else None)
    assert expected in row["expected"]
    assert found in row["found"]
    assert row["remedy"]
    assert "more)" not in row["found"]


def test_the_first_of_several_problems_is_told_and_the_others_counted(tmp_path: Path) -> None:
    bad = label(h=2) | {"vertexSet": [*mention(pos=[9, 9])["vertexSet"][:2]]}
    conversion, _ = converted(tmp_path, [bad])
    [row] = conversion.rejected.rows(named=True)
    assert row["place"] == "vertexSet[1][1].pos"
    assert row["found"] == "[9,9] (and 2 more)"


GOOD = json.dumps([article("Ada"), article("Eve")]).encode()
UNREADABLE = {
    "empty": (b"", "an empty file"),
    "blank": (b" \n\t ", "an empty file"),
    "no JSON": (b"title: Ada", "begins with"),
    "a page": (b"<html></html>", "begins with"),
    "cut in a document": (GOOD[:-40], "cut short"),
    "cut after a comma": (GOOD[: GOOD.index(b', {"title": "Eve"') + 1], "cut short"),
    "cut before the end": (GOOD[:-1], "cut short"),
    "a broken document": (GOOD.replace(b'"sents"', b'"sents', 1), "DuckDB"),
    "not UTF-8": (GOOD.replace(b"Ada", b"\xe9", 1), "DuckDB"),
    "a byte order mark": (b"\xef\xbb\xbf" + GOOD, "byte order mark"),
    "two arrays": (GOOD + GOOD, "DuckDB"),
}


@pytest.mark.parametrize("zipped", [False, True], ids=["plain", "gz"])
@pytest.mark.parametrize(("content", "reason"), UNREADABLE.values(), ids=UNREADABLE.keys())
def test_an_unreadable_file_is_named_and_nothing_is_written(
    tmp_path: Path, content: bytes, reason: str, zipped: bool
) -> None:
    source = tmp_path / ("in.json.gz" if zipped else "in.json")
    source.write_bytes(gzip.compress(content) if zipped else content)
    assert_refused(source, reason)


ZIPPED = gzip.compress(GOOD)


@pytest.mark.parametrize(
    "content", [ZIPPED[:-9], ZIPPED[:50], GOOD, ZIPPED[:30] + b"broken" + ZIPPED[36:]]
)
def test_a_damaged_gzip_file_is_named_and_nothing_is_written(
    tmp_path: Path, content: bytes
) -> None:
    source = tmp_path / "in.json.gz"
    source.write_bytes(content)
    assert_refused(source, "damaged gzip")


@pytest.mark.parametrize("tail", [bytes(9), b"more"], ids=["zeros", "text"])
def test_what_follows_a_gzip_stream_makes_a_file_unreadable(tmp_path: Path, tail: bytes) -> None:
    """Python's gzip passes over zeros, DuckDB does not."""
    source = tmp_path / "in.json.gz"
    source.write_bytes(ZIPPED + tail)
    assert_refused(source, "expected JSON")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    assert_refused(tmp_path / "in.json", "nothing there")


def parquet_schema(whole: Any) -> pl.Schema:
    """Columns of DocRED's layout, whole numbers being of the given type."""
    mention = {"name": pl.String, "sent_id": whole, "pos": pl.List(whole), "type": pl.String}
    label = {"h": whole, "t": whole, "r": pl.String, "evidence": pl.List(whole)}
    return pl.Schema(
        {
            "title": pl.String(),
            "sents": pl.List(pl.List(pl.String)),
            "vertexSet": pl.List(pl.List(pl.Struct(mention))),
            "labels": pl.List(pl.Struct(label)),
        }
    )


def write_parquet(path: Path, articles: list[Any], whole: Any = pl.Int64) -> Path:
    schema = parquet_schema(whole)
    rows = [{field: one.get(field) for field in schema} for one in articles]
    pl.DataFrame(rows, schema=schema).write_parquet(path, row_group_size=2)
    return path


@settings(max_examples=20, deadline=None)
@given(
    st.lists(documents(), max_size=4),
    st.sampled_from([pl.Int64, pl.Int16, pl.UInt8]),
    st.data(),
)
def test_parquet_gives_the_same_as_json(written: list[Document], whole: Any, draw: Any) -> None:
    with tempfile.TemporaryDirectory() as name:
        articles = [as_docred(document, draw.draw) for document in written]
        _, expected = converted(Path(name), articles)
        source = write_parquet(Path(name) / "in.parquet", articles, whole)
        convert(source, Path(name) / "out.parquet", VOCABULARY, Split.TRAIN)
        assert list(read_documents(Path(name) / "out.parquet")) == expected


IN_PARQUET = (
    "no title", "blank title", "no sentences", "null as word", "no words", "no entities",
    "no mentions", "null as mention", "no sent_id", "pos of one", "no such sentence",
    "empty mention", "past its sentence", "null as label", "no head", "no relation",
    "no such tail", "head = tail", "unknown relation", "evidence outside", "null as evidence",
)  # fmt: skip


def test_bad_documents_in_parquet_are_told_as_those_in_json(tmp_path: Path) -> None:
    bad = [BAD[name][0] for name in IN_PARQUET]
    expected, _ = converted(tmp_path, [article(), *bad])
    source = write_parquet(tmp_path / "in.parquet", [article(), *bad])
    found = convert(source, tmp_path / "out.parquet", VOCABULARY, Split.TRAIN)
    assert found.rejected["file"].unique().to_list() == ["in.parquet"]
    assert found.rejected.drop("file").equals(expected.rejected.drop("file"))
    assert found.rejected.height == len(IN_PARQUET)


def test_columns_of_parquet_may_be_more_or_fewer_and_texts_bytes(tmp_path: Path) -> None:
    bytes_and_more = [pl.lit(1.5).alias("score"), pl.lit("Zoë").cast(pl.Binary).alias("title")]
    table = pl.DataFrame([article()], schema=parquet_schema(pl.Int64)).with_columns(bytes_and_more)
    table.drop("labels").write_parquet(tmp_path / "in.parquet")
    convert(tmp_path / "in.parquet", tmp_path / "out.parquet", VOCABULARY, Split.TRAIN)
    [found] = read_documents(tmp_path / "out.parquet")
    assert (found.title, found.labels) == ("Zoë", None)
    table.drop("sents").write_parquet(tmp_path / "in.parquet")
    assert_refused(tmp_path / "in.parquet", "expected the columns ['title', 'sents', 'vertexSet']")


def parquet_bytes(folder: Path) -> bytes:
    return write_parquet(folder / "good.parquet", [article("Ada"), article("Eve")]).read_bytes()


def footer(content: bytes) -> int:
    """Where the footer of a Parquet file begins."""
    return len(content) - 8 - int.from_bytes(content[-8:-4], "little")


def broken(content: bytes, at: int) -> bytes:
    return content[:at] + b"\xff" * 50 + content[at + 50 :]


DAMAGED = {
    "empty": lambda content: content[:0],
    "cut short": lambda content: content[:-20],
    "half": lambda content: content[: len(content) // 2],
    "text": lambda content: content.hex().encode(),
    "broken inside": lambda content: broken(content, 200),
    "a broken footer": lambda content: broken(content, footer(content)),
}


@pytest.mark.parametrize("damage", DAMAGED.values(), ids=DAMAGED.keys())
def test_damaged_parquet_is_named_and_nothing_is_written(tmp_path: Path, damage: Any) -> None:
    source = tmp_path / "in.parquet"
    source.write_bytes(damage(parquet_bytes(tmp_path)))
    assert_refused(source, "expected Parquet")


@pytest.mark.parametrize(
    "error",
    [duckdb.OutOfMemoryException("64 MB"), duckdb.IOException("write: No space left on device")],
)
def test_what_a_good_file_can_meet_with_is_not_the_files_fault(error: duckdb.Error) -> None:
    with pytest.raises(type(error)) as raised, naming(Path("in.json")):
        raise error
    assert raised.value is error


def assert_refused(source: Path, reason: str) -> None:
    folder = source.parent / "out"
    folder.mkdir()
    former = folder / "out.parquet"
    former.write_text("as it was")
    with pytest.raises(ValueError, match=re.escape(str(source))) as refusal:
        convert(source, former, VOCABULARY, Split.TRAIN)
    assert reason in str(refusal.value)
    assert former.read_text() == "as it was"
    assert list(folder.iterdir()) == [former]
