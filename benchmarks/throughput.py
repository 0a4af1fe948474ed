"""Documents a second and the fraction of the machine's speed, of each phase and part of a model.

``python -m benchmarks.throughput --data FOLDER [--documents 64] [--rounds 3] [--json OUT]`` times
tokenizing, inference, soft labelling to disk and training on the first documents of the folder's
dev, in rounds that each time the machine's matrix product too; of everything the fastest round
counts. If no overrides are given the preset gets the shape that the aims are set for, `SHAPE`.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any, Final

import torch

from benchmarks.aims import Aim, shown
from benchmarks.circumstances import circumstances
from benchmarks.fresh import alone
from benchmarks.operations import Operations, operations, total
from benchmarks.parts import FORWARD
from benchmarks.phases import (
    INFERENCE,
    PHASES,
    SOFT_LABELLING,
    TOKENIZING,
    TRAINING,
    Measured,
    Subject,
    peak_of,
    timed,
)
from corpus.artefacts import write_json
from corpus.docred import convert
from corpus.ingest import source_vocabulary
from corpus.relations import RelationVocabulary
from corpus.schema import Split
from corpus.sources import open_folder
from corpus.tables import read_documents
from models.config import preset
from models.extractor import Extractor
from models.runtime import Runtime

SHAPE: Final = {
    "model.emb_size": 384,
    "model.block_size": 64,
    "model.axial_layers": 6,
    "model.axial_heads": 8,
    "teacher.training.batch_documents": 4,
}
"""Overrides of `small` that make it the shape that the aims are set for."""

_DEV: Final = "dev.parquet"
_RELATIONS: Final = "relations.json"

_SIZE: Final = 2048
"""Rows and columns of the matrices whose product tells the machine's speed."""


def convert_dev(data: Path, root: Path) -> None:
    """Write the folder's dev and relations as tables, which is no part of what is measured."""
    folder = open_folder(data)
    vocabulary = source_vocabulary(folder)
    vocabulary.save(root / _RELATIONS)
    convert(folder.files[Split.DEV], root / _DEV, vocabulary, Split.DEV)


def read_subject(options: argparse.Namespace, root: Path) -> Subject:
    """The first documents that `convert_dev` has written, under an untrained head."""
    runtime = Runtime("cpu", options.precision)
    runtime.prepare()  # as whatever trains or infers does first
    vocabulary = RelationVocabulary.load(root / _RELATIONS)
    chosen = preset(options.preset, options.overrides)
    stage = dataclasses.replace(
        chosen.teacher, training=dataclasses.replace(chosen.teacher.training, epochs=1)
    )
    return Subject(
        documents=list(islice(read_documents(root / _DEV), options.documents)),
        extractor=Extractor.create(chosen.model, vocabulary, stage.training.seed),
        stage=stage,
        runtime=runtime,
        root=root,
    )


def matrix_rate(times: int = 5) -> float:
    """Floating-point operations a second of the machine's float32 matrix product, at best."""
    one, other = torch.randn(2, _SIZE, _SIZE)
    one @ other
    best = float("inf")
    for _ in range(times):
        started = time.perf_counter()
        one @ other
        best = min(best, time.perf_counter() - started)
    return 2 * _SIZE**3 / best


