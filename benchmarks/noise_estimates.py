"""How far estimates of label noise are from the truth, on real documents with noise put in.

``python -m benchmarks.noise_estimates --data FOLDER [--annotated N] [--distant M] [--json OUT]``
trains a teacher on N annotated documents and lets it judge M others, whose annotated labels are the
truth: false ones are put in and true ones left out, evenly over all relations, by known shares.
Then it asks what `quality.noise` makes of the result. ``--teacher CHECKPOINT`` takes a teacher
instead; the documents are drawn by the seed, so that it must have been trained with the same.

Beside the shares that are asked for (``false_positives``, ``false_negatives``) stand those that
there are then (``true_…``): a relation that hardly any pair of types could be wrongly labelled with
gets fewer false labels than asked for, and ``false_labels_lacking`` says how many fewer in all.
``knowledge_base`` has the same of the labels that the corpus' knowledge base gives the documents.
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path
from typing import Any, Final

import polars as pl

from benchmarks.circumstances import circumstances
from benchmarks.distillation import Tables, prepare
from corpus.artefacts import read_json, write_json
from corpus.logits import Calibration
from corpus.relations import RelationVocabulary
from corpus.schema import DOCUMENTS
from corpus.soft_shards import ORIGIN
from corpus.tables import write_table
from docre_assets.soft_labelling import SoftLabeller
from docre_assets.training import StageInputs, train_stage
from models.checkpoint_files import CALIBRATION, PROVENANCE
from models.config import preset
from models.runtime import Runtime
from quality.labels import KEY, Labelled
from quality.noise import noise_statistics, true_noise_statistics
from quality.soft_blocks import Shard

FALSE_POSITIVES: Final = (0.0, 0.05, 0.15, 0.30, 0.70)
"""Shares of labels that are false; the last is that of a knowledge base that is right in 30 %."""
FALSE_NEGATIVES: Final = (0.0, 0.10, 0.30, 0.50)
"""Shares of true relations that are left out."""


def noisy_labels(
    documents: pl.DataFrame, false_positives: float, false_negatives: float, seed: int
) -> pl.DataFrame:
    """Labels (``doc_id``, ``head``, ``tail``, ``relation``) of which known shares are wrong.

    True ones are left out at random; false ones are put, in each relation's proportion, on pairs
    whose entity types the relation joins elsewhere, as a knowledge base would; fewer where there
    are too few such pairs.
    """
    true = Labelled.of_documents(documents.lazy()).labels.collect()
    kept = true.sample(fraction=1 - false_negatives, seed=seed)
    shuffled = _false_candidates(documents, true).sample(fraction=1, shuffle=True, seed=seed)
    ranked = shuffled.with_columns(rank=pl.int_range(pl.len()).over("relation"))
    wanted = _wanted(kept, false_positives)
    false = ranked.join(wanted, on="relation").filter(pl.col("rank") < pl.col("wanted"))
    return pl.concat([kept.select(KEY), false.select(KEY)])


def _wanted(kept: pl.DataFrame, false_positives: float) -> pl.DataFrame:
    """How many false labels of each ``relation`` are ``wanted`` beside the true ones."""
    false = pl.len() * false_positives / (1 - false_positives)
    return kept.group_by("relation").agg(wanted=false.round())


def _false_candidates(documents: pl.DataFrame, true: pl.DataFrame) -> pl.DataFrame:
    """All triples that do not hold although their entities' types would allow it."""
    types = true.select("relation", "head_type", "tail_type").unique()
    entities = documents.select(
        "doc_id",
        entity=pl.int_ranges(pl.col("entities").list.len(), dtype=pl.Int32),
        type=pl.col("entities").list.eval(pl.element().struct.field("type")),
    ).explode("entity", "type")
    heads = entities.rename({"entity": "head", "type": "head_type"})
    tails = entities.rename({"entity": "tail", "type": "tail_type"})
    pairs = heads.join(tails, on="doc_id").filter(pl.col("head") != pl.col("tail"))
    return pairs.join(types, on=["head_type", "tail_type"]).join(true, on=KEY, how="anti")


def relabelled(documents: pl.DataFrame, labels: pl.DataFrame) -> pl.DataFrame:
    """The documents with other labels."""
    fields = [f.name for f in DOCUMENTS["labels"].inner.fields]
    rows = labels.with_columns(evidence=pl.lit([], pl.List(pl.Int32))).group_by("doc_id")
    lists = rows.agg(labels=pl.struct(fields))
    return documents.drop("labels").join(lists, on="doc_id", how="left").select(list(DOCUMENTS))


