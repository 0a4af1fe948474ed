"""Documents and facts: what came in, what people labelled, what the knowledge base labelled."""

import dagster as dg
import polars as pl

from corpus.arrivals import arrivals
from corpus.artefacts import digest, whole
from corpus.distant import label_distantly, write_shards
from corpus.ingest import ingest
from corpus.knowledge_base import read_triples, triples_of
from corpus.schema import ANNOTATED, CORPUS_SPLITS, TO_BE_DISTILLED, TRIPLE_COLUMNS, Split
from corpus.tables import write_table
from docre_assets import columns
from docre_assets.arrival_assets import distant_arrivals
from docre_assets.exhibits import SHOWN, fact_shares, label_shares, splits_table
from docre_assets.guard import require_sound
from docre_assets.making import made_from, make
from docre_assets.metadata import (
    HOLDS,
    OWNERS,
    documents_metadata,
    links,
    pictures,
    small_table,
    table_metadata,
)
from docre_assets.partitions import SHARDS
from resources.corpus_source import CorpusSource
from resources.storage import Storage

GROUP = "corpus"


@dg.asset(
    deps=[distant_arrivals],
    group_name=GROUP,
    kinds={"parquet", "duckdb"},
    owners=OWNERS,
    tags={HOLDS: "documents"},
    code_version="2",
)
def raw_documents(
    context: dg.AssetExecutionContext, storage: Storage, corpus_source: CorpusSource
) -> dg.MaterializeResult:
    """All documents as they came, one table a split; invalid ones are set aside with the reason.

    - **Made from** the corpus that `DOCRE_CORPUS` names, and what arrived in the inbox since.
    - **For** everything after it: nothing else reads the source files.
    - **In the paper:** DocRED's annotated and distantly labelled documents.
    - **More** in `docs/corpus.md`: formats, roles of files, and what bad input gets.
    """
    require_sound(context, storage)
    source = corpus_source.open(storage.source)
    arrived = arrivals(storage.arrived("distant"))
    share = corpus_source.max_rejected_share
    wanted = made_from(context, source.digest, [path.name for path in arrived], share)
    made = make(
        context,
        storage.seal("raw_documents"),
        wanted,
        lambda: ingest(source, storage.raw_documents, share, arrived),
    )
    documents, rejected = storage.all_raw(), pl.scan_parquet(storage.rejected_documents)
    return dg.MaterializeResult(
        data_version=dg.DataVersion(made.content),
        metadata={
            **documents_metadata(documents, storage.raw_documents, CORPUS_SPLITS),
            "splits": splits_table(documents),
            "relations": len(storage.vocabulary().relations),
            "rejected_documents": _rows(rejected),
            "first_rejected": small_table(rejected.head(SHOWN).collect()),
            "corpus": corpus_source.spec,
            "arrived_files": len(arrived),
            "kept": made.kept,
            **links(storage),
        },
    )


@dg.asset(
    deps=[raw_documents],
    group_name=GROUP,
    kinds={"parquet", "polars"},
    owners=OWNERS,
    tags={HOLDS: "facts"},
    code_version="1",
)
def knowledge_base(
    context: dg.AssetExecutionContext, storage: Storage, corpus_source: CorpusSource
) -> dg.MaterializeResult:
    """Facts by name: the corpus' own, else those of the annotated training documents.

    - **Made from** the corpus' `knowledge_base` file, or from labels of annotated documents.
    - **For** `distant_documents`, which are labelled by it.
    - **In the paper:** Wikidata, by which DocRED's distant documents were labelled.
    - **More** in `docs/corpus.md`, *Knowledge base and distant labels*.
    """
    require_sound(context, storage)
    given = corpus_source.open(storage.source).knowledge_base
    training = storage.raw(Split.TRAIN)
    wanted = made_from(context, digest(given or training), digest(storage.relations))

    def write() -> None:
        labelled = pl.scan_parquet(training)
        facts = read_triples(given, storage.vocabulary()) if given else triples_of(labelled)
        write_table(facts, storage.knowledge_base)

    made = make(context, storage.seal("knowledge_base"), wanted, write)
    triples = pl.scan_parquet(storage.knowledge_base)
    left_out = _rows(read_triples(given)) - _rows(triples) if given else 0
    names = storage.vocabulary().names
    return dg.MaterializeResult(
        data_version=dg.DataVersion(made.content),
        metadata={
            **table_metadata(
                triples,
                storage.knowledge_base,
                TRIPLE_COLUMNS,
                None if given else columns.FACTS_OF_TRAINING,
            ),
            "facts": _rows(triples),
            "source": str(given or "labels of the annotated training documents"),
            "left_out_of_unknown_relations": left_out,
            "kept": made.kept,
            **links(storage),
            **pictures({"facts by relation": fact_shares(triples, names)}),
        },
    )


