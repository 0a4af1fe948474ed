"""Peak memory of ingest, soft labelling and a student's epoch over corpora of growing size.

``python -m benchmarks.memory --data FOLDER [--documents 1000 10000 100000] [--without-students]
[--json OUT]`` repeats the folder's training documents under new ids. At the smallest size
``--rounds`` rounds follow: soft labelling, a student with soft labels in memory and one that reads
them from the disk. Of these students the fastest of each kind count; of memory at that size, the
median of all equal runs. 100,000 documents need 10 GB of disk for a while. Linux only.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from typing import Any, Final

from benchmarks.aims import Aim, shown
from benchmarks.circumstances import circumstances
from benchmarks.fresh import alone
from benchmarks.repeated_corpus import repeat
from benchmarks.stages import (
    Place,
    Row,
    ingest_stage,
    soft_label_stage,
    student_in_memory_stage,
    student_stage,
    teacher_stage,
)
from corpus.artefacts import write_json

STAGES: Final = (ingest_stage, teacher_stage, soft_label_stage, student_stage)
REPEATED: Final = (soft_label_stage, student_in_memory_stage, student_stage)
STUDENTS: Final = (student_in_memory_stage, student_stage)
"""What takes most of the time."""
FLAT: Final = 1.1
"""Peak of the largest corpus over that of the smallest, at most."""


def measured(
    data: Path, documents: int, preset: str, rounds: int, *, students: bool = True
) -> list[Row]:
    """All stages over one corpus, and ``rounds`` times those again that runs differ in."""
    left_out = () if students else STUDENTS
    stages = [*STAGES, *(REPEATED * rounds)]
    with tempfile.TemporaryDirectory() as folder:
        place = Place(Path(folder), documents, preset)
        repeat(data, place.source, documents)
        return [_told(stage, place) for stage in stages if stage not in left_out]


def _told(stage: Callable[[Place], Row], place: Place) -> Row:
    row = alone(stage, place)
    figures = ("documents", "seconds", "private_mb", "resident_mb")
    print(f"{row['stage']:32}" + "".join(f"{row[name]:12.1f}" for name in figures), flush=True)
    return row


def growth(rows: list[Row]) -> Iterator[dict[str, Any]]:
    """How the private memory of each stage grows from the smallest corpus to the largest."""
    for stage in dict.fromkeys(row["stage"] for row in rows):
        of_stage = [row for row in rows if row["stage"] == stage]
        small, large = _extreme(of_stage, min), _extreme(of_stage, max)
        documents = large[0]["documents"] - small[0]["documents"]
        if documents:
            less, more = _private_mb(small), _private_mb(large)
            yield {
                "stage": stage,
                "ratio": more / less,
                "bytes_per_document": 1e6 * (more - less) / documents,
            }


def _extreme(rows: list[Row], choose: Callable[..., int]) -> list[Row]:
    """The rows of the smallest or the largest corpus."""
    documents = choose(row["documents"] for row in rows)
    return [row for row in rows if row["documents"] == documents]


def _private_mb(rows: list[Row]) -> float:
    """The median of equal runs, whose peaks differ by up to 3 %."""
    return median(row["private_mb"] for row in rows)


def aims(rows: list[Row]) -> Iterator[Aim]:
    """What is aimed at; of memory, on two cores."""
    ratios = {grown["stage"]: grown["ratio"] for grown in growth(rows)}
    for stage in ("soft labelling", "student"):
        if stage in ratios:
            yield Aim(f"{stage}, memory of the largest by the smallest", ratios[stage], most=FLAT)
    ingested = _extreme([row for row in rows if row["stage"] == "ingest"], max)[0]
    yield Aim("ingest, MB a second", ingested["mb_per_s"], least=30)
    yield Aim("ingest, peak memory in GB", ingested["resident_mb"] / 1e3, most=1.5)
    sizes = [row["bytes_per_pair"] for row in rows if "bytes_per_pair" in row]
    yield Aim("shards, bytes a pair", max(sizes), most=200)
    if speed := disk_speed(rows):
        yield Aim("student, speed from disk by that from memory", speed, least=0.95)


def disk_speed(rows: list[Row]) -> float | None:
    """Speed of training from files by that from memory, of the fastest epochs; None without.

    The student before the rounds, which has none from memory beside it, does not count.
    """
    held = [row for row in rows if row["stage"] == "student, soft labels in memory"]
    if not held:
        return None
    size = held[0]["documents"]
    read = [row for row in rows if row["stage"] == "student" and row["documents"] == size][1:]
    best, other = (min(row["epoch_seconds"] for row in some) for some in (held, read))
    return float(best / other)


def report(rows: list[Row]) -> dict[str, Any]:
    """What was measured and what is aimed at."""
    return {
        "stages": rows,
        "growth": list(growth(rows)),
        "aims": shown(aims(rows)),
    }


def main() -> None:
    """Parse the command, measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, prog="benchmarks.memory")
    parser.add_argument("--data", type=Path, required=True, help="folder of DocRED-format files")
    parser.add_argument("--documents", type=int, nargs="+", default=[1000, 10_000, 100_000])
    parser.add_argument("--preset", default="tiny")
    parser.add_argument("--rounds", type=int, default=3, help="of students both ways, at the least")
    parser.add_argument("--without-students", action="store_true", help="most of the time")
    parser.add_argument("--json", type=Path, help="where to write the report")
    options = parser.parse_args()
    about = circumstances(options)
    rows, students = [], not options.without_students
    for documents in sorted(options.documents):
        rounds = options.rounds if documents == min(options.documents) else 0
        rows += measured(options.data, documents, options.preset, rounds, students=students)
    found = report(rows)
    if options.json:
        write_json(about | found, options.json)


if __name__ == "__main__":
    main()
