"""Distant labels by a knowledge base, and shards."""

from __future__ import annotations

from itertools import permutations
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from docred_json import VOCABULARY
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus.distant import label_distantly, read_shards, write_shards
from corpus.ingest import ingest
from corpus.knowledge_base import read_triples
from corpus.schema import (
    DOCUMENTS,
    TRIPLES,
    Document,
    Entity,
    Label,
    Mention,
    Split,
    from_row,
    to_row,
)
from corpus.sources import open_source
from corpus.tables import write_documents

REDOCRED = Path(__file__).parents[3] / "shared/data/redocred"


def document(
    doc_id: str, *entities: list[str], labels: tuple[Label, ...] | None = None
) -> Document:
    named = tuple(Entity("", tuple(Mention(n, 0, 0, 1) for n in names)) for names in entities)
    return Document(doc_id, doc_id, (("word",),), named, labels)


def table(documents: list[Document]) -> pl.LazyFrame:
    rows = [to_row(one, Split.UNLABELLED) for one in documents]
    return pl.LazyFrame(rows, schema=DOCUMENTS)


def facts(*triples: tuple[str, str, str]) -> pl.LazyFrame:
    return pl.LazyFrame(list(triples), schema=TRIPLES, orient="row")


def labelled(documents: list[Document], triples: pl.LazyFrame) -> list[Document]:
    found = label_distantly(table(documents), triples).collect()
    assert found.schema == DOCUMENTS
    return [from_row(row) for row in found.iter_rows(named=True)]


def test_pairs_that_the_knowledge_base_relates_are_labelled() -> None:
    kept = (Label(1, 0, "P17", (0,)),)
    documents = [
        document("z", ["Paris"], ["She", "Ada"], ["ada", "PARIS"]),
        document("y", ["Ada"], ["Paris"], labels=kept),
        document("x", ["Ada"], ["Paris"], labels=()),
        document("w", ["Ada"], ["London"]),
        document("v"),
    ]
    triples = facts(
        ("Ada", "P19", "Paris"), ("ADA", "P19", "paris "), ("Ada", "P69", "Paris"),
        ("Paris", "P17", "Paris"), ("Ada", "P17", "Rome"),
    )  # fmt: skip
    found = labelled(documents, triples)
    assert [one.doc_id for one in found] == ["z", "y", "x", "w", "v"]
    assert [one.labels for one in found] == [
        (
            Label(0, 2, "P17"),
            Label(1, 0, "P19"),
            Label(1, 0, "P69"),
            Label(1, 2, "P19"),
            Label(1, 2, "P69"),
            Label(2, 0, "P17"),
            Label(2, 0, "P19"),
            Label(2, 0, "P69"),
        ),
        kept,
        (),
        (),
        (),
    ]


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_labels_are_those_of_a_look_at_every_pair(draw: Any) -> None:
    names = st.sampled_from(["a", "b", "c", "d", "A"])
    entity = st.lists(names, min_size=1, max_size=3)
    triple = st.tuples(names, st.sampled_from(VOCABULARY.relations), names)
    contents = draw.draw(st.lists(st.lists(entity, max_size=4), max_size=4))
    triples = draw.draw(st.lists(triple, max_size=8))
    documents = [document(str(n), *entities) for n, entities in enumerate(contents)]
    known = {(h.lower(), r, t.lower()) for h, r, t in triples}
    for one in labelled(documents, facts(*triples)):
        names_of = [{m.name.lower() for m in entity.mentions} for entity in one.entities]
        assert one.labels == tuple(
            Label(head, tail, relation)
            for head, tail in permutations(range(len(names_of)), 2)
            for relation in sorted(VOCABULARY.relations)
            if any((h, relation, t) in known for h in names_of[head] for t in names_of[tail])
        )


