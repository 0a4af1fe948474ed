"""What a benchmark judges by: facts of training, frequent relations, labelled documents alone."""

import dataclasses

import polars as pl
import pytest

from corpus.logits import Calibration
from corpus.relations import RelationVocabulary
from corpus.schema import ALL, EVALUATION, Document, Entity, Label, Mention, Split
from corpus.tables import write_documents
from docre_assets.scoring import Benchmark, headline, predict_and_judge
from models.confidence import TopConfidence
from models.config import preset
from models.extractor import Extractor
from models.infer import stream_logits
from models.metrics import score
from models.predictions import predict
from models.runtime import Runtime
from models.triples import Triple, facts_of

WORDS = ("Ada", "Augusta", "lives", "in", "Oslo", "or", "Rome")
ADA = Entity("PER", (Mention("Ada", 0, 0, 1), Mention("Augusta", 0, 1, 2)))
OSLO, ROME = (Entity("LOC", (Mention(WORDS[n], 0, n, n + 1),)) for n in (4, 6))


def document(doc_id: str, *labels: Label, entities=(ADA, OSLO, ROME)) -> Document:
    return Document(doc_id, doc_id, (WORDS,), entities, labels)


TEST = [document("t", Label(0, 1, "P551"), Label(0, 2, "P551")), document("none")]
AUGUSTA = Entity("PER", (Mention("Augusta", 0, 1, 2),))
TRAIN = [document("a", Label(0, 1, "P551"), entities=(AUGUSTA, OSLO)), document("b")]
DISTANT = [
    document("c", Label(0, 1, "P19"), Label(1, 0, "P551")),
    document("d", Label(0, 1, "P551"), entities=(ADA, ROME)),
]


@pytest.fixture
def benchmark(tmp_path) -> Benchmark:
    unlabelled = dataclasses.replace(TEST[0], doc_id="u", labels=None)
    shards = [tmp_path / "shard-000.parquet", tmp_path / "shard-001.parquet"]
    write_documents([*TEST, unlabelled], tmp_path / "test.parquet", Split.TEST)
    write_documents(TRAIN, tmp_path / "train.parquet", Split.TRAIN)
    for shard, lines in zip(shards, DISTANT, strict=True):
        write_documents([lines], shard, Split.DISTANT)
    return Benchmark.read(
        {Split.TEST: tmp_path / "test.parquet"}, tmp_path / "train.parquet", shards
    )


def test_facts_are_those_of_the_scored_documents_by_any_name(benchmark):
    assert benchmark.annotated_facts == {("Augusta", "Oslo", "P551")}
    assert benchmark.distant_facts == {("Ada", "Rome", "P551"), ("Augusta", "Rome", "P551")}


def test_ign_f1_is_the_same_as_with_all_facts(benchmark):
    found = [Triple("t", 0, 1, "P551"), Triple("t", 0, 2, "P551"), Triple("t", 1, 2, "P19")]
    rows = {name: [getattr(triple, name) for triple in found] for name in Triple.__slots__}
    table = benchmark.scores("teacher", Split.TEST, pl.DataFrame(rows))
    overall = table.filter(slice=ALL)
    expected = score(TEST, found, facts_of(TRAIN), facts_of(DISTANT))
    assert dict(zip(overall["metric"], overall["value"], strict=True)) == expected.as_dict()
    assert expected.ign_f1_annotated != expected.f1 != expected.ign_f1_distant
    assert table.schema == EVALUATION
    assert set(table["model"]) | set(table["split"]) == {"teacher", "test"}


def test_the_table_has_slices_by_relation(benchmark):
    found = pl.DataFrame([{"doc_id": "t", "head": 0, "tail": 1, "relation": "P551"}])
    table = benchmark.scores("teacher", Split.TEST, found)
    recall = table.filter(slice="relation", relation="P551", metric="recall")
    assert recall["value"].to_list() == [0.5]
    assert table.filter(pl.col("relation").is_not_null())["slice"].unique().to_list() == [
        "relation"
    ]


def test_one_pass_gives_predictions_and_their_calibration_errors():
    vocabulary = RelationVocabulary.of_relations(["P551", "P19"])
    extractor = Extractor.create(preset("tiny").model, vocabulary, seed=1)
    extractor.calibration = Calibration(2.0, 1.0)
    unlabelled = dataclasses.replace(TEST[0], doc_id="u", labels=None)
    documents, runtime = [*TEST, unlabelled], Runtime("cpu", "float32", threads=1)
    found, errors = predict_and_judge(iter(documents), extractor, runtime)
    assert found.equals(predict(documents, extractor, runtime))
    expected = TopConfidence(vocabulary, extractor.calibration)
    for lines, logits in stream_logits(extractor, TEST, runtime):
        expected.add(lines, logits)
    assert errors
    assert errors == pytest.approx(expected.errors(), abs=1e-5)


def test_the_headline_is_of_all_triples(benchmark):
    found = pl.DataFrame([{"doc_id": "t", "head": 0, "tail": 1, "relation": "P551"}])
    (row,) = headline(benchmark.scores("teacher", Split.TEST, found)).iter_rows(named=True)
    assert row["F1"] == pytest.approx(200 / 3)
    assert row["ECE"] is None
    assert list(row) == ["model", "split", "F1", "Ign F1", "evidence F1", "ECE"]


def test_relations_of_another_schema_have_their_own_frequent_ones(benchmark):
    assert benchmark.frequent == {"P551"}
