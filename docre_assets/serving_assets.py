"""How good the models are, what the final one says, and where to query it."""

from collections.abc import Sequence
from pathlib import Path

import dagster as dg
import polars as pl

from corpus.artefacts import digest, digest_of, whole, write_json
from corpus.predicted import predictor, write_predictions
from corpus.schema import (
    ANNOTATED,
    CORPUS_SPLITS,
    EVALUATION_COLUMNS,
    MODELS,
    PREDICTION_COLUMNS,
    PREDICTIONS,
    Split,
)
from corpus.tables import write_table
from docre_assets import columns
from docre_assets.arrival_assets import new_documents
from docre_assets.corpus_assets import annotated_documents, distant_documents, raw_documents
from docre_assets.exhibits import database_metadata, found_metadata
from docre_assets.former_predictions import FormerPredictions
from docre_assets.guard import require_sound
from docre_assets.kept_checkpoints import Version
from docre_assets.making import made_from, make
from docre_assets.metadata import HOLDS, OWNERS, links, picture, table_metadata
from docre_assets.model_assets import (
    FRESH,
    GPU_POOL,
    finetuned_model,
    student_model,
    teacher_model,
)
from docre_assets.model_versions import ModelVersions
from docre_assets.partitions import SHARDS
from docre_assets.production_assets import production_model
from docre_assets.scoring import HEADLINE, Benchmark, evaluate, headline, predict_all
from docre_assets.targets import Aim, Target
from models.checkpoint_files import METRICS, model_version
from quality.held import held
from quality.score_figure import score_bars
from quality.training_history import TrainedModel
from quality.warehouse import build_warehouse
from quality.warehouse_tables import WarehouseTables
from resources.compute import Compute
from resources.storage import Storage
from resources.warehouse import Warehouse

SCORED = (Split.DEV, Split.TEST)
QUERY = (
    "SELECT head_name, relation_name, tail_name, support, noisy_or FROM facts "
    "ORDER BY support DESC, noisy_or DESC LIMIT 10"
)
"""A query of the warehouse to begin with."""


@dg.asset(
    deps=[annotated_documents, distant_documents, teacher_model, student_model, finetuned_model],
    group_name="evaluation",
    kinds={"pytorch", "parquet"},
    owners=OWNERS,
    tags={HOLDS: "scores"},
    code_version="2",
    pool=GPU_POOL,
)
def evaluation(
    context: dg.AssetExecutionContext, storage: Storage, compute: Compute
) -> dg.MaterializeResult:
    """Every score of all three models on dev and test, and DocRED's result.json of the last.

    - **Made from** the three models and `annotated_documents`; Ign F1 leaves out facts that train
      or the distant documents have already.
    - **For** whoever asks whether distillation was worth it: in the warehouse as `evaluation` and
      `scores`, and in the report.
    - **In the paper:** its tables of F1 and Ign F1, and of frequent and long-tail relations.
    - **More** in `docs/method.md`, *Scores*.
    """
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
            **table_metadata(scores.lazy(), storage.scores, EVALUATION_COLUMNS, columns.SCORES),
            "kept": made.kept,
            "scores": picture(score_bars(scores), "scores of all models"),
            "submission": dg.MetadataValue.path(str(storage.submission)),
            **links(storage),
        },
    )