@pytest.mark.parametrize(
    ("total", "n_shards"), [(10, 3), (2, 4), (0, 2), (5, 1), (6, 6), (1300, 4)]
)
def test_shards_are_equal_and_give_the_documents_in_their_order(
    tmp_path: Path, total: int, n_shards: int
) -> None:
    """1300 documents in 4 shards are more than a reader's batch in each."""
    documents = [document(str(number), ["Ada"]) for number in range(total)]
    shards = write_shards(table(documents), tmp_path / "shards", n_shards)
    assert [shard.name for shard in shards] == [f"shard-{n:03d}.parquet" for n in range(n_shards)]
    parts = [pl.read_parquet(shard) for shard in shards]
    assert all(part.schema == DOCUMENTS for part in parts)
    assert max(map(len, parts)) - min(map(len, parts)) <= 1
    assert list(read_shards(shards)) == documents


def test_documents_that_are_added_leave_the_others_where_they_are(tmp_path: Path) -> None:
    documents = [document(str(number)) for number in range(11)]
    before = write_shards(table(documents[:7]), tmp_path / "before", 3)
    after = write_shards(table(documents), tmp_path / "after", 3)
    for old, new in zip(before, after, strict=True):
        rows = pl.read_parquet(old)
        assert pl.read_parquet(new).head(len(rows)).equals(rows)


def test_tables_of_any_length_are_read_to_their_ends(tmp_path: Path) -> None:
    lengths = {"a": 1, "b": 0, "c": 3}
    tables = [tmp_path / f"{name}.parquet" for name in lengths]
    for path, (name, length) in zip(tables, lengths.items(), strict=True):
        rows = [document(f"{name}{number}") for number in range(length)]
        write_documents(rows, path, Split.TRAIN)
    assert [one.doc_id for one in read_shards(tables)] == ["a0", "c0", "c1", "c2"]
    assert [one.doc_id for one in read_shards(tables[2:])] == ["c0", "c1", "c2"]
    assert list(read_shards([])) == []


def test_shards_take_the_place_of_former_ones(tmp_path: Path) -> None:
    documents = table([document(str(number)) for number in range(4)])
    write_shards(documents, tmp_path / "shards", 5)
    shards = write_shards(documents, tmp_path / "shards", 2)
    assert sorted((tmp_path / "shards").iterdir()) == shards
    assert list(tmp_path.iterdir()) == [tmp_path / "shards"]


def test_shards_stay_as_they_were_after_an_error(tmp_path: Path) -> None:
    shards = write_shards(table([document("x")]), tmp_path / "shards", 2)
    broken = table([document("x")]).select(pl.col("title").cast(pl.Int32))
    with pytest.raises(pl.exceptions.PolarsError):
        write_shards(broken, tmp_path / "shards", 3)
    assert sorted((tmp_path / "shards").iterdir()) == shards
    with pytest.raises(ValueError, match="at least 1 shard, found 0"):
        write_shards(broken, tmp_path / "shards", 0)


@pytest.mark.skipif(not REDOCRED.is_dir(), reason="the Re-DocRED documents are not here")
def test_real_documents_get_the_known_labels(tmp_path: Path) -> None:
    source = open_source(str(REDOCRED), tmp_path)
    assert source.knowledge_base is not None
    ingest(source, tmp_path / "raw")
    triples = read_triples(source.knowledge_base)
    train = pl.scan_parquet(tmp_path / "raw/train.parquet")
    bare = train.with_columns(labels=pl.lit(None, dtype=DOCUMENTS["labels"]))
    expected, found = triples_in(train), triples_in(label_distantly(bare, triples))
    right = found.join(expected, on=found.columns, how="semi").height
    assert found.height / 992 == pytest.approx(15.5, abs=0.05)
    assert right / found.height == pytest.approx(0.875, abs=0.005)
    assert right / expected.height == pytest.approx(0.476, abs=0.005)
    unlabelled = label_distantly(pl.scan_parquet(tmp_path / "raw/unlabelled.parquet"), triples)
    assert triples_in(unlabelled).height / 999 == pytest.approx(4.2, abs=0.05)


def triples_in(documents: pl.LazyFrame) -> pl.DataFrame:
    labels = documents.select("doc_id", "labels").collect().explode("labels").unnest("labels")
    return labels.select("doc_id", "head", "tail", "relation").drop_nulls().unique()