@dataclass(frozen=True)
class Judged:
    """Documents with true labels, and what a teacher makes of them."""

    documents: Path
    soft_labels: Path
    vocabulary: RelationVocabulary
    calibration: Calibration

    def measure(self, seed: int) -> list[dict[str, float]]:
        """What is estimated at each combination of shares, and what each really is."""
        documents, rows = pl.read_parquet(self.documents), []
        noisy = self.documents.with_name("noisy.parquet")
        for asked in product(FALSE_POSITIVES, FALSE_NEGATIVES):
            labels = noisy_labels(documents, *asked, seed)
            write_table(relabelled(documents, labels), noisy)
            row = dict(zip(("false_positives", "false_negatives"), asked, strict=True))
            row |= {"false_labels_lacking": _lacking(labels, documents, asked[0])}
            rows.append(row | self.rates(noisy))
            print({name: round(value, 3) for name, value in rows[-1].items()}, flush=True)
        return rows

    def rates(self, given: Path) -> dict[str, float]:
        """Shares of labels that are wrong and missed, as they are and as estimated.

        Args:
            given: the same documents with labels that may be wrong.
        """
        true, labelled = (
            Labelled.of_documents(pl.scan_parquet(path)) for path in (self.documents, given)
        )
        shard = Shard(self.soft_labels, given, self.vocabulary)
        tables = [
            true_noise_statistics("distant", labelled, true, self.vocabulary),
            noise_statistics("distant", [shard], self.vocabulary, self.calibration),
        ]
        of_all = pl.col("relation").is_null() & pl.col("statistic").str.ends_with("_rate")
        return dict(pl.concat(tables).filter(of_all).select("statistic", "value").iter_rows())


def _lacking(labels: pl.DataFrame, documents: pl.DataFrame, false_positives: float) -> int:
    """How many false labels were asked for, but had no pair to be put on."""
    true = Labelled.of_documents(documents.lazy()).labels.collect()
    kept, false = (labels.join(true, on=KEY, how=how) for how in ("semi", "anti"))
    return int(_wanted(kept, false_positives)["wanted"].sum()) - false.height


def main() -> None:
    """Parse the command, train or take a teacher, measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, prog="benchmarks.noise_estimates")
    parser.add_argument("--data", type=Path, required=True, help="folder of DocRED-format files")
    parser.add_argument("--annotated", type=int, default=150)
    parser.add_argument("--distant", type=int, default=300)
    parser.add_argument("--test", type=Path, help="labelled file; default: dev.json after 300")
    parser.add_argument("--choosing", type=int, default=60, help="dev documents that calibrate")
    parser.add_argument("--teacher", type=Path, help="a checkpoint instead of a training")
    parser.add_argument("--preset", default="small")
    parser.add_argument("--seed", type=int, default=13)
    parser.add_argument("--json", type=Path, help="where to write the report")
    options = parser.parse_args()
    about = circumstances(options)
    with tempfile.TemporaryDirectory() as folder:
        measured = run(options, prepare(options, Path(folder)))
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        write_json(about | measured, options.json)


def run(options: argparse.Namespace, tables: Tables) -> dict[str, Any]:
    """Train or take the teacher, let it judge, and measure."""
    runtime, teacher = Runtime(), options.teacher or tables.model("teacher")
    if not options.teacher:
        chosen = preset(options.preset, {"teacher.training.seed": options.seed})
        inputs = StageInputs([tables.annotated], tables.dev, tables.relations)
        train_stage(
            chosen.model, chosen.teacher, inputs, tables.outputs("teacher"), runtime=runtime
        )
    ids = pl.scan_parquet(tables.distant).select("doc_id")
    raw = pl.scan_parquet(tables.raw / "train.parquet").join(ids, on="doc_id", how="semi")
    truth, soft_labels = tables.root / "truth.parquet", tables.soft_labels(teacher.name)
    write_table(raw, truth)
    SoftLabeller(teacher, "benchmark", lambda: runtime).label(truth, soft_labels)
    fitted = read_json(teacher / CALIBRATION)
    if fitted is None:
        raise SystemExit(f"{teacher}: expected a calibration, found none: dev told none")
    vocabulary = RelationVocabulary.load(tables.relations)
    judged = Judged(truth, soft_labels, vocabulary, Calibration(**fitted))
    return report(teacher, tables.distant, judged, options.seed)


def report(teacher: Path, distant: Path, judged: Judged, seed: int) -> dict[str, Any]:
    """What was measured of what.

    Args:
        teacher: its checkpoint.
        distant: the documents as the corpus' knowledge base labels them.
        judged: the same documents.
        seed: draws the labels that are made false.
    """
    return {
        "teacher": read_json(teacher / PROVENANCE),
        "soft_labels": read_json(judged.soft_labels / ORIGIN),
        "calibration": asdict(judged.calibration),
        "knowledge_base": judged.rates(distant),
        "estimates": judged.measure(seed),
    }


if __name__ == "__main__":
    main()
