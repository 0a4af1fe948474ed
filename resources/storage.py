"""Where artefacts lie: every path below the storage root is named here, and only here."""

from collections.abc import Sequence
from pathlib import Path

import dagster as dg
import polars as pl
from pydantic import Field

from corpus.ingest import REJECTED_FILE, RELATIONS_FILE, documents_file
from corpus.relations import RelationVocabulary
from corpus.schema import Split


class Storage(dg.ConfigurableResource):
    """A folder that holds all artefacts of one corpus."""

    root: str = Field(default="artefacts", description="Folder of all artefacts.")

    @property
    def folder(self) -> Path:
        """The root, absolute."""
        return Path(self.root).resolve()

    @property
    def source(self) -> Path:
        """What was generated (demo) or downloaded (hub) as the corpus' source files."""
        return self.folder / "source"

    @property
    def raw_documents(self) -> Path:
        """Folder with one table of documents a split, the vocabulary and the rejected ones."""
        return self.folder / "raw_documents"

    def raw(self, split: Split) -> Path:
        """Documents of a split as they came."""
        return self.raw_documents / documents_file(split)

    @property
    def relations(self) -> Path:
        """The relation vocabulary."""
        return self.raw_documents / RELATIONS_FILE

    @property
    def rejected_documents(self) -> Path:
        """Documents that were kept out, and why."""
        return self.raw_documents / REJECTED_FILE

    @property
    def knowledge_base(self) -> Path:
        """Triples by name."""
        return self.folder / "knowledge_base.parquet"

    @property
    def annotated_documents(self) -> Path:
        """Folder with one table of documents an annotated split."""
        return self.folder / "annotated_documents"

    def annotated(self, split: Split) -> Path:
        """Documents of an annotated split."""
        return self.annotated_documents / documents_file(split)

    @property
    def distant_documents(self) -> Path:
        """Folder of the distantly labelled documents, one table a shard."""
        return self.folder / "distant_documents"

    def distant(self, shard: str) -> Path:
        """Distantly labelled documents of a shard."""
        return self.distant_documents / f"{shard}.parquet"

    def distant_shards(self, shards: Sequence[str]) -> list[Path]:
        """Distantly labelled documents of all shards.

        Raises:
            ValueError: if the distant corpus was cut into others; some documents would be left out.
        """
        tables = [self.distant(shard) for shard in shards]
        found = set(self.distant_documents.glob("*.parquet"))
        if found != set(tables):
            raise ValueError(
                f"{self.distant_documents}: expected {len(tables)} shards, found {len(found)}, so "
                "documents would be missing; materialize distant_documents, then soft_labels "
                f"again, or set DOCRE_SHARDS to the number that they were made with ({len(found)})"
            )
        return tables

    @property
    def soft_labels(self) -> Path:
        """Folder of the teacher's logits, one folder a shard."""
        return self.folder / "soft_labels"

    def soft_label_shard(self, shard: str) -> Path:
        """The teacher's logits on the documents of a shard."""
        return self.soft_labels / shard

    def model(self, name: str) -> Path:
        """Checkpoint of ``teacher``, ``student`` or ``finetuned``."""
        return self.folder / "models" / name

    def dev_logits(self, model: str) -> Path:
        """A model's logits on the labelled documents of dev, a shard as soft labels have."""
        return self.folder / "dev_logits" / model

    def statistics(self, run: str, stage: str) -> Path:
        """What a run's data checks found a stage to be like, in numbers."""
        return self.folder / "quality" / run / f"{stage}.parquet"

    def all_statistics(self) -> list[Path]:
        """The statistics of all runs and stages."""
        return sorted(self.folder.glob("quality/*/*.parquet"))

    def data_docs(self, run: str) -> Path:
        """Great Expectations' folder of a run, with its static site."""
        return self.folder / "quality" / run / "expectations"

    @property
    def scores(self) -> Path:
        """Every score of every model on every labelled split."""
        return self.folder / "evaluation" / "evaluation.parquet"

    @property
    def submission(self) -> Path:
        """The fine-tuned model's test predictions in DocRED's submission format."""
        return self.folder / "evaluation" / "result.json"

    @property
    def predictions(self) -> Path:
        """The fine-tuned model's triples on all documents."""
        return self.folder / "predictions.parquet"

    @property
    def warehouse(self) -> Path:
        """The DuckDB file that people query."""
        return self.folder / "warehouse.duckdb"

    def vocabulary(self) -> RelationVocabulary:
        """The corpus' relation vocabulary."""
        return RelationVocabulary.load(self.relations)

    def all_raw(self) -> pl.LazyFrame:
        """Documents of all splits as they came, one table of `DOCUMENTS`."""
        return pl.scan_parquet([self.raw(split) for split in Split])
