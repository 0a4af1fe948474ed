"""Structural checks between stages, one property each, over `quality`; all block."""

import dagster as dg
import polars as pl

from corpus.relations import RelationVocabulary
from corpus.schema import ANNOTATED, Split
from docre_assets import corpus_assets, model_assets, serving_assets
from docre_assets.metadata import check_result
from docre_assets.partitions import SHARDS
from docre_assets.quality_checks import QUALITY_CHECKS
from docre_assets.serving_checks import SERVING_CHECKS
from models.checkpoint_files import RELATIONS, WEIGHTS, checkpoint_digest
from quality.facts import check_triples
from quality.outcomes import check_evaluation, check_predictions, check_vocabulary
from quality.report import Report
from quality.shards import check_origin, check_soft_labels
from quality.structure import check_documents, check_labelled, check_splits
from quality.weights import check_weights
from resources.storage import Storage

LABEL_AGAIN = "materialize soft_labels again"


@dg.asset_check(asset=corpus_assets.raw_documents, blocking=True)
def documents_valid(storage: Storage) -> dg.AssetCheckResult:
    """Ids are unique, mentions lie within sentences, labels name entities and known relations."""
    return check_result(check_documents(storage.all_raw(), storage.vocabulary()))


@dg.asset_check(asset=corpus_assets.knowledge_base, blocking=True)
def facts_complete(storage: Storage) -> dg.AssetCheckResult:
    """There are facts, and each has a head, a relation and a tail."""
    return check_result(check_triples(pl.scan_parquet(storage.knowledge_base)))


@dg.asset_check(asset=corpus_assets.annotated_documents, blocking=True)
def splits_disjoint(storage: Storage) -> dg.AssetCheckResult:
    """No document stands in two of train, dev and test, neither by id nor by title."""
    tables = {str(split): pl.scan_parquet(storage.annotated(split)) for split in ANNOTATED}
    return check_result(check_splits(tables))


@dg.asset_check(asset=corpus_assets.annotated_documents, blocking=True)
def annotations_valid(storage: Storage) -> dg.AssetCheckResult:
    """Training and dev documents are labelled, by relations between their own entities."""
    learnt = pl.scan_parquet([storage.annotated(split) for split in (Split.TRAIN, Split.DEV)])
    every = pl.scan_parquet([storage.annotated(split) for split in ANNOTATED])
    reports = [check_documents(every, storage.vocabulary()), check_labelled(learnt)]
    return check_result(Report.joined(reports))


@dg.asset_check(asset=corpus_assets.distant_documents, blocking=True)
def distant_labels_valid(storage: Storage) -> dg.AssetCheckResult:
    """Every distant document is labelled, by relations between its own entities."""
    distant = pl.scan_parquet(storage.distant_shards(SHARDS))
    reports = [check_documents(distant, storage.vocabulary()), check_labelled(distant)]
    return check_result(Report.joined(reports))


@dg.asset_check(asset=model_assets.soft_labels, blocking=True)
def shards_complete(storage: Storage) -> dg.AssetCheckResult:
    """Every distant document has finite soft labels of its text and entities as they are now."""
    reports = (
        check_soft_labels(storage.soft_label_shard(shard), documents, remedy=LABEL_AGAIN)
        for shard, documents in zip(SHARDS, storage.distant_shards(SHARDS), strict=True)
    )
    return check_result(Report.joined(reports))


@dg.asset_check(asset=model_assets.soft_labels, blocking=True)
def made_by_teacher(storage: Storage) -> dg.AssetCheckResult:
    """All soft labels are of the teacher and of the relations as they are now."""
    now = {
        "model": checkpoint_digest(storage.model("teacher")),
        "vocabulary": storage.vocabulary().digest,
    }
    folders = map(storage.soft_label_shard, SHARDS)
    return check_result(
        Report.joined(check_origin(folder, **now, remedy=LABEL_AGAIN) for folder in folders)
    )


def weights_check(asset: dg.AssetsDefinition, model: str) -> dg.AssetChecksDefinition:
    """The check that a model's weights are finite."""

    @dg.asset_check(asset=asset, blocking=True)
    def weights_finite(storage: Storage) -> dg.AssetCheckResult:
        """All weights are finite numbers."""
        return check_result(check_weights(storage.model(model) / WEIGHTS))

    return weights_finite


def dev_logits_check(asset: dg.AssetsDefinition, model: str) -> dg.AssetChecksDefinition:
    """The check that a model is judged by its own logits."""

    @dg.asset_check(asset=asset, blocking=True)
    def dev_logits_current(storage: Storage) -> dg.AssetCheckResult:
        """The logits that the model is judged by are its own, of dev as it is now."""
        folder, remedy = storage.dev_logits(model), f"materialize {asset.key.path[-1]} again"
        now = {
            "model": checkpoint_digest(storage.model(model)),
            "vocabulary": storage.vocabulary().digest,
        }
        dev = storage.annotated(Split.DEV)
        reports = [
            check_origin(folder, **now, remedy=remedy),
            check_soft_labels(folder, dev, remedy=remedy),
        ]
        return check_result(Report.joined(reports))

    return dev_logits_current


def vocabulary_check(asset: dg.AssetsDefinition, model: str) -> dg.AssetChecksDefinition:
    """The check that a model's columns are the corpus'."""

    @dg.asset_check(asset=asset, blocking=True)
    def vocabulary_matches(storage: Storage) -> dg.AssetCheckResult:
        """The model's relations stand in the same columns as the corpus'."""
        own = RelationVocabulary.load(storage.model(model) / RELATIONS)
        return check_result(check_vocabulary(own, storage.vocabulary(), f"the {model}"))

    return vocabulary_matches


@dg.asset_check(asset=serving_assets.predictions, blocking=True)
def predictions_valid(storage: Storage) -> dg.AssetCheckResult:
    """Each triple joins two entities of a document by a known relation, once."""
    found = pl.scan_parquet(storage.predictions)
    return check_result(check_predictions(found, storage.all_raw(), storage.vocabulary()))


@dg.asset_check(asset=serving_assets.evaluation, blocking=True)
def scores_finite(storage: Storage) -> dg.AssetCheckResult:
    """There are scores, and each is a finite number from 0."""
    return check_result(check_evaluation(pl.scan_parquet(storage.scores)))


MODELS = {
    "teacher": model_assets.teacher_model,
    "student": model_assets.student_model,
    "finetuned": model_assets.finetuned_model,
}

CHECKS = [
    documents_valid,
    facts_complete,
    splits_disjoint,
    annotations_valid,
    distant_labels_valid,
    shards_complete,
    made_by_teacher,
    *(weights_check(asset, model) for model, asset in MODELS.items()),
    *(vocabulary_check(asset, model) for model, asset in MODELS.items()),
    *(dev_logits_check(asset, model) for model, asset in MODELS.items()),
    predictions_valid,
    scores_finite,
    *SERVING_CHECKS,
    *QUALITY_CHECKS,
]
