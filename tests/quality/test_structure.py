"""Structural checks: sound artefacts pass, and each kind of damage is told with its place."""

from __future__ import annotations

import json
import struct
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from safetensors.numpy import save_file

from corpus.relations import RelationVocabulary
from corpus.schema import DOCUMENTS, Document, Entity, Label, Mention, Split, to_row
from corpus.soft_shards import ShardOrigin, write_shard
from corpus.tables import write_documents
from quality.report import SHOWN, Problem, Report
from quality.shards import check_origin, check_soft_labels
from quality.structure import (
    check_documents,
    check_ids,
    check_labelled,
    check_labels,
    check_mentions,
    check_schema,
    check_splits,
)
from quality.weights import check_weights

VOCABULARY = RelationVocabulary.of_relations(["P17", "P19"])

SOUND = Document(
    doc_id="ada",
    title="Ada",
    sentences=(("Ada", "left", "Arden"), ("She", "returned")),
    entities=(
        Entity("PER", (Mention("Ada", 0, 0, 1), Mention("She", 1, 0, 1))),
        Entity("LOC", (Mention("Arden", 0, 2, 3),)),
    ),
    labels=(Label(0, 1, "P19", (0, 1)),),
)
LONELY = replace(SOUND, doc_id="lonely", title="Lonely", entities=SOUND.entities[:1], labels=())
BARE = replace(SOUND, doc_id="bare", title="Bare", entities=(), labels=())


def table(*documents: Document) -> pl.LazyFrame:
    return pl.LazyFrame([to_row(d, Split.TRAIN) for d in documents], schema=DOCUMENTS)


def with_mention(**changes: Any) -> Document:
    person, place = SOUND.entities
    moved = replace(place.mentions[0], **changes)
    return replace(SOUND, entities=(person, replace(place, mentions=(moved,))))


def with_label(**changes: Any) -> Document:
    assert SOUND.labels is not None
    return replace(SOUND, labels=(replace(SOUND.labels[0], **changes),))


def only_problem(report: Report) -> Problem:
    assert report.total == 1, str(report)
    return report.problems[0]


def test_sound_documents_pass_all_checks() -> None:
    unlabelled = replace(SOUND, doc_id="unlabelled", labels=None)
    report = check_documents(table(SOUND, LONELY, BARE, unlabelled), VOCABULARY)
    assert report == Report()
    assert str(report) == "no problems"
    assert check_documents(DOCUMENTS.to_frame().lazy(), VOCABULARY).passed


@pytest.mark.parametrize(
    ("document", "where", "expected", "found"),
    [
        (with_mention(end=4), "mention Arden", "within the 3 of sentence 0", "words 2 to 4"),
        (with_mention(end=2), "entity 1", "start < end", "words 2 to 2"),
        (with_mention(start=-1), "entity 1", "start < end", "words -1 to 3"),
        (with_mention(sentence=2), "entity 1", "a sentence from 0 to 1", "sentence 2"),
        (with_mention(sentence=-1), "entity 1", "a sentence from 0 to 1", "sentence -1"),
        (with_mention(end=None), "entity 1", "start < end", "words 2 to null"),
        (
            replace(SOUND, entities=(SOUND.entities[0], Entity("LOC", ()))),
            "document ada, entity 1",
            "at least one mention",
            "none",
        ),
        (with_label(tail=2), "document ada, label 0", "its 2 entities", "head 0, tail 2"),
        (with_label(head=-1), "label 0", "its 2 entities", "head -1, tail 1"),
        (with_label(head=1), "label 0", "different entities", "entity 1 twice"),
        (with_label(relation="P99"), "label 0", "the vocabulary's 2 relations", "P99"),
        (with_label(relation="Na"), "label 0", "the vocabulary's 2 relations", "Na"),
        (with_label(evidence=(0, 2)), "label 0", "its 2 sentences", "sentences 0, 2"),
        (with_label(evidence=(-1,)), "label 0", "its 2 sentences", "sentences -1"),
    ],
)
def test_damage_is_told_with_its_place(
    document: Document, where: str, expected: str, found: str
) -> None:
    problem = only_problem(check_documents(table(LONELY, document, BARE), VOCABULARY))
    assert where in problem.where
    assert expected in problem.expected
    assert found in problem.found
    assert "\n" not in str(problem)
    assert problem.remedy


def test_each_check_looks_at_its_own_subject() -> None:
    bad_span, bad_label = table(with_mention(end=9)), table(with_label(tail=9))
    assert check_labels(bad_span, VOCABULARY).passed
    assert check_mentions(bad_label).passed


def test_ids_are_there_and_unique() -> None:
    twice = table(SOUND, LONELY, replace(SOUND, title="Other"))
    assert "2 documents, titled Ada, Other" in only_problem(check_ids(twice)).found
    nameless = table(SOUND).with_columns(doc_id=pl.lit(None, pl.String))
    assert only_problem(check_ids(nameless)).where == "document null"


def test_a_table_of_another_schema_is_not_looked_into() -> None:
    other = table(SOUND).drop("title").with_columns(split=1, note=pl.lit("x"))
    report = check_schema(other)
    assert {p.where for p in report.problems} == {
        "column 'title'",
        "column 'split'",
        "column 'note'",
    }
    assert check_documents(other, VOCABULARY) == report


