"""How much distillation gains on real documents, against minutes.

``python -m benchmarks.distillation --data FOLDER --annotated N --distant M [--test FILE]
[--rounds K] [--json OUT]`` trains a teacher on N annotated documents, two students on M others
whose labels come from the folder's knowledge base (KD: with the teacher's soft labels; NA, naive
adaptation: without), and fine-tunes both on the annotated documents; in rounds after the first the
fine-tuned KD model is the teacher. The seed draws the documents. Every model is scored on the test
documents, which nothing is chosen on, and on those of the first 300 of dev that do not choose its
epoch, which hyper-parameters may be chosen on.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import random
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Final

import polars as pl

from benchmarks.circumstances import circumstances
from corpus.artefacts import write_json
from corpus.distant import label_distantly
from corpus.ingest import RELATIONS_FILE, documents_file, ingest
from corpus.knowledge_base import read_triples
from corpus.relations import RelationVocabulary
from corpus.schema import ALL, ANNOTATED, OF_RELATION, Split
from corpus.sources import CorpusFolder, open_folder
from corpus.tables import write_table
from docre_assets.scoring import Benchmark, evaluate
from docre_assets.soft_labelling import SoftLabeller
from docre_assets.training import StageInputs, StageOutputs, train_stage
from models.config import Preset, Stage, preset
from models.runtime import Runtime

SHOWN: Final = ("f1", "precision", "recall", "evidence_f1", "ece_relation", "ece_na")
"""Metrics that are printed as they come; calibration has none of what is never predicted."""

CHOOSING: Final = 300
"""Documents of dev, from its start, that hyper-parameters and epochs may be chosen on."""


@dataclasses.dataclass(frozen=True)
class Tables:
    """The benchmark's documents as tables."""

    root: Path

    @property
    def raw(self) -> Path:
        """Folder of all documents as they came."""
        return self.root / "raw"

    @property
    def annotated(self) -> Path:
        """N documents with people's labels."""
        return self.root / "annotated.parquet"

    @property
    def distant(self) -> Path:
        """M other documents, labelled by the knowledge base."""
        return self.root / "distant.parquet"

    @property
    def dev(self) -> Path:
        """Documents that choose the epoch."""
        return self.root / "dev.parquet"

    @property
    def tuning(self) -> Path:
        """Documents that hyper-parameters may be chosen on."""
        return self.root / "tuning.parquet"

    @property
    def test(self) -> Path:
        """Documents that nothing is chosen on."""
        return self.root / "test.parquet"

    @property
    def relations(self) -> Path:
        """The relation vocabulary."""
        return self.raw / RELATIONS_FILE

    def model(self, name: str) -> Path:
        """A model's checkpoint."""
        return self.root / "models" / name

    def outputs(self, name: str) -> StageOutputs:
        """What a model's training writes."""
        return StageOutputs(self.model(name), self.root / "dev_logits" / name)

    def soft_labels(self, teacher: str) -> Path:
        """A teacher's logits on the distant documents."""
        return self.root / "soft_labels" / teacher


def prepare(options: argparse.Namespace, root: Path) -> Tables:
    """Read the folder and cut it into the benchmark's tables."""
    tables, folder = Tables(root), open_folder(options.data)
    ingest(_with_test(folder, options.test), tables.raw)
    train, dev, test = (pl.scan_parquet(tables.raw / documents_file(split)) for split in ANNOTATED)
    drawn = _drawn(train, options.annotated + options.distant, options.seed)
    annotated, others = drawn[: options.annotated], drawn[options.annotated :]
    unlabelled = _chosen(train, others).with_columns(
        labels=pl.lit(None, dtype=train.collect_schema()["labels"])
    )
    if folder.knowledge_base is None:
        raise SystemExit(f"{options.data}: the benchmark needs a knowledge base, found none")
    triples = read_triples(folder.knowledge_base, RelationVocabulary.load(tables.relations))
    write_table(_chosen(train, annotated), tables.annotated)
    write_table(label_distantly(unlabelled, triples), tables.distant)
    choosing = min(CHOOSING, options.choosing)
    write_table(dev.head(choosing), tables.dev)
    write_table(dev.slice(choosing, CHOOSING - choosing), tables.tuning)
    write_table(test if options.test else dev.slice(CHOOSING), tables.test)
    return tables