@dataclass(frozen=True)
class Figures:
    """All rounds, and what they tell."""

    rates: Sequence[float]
    """Of the matrix product, one a round."""
    rounds: Mapping[str, Sequence[Measured]]
    """Of each phase."""
    needed: Mapping[str, Operations]
    """Of each part of the network, for all documents."""
    peaks: Mapping[str, int]
    """Bytes that a process takes at most that does nothing but a phase."""
    documents: int

    @cached_property
    def rate(self) -> float:
        """The machine's speed."""
        return max(self.rates)

    def best(self, phase: str) -> Measured:
        """The fastest round."""
        return min(self.rounds[phase], key=lambda measured: measured.seconds)

    def ms(self, phase: str) -> float:
        """Milliseconds of a document."""
        return self.best(phase).seconds / self.documents * 1e3

    def peak_gb(self, phase: str) -> float:
        """Of a process of its own."""
        return self.peaks[phase] / 1e9

    def fraction(self, phase: str) -> float:
        """Of the machine's speed."""
        return self._needed(phase) / self.best(phase).seconds / self.rate

    def _needed(self, phase: str) -> int:
        if phase == TOKENIZING:
            return 0
        counts = self.needed.values()
        return sum(c.both if phase == TRAINING else c.forward for c in counts)

    def phase_rows(self) -> Iterator[dict[str, Any]]:
        """A row for each phase."""
        for phase, rounds in self.rounds.items():
            yield {
                "phase": phase,
                "documents_per_s": 1e3 / self.ms(phase),
                "ms_per_document": self.ms(phase),
                "gflop_per_document": self._needed(phase) / self.documents / 1e9,
                "gflop_per_s": self.fraction(phase) * self.rate / 1e9,
                "of_matrix_rate": self.fraction(phase),
                "peak_gb": self.peak_gb(phase),
                "seconds_of_rounds": [measured.seconds for measured in rounds],
            }

    def part_rows(self) -> Iterator[dict[str, Any]]:
        """A row for each part of the phases that are told apart, in the order of computation."""
        for phase in self.rounds:
            best = self.best(phase)
            for (part, direction), seconds in best.parts.items():
                count = self.needed.get(part, Operations())
                flop = count.forward if direction == FORWARD else count.backward
                yield {
                    "phase": phase,
                    "part": part,
                    "direction": direction,
                    "ms_per_document": seconds / self.documents * 1e3,
                    "share_of_phase": seconds / best.seconds,
                    "gflop_per_document": flop / self.documents / 1e9,
                    "of_matrix_rate": flop / seconds / self.rate,
                }

    def aims(self) -> list[Aim]:
        """What is aimed at on two cores in float32, with `SHAPE`."""
        speed = self.best(INFERENCE).seconds / self.best(SOFT_LABELLING).seconds
        return [
            Aim("inference, of the matrix rate", self.fraction(INFERENCE), least=0.65),
            Aim("training, of the matrix rate", self.fraction(TRAINING), least=0.55),
            Aim("tokenizing and batching, ms a document", self.ms(TOKENIZING), most=4.0),
            Aim("training, peak memory in GB", self.peak_gb(TRAINING), most=1.8),
            Aim("soft labelling, of the speed of inference", speed, least=0.9),
        ]


def measure(options: argparse.Namespace, subject: Subject) -> Figures:
    """Time all phases, round after round, so that a slow minute of the machine hits them alike.

    Their memory is told by processes of their own: phases leave each other larger ones.
    """
    subject.prepare()
    rates: list[float] = []
    found: dict[str, list[Measured]] = {phase: [] for phase in PHASES}
    for _ in range(options.rounds):
        rates.append(matrix_rate())
        for phase in PHASES:
            found[phase].append(timed(subject, phase))
    needed = total(operations(subject.extractor, document) for document in subject.encoded)
    peaks = {phase: peak_alone(options, subject.root, phase) for phase in PHASES}
    return Figures(rates, found, needed, peaks, len(subject.documents))


def peak_alone(options: argparse.Namespace, root: Path, phase: str) -> int:
    """Bytes that a fresh process takes at most in a phase; ``root`` holds what was prepared."""
    return alone(_peak, options, root, phase)


def _peak(options: argparse.Namespace, root: Path, phase: str) -> int:
    return peak_of(read_subject(options, root), phase)


def report(subject: Subject, figures: Figures) -> dict[str, Any]:
    """What was measured of what, and what is aimed at; printed too."""
    for row in (*figures.phase_rows(), *figures.part_rows()):
        print(_line(row))
    return {
        "runtime": str(subject.runtime),
        "model": dataclasses.asdict(subject.extractor.config),
        "training": dataclasses.asdict(subject.stage),
        "documents": figures.documents,
        "tokens": sum(len(document.token_ids) for document in subject.encoded),
        "pairs": sum(document.n_pairs for document in subject.encoded),
        "matrix_gflop_per_s": figures.rate / 1e9,
        "phases": list(figures.phase_rows()),
        "parts": list(figures.part_rows()),
        "aims": shown(figures.aims()),
    }


def _line(row: Mapping[str, Any]) -> str:
    """A row for people: its names, then its main figures."""
    names = [row[name] for name in ("phase", "part", "direction") if row.get(name)]
    columns = ("ms_per_document", "gflop_per_document", "of_matrix_rate")
    return f"{' / '.join(names):44}" + "".join(f"{row[name]:10.3f}" for name in columns)


def main() -> None:
    """Parse the command, measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, prog="benchmarks.throughput")
    parser.add_argument("--data", type=Path, required=True, help="folder of DocRED-format files")
    parser.add_argument("--preset", default="small")
    parser.add_argument("--overrides", type=json.loads, default=SHAPE, help="JSON of dotted names")
    parser.add_argument("--documents", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--precision", default="float32", help="or bfloat16, or auto")
    parser.add_argument("--json", type=Path, help="where to write the report")
    options = parser.parse_args()
    about = circumstances(options)
    print(f"{'phase / part / direction':44}{'ms/doc':>10}{'GFLOP/doc':>10}{'of rate':>10}")
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        convert_dev(options.data, root)
        subject = read_subject(options, root)
        found = report(subject, measure(options, subject))
    if options.json:
        write_json(about | found, options.json)


if __name__ == "__main__":
    main()
