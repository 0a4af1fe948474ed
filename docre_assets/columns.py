"""Where the columns of each table come from: Dagster's column lineage."""

from collections.abc import Iterable, Mapping

import dagster as dg

from corpus.schema import DOCUMENTS, EVALUATION, PREDICTIONS


def lineage(columns: Mapping[str, Iterable[str]]) -> dg.TableColumnLineage:
    """Column lineage by the columns that each column is made from, written ``asset.column``."""
    return dg.TableColumnLineage(
        {column: [_dep(source) for source in sources] for column, sources in columns.items()}
    )


def _dep(source: str) -> dg.TableColumnDep:
    asset, _, column = source.partition(".")
    return dg.TableColumnDep(dg.AssetKey(asset), column)


_SAME = {column: [f"raw_documents.{column}"] for column in DOCUMENTS}

ANNOTATED = lineage(_SAME)

DISTANT = lineage(
    _SAME
    | {
        "labels": [
            "raw_documents.labels",
            "raw_documents.entities",
            "knowledge_base.head_name",
            "knowledge_base.relation",
            "knowledge_base.tail_name",
        ]
    }
)

FACTS_OF_TRAINING = lineage(
    {
        "head_name": ["raw_documents.entities", "raw_documents.labels"],
        "relation": ["raw_documents.labels"],
        "tail_name": ["raw_documents.entities", "raw_documents.labels"],
    }
)
"""Of a knowledge base that is made from annotated training documents."""

_OF_SCORES = [
    *(f"annotated_documents.{column}" for column in ("sentences", "entities", "labels")),
    *(f"distant_documents.{column}" for column in ("entities", "labels")),  # what Ign F1 leaves out
]

SCORES = lineage(
    dict.fromkeys(("value", "low", "high"), _OF_SCORES)
    | {"split": ["annotated_documents.split"], "relation": ["annotated_documents.labels"]}
)


def of_predictions(*documents: str) -> dg.TableColumnLineage:
    """Column lineage of triples that a model finds in tables of documents, by their assets."""
    read = dict.fromkeys(PREDICTIONS, ("sentences", "entities"))
    del read["model_version"]
    read |= dict.fromkeys(("head", "tail", "head_name", "tail_name"), ("entities",))
    read |= {"doc_id": ("doc_id",), "title": ("title",)}
    return lineage(
        {
            column: [f"{asset}.{source}" for asset in documents for source in sources]
            for column, sources in read.items()
        }
    )


def of_database(columns: Iterable[str]) -> dg.TableColumnLineage:
    """Column lineage of a database's ``table.column`` that other assets' tables have alike."""
    sources = {
        **{f"predictions.{column}": ("predictions", "new_predictions") for column in PREDICTIONS},
        **{f"evaluation.{column}": ("evaluation",) for column in EVALUATION},
    }
    return lineage(
        {
            column: [f"{asset}.{column.partition('.')[2]}" for asset in sources[column]]
            for column in columns
            if column in sources
        }
    )
