"""What arrives in the inbox: documents to distil, and documents to predict."""

import time
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl

from corpus.arrivals import arrivals
from corpus.artefacts import digest_of
from corpus.inbox import Inbox as Files
from corpus.inbox import Taken
from corpus.ingest import source_vocabulary
from corpus.relations import RelationVocabulary
from corpus.schema import DOCUMENTS, Split
from docre_assets.metadata import HOLDS, OWNERS, documents_metadata
from resources.corpus_source import CorpusSource
from resources.inbox import Inbox
from resources.storage import Storage

SPLIT_OF = {"distant": Split.DISTANT, "unlabelled": Split.NEW}
"""What the documents of each folder of the inbox are for."""


def files_of(kind: str, inbox: Inbox, storage: Storage) -> Files:
    """A folder of the inbox, and where its files go."""
    return Files(
        inbox.waiting(kind),
        storage.arrived(kind),
        inbox.rejected,
        SPLIT_OF[kind],
        inbox.quiet_seconds,
    )


@dg.asset(
    group_name="corpus",
    kinds={"file"},
    owners=OWNERS,
    tags={HOLDS: "documents"},
    code_version="1",
    pool="inbox",
)
def distant_arrivals(
    context: dg.AssetExecutionContext, storage: Storage, inbox: Inbox, corpus_source: CorpusSource
) -> dg.MaterializeResult:
    """Files of documents to distil, out of the inbox; the next distillation learns from them.

    - **Made from** what lies in `inbox/distant/`, once nobody writes to it any more; the sensor
      `inbox_sensor` has it taken.
    - **For** `raw_documents`, which reads the corpus and these.
    - **In the paper:** there is nothing like it, as its corpus stays as it is.
    - **More** in `docs/corpus.md`, *The inbox*, and `docs/operations.md`.
    """
    return _take(context, "distant", storage, inbox, corpus_source)


@dg.asset(
    group_name="serving",
    kinds={"parquet", "duckdb"},
    owners=OWNERS,
    tags={HOLDS: "documents"},
    code_version="1",
    pool="inbox",
)
def new_documents(
    context: dg.AssetExecutionContext, storage: Storage, inbox: Inbox, corpus_source: CorpusSource
) -> dg.MaterializeResult:
    """Documents out of the inbox that are to be predicted, one table for each file.

    - **Made from** what lies in `inbox/unlabelled/`, once nobody writes to it any more; the sensor
      `inbox_sensor` has it taken.
    - **For** `new_predictions`, within minutes and without any training.
    - **In the paper:** the documents that such a model is for.
    - **More** in `docs/corpus.md`, *The inbox*, and `docs/operations.md`.
    """
    return _take(context, "unlabelled", storage, inbox, corpus_source)


def _take(
    context: dg.AssetExecutionContext,
    kind: str,
    storage: Storage,
    inbox: Inbox,
    source: CorpusSource,
) -> dg.MaterializeResult:
    """Take what has settled in a folder of the inbox, and tell of every file."""
    files = files_of(kind, inbox, storage)
    taken = Taken()
    if files.pending(time.time()):
        taken = files.take(vocabulary_of(storage, source), source.max_rejected_share, time.time())
    for name, reason in taken.set_aside.items():
        context.log.warning("%s was set aside in %s: %s", name, inbox.rejected, reason)
    arrived = arrivals(storage.arrived(kind))
    return dg.MaterializeResult(
        data_version=dg.DataVersion(digest_of([path.name for path in arrived])),
        metadata={**_told(taken), "files": len(arrived), **_shown(kind, files.arrived)},
    )


def _shown(kind: str, folder: Path) -> dict[str, Any]:
    """What has arrived: of what is to be predicted its documents, the other is not read yet."""
    if kind == "distant":
        return {"dagster/uri": str(folder)}
    tables = arrivals(folder)
    documents = pl.scan_parquet(tables, glob=False) if tables else DOCUMENTS.to_frame().lazy()
    return documents_metadata(documents, folder, [SPLIT_OF[kind]])


def _told(taken: Taken) -> dict[str, Any]:
    """What became of the files that were in the inbox."""
    rows = [(name, "taken", str(place)) for name, place in taken.arrived.items()]
    rows += [(name, "set aside", reason) for name, reason in taken.set_aside.items()]
    rows += [(name, "left", "it changed while it was looked at") for name in taken.left]
    names = ("file", "outcome", "told")
    schema = dg.TableSchema([dg.TableColumn(name) for name in names])
    records = [dg.TableRecord(dict(zip(names, row, strict=True))) for row in rows]
    return {
        "files_taken": len(taken.arrived),
        "files_set_aside": len(taken.set_aside),
        "inbox": dg.MetadataValue.table(records, schema),
    }


def vocabulary_of(storage: Storage, source: CorpusSource) -> RelationVocabulary:
    """The corpus' relations, also before its documents were read for the first time."""
    if storage.relations.is_file():
        return storage.vocabulary()
    return source_vocabulary(source.open(storage.source))
