"""What ruins a distillation is caught by a check, and nothing is built on it: docs/quality.md."""

import random
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import permutations
from pathlib import Path

import dagster as dg
import numpy as np
import polars as pl
import pytest
from little_corpus import Workplace
from safetensors.numpy import load_file, save_file
from sound_corpus import DEATH, write_sound_corpus

from corpus.artefacts import read_json, write_json
from corpus.schema import Split
from corpus.soft_shards import LOGITS, ORIGIN, ShardOrigin, open_shard, write_shard
from corpus.tables import read_documents, write_table
from docre_assets.assets import ASSETS
from docre_assets.checks import CHECKS
from docre_assets.partitions import SHARDS
from models.checkpoint_files import CALIBRATION, RELATIONS, WEIGHTS
from resources.quality import Quality
from resources.storage import Storage

pytestmark = pytest.mark.slow

PAGE = Path(__file__).parents[2] / "docs" / "quality.md"
ENFORCED = Quality(docs=False)
LEARNT = {
    "teacher.training.epochs": 16,
    "student.training.epochs": 8,
    "finetune.training.epochs": 4,
}


@pytest.fixture(scope="module")
def sound(tmp_path_factory) -> Iterator[tuple[Workplace, dg.ExecuteInProcessResult]]:
    """Everything that is made from a sound corpus, with all limits enforced."""
    place = tmp_path_factory.mktemp("sound")
    storage = Storage(root=str(place / "artefacts"))
    with dg.DagsterInstance.ephemeral() as instance:
        workplace = Workplace(write_sound_corpus(place / "corpus"), storage, instance, ENFORCED)
        yield workplace, workplace.distil(**LEARNT)


def test_a_sound_corpus_raises_no_alarm(sound):
    result = sound[1]
    failed = [c for c in result.get_asset_check_evaluations() if not c.passed]
    blocking = [c for c in failed if c.severity is dg.AssetCheckSeverity.ERROR]
    assert [f"{c.asset_key} {c.check_name}: {c.description}" for c in blocking] == []
    assert result.success


Labels = list[dict]


def _labels(
    storage: Storage, change: Callable[[pl.DataFrame, random.Random], list[Labels]]
) -> None:
    """Change the distant labels of all documents of each shard."""
    draw = random.Random(1)
    for shard in SHARDS:
        table = pl.read_parquet(storage.distant(shard))
        labels = pl.Series(change(table, draw), dtype=table.schema["labels"])
        write_table(table.with_columns(labels=labels), storage.distant(shard))


def _each(storage: Storage, change: Callable[[dict, random.Random], dict | None]) -> None:
    """Change or remove each distant label."""

    def changed(table: pl.DataFrame, draw: random.Random) -> list[Labels]:
        rows = [[change(label, draw) for label in labels] for labels in table["labels"].to_list()]
        return [[label for label in labels if label] for labels in rows]

    _labels(storage, changed)


def labels_shuffled(storage: Storage) -> None:
    _labels(storage, lambda table, draw: draw.sample(table["labels"].to_list(), table.height))


def relation_missing(storage: Storage) -> None:
    _each(storage, lambda label, _: None if label["relation"] == "P27" else label)


def relation_nearly_missing(storage: Storage) -> None:
    """All labels of a frequent relation but one."""
    kept: list[dict] = []

    def removed(label: dict, _: random.Random) -> dict | None:
        if label["relation"] != "P27":
            return label
        kept.append(label)
        return label if len(kept) == 1 else None

    _each(storage, removed)


def frequent_relation_flooded(storage: Storage) -> None:
    """Everything lies in everything: the most labels that documents can have of a relation."""

    def flooded(table: pl.DataFrame, _: random.Random) -> list[Labels]:
        rows = []
        for labels, n in zip(table["labels"], table["entities"].list.len(), strict=True):
            everywhere = [
                {"head": head, "tail": tail, "relation": "P17", "evidence": []}
                for head, tail in permutations(range(n), 2)
            ]
            rows.append([x for x in labels.to_list() if x["relation"] != "P17"] + everywhere)
        return rows

    _labels(storage, flooded)


