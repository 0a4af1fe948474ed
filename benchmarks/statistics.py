"""What statistics and checks cost on a corpus of the size that large projects have.

``python -m benchmarks.statistics [--documents 100000] [--entities 21] [--shards 16] [--folder F]
[--json OUT]`` generates a distant corpus and a teacher's soft labels of it (100,000 documents of 21
entities: 42 million pairs, 8.1 GB of logits; the same ones every time), beside annotated documents
and a knowledge base. Then it does, in a fresh process on two cores, what the checks of distant
labels do (structure, statistics, and Great Expectations' judgement, with data docs), and in another
what those of soft labels do. Each may take 3 minutes and 2 GB.

Memory is told twice: ``private_gb`` is the peak of what nobody else could use, sampled 50 times a
second; ``resident_gb`` the exact peak of that and of pages of files, which the system takes back
when it needs them. Linux only.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from benchmarks.circumstances import circumstances
from benchmarks.fresh import alone_on_two_cores
from benchmarks.peak import peak_memory
from corpus.artefacts import write_json
from corpus.knowledge_base import triples_of
from corpus.logits import Calibration, ends_of_pairs, places_of_pairs
from corpus.relations import RelationVocabulary
from corpus.schema import ANNOTATED, Document, Entity, Label, Mention, Split
from corpus.soft_shards import ShardOrigin, write_shard
from corpus.tables import write_documents, write_table
from quality.default_limits import LIMITS
from quality.report import Report
from quality.shards import check_origin, check_soft_labels
from quality.stages import Annotated, StageReport, distant_report, soft_labels_report
from quality.structure import check_documents, check_labelled
from quality.suites import judge

SECONDS: Final = 180
GIGABYTES: Final = 2.0
"""What a stage may take."""

RELATIONS: Final = RelationVocabulary.of_relations(f"P{number}" for number in range(96))
TYPES: Final = ("PER", "ORG", "LOC", "TIME", "NUM", "MISC")
NAMES: Final = 100_000
WORDS: Final = 20_000
SENTENCES: Final = (8, 25)
"""Sentences of a document, and words of a sentence."""
LABELS: Final = 12
"""Of a document, on average."""
FOUND: Final = 0.6
"""Share of the labels that the teacher finds; half as many that it finds are no labels."""
CALIBRATION: Final = Calibration(1.5, 1.0)
SIZES: Final = {Split.TRAIN: 3000, Split.DEV: 1000, Split.TEST: 1000}
"""Annotated documents."""
TEACHER: Final = "generated"


@dataclass(frozen=True)
class Generated:
    """A corpus as the distillation has it; what is drawn depends on these numbers alone."""

    root: Path
    documents: int
    entities: int
    shards: int

    @property
    def distant(self) -> list[Path]:
        """Documents with distant labels."""
        return [self.root / f"distant{shard}.parquet" for shard in range(self.shards)]

    @property
    def soft_labels(self) -> list[Path]:
        """A teacher's logits on them."""
        return [self.root / f"soft_labels{shard}" for shard in range(self.shards)]

    @property
    def annotated(self) -> Annotated:
        """Documents that people labelled."""
        train, *held_out = (self.root / f"{split}.parquet" for split in ANNOTATED)
        return Annotated(train, {path.stem: path for path in held_out}, RELATIONS)

    @property
    def knowledge_base(self) -> Path:
        """What the distant documents, and a part of the annotated ones, state; written last."""
        return self.root / "knowledge_base.parquet"

    def generate(self) -> None:
        """Write all of it, on all cores."""
        numbers = np.array_split(np.arange(self.documents), self.shards)
        with ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:
            list(pool.map(self._write_shard, range(self.shards), numbers))
        for seed, (split, size) in enumerate(SIZES.items(), start=self.shards):
            writer = Writer(self.entities, seed)
            documents = (writer.document(f"{split} {number}") for number in range(size))
            write_documents(documents, self.root / f"{split}.parquet", split)
        stated = pl.scan_parquet(self.annotated.train).head(SIZES[Split.TRAIN] // 2)
        facts = triples_of(pl.concat([pl.scan_parquet(self.distant), stated]))
        write_table(facts, self.knowledge_base)

    def _write_shard(self, shard: int, numbers: NDArray[np.int64]) -> None:
        writer = Writer(self.entities, seed=shard)
        documents = [writer.document(f"distant {number}") for number in numbers]
        write_documents(documents, self.distant[shard], Split.DISTANT)
        origin = ShardOrigin(TEACHER, RELATIONS.digest, "generated", "1")
        records = ((document, writer.logits(document)) for document in documents)
        write_shard(self.soft_labels[shard], records, origin, len(RELATIONS))


class Writer:
    """Draws documents, and logits of a teacher that finds a part of their labels."""

    def __init__(self, entities: int, seed: int) -> None:
        self.entities, self.draw = entities, np.random.default_rng(seed)
        self.names = np.array([f"Name{number}" for number in range(NAMES)])
        self.words = np.array([f"word{number}" for number in range(WORDS)])
        self.zipf = _zipf(len(RELATIONS.relations))
        self.below = self._rows(20_000)
        self.above = self._rows(64 * len(RELATIONS)).reshape(len(RELATIONS), 64, -1)
        for column, rows in enumerate(self.above):
            rows[:, column] = rows[:, 0] + abs(self.draw.normal(2.5, 1.5, 64))

    def _rows(self, size: int) -> NDArray[np.float16]:
        """Logits [size, R] of pairs that have no relation, as a teacher's are."""
        rows = self.draw.normal(-6, 1.8, (size, len(RELATIONS)))
        rows[:, 0] = self.draw.normal(4, 1, size)
        return rows.astype(np.float16)

    def document(self, doc_id: str) -> Document:
        """A document of 200 words; every second entity is named twice."""
        sentences = self.words[self.draw.integers(WORDS, size=SENTENCES)].astype(object)
        entities = self._entities()
        for entity in entities:
            for mention in entity.mentions:
                sentences[mention.sentence, mention.start] = mention.name
        words = tuple(map(tuple, sentences.tolist()))
        return Document(doc_id, f"On {doc_id}", words, entities, self._labels())

    def _entities(self) -> tuple[Entity, ...]:
        n_words, size = SENTENCES[0] * SENTENCES[1], (self.entities, 2)
        places = self.draw.choice(n_words, size, replace=2 * self.entities > n_words).tolist()
        names = self.names[self.draw.integers(NAMES, size=self.entities)].tolist()
        types = self.draw.integers(len(TYPES), size=self.entities).tolist()
        return tuple(
            Entity(TYPES[types[n]], tuple(_mention(names[n], p) for p in places[n][: 1 + n % 2]))
            for n in range(self.entities)
        )

    def _labels(self) -> tuple[Label, ...]:
        n_pairs = self.entities * (self.entities - 1)
        pairs = self.draw.choice(n_pairs, min(self.draw.poisson(LABELS), n_pairs), replace=False)
        heads, tails = (ends.tolist() for ends in ends_of_pairs(pairs, self.entities))
        relations = self.draw.choice(len(self.zipf), len(pairs), p=self.zipf).tolist()
        ends = zip(heads, tails, relations, strict=True)
        return tuple(Label(h, t, RELATIONS.relations[r], (0,)) for h, t, r in ends)

    def logits(self, document: Document) -> NDArray[np.float16]:
        """[P, R] float16 of a document: a part of its labels above TH, and some other relations."""
        rows = self.below[self.draw.integers(len(self.below), size=document.n_pairs)]
        found = [label for label in document.labels or () if self.draw.random() < FOUND]
        pairs = [places_of_pairs(label.head, label.tail, self.entities) for label in found]
        columns = [RELATIONS.column(label.relation) for label in found]
        others = self.draw.poisson(FOUND * LABELS / 2)
        pairs += self.draw.integers(len(rows), size=others).tolist()
        columns += (1 + self.draw.choice(len(self.zipf), others, p=self.zipf)).tolist()
        rows[pairs] = self.above[columns, self.draw.integers(64, size=len(columns))]
        return rows


def _mention(name: str, place: int) -> Mention:
    sentence, word = divmod(place, SENTENCES[1])
    return Mention(name, sentence, word, word + 1)


def _zipf(size: int) -> NDArray[np.float64]:
    weights = 1 / np.arange(1.0, size + 1)
    return weights / weights.sum()


@dataclass
class Meter:
    """Measures the parts of what a process does."""

    stage: str
    rows: list[dict[str, Any]] = field(default_factory=list)

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Measure one more part."""
        with peak_memory() as peak:
            started = time.perf_counter(), time.process_time()
            yield
            ended = time.perf_counter(), time.process_time()
        measured = {
            "wall_s": ended[0] - started[0],
            "processor_s": ended[1] - started[1],
            "private_gb": peak.private / 1e9,
            "resident_gb": peak.resident / 1e9,
        }
        self.rows.append({"stage": self.stage, "part": name} | measured)
        figures = "  ".join(f"{value:7.2f} {unit}" for unit, value in measured.items())
        print(f"{self.stage:12} {name:14} {figures}", flush=True)


def distant_stage(corpus: Generated) -> list[dict[str, Any]]:
    """All of the checks of distant labels."""
    meter, documents = Meter("distant"), pl.scan_parquet(corpus.distant)
    with meter.part("structure"):
        _require(check_documents(documents, RELATIONS), check_labelled(documents))
    with meter.part("statistics"):
        report = distant_report(corpus.distant, corpus.annotated, corpus.knowledge_base)
    with meter.part("judgement"):
        _judge(report, corpus)
    return meter.rows


def soft_label_stage(corpus: Generated) -> list[dict[str, Any]]:
    """All of the checks of soft labels."""
    meter, shards = Meter("soft_labels"), corpus.soft_labels
    now = {"model": TEACHER, "vocabulary": RELATIONS.digest, "remedy": ""}
    with meter.part("structure"):
        complete = map(partial(check_soft_labels, remedy=""), shards, corpus.distant)
        _require(*complete, *(check_origin(shard, **now) for shard in shards))
    with meter.part("statistics"):
        soft = soft_labels_report(shards, corpus.distant, corpus.annotated, CALIBRATION)
    with meter.part("judgement"):
        _judge(soft.report, corpus)
    return meter.rows


def _require(*reports: Report) -> None:
    """The corpus is sound: what is measured is the cost of finding nothing."""
    for report in reports:
        assert report.passed, report


def _judge(report: StageReport, corpus: Generated) -> None:
    """As the checks do; all is judged, whatever comes of it."""
    with tempfile.TemporaryDirectory() as docs:
        verdicts = judge(
            report.stage,
            report.statistics,
            corpus.annotated.reference(),
            limits=LIMITS[report.stage],
            sample=report.sample,
            relations=RELATIONS.relations,
            offenders=report.offenders,
            docs=Path(docs),
        )
    for verdict in verdicts.values():
        assert not verdict.has_error, verdict


def measured(
    stage: Callable[[Generated], list[dict[str, Any]]], corpus: Generated
) -> list[dict[str, Any]]:
    """A stage's parts, in a process of its own."""
    return alone_on_two_cores(stage, corpus)


def totals(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Seconds and peaks of each stage, and whether they are within what it may take."""
    seconds, memory = pl.col("wall_s", "processor_s"), pl.col("private_gb", "resident_gb")
    within = (pl.col("wall_s") <= SECONDS) & (pl.col("resident_gb") <= GIGABYTES)
    stages = pl.DataFrame(rows).group_by("stage", maintain_order=True)
    return stages.agg(seconds.sum(), memory.max()).with_columns(within=within).to_dicts()


def main() -> None:
    """Generate, measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, prog="benchmarks.statistics")
    parser.add_argument("--documents", type=int, default=100_000)
    parser.add_argument("--entities", type=int, default=21)
    parser.add_argument("--shards", type=int, default=16)
    parser.add_argument("--folder", type=Path, help="keeps the corpus there for the next time")
    parser.add_argument("--json", type=Path, help="where to write the report")
    options = parser.parse_args()
    about = circumstances(options)
    size = (options.documents, options.entities, options.shards)
    with tempfile.TemporaryDirectory() as temporary:
        root = (options.folder or Path(temporary)) / "-".join(map(str, size))
        corpus = Generated(root, *size)
        if not corpus.knowledge_base.exists():
            corpus.generate()
        rows = [
            row for stage in (distant_stage, soft_label_stage) for row in measured(stage, corpus)
        ]
    for row in totals(rows):
        print(row)
    if options.json:
        found = {"stages": totals(rows), "parts": rows}
        write_json(about | found, options.json)


if __name__ == "__main__":
    main()
