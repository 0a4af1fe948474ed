"""What the evidence loss gains: evidence F1 and relation F1 of a teacher with it and without.

``python -m benchmarks.evidence --data FOLDER --annotated N [--seed S] [--json OUT]`` trains two
teachers on the same N annotated documents and scores both as `benchmarks.distillation` does; they
differ in ``teacher.objective.evidence_weight`` alone. Of the first it also measures how well its
probabilities are calibrated, by documents that they are fitted on.
"""

from __future__ import annotations

import dataclasses
import tempfile
from pathlib import Path

from benchmarks.calibration import errors_by_documents
from benchmarks.circumstances import circumstances
from benchmarks.distillation import Experiment, parser_of, prepare, preset_of, with_weights
from corpus.artefacts import write_json
from models.runtime import Runtime


def main() -> None:
    """Parse the command, run, print and write."""
    options = parser_of(__doc__, "benchmarks.evidence").parse_args()
    about = circumstances(options)
    with tempfile.TemporaryDirectory() as folder:
        tables = prepare(options, Path(folder))
        experiment = Experiment(tables, preset_of(options), Runtime())
        teacher = experiment.preset.teacher
        experiment.train("teacher", teacher, tables.annotated)
        experiment.train(
            "teacher_without", with_weights(teacher, evidence_weight=0.0), tables.annotated
        )
        calibrated = errors_by_documents(tables, "teacher", options.seed)
    found = {
        "runtime": str(experiment.runtime),
        "teacher": dataclasses.asdict(teacher),
        "models": experiment.results,
        "calibration_errors_by_documents": calibrated,
    }
    if options.json:
        write_json(about | found, options.json)


if __name__ == "__main__":
    main()