@dg.asset(
    deps=[raw_documents],
    group_name=GROUP,
    kinds={"parquet", "polars"},
    owners=OWNERS,
    tags={HOLDS: "documents"},
    code_version="1",
)
def annotated_documents(
    context: dg.AssetExecutionContext, storage: Storage
) -> dg.MaterializeResult:
    """Documents that people labelled, for training, dev and test; only test may lack labels.

    - **Made from** the annotated splits of `raw_documents`.
    - **For** the teacher and the fine-tuning (train), the choice of the epoch and calibration
      (dev), and scores (dev, test). All that comes later is compared with their labels.
    - **In the paper:** the human-annotated data, of which there is little.
    - **More** in `docs/corpus.md`; its checks are explained in `docs/quality.md`.
    """
    require_sound(context, storage)

    def write() -> None:
        with whole(storage.annotated_documents) as draft:
            for split in ANNOTATED:
                documents = pl.scan_parquet(storage.raw(split))
                labelled = documents.filter(pl.col("labels").is_not_null() | (split is Split.TEST))
                write_table(labelled, draft / storage.annotated(split).name)

    wanted = made_from(context, [digest(storage.raw(split)) for split in ANNOTATED])
    made = make(context, storage.seal("annotated_documents"), wanted, write)
    documents = pl.scan_parquet([storage.annotated(split) for split in ANNOTATED])
    shares = label_shares({"annotated": documents}, storage.vocabulary().names)
    return dg.MaterializeResult(
        data_version=dg.DataVersion(made.content),
        metadata={
            **documents_metadata(
                documents, storage.annotated_documents, ANNOTATED, columns.ANNOTATED
            ),
            "splits": splits_table(documents),
            "kept": made.kept,
            **links(storage, context.run.run_id),
            **pictures({"label distribution": shares}),
        },
    )


@dg.asset(
    deps=[raw_documents, knowledge_base],
    group_name=GROUP,
    kinds={"parquet", "polars"},
    owners=OWNERS,
    tags={HOLDS: "documents"},
    code_version="2",
)
def distant_documents(context: dg.AssetExecutionContext, storage: Storage) -> dg.MaterializeResult:
    """Documents labelled by joining their entity pairs with the knowledge base, in shards.

    - **Made from** the distant and unlabelled splits of `raw_documents`, and `knowledge_base`.
    - **For** `soft_labels`, and for the student, which learns from both. Many of these labels are
      wrong, and many are missing: the checks say how many.
    - **In the paper:** the distantly supervised data, of which there is much.
    - **More** in `docs/corpus.md`; noise and its limits in `docs/quality.md`.
    """
    require_sound(context, storage)
    sources = [storage.raw(split) for split in TO_BE_DISTILLED]
    documents = pl.scan_parquet(sources)
    _require_documents(documents, storage)

    def write() -> None:
        labelled = label_distantly(documents, pl.scan_parquet(storage.knowledge_base))
        write_shards(labelled, storage.distant_documents, len(SHARDS))

    inputs = [digest(path) for path in (*sources, storage.knowledge_base)]
    wanted = made_from(context, inputs, len(SHARDS))
    made = make(context, storage.seal("distant_documents"), wanted, write)
    paths = storage.distant_shards(SHARDS)
    stages = {"distant": pl.scan_parquet(paths)}
    return dg.MaterializeResult(
        data_version=dg.DataVersion(made.content),
        metadata={
            **documents_metadata(
                stages["distant"], storage.distant_documents, TO_BE_DISTILLED, columns.DISTANT
            ),
            "splits": splits_table(stages["distant"]),
            "shards": len(paths),
            "kept": made.kept,
            **links(storage, context.run.run_id),
            **pictures({"label distribution": label_shares(stages, storage.vocabulary().names)}),
        },
    )


def _rows(table: pl.LazyFrame) -> int:
    return table.select(pl.len()).collect().item()


def _require_documents(documents: pl.LazyFrame, storage: Storage) -> None:
    if documents.head(1).collect().is_empty():
        raise ValueError(
            f"distant corpus: expected distantly labelled or unlabelled documents, found none in "
            f"{storage.raw(Split.DISTANT)} and {storage.raw(Split.UNLABELLED)}. The student learns "
            "from them. Put train_distant.json or unlabelled.json into the corpus folder, or name "
            "their files in its corpus.toml"
        )
