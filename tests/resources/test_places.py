"""Storage names every path once, below its root; the warehouse is read without being written."""

from inspect import getmembers
from pathlib import Path

import duckdb
import pytest

from corpus.relations import RelationVocabulary
from corpus.schema import ANNOTATED, Split
from resources.storage import Storage
from resources.warehouse import Warehouse


def _places(storage: Storage) -> list[Path]:
    properties = getmembers(Storage, lambda member: isinstance(member, property))
    own = [name for name, member in properties if member.fget.__qualname__.startswith("Storage.")]
    named = [getattr(storage, name) for name in own]
    told = [
        *(storage.raw(split) for split in Split),
        *(storage.annotated(split) for split in ANNOTATED),
        *(storage.distant(shard) for shard in ("shard-000", "shard-001")),
        *(storage.soft_label_shard(shard) for shard in ("shard-000", "shard-001")),
        *(storage.model(model) for model in ("teacher", "student", "finetuned")),
    ]
    return named + told


def test_all_places_differ_and_lie_below_the_root(tmp_path):
    storage = Storage(root=str(tmp_path))
    places = _places(storage)
    assert len(places) == len(set(places))
    assert all(place.is_relative_to(tmp_path) for place in places)


def test_the_root_is_absolute_even_if_it_is_given_relatively(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert Storage(root="artefacts").knowledge_base == tmp_path / "artefacts/knowledge_base.parquet"


def test_no_artefact_lies_inside_another(tmp_path):
    storage = Storage(root=str(tmp_path))
    inputs = [storage.raw_documents, storage.annotated_documents, storage.distant_documents]
    outputs = [storage.soft_labels, storage.scores, storage.predictions, storage.warehouse]
    assert not any(output.is_relative_to(folder) for output in outputs for folder in inputs)


def test_the_vocabulary_is_the_one_beside_the_raw_documents(tmp_path):
    storage = Storage(root=str(tmp_path))
    vocabulary = RelationVocabulary.of_relations(["P17", "P27"])
    vocabulary.save(storage.relations)
    assert storage.vocabulary() == vocabulary


def test_a_warehouse_that_was_not_built_says_what_to_do(tmp_path):
    warehouse = Warehouse(path=str(tmp_path / "none.duckdb"))
    with (
        pytest.raises(FileNotFoundError, match="materialize the asset `warehouse` first"),
        warehouse.connect(),
    ):
        pass


def test_a_warehouse_is_opened_for_reading_only(tmp_path):
    path = tmp_path / "warehouse.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("CREATE TABLE documents AS SELECT 1 AS n")
    with Warehouse(path=str(path)).connect() as connection:
        assert connection.execute("SELECT n FROM documents").fetchall() == [(1,)]
        with pytest.raises(duckdb.InvalidInputException, match="read-only"):
            connection.execute("DROP TABLE documents")


def test_a_distant_corpus_that_was_cut_into_other_shards_is_refused(tmp_path):
    storage = Storage(root=str(tmp_path))
    storage.distant_documents.mkdir()
    names = [f"shard-00{number}" for number in range(3)]
    for name in names:
        storage.distant(name).touch()
    assert storage.distant_shards(names) == [storage.distant(name) for name in names]
    for other in (names[:2], [*names, "shard-003"]):
        with pytest.raises(ValueError, match=r"found 3.*materialize distant_documents.*\(3\)"):
            storage.distant_shards(other)
