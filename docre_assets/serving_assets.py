"""How good the models are, what the final one says, and where to query it."""

from collections.abc import Sequence
from pathlib import Path

import dagster as dg
import polars as pl

from corpus.artefacts import digest, digest_of, whole, write_json
from corpus.schema import ANNOTATED, CORPUS_SPLITS, PREDICTIONS, Split
from corpus.tables import write_table
from docre_assets.arrival_assets import new_documents
from docre_assets.corpus_assets import annotated_documents, distant_documents, raw_documents
from docre_assets.guard import require_sound
from docre_assets.making import made_from, make
from docre_assets.metadata import OWNERS, picture, table_metadata
from docre_assets.model_assets import (
    FRESH,
    GPU_POOL,
    finetuned_model,
    student_model,
    teacher_model,
)
from docre_assets.model_versions import ModelVersions, Version
from docre_assets.partitions import SHARDS
from docre_assets.production_assets import production_model
from docre_assets.scoring import Benchmark, evaluate, headline, predict_all
from docre_assets.training import model_version
from quality.figures import score_bars
from quality.warehouse import WarehouseTables, build_warehouse
from resources.compute import Compute
from resources.storage import Storage
from resources.warehouse import Warehouse

MODELS = ("teacher", "student", "finetuned")
SCORED = (Split.DEV, Split.TEST)
QUERY = "SELECT * FROM facts ORDER BY documents DESC, best_score DESC LIMIT 10"
"""A query of the warehouse to begin with."""


@dg.asset(
    deps=[annotated_documents, distant_documents, teacher_model, student_model, finetuned_model],
    group_name="evaluation",
    kinds={"pytorch", "parquet"},
    owners=OWNERS,
    code_version="1",
    pool=GPU_POOL,
)
def evaluation(
    context: dg.AssetExecutionContext, storage: Storage, compute: Compute
) -> dg.MaterializeResult:
    """Every score of all three models on dev and test, and DocRED's result.json of the last."""
    require_sound(context, storage)
    checkpoints = {model: storage.model(model) for model in MODELS}
    splits = {split: storage.annotated(split) for split in SCORED}
    train, distant = storage.annotated(Split.TRAIN), storage.distant_shards(SHARDS)

    def write() -> None:
        benchmark = Benchmark.read(splits, train, distant)
        evaluated = evaluate(checkpoints, benchmark, compute.runtime())
        with whole(storage.evaluation) as draft:
            write_table(evaluated.scores, draft / storage.scores.name)
            write_json(evaluated.submission("finetuned"), draft / storage.submission.name)

    versions = [model_version(checkpoint) for checkpoint in checkpoints.values()]
    tables = [digest(path) for path in (*splits.values(), train, *distant)]
    made = make(context, storage.seal("evaluation"), made_from(context, versions, tables), write)
    scores = pl.read_parquet(storage.scores)
    return dg.MaterializeResult(
        data_version=dg.DataVersion(made.content),
        metadata={
            **headline_metadata(scores),
            **table_metadata(scores.lazy(), storage.scores),
            "kept": made.kept,
            "scores": picture(score_bars(scores), "scores of all models"),
            "submission": dg.MetadataValue.path(str(storage.submission)),
        },
    )


@dg.asset(
    deps=[raw_documents, distant_documents, production_model],
    group_name="serving",
    kinds={"pytorch", "parquet"},
    owners=OWNERS,
    code_version="3",
    pool=GPU_POOL,
    freshness_policy=FRESH,
)
def predictions(
    context: dg.AssetExecutionContext, storage: Storage, compute: Compute
) -> dg.MaterializeResult:
    """Triples that the production model finds in all documents of the corpus."""
    require_sound(context, storage)
    model = model_in_use(storage)
    tables = [*(storage.raw(split) for split in ANNOTATED), *storage.distant_shards(SHARDS)]

    def write() -> None:
        write_table(predict_all(tables, model.path, compute.runtime()), storage.predictions)

    wanted = made_from(context, model.version, [digest(table) for table in tables])
    made = make(context, storage.seal("predictions"), wanted, write)
    found = pl.scan_parquet(storage.predictions)
    distinct = found.select(pl.col("doc_id", "relation").n_unique()).collect()
    return dg.MaterializeResult(
        data_version=dg.DataVersion(made.content),
        metadata={
            **table_metadata(found, storage.predictions),
            "model_version": model.version,
            "documents_with_triples": distinct["doc_id"].item(),
            "relations_found": distinct["relation"].item(),
            "kept": made.kept,
        },
    )


