"""How good the models are, what the final one says, and where to query it."""

import dagster as dg
import polars as pl

from corpus.artefacts import digest, digest_of, write_json
from corpus.schema import ANNOTATED, Split
from corpus.tables import write_table
from docre_assets.corpus_assets import annotated_documents, distant_documents, raw_documents
from docre_assets.guard import require_checks_passed
from docre_assets.metadata import OWNERS, picture, table_metadata
from docre_assets.model_assets import GPU_POOL, finetuned_model, student_model, teacher_model
from docre_assets.partitions import SHARDS
from docre_assets.scoring import Benchmark, evaluate, headline, predict_all
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
    require_checks_passed(context)
    benchmark = Benchmark.read(
        {split: storage.annotated(split) for split in SCORED},
        storage.annotated(Split.TRAIN),
        storage.distant_shards(SHARDS),
    )
    checkpoints = {model: storage.model(model) for model in MODELS}
    evaluated = evaluate(checkpoints, benchmark, compute.runtime())
    write_table(evaluated.scores, storage.scores)
    write_json(evaluated.submission("finetuned"), storage.submission)
    return dg.MaterializeResult(
        data_version=dg.DataVersion(digest(storage.scores.parent)),
        metadata={
            **headline_metadata(evaluated.scores),
            **table_metadata(evaluated.scores.lazy(), storage.scores),
            "scores": picture(score_bars(evaluated.scores), "scores of all models"),
            "submission": dg.MetadataValue.path(str(storage.submission)),
        },
    )


@dg.asset(
    deps=[raw_documents, distant_documents, finetuned_model],
    group_name="serving",
    kinds={"pytorch", "parquet"},
    owners=OWNERS,
    code_version="2",
    pool=GPU_POOL,
)
def predictions(
    context: dg.AssetExecutionContext, storage: Storage, compute: Compute
) -> dg.MaterializeResult:
    """Triples that the fine-tuned model finds in all documents, with their scores."""
    require_checks_passed(context)
    tables = [
        *(storage.raw(split) for split in ANNOTATED),
        *storage.distant_shards(SHARDS),
    ]
    found = predict_all(tables, storage.model("finetuned"), compute.runtime())
    write_table(found, storage.predictions)
    return dg.MaterializeResult(
        data_version=dg.DataVersion(digest(storage.predictions)),
        metadata={
            **table_metadata(found.lazy(), storage.predictions),
            "documents_with_triples": found["doc_id"].n_unique(),
            "relations_found": found["relation"].n_unique(),
        },
    )


@dg.asset(
    deps=[raw_documents, annotated_documents, distant_documents, predictions, evaluation],
    group_name="serving",
    kinds={"duckdb", "sql"},
    owners=OWNERS,
    code_version="2",
    pool="duckdb",
)
def warehouse(
    context: dg.AssetExecutionContext, storage: Storage, warehouse: Warehouse
) -> dg.MaterializeResult:
    """A DuckDB file of documents, entities, labels, predictions and scores, swapped in whole."""
    require_checks_passed(context)
    tables = WarehouseTables(
        raw_documents=[storage.raw(split) for split in Split],
        annotated_documents=[storage.annotated(split) for split in ANNOTATED],
        distant_documents=storage.distant_shards(SHARDS),
        predictions=storage.predictions,
        evaluation=storage.scores,
        rejected=storage.rejected_documents,
        relations=storage.relations,
        statistics=storage.all_statistics(),
    )
    inputs = digests(storage)
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


def digests(storage: Storage) -> dict[str, str]:
    """Digests of everything that the warehouse tells of, by the asset's name."""
    places = {
        "raw_documents": storage.raw_documents,
        "annotated_documents": storage.annotated_documents,
        "distant_documents": storage.distant_documents,
        "predictions": storage.predictions,
        "evaluation": storage.scores,
    }
    return {name: digest(path) for name, path in places.items()}


def headline_metadata(scores: pl.DataFrame) -> dict[str, float]:
    """F1 and Ign F1 of each model and split in per cent, for Dagster to plot over time."""
    return {
        f"{row['model']}_{row['split']}_{name}": row[title]
        for row in headline(scores).iter_rows(named=True)
        for name, title in (("f1", "F1"), ("ign_f1", "Ign F1"))
    }