def test_unlabelled_documents_are_told_from_those_without_facts() -> None:
    unlabelled = replace(SOUND, doc_id="unlabelled", labels=None)
    assert check_labelled(table(SOUND, BARE)).passed
    problem = only_problem(check_labelled(table(SOUND, unlabelled)))
    assert problem.where == "document unlabelled"


def test_splits_share_neither_ids_nor_titles() -> None:
    splits = {"train": table(SOUND, LONELY), "dev": table(BARE), "test": table()}
    assert check_splits(splits).passed
    leaky = splits | {"test": table(replace(SOUND, doc_id="ada-2")), "distant": table(BARE)}
    report = check_splits(leaky)
    assert [(p.where, p.found) for p in report.problems] == [
        ("doc_id bare", "dev and distant"),
        ("title Ada", "train and test"),
        ("title Bare", "dev and distant"),
    ]


def test_a_report_shows_ten_counts_all_and_gives_each_kind_its_turn() -> None:
    assert SOUND.labels is not None
    loops = replace(SOUND, labels=tuple(Label(0, 0, "P19", ()) for _ in range(25)))
    report = check_documents(table(loops, replace(with_mention(end=9), doc_id="b")), VOCABULARY)
    assert (len(report.problems), report.total) == (SHOWN, 26)
    assert "mention Arden" in report.problems[0].where
    assert str(report).endswith("and 16 more")


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_weights_must_be_finite(tmp_path: Path, dtype: type[np.floating[Any]]) -> None:
    good = {"w": np.ones((2, 3), dtype), "ids": np.arange(4), "none": np.zeros((0, 3), dtype)}
    save_file(good, tmp_path / "good.safetensors", metadata={"format": "pt"})
    assert check_weights(tmp_path / "good.safetensors").passed
    bad = good | {"bias": np.array([1, np.nan, -np.inf], dtype)}
    save_file(bad, tmp_path / "bad.safetensors")
    problem = only_problem(check_weights(tmp_path / "bad.safetensors"))
    assert problem.where == "bad.safetensors, tensor bias"
    assert problem.found == "2 of 3 are infinite or not a number"


def write_bfloat16(path: Path, bits: list[int]) -> Path:
    """A safetensors file of one bfloat16 tensor, which NumPy has no type for."""
    entry = {"dtype": "BF16", "shape": [len(bits)], "data_offsets": [0, 2 * len(bits)]}
    header = json.dumps({"w": entry}).encode().ljust(96)
    path.write_bytes(struct.pack("<Q", len(header)) + header + np.array(bits, "<u2").tobytes())
    return path


def test_bfloat16_is_looked_at_bit_by_bit(tmp_path: Path) -> None:
    one, largest, smallest, negative_zero = 0x3F80, 0x7F7F, 0x0001, 0x8000
    infinity, negative_infinity, nan = 0x7F80, 0xFF80, 0x7FC1
    path = write_bfloat16(tmp_path / "good", [one, largest, smallest, negative_zero])
    assert check_weights(path).passed
    path = write_bfloat16(tmp_path / "bad", [one, infinity, negative_infinity, nan])
    assert only_problem(check_weights(path)).found == "3 of 4 are infinite or not a number"


def test_a_truncated_or_missing_weights_file_is_a_problem(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    assert "No such file" in only_problem(check_weights(path)).found
    save_file({"w": np.ones(8, np.float32)}, path)
    path.write_bytes(path.read_bytes()[:-4])
    assert only_problem(check_weights(path)).expected == "a whole safetensors file"


def test_shards_of_soft_labels_are_complete(tmp_path: Path) -> None:
    origin = ShardOrigin("teacher", VOCABULARY.digest, "corpus", "1")
    documents, shard = tmp_path / "shard-000.parquet", tmp_path / "shard-000"
    write_documents([SOUND, LONELY], documents, Split.DISTANT)
    assert not check_soft_labels(shard, documents, remedy="again").passed
    records = [(d, np.zeros((d.n_pairs, 3), np.float32)) for d in (SOUND, LONELY)]
    write_shard(shard, records, origin, n_classes=3)
    assert check_soft_labels(shard, documents, remedy="again").passed
    write_documents([SOUND, LONELY, BARE], documents, Split.DISTANT)
    problem = only_problem(check_soft_labels(shard, documents, remedy="again"))
    assert problem.where == "logits shard-000"
    assert "'bare'" in problem.found


def test_logits_are_of_the_model_and_the_columns_as_they_are_now(tmp_path: Path) -> None:
    origin = ShardOrigin("a model", VOCABULARY.digest, "corpus", "1")
    records = [(SOUND, np.zeros((SOUND.n_pairs, 3), np.float32))]
    write_shard(tmp_path / "shard", records, origin, n_classes=3)
    now = {"model": "a model", "vocabulary": VOCABULARY.digest}
    assert check_origin(tmp_path / "shard", **now, remedy="again").passed
    for name in now:
        problem = only_problem(check_origin(tmp_path / "shard", **now | {name: "x"}, remedy="go"))
        assert problem.expected == f"made with {name} x"
        assert problem.remedy == "go"
    assert check_origin(tmp_path / "none", **now, remedy="again").passed