def _drawn(train: pl.LazyFrame, count: int, seed: int) -> list[str]:
    """Ids of training documents at random: files may be sorted, and their heads lack relations."""
    ids = train.select("doc_id").collect()["doc_id"].to_list()
    if len(ids) < count:
        raise SystemExit(f"expected {count} training documents or more, found {len(ids)}")
    return random.Random(seed).sample(ids, count)


def _chosen(train: pl.LazyFrame, ids: list[str]) -> pl.LazyFrame:
    return train.filter(pl.col("doc_id").is_in(ids))


def _with_test(folder: CorpusFolder, test: Path | None) -> CorpusFolder:
    files = {s: f for s, f in folder.files.items() if s in (Split.TRAIN, Split.DEV)}
    return dataclasses.replace(folder, files=files | ({Split.TEST: [test]} if test else {}))


class Experiment:
    """Trains and scores one model after the other.

    Args:
        tables: the documents.
        chosen: model and stages.
        runtime: device and precision.
        on_model: called after each model that is scored.
    """

    def __init__(
        self,
        tables: Tables,
        chosen: Preset,
        runtime: Runtime,
        on_model: Callable[[Experiment], None] = lambda _: None,
    ) -> None:
        self.tables, self.preset, self.runtime = tables, chosen, runtime
        self.on_model = on_model
        self.benchmark = Benchmark.read(
            {Split.DEV: tables.tuning, Split.TEST: tables.test}, tables.annotated, [tables.distant]
        )
        self.results: dict[str, dict[str, Any]] = {}

    def run(self, *, rounds: int, with_naive: bool) -> None:
        """Teacher and rounds of distillation; the first without soft labels too if asked."""
        self.train("teacher", self.preset.teacher, self.tables.annotated)
        teacher = "teacher"
        for suffix in suffixes(rounds):
            teacher = self._distil(teacher, suffix)
        if with_naive:
            naive = with_weights(self.preset.student, soft_weight=0.0)
            self.train("student_na", naive, self.tables.distant, teacher="teacher")
            self._finetune("finetuned_na", "student_na")

    def _distil(self, teacher: str, suffix: str) -> str:
        """A student of a teacher and its fine-tuned model, whose name comes back."""
        student, finetuned = f"student_kd{suffix}", f"finetuned_kd{suffix}"
        self.timed(f"soft_labels{suffix}", lambda: self._label(teacher))
        self.train(student, self.preset.student, self.tables.distant, teacher=teacher)
        self._finetune(finetuned, student)
        return finetuned

    def _finetune(self, name: str, student: str) -> None:
        self.train(name, self.preset.finetune, self.tables.annotated, previous=student)

    def train(
        self,
        name: str,
        stage: Stage,
        documents: Path,
        *,
        previous: str | None = None,
        teacher: str | None = None,
    ) -> None:
        """Train one model and score it.

        Args:
            name: of the model.
            stage: loop and objective.
            documents: table of labelled documents.
            previous: model of the stage before; a student's is its teacher.
            teacher: model whose soft labels are there.
        """
        before = previous or teacher
        inputs = StageInputs(
            documents=[documents],
            dev=self.tables.dev,
            relations=self.tables.relations,
            previous=self.tables.model(before) if before else None,
            soft_labels=[self.tables.soft_labels(teacher)] if teacher else [],
            teacher=self.tables.model(teacher) if teacher else None,
        )
        trained = self.timed(
            name,
            lambda: train_stage(
                self.preset.model, stage, inputs, self.tables.outputs(name), runtime=self.runtime
            ),
        )
        told = {"epochs": trained.epochs, "kept": trained.kept, "mixture": trained.mixture}
        self.results[name] |= told
        self._score(name)
        self.on_model(self)

    def timed(self, name: str, work: Callable[[], Any]) -> Any:
        """Do some work and record its minutes."""
        started = time.monotonic()
        outcome = work()
        self.results[name] = {"minutes": round((time.monotonic() - started) / 60, 2)}
        return outcome

    def _label(self, teacher: str) -> None:
        labeller = SoftLabeller(self.tables.model(teacher), "benchmark", lambda: self.runtime)
        labeller.label(self.tables.distant, self.tables.soft_labels(teacher))

    def _score(self, name: str) -> None:
        evaluated = evaluate({name: self.tables.model(name)}, self.benchmark, self.runtime)
        for split in self.benchmark.splits:
            table = evaluated.scores.filter(split=str(split))
            scores, slices = _by_metric(table, ALL), table["slice"].unique(maintain_order=True)
            others = [other for other in slices if other not in (ALL, OF_RELATION)]
            self.results[name][str(split)] = scores | {
                "slices": {other: _by_metric(table, other) for other in others}
            }
            shown = {k: f"{100 * scores[k]:.2f}" for k in SHOWN if k in scores}
            print(f"{name} on {split}: {shown}", flush=True)
        print(f"{name}: {self.results[name]['minutes']} minutes", flush=True)