def relation_flooded(storage: Storage) -> None:
    """Every person dies in the city and in the country: twenty times as many deaths."""

    def flooded(table: pl.DataFrame, _: random.Random) -> list[Labels]:
        types = table["entities"].list.eval(pl.element().struct.field("type")).to_list()
        rows = []
        for labels, kinds in zip(table["labels"].to_list(), types, strict=True):
            person = kinds.index("PER")
            deaths = [
                {"head": person, "tail": place, "relation": DEATH, "evidence": []}
                for place, kind in enumerate(kinds)
                if kind == "LOC"
            ]
            rows.append([x for x in labels if x["relation"] != DEATH] + deaths)
        return rows

    _labels(storage, flooded)


def labels_lost(storage: Storage) -> None:
    _each(storage, lambda label, draw: label if draw.random() < 0.01 else None)


def entities_shifted(storage: Storage) -> None:
    _each(storage, lambda x, _: x | {"head": x["head"] + 1, "tail": x["tail"] + 1})


def types_inconsistent(storage: Storage) -> None:
    """One label in ten joins its entities the wrong way round."""

    def turned(label: dict, draw: random.Random) -> dict:
        turn = draw.random() < 0.1
        return label | {"head": label["tail"], "tail": label["head"]} if turn else label

    _each(storage, turned)


def facts_wrong(storage: Storage) -> None:
    """Of the knowledge base's facts 30 % are right; the others' types are right all the same."""
    others = {"P19": "P27", "P27": "P19", DEATH: "P27"}

    def wrong(label: dict, draw: random.Random) -> dict:
        if draw.random() < 0.3:
            return label
        if label["relation"] == "P17":
            return label | {"head": label["tail"], "tail": label["head"]}
        return label | {"relation": others[label["relation"]]}

    _each(storage, wrong)


def documents_repeated(storage: Storage) -> None:
    table = pl.read_parquet(storage.distant("shard-000"))
    again = table.with_columns(pl.concat_str(pl.lit("again/"), "doc_id").alias("doc_id"))
    write_table(pl.concat([table, again]), storage.distant("shard-000"))


def dev_within_distant(storage: Storage) -> None:
    table = pl.read_parquet(storage.distant("shard-000"))
    dev = pl.read_parquet(storage.annotated(Split.DEV)).head(3)
    write_table(pl.concat([table, dev]), storage.distant("shard-000"))


def dev_within_training(storage: Storage) -> None:
    """A document of dev stands in train under another title."""
    train = pl.read_parquet(storage.annotated(Split.TRAIN))
    dev = pl.read_parquet(storage.annotated(Split.DEV)).head(1)
    renamed = dev.with_columns(doc_id=pl.lit("train/renamed"), title=pl.lit("Renamed"))
    write_table(pl.concat([train, renamed]), storage.annotated(Split.TRAIN))


def dev_without_labels(storage: Storage) -> None:
    dev = pl.read_parquet(storage.annotated(Split.DEV))
    empty = pl.lit([], dev.schema["labels"])
    write_table(dev.with_columns(labels=empty), storage.annotated(Split.DEV))


def _logits(storage: Storage, change: Callable[[np.ndarray], np.ndarray]) -> None:
    """Write all soft labels again with other logits; the digests beside them are right."""
    for shard in SHARDS:
        folder = storage.soft_label_shard(shard)
        logits, manifest = open_shard(folder)
        changed = change(np.array(logits))
        rows = dict(zip(manifest["doc_id"], manifest["offset"], strict=True))
        documents = list(read_documents(storage.distant(shard)))
        records = [(d, changed[rows[d.doc_id] :][: d.n_pairs]) for d in documents]
        made = read_json(folder / ORIGIN)
        origin = ShardOrigin(*(made[name] for name in ("teacher", "vocabulary", "corpus", "code")))
        write_shard(folder, records, origin, changed.shape[1])


def columns_permuted(storage: Storage) -> None:
    """Logits in the order of another vocabulary; TH stays in its place."""
    _logits(storage, lambda logits: logits[:, [0, *np.roll(range(1, logits.shape[1]), 1)]])


def pairs_shuffled(storage: Storage) -> None:
    """Logits of other documents' pairs."""
    _logits(storage, lambda logits: np.random.default_rng(3).permutation(logits))