@dg.asset(
    deps=[raw_documents, annotated_documents, distant_documents, production_model],
    group_name="serving",
    kinds={"pytorch", "parquet"},
    owners=OWNERS,
    tags={HOLDS: "triples"},
    code_version="5",
    pool=GPU_POOL,
    freshness_policy=FRESH,
)
def predictions(
    context: dg.AssetExecutionContext, config: Target, storage: Storage, compute: Compute
) -> dg.MaterializeResult:
    """Triples that the production model finds in all documents of the corpus.

    - **Made from** `production_model` and all documents, annotated and distant; with a target, its
      thresholds are fitted on the dev split of `annotated_documents`.
    - **For** the warehouse, where people query them, and for the report.
    - **In the paper:** a pair's relations are those above TH, whose threshold is learnt; the
      probabilities and the evidence sentences go beyond it.
    - **More** in `docs/method.md` and `docs/queries.md`.
    """
    require_sound(context, storage)
    model = model_in_use(storage)
    aim = Aim(storage, model, config, compute.runtime)
    tables = [*(storage.raw(split) for split in ANNOTATED), *storage.distant_shards(SHARDS)]

    def write() -> None:
        found = predict_all(tables, model.path, compute.runtime(), aim.thresholds())
        former_predictions(storage).keep(model.version)
        write_predictions(found, storage.predictions, aim.predictor)

    wanted = made_from(context, model.version, aim.identity, [digest(table) for table in tables])
    made = make(context, storage.seal("predictions"), wanted, write)
    found = pl.scan_parquet(storage.predictions)
    return dg.MaterializeResult(
        data_version=dg.DataVersion(made.content),
        metadata={
            **table_metadata(
                found,
                storage.predictions,
                PREDICTION_COLUMNS,
                columns.of_predictions("raw_documents", "distant_documents"),
            ),
            **found_metadata(found),
            **aim.metadata(),
            "model_version": model.version,
            "kept": made.kept,
            **links(storage, context.run.run_id),
        },
    )