def _by_metric(evaluation: pl.DataFrame, part: str) -> dict[str, float]:
    """Scores of a slice."""
    rows = evaluation.filter(slice=part)
    return dict(zip(rows["metric"], rows["value"], strict=True))


def suffixes(rounds: int) -> list[str]:
    """What names of soft labels and models end in, one of each round."""
    return [f"_{number}" if number > 1 else "" for number in range(1, rounds + 1)]


def with_weights(stage: Stage, **weights: float) -> Stage:
    """A stage whose objective weighs some terms otherwise, and all else the same."""
    return dataclasses.replace(stage, objective=dataclasses.replace(stage.objective, **weights))


def report(experiment: Experiment) -> dict[str, Any]:
    """What was trained and how good it is."""
    return {
        "runtime": str(experiment.runtime),
        "preset": dataclasses.asdict(experiment.preset),
        "minutes_of_distillation": minutes_of(experiment.results),
        "models": experiment.results,
    }


def minutes_of(results: dict[str, dict[str, Any]]) -> list[float]:
    """Minutes until each round's fine-tuned model was there, from the start of the teacher."""
    spent = {name: told["minutes"] for name, told in results.items() if not name.endswith("_na")}
    names = list(spent)
    finetuned = [at for at, name in enumerate(names, 1) if name.startswith("finetuned")]
    return [round(sum(spent[name] for name in names[:at]), 2) for at in finetuned]


def parser_of(description: str | None, program: str) -> argparse.ArgumentParser:
    """A parser of what documents are drawn and what is trained on them."""
    parser = argparse.ArgumentParser(description=description, prog=program)
    parser.add_argument("--data", type=Path, required=True, help="folder of DocRED-format files")
    parser.add_argument("--annotated", type=int, default=150)
    parser.add_argument("--distant", type=int, default=450)
    parser.add_argument("--test", type=Path, help="labelled file; default: dev.json after 300")
    parser.add_argument("--choosing", type=int, default=60, help="dev documents that choose epochs")
    parser.add_argument("--preset", default="small")
    parser.add_argument("--overrides", type=json.loads, default={}, help="JSON of dotted names")
    parser.add_argument("--seed", type=int, default=13)
    parser.add_argument("--json", type=Path, help="where to write the report")
    return parser


def preset_of(options: argparse.Namespace) -> Preset:
    """The preset that the options name, with their overrides and their seed."""
    seeds = {f"{stage}.training.seed": options.seed for stage in ("teacher", "student", "finetune")}
    return preset(options.preset, {**seeds, **options.overrides})


def main() -> None:
    """Parse the command, run, print and write."""
    parser = parser_of(__doc__, "benchmarks.distillation")
    parser.add_argument("--no-naive", action="store_true", help="leave out naive adaptation")
    parser.add_argument("--rounds", type=int, default=1, help="of distillation, from 1")
    options = parser.parse_args()
    if options.rounds < 1:
        parser.error(f"--rounds: expected 1 or more, found {options.rounds}")
    about = circumstances(options)
    with tempfile.TemporaryDirectory() as folder:
        tables = prepare(options, Path(folder))
        experiment = Experiment(
            tables, preset_of(options), Runtime(), partial(_write, about, options.json)
        )
        experiment.run(rounds=options.rounds, with_naive=not options.no_naive)


def _write(about: dict[str, Any], file: Path | None, experiment: Experiment) -> None:
    """Keep what there is so far: whatever ends a run of an hour or two, its models are told."""
    if file:
        file.parent.mkdir(parents=True, exist_ok=True)
        write_json(about | report(experiment), file)


if __name__ == "__main__":
    main()