def all_na(storage: Storage) -> None:
    _logits(storage, lambda logits: logits + np.float16(50) * (np.arange(logits.shape[1]) == 0))


def not_finite(storage: Storage) -> None:
    def spoilt(logits: np.ndarray) -> np.ndarray:
        logits[5, 2] = np.nan
        return logits

    _logits(storage, spoilt)


def another_teacher(storage: Storage) -> None:
    shutil.rmtree(storage.model("teacher"))
    shutil.copytree(storage.model("student"), storage.model("teacher"))


def shard_truncated(storage: Storage) -> None:
    logits = storage.soft_label_shard("shard-001") / LOGITS
    logits.write_bytes(logits.read_bytes()[:-10])


def soft_labels_missing(storage: Storage) -> None:
    """Documents that came in after soft_labels ran."""
    table = pl.read_parquet(storage.distant("shard-000"))
    new = table.with_columns(pl.concat_str(pl.lit("new/"), "doc_id").alias("doc_id"))
    write_table(pl.concat([table, new]), storage.distant("shard-000"))


def calibration_not_fitted(storage: Storage) -> None:
    write_json(None, storage.model("teacher") / CALIBRATION)


def weights_not_finite(storage: Storage) -> None:
    path = storage.model("teacher") / WEIGHTS
    weights = load_file(path)
    name = max(weights, key=lambda key: weights[key].size)
    save_file(weights | {name: np.full_like(weights[name], np.nan)}, path)


def other_columns(storage: Storage) -> None:
    ids = read_json(storage.model("student") / RELATIONS)["ids"]
    other = {"ids": [ids[0], *reversed(ids[1:])], "names": {}}
    write_json(other, storage.model("student") / RELATIONS)


def _predictions(storage: Storage, change: Callable[[pl.DataFrame], pl.DataFrame]) -> None:
    write_table(change(pl.read_parquet(storage.predictions)), storage.predictions)


def one_relation_predicted(storage: Storage) -> None:
    _predictions(storage, lambda found: found.filter(pl.col("relation") == "P17"))


@dataclass(frozen=True)
class Fault:
    """Something that goes wrong, and what catches it."""

    inject: Callable[[Storage], None]
    asset: str
    check: str
    kept_from: str
    """An asset downstream."""

    @property
    def name(self) -> str:
        """As docs/quality.md calls it."""
        return self.inject.__name__.replace("_", " ")


FAULTS = [
    Fault(dev_without_labels, "annotated_documents", "critical", "teacher_model"),
    Fault(dev_within_training, "annotated_documents", "critical", "teacher_model"),
    Fault(labels_shuffled, "distant_documents", "critical", "soft_labels"),
    Fault(labels_lost, "distant_documents", "critical", "soft_labels"),
    Fault(relation_missing, "distant_documents", "critical", "soft_labels"),
    Fault(relation_nearly_missing, "distant_documents", "critical", "soft_labels"),
    Fault(relation_flooded, "distant_documents", "critical", "soft_labels"),
    Fault(frequent_relation_flooded, "distant_documents", "critical", "soft_labels"),
    Fault(types_inconsistent, "distant_documents", "critical", "soft_labels"),
    Fault(entities_shifted, "distant_documents", "distant_labels_valid", "soft_labels"),
    Fault(documents_repeated, "distant_documents", "critical", "soft_labels"),
    Fault(dev_within_distant, "distant_documents", "critical", "soft_labels"),
    Fault(calibration_not_fitted, "teacher_model", "critical", "soft_labels"),
    Fault(weights_not_finite, "teacher_model", "weights_finite", "soft_labels"),
    Fault(columns_permuted, "soft_labels", "critical", "student_model"),
    Fault(pairs_shuffled, "soft_labels", "critical", "student_model"),
    Fault(all_na, "soft_labels", "critical", "student_model"),
    Fault(facts_wrong, "soft_labels", "critical", "student_model"),
    Fault(not_finite, "soft_labels", "shards_complete", "student_model"),
    Fault(another_teacher, "soft_labels", "made_by_teacher", "student_model"),
    Fault(shard_truncated, "soft_labels", "shards_complete", "student_model"),
    Fault(soft_labels_missing, "soft_labels", "critical", "student_model"),
    Fault(other_columns, "student_model", "vocabulary_matches", "finetuned_model"),
    Fault(one_relation_predicted, "predictions", "critical", "warehouse"),
]