# It does not wait for the pool of the device: a training takes hours, these documents minutes.
@dg.asset(
    deps=[annotated_documents, new_documents, production_model],
    group_name="serving",
    kinds={"pytorch", "parquet"},
    owners=OWNERS,
    tags={HOLDS: "triples"},
    code_version="3",
    pool="new_documents",
)
def new_predictions(
    context: dg.AssetExecutionContext, config: Target, storage: Storage, compute: Compute
) -> dg.MaterializeResult:
    """Triples that the production model finds in what arrived to be predicted, file by file.

    - **Made from** `production_model` and `new_documents`; files that were predicted with the same
      model are kept. With a target, its thresholds are fitted on the dev split of
      `annotated_documents`.
    - **For** the warehouse, where they stand among the other predictions.
    - **In the paper:** what the method is for: documents that nobody has labelled.
    - **More** in `docs/operations.md`, *The inbox*.
    """
    require_sound(context, storage)
    model, tables = model_in_use(storage), storage.new_documents()
    aim, made = Aim(storage, model, config, compute.runtime), []
    for table in tables:

        def write(table: Path = table) -> None:
            found = predict_all([table], model.path, compute.runtime(), aim.thresholds())
            write_predictions(found, storage.new_predictions(table), aim.predictor)

        wanted = made_from(context, model.version, aim.identity, digest(table))
        made.append(make(context, storage.seal_of_new_predictions(table), wanted, write))
    paths = [storage.new_predictions(table) for table in tables]
    found = pl.scan_parquet(paths, glob=False) if paths else PREDICTIONS.to_frame().lazy()
    return dg.MaterializeResult(
        data_version=dg.DataVersion(digest_of([each.content for each in made])),
        metadata={
            **table_metadata(
                found,
                storage.new_predictions_folder,
                PREDICTION_COLUMNS,
                columns.of_predictions("new_documents"),
            ),
            **found_metadata(found),
            **(aim.metadata() if tables else {}),
            "model_version": model.version,
            "files": len(tables),
            "files_kept": sum(each.kept for each in made),
            **links(storage),
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
    tags={HOLDS: "database"},
    code_version="6",
    pool="duckdb",
)
def warehouse(
    context: dg.AssetExecutionContext, storage: Storage, warehouse: Warehouse
) -> dg.MaterializeResult:
    """A DuckDB file of documents, entities, labels, predictions and scores, swapped in whole.

    - **Made from** all documents, predictions, scores, statistics of checks, and the model history.
    - **For** whoever asks something: from DuckDB's command line, from Python, from Polars. Who has
      it open keeps what they opened.
    - **In the paper:** nothing; it ends with a score.
    - **More** in `docs/queries.md`: questions, each with its SQL and its answer.
    """
    require_sound(context, storage)
    new = storage.predicted_documents()  # once: another run may predict more meanwhile
    for table in new:
        storage.seal_of_new_predictions(table).require_unbroken()
    trained = trained_models(storage)
    with held(lambda: warehouse_tables(storage, new, trained), warehouse.file) as tables:
        inputs = {**digests(tables), **targets(tables)}
        rows = build_warehouse(warehouse.file, tables, {**inputs, "run": context.run.run_id})
    with warehouse.connect() as database:
        described = database_metadata(database, rows)
    return dg.MaterializeResult(
        data_version=dg.DataVersion(digest_of(inputs)),
        metadata={
            "dagster/row_count": sum(rows.values()),
            **described,
            "dagster/uri": str(warehouse.file),
            "query": dg.MetadataValue.md(f"```sql\n{QUERY}\n```"),
            **links(storage),
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


def warehouse_tables(
    storage: Storage, new: Sequence[Path], trained: Sequence[TrainedModel]
) -> WarehouseTables:
    """Everything that the warehouse is made from.

    Args:
        storage: where it lies.
        new: tables of documents that arrived and have been predicted.
        trained: models whose training is told.
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
        former_predictions=former_predictions(storage).table,
        trained=trained,
        model_history=ModelVersions(storage.production).history_file,
    )


def former_predictions(storage: Storage) -> FormerPredictions:
    """What was predicted before the predictions in use."""
    return FormerPredictions(
        storage.seal("predictions"), storage.former_predictions, storage.earlier_predictions
    )


def trained_models(storage: Storage) -> list[TrainedModel]:
    """The newest models whose training is finished and whose checkpoints are not damaged.

    The others are left out: the warehouse is about the version in use, and the way back to it must
    not depend on what has become of a newer one.
    """
    checkpoints = {model: storage.model(model) for model in MODELS}
    return [
        TrainedModel(model, model_version(checkpoint), checkpoint / METRICS)
        for model, checkpoint in checkpoints.items()
        if checkpoint.is_dir() and storage.seal(f"{model}_model").is_unbroken
    ]


def digests(tables: WarehouseTables) -> dict[str, str]:
    """Digests of everything that the warehouse's tables are made from, by what makes it."""
    in_use, *new = tables.predictions
    kinds = {name: paths for name, paths in tables.parquet().items() if paths}
    kinds |= {"predictions": [in_use], "new_predictions": new, "relations": [tables.relations]}
    kinds |= {"model_history": [tables.model_history] if tables.model_history else []}
    kinds |= {f"training of {model.name}": [model.metrics] for model in tables.trained}
    return {name: _digest_of_files(paths) for name, paths in kinds.items()}


def _digest_of_files(paths: Sequence[Path]) -> str:
    found = [digest(path) for path in paths]
    return found[0] if len(found) == 1 else digest_of(found)


def targets(tables: WarehouseTables) -> dict[str, str]:
    """What predictions were cut by, in words, for readers of the warehouse."""
    in_use, *new = map(_target, tables.predictions)
    of_new = {"target of new_predictions": "; ".join(sorted(set(new)))} if new else {}
    return {"target": in_use, **of_new}


def _target(predictions: Path) -> str:
    by = predictor(predictions)
    return by.target if by else "unknown: the table does not say it"


def headline_metadata(scores: pl.DataFrame) -> dict[str, float]:
    """`HEADLINE` of each model and split in per cent, for Dagster to plot over time."""
    names = {title: metric.removesuffix("_annotated") for metric, title in HEADLINE.items()}
    return {
        f"{row['model']}_{row['split']}_{name}": row[title]
        for row in headline(scores).iter_rows(named=True)
        for title, name in names.items()
        if row[title] is not None
    }
