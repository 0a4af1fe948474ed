"""Structural checks of what arrives, of the model in use, and of what it says; all block."""

import dagster as dg
import polars as pl

from corpus.arrivals import arrivals, digest_of_arrival
from corpus.artefacts import digest
from corpus.schema import DOCUMENTS, PREDICTIONS
from docre_assets import arrival_assets, production_assets, serving_assets
from docre_assets.metadata import check_result
from docre_assets.model_versions import ModelVersions
from models.checkpoint_files import WEIGHTS
from quality.outcomes import check_predictions
from quality.report import Problem, Report
from quality.structure import check_documents
from quality.weights import check_weights
from resources.corpus_source import CorpusSource
from resources.storage import Storage

PUT_IN_AGAIN = "remove it there and put the file into the inbox again"


@dg.asset_check(asset=arrival_assets.distant_arrivals, blocking=True)
def arrivals_whole(storage: Storage) -> dg.AssetCheckResult:
    """The files that were taken have the content that they arrived with."""
    files = {path: digest_of_arrival(path) for path in arrivals(storage.arrived("distant"))}
    return check_result(
        Report.of(
            Problem(str(path), f"content digest {expected}", found, PUT_IN_AGAIN)
            for path, expected in files.items()
            if (found := digest(path)) != expected
        )
    )


@dg.asset_check(asset=arrival_assets.new_documents, blocking=True)
def new_documents_valid(storage: Storage, corpus_source: CorpusSource) -> dg.AssetCheckResult:
    """Ids are unique, and mentions lie within sentences."""
    if not (tables := storage.new_documents()):
        return check_result(Report())
    documents = pl.scan_parquet(tables, glob=False)
    vocabulary = arrival_assets.vocabulary_of(storage, corpus_source)
    return check_result(check_documents(documents, vocabulary))


@dg.asset_check(asset=production_assets.production_model, blocking=True)
def in_use_sound(storage: Storage) -> dg.AssetCheckResult:
    """The model in use is what it was when it was promoted, and all its weights are finite."""
    try:
        current = ModelVersions(storage.production).current
    except ValueError as error:
        return check_result(_unusable(storage, str(error)))
    report = check_weights(current.path / WEIGHTS) if current else _unusable(storage, "none")
    return check_result(report)


def _unusable(storage: Storage, found: str) -> Report:
    remedy = "materialize production_model, or put another version in use: make promote VERSION=…"
    return Report.of([Problem(str(storage.production), "the model as promoted", found, remedy)])


@dg.asset_check(asset=serving_assets.new_predictions, blocking=True)
def new_predictions_valid(storage: Storage) -> dg.AssetCheckResult:
    """Each triple joins two entities of a document that arrived by a known relation, once."""
    tables = storage.predicted_documents()
    places = [storage.new_predictions(table) for table in tables]
    documents = pl.scan_parquet(tables, glob=False) if tables else DOCUMENTS.to_frame().lazy()
    found = pl.scan_parquet(places, glob=False) if places else PREDICTIONS.to_frame().lazy()
    return check_result(check_predictions(found, documents, storage.vocabulary()))


SERVING_CHECKS = [arrivals_whole, new_documents_valid, in_use_sound, new_predictions_valid]