def check_and_build(workplace: Workplace, asset: str, downstream: str) -> dg.ExecuteInProcessResult:
    """Run an asset's checks and, if they pass, materialize an asset downstream."""
    selection = dg.AssetSelection.checks_for_assets(dg.AssetKey(asset)) | dg.AssetSelection.assets(
        downstream
    )
    job = dg.define_asset_job("check_and_build", selection)
    definitions = dg.Definitions(
        assets=ASSETS, asset_checks=CHECKS, jobs=[job], resources=workplace.resources()
    )
    return definitions.resolve_job_def("check_and_build").execute_in_process(
        instance=workplace.instance,
        raise_on_error=False,
        tags={
            "dagster/asset_partition_range_start": SHARDS[0],
            "dagster/asset_partition_range_end": SHARDS[-1],
        }
        if downstream == "soft_labels"
        else {},
    )


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_fault_is_caught_and_nothing_is_built_on_it(sound, tmp_path, fault):
    shutil.copytree(sound[0].storage.folder, tmp_path / "artefacts")
    storage = Storage(root=str(tmp_path / "artefacts"))
    fault.inject(storage)
    with dg.DagsterInstance.ephemeral() as instance:
        workplace = Workplace(sound[0].corpus, storage, instance, ENFORCED)
        result = check_and_build(workplace, fault.asset, fault.kept_from)
        found = {c.check_name: c for c in result.get_asset_check_evaluations()}
        assert not found[fault.check].passed
        assert found[fault.check].description
        assert not result.get_asset_materialization_events()
        alone = workplace.distil(fault.kept_from)
        refused = alone.failure_data_for_node(fault.kept_from).user_failure_data.description
        assert f"{fault.check} of {fault.asset}" in refused
        assert not alone.get_asset_materialization_events()


def test_a_check_can_be_run_alone(sound, tmp_path):
    shutil.copytree(sound[0].storage.folder, tmp_path / "artefacts")
    storage = Storage(root=str(tmp_path / "artefacts"))
    drift = dg.AssetCheckKey(dg.AssetKey("distant_documents"), "drift")
    with dg.DagsterInstance.ephemeral() as instance:
        workplace = Workplace(sound[0].corpus, storage, instance, ENFORCED)
        job = dg.define_asset_job("alone", dg.AssetSelection.checks(drift))
        definitions = dg.Definitions(
            assets=ASSETS, asset_checks=CHECKS, jobs=[job], resources=workplace.resources()
        )
        result = definitions.resolve_job_def("alone").execute_in_process(instance=instance)
    assert [c.asset_check_key for c in result.get_asset_check_evaluations()] == [drift]


def test_a_teacher_of_one_step_is_caught(sound, tmp_path):
    shutil.copytree(sound[0].storage.folder, tmp_path / "artefacts")
    storage = Storage(root=str(tmp_path / "artefacts"))
    one_step = {"teacher.training.epochs": 1, "teacher.training.batch_documents": 1000}
    with dg.DagsterInstance.ephemeral() as instance:
        workplace = Workplace(sound[0].corpus, storage, instance, ENFORCED)
        result = workplace.distil("teacher_model", "soft_labels", **one_step)
    failed = [c for c in result.get_asset_check_evaluations() if not c.passed]
    assert ("critical", "teacher_model") in [
        (c.check_name, c.asset_key.to_user_string()) for c in failed
    ]
    made = {e.asset_key.to_user_string() for e in result.get_asset_materialization_events()}
    assert made == {"teacher_model"}


def test_the_page_tells_of_every_fault():
    told_of = re.findall(
        r"^\| ([\w ]+) \| `(\w+)` \| `(\w+)` \| `(\w+)` \|", PAGE.read_text(), re.M
    )
    assert set(told_of) >= {(f.name, f.asset, f.check, f.kept_from) for f in FAULTS}