# It does not wait for the pool of the device: a training takes hours, these documents minutes.
@dg.asset(
    deps=[new_documents, production_model],
    group_name="serving",
    kinds={"pytorch", "parquet"},
    owners=OWNERS,
    code_version="1",
    pool="new_documents",
)
def new_predictions(
    context: dg.AssetExecutionContext, storage: Storage, compute: Compute
) -> dg.MaterializeResult:
    """Triples that the production model finds in what arrived to be predicted, file by file."""
    require_sound(context, storage)
    model, tables = model_in_use(storage), storage.new_documents()
    made = []
    for table in tables:

        def write(table: Path = table) -> None:
            found = predict_all([table], model.path, compute.runtime())
            write_table(found, storage.new_predictions(table))

        wanted = made_from(context, model.version, digest(table))
        made.append(make(context, storage.seal_of_new_predictions(table), wanted, write))
    paths = [storage.new_predictions(table) for table in tables]
    found = pl.scan_parquet(paths, glob=False) if paths else PREDICTIONS.to_frame().lazy()
    return dg.MaterializeResult(
        data_version=dg.DataVersion(digest_of([each.content for each in made])),
        metadata={
            **table_metadata(found, storage.new_predictions_folder),
            "model_version": model.version,
            "files": len(tables),
            "files_kept": sum(each.kept for each in made),
        },
    )


@dg.asset(
    deps=[
        raw_documents,
        annotated_documents,
        distant_documents,
        new_documents,
        production_model,
        predictions,
        new_predictions,
        evaluation,
    ],
    group_name="serving",
    kinds={"duckdb", "sql"},
    owners=OWNERS,
    code_version="3",
    pool="duckdb",
)
def warehouse(
    context: dg.AssetExecutionContext, storage: Storage, warehouse: Warehouse
) -> dg.MaterializeResult:
    """A DuckDB file of documents, entities, labels, predictions and scores, swapped in whole."""
    require_sound(context, storage)
    new = storage.predicted_documents()  # once: another run may predict more meanwhile
    for table in new:
        storage.seal_of_new_predictions(table).require_unbroken()
    tables, inputs = warehouse_tables(storage, new), digests(storage, new)
    rows = build_warehouse(warehouse.file, tables, {**inputs, "run": context.run.run_id})
    return dg.MaterializeResult(
        data_version=dg.DataVersion(digest_of(inputs)),
        metadata={
            "dagster/row_count": sum(rows.values()),
            "rows": dg.MetadataValue.json(rows),
            "dagster/uri": str(warehouse.file),
            "query": dg.MetadataValue.md(f"```sql\n{QUERY}\n```"),
        },
    )


def model_in_use(storage: Storage) -> Version:
    """The model that predictions are made with.

    Raises:
        dagster.Failure: if there is none yet.
    """
    current = ModelVersions(storage.production).current
    if current is None:
        raise dg.Failure(
            f"expected a model in use, found none in {storage.production}: nothing can be "
            "predicted before the first distillation; run the job redistillation",
            allow_retries=False,
        )
    return current


def warehouse_tables(storage: Storage, new: Sequence[Path]) -> WarehouseTables:
    """Everything that the warehouse is made from.

    Args:
        storage: where it lies.
        new: tables of documents that arrived and have been predicted.
    """
    return WarehouseTables(
        raw_documents=[storage.raw(split) for split in CORPUS_SPLITS],
        annotated_documents=[storage.annotated(split) for split in ANNOTATED],
        distant_documents=storage.distant_shards(SHARDS),
        new_documents=new,
        predictions=[storage.predictions, *map(storage.new_predictions, new)],
        evaluation=storage.scores,
        rejected=[storage.rejected_documents, *storage.new_rejected()],
        relations=storage.relations,
        statistics=storage.all_statistics(),
        model_history=ModelVersions(storage.production).history_file,
    )


def digests(storage: Storage, new: Sequence[Path]) -> dict[str, str]:
    """Digests of everything that `warehouse_tables` names, by what makes it."""
    places = {
        "raw_documents": storage.raw_documents,
        "annotated_documents": storage.annotated_documents,
        "distant_documents": storage.distant_documents,
        "predictions": storage.predictions,
        "evaluation": storage.scores,
        "model_history": ModelVersions(storage.production).history_file,
    }
    predicted = [digest(storage.new_predictions(table)) for table in new]
    known = {name: digest(path) for name, path in places.items()}
    return known | {"new_predictions": digest_of(predicted)}


def headline_metadata(scores: pl.DataFrame) -> dict[str, float]:
    """F1 and Ign F1 of each model and split in per cent, for Dagster to plot over time."""
    return {
        f"{row['model']}_{row['split']}_{name}": row[title]
        for row in headline(scores).iter_rows(named=True)
        for name, title in (("f1", "F1"), ("ign_f1", "Ign F1"))
    }
