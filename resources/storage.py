"""Where artefacts lie: every path below the storage root is named here, and only here."""

from collections.abc import Sequence
from pathlib import Path

import dagster as dg
import polars as pl
from pydantic import Field

from corpus.arrivals import arrivals
from corpus.ingest import REJECTED_FILE, RELATIONS_FILE, documents_file
from corpus.relations import RelationVocabulary
from corpus.schema import CORPUS_SPLITS, Split
from corpus.seals import Seal


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
        return self._models / name

    @property
    def _models(self) -> Path:
        return self.folder / "models"

    def require_lasting(self, checkpoint: Path) -> None:
        """Raise a ValueError if a checkpoint is one that runs replace."""
        if self._models.resolve() in checkpoint.resolve().parents:
            raise ValueError(
                f"expected a checkpoint that no run replaces, found {checkpoint}: each "
                "redistillation would begin with another teacher, and none would keep anything. "
                "Copy the folder elsewhere and name the copy"
            )

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

    def all_data_docs(self) -> list[Path]:
        """Great Expectations' folders of all runs."""
        return sorted(self.folder.glob("quality/*/expectations"))

    @property
    def scores(self) -> Path:
        """Every score of every model on every labelled split."""
        return self.evaluation / "evaluation.parquet"

    @property
    def submission(self) -> Path:
        """The fine-tuned model's test predictions in DocRED's submission format."""
        return self.evaluation / "result.json"

    @property
    def evaluation(self) -> Path:
        """Folder of the scores and of the submission."""
        return self.folder / "evaluation"

    @property
    def predictions(self) -> Path:
        """The production model's triples on the corpus' documents."""
        return self.folder / "predictions.parquet"

    @property
    def former_predictions(self) -> Path:
        """The triples of the model version before, on the corpus' documents."""
        return self.folder / "former_predictions.parquet"

    @property
    def earlier_predictions(self) -> Path:
        """Those that were `former_predictions` before these."""
        return self.folder / "earlier_predictions.parquet"

    def seal_of_thresholds(self, identity: str) -> Seal:
        """The seal of thresholds that predictions are made with; its part is their file.

        Args:
            identity: digest of all that they depend on.
        """
        place = self.folder / "thresholds" / f"{identity}.json"
        return Seal(self.folder, f"thresholds/{identity}", (place,))

    def training_state(self, model: str) -> Path:
        """Folder of a training that has not come to its end, to go on from."""
        return self.folder / "training" / model

    @property
    def production(self) -> Path:
        """Folder of the models that were and are in use, and of their history."""
        return self.folder / "production"

    def arrived(self, kind: str) -> Path:
        """Folder of what was taken from the inbox: ``distant`` or ``unlabelled``."""
        return self.folder / "arrived" / kind

    def new_documents(self) -> list[Path]:
        """Tables of the documents that arrived to be predicted, in the order of arrival."""
        return arrivals(self.arrived("unlabelled"))

    def predicted_documents(self) -> list[Path]:
        """Those of `new_documents` that have been predicted: a run at work may not have yet."""
        return [path for path in self.new_documents() if self.new_predictions(path).is_file()]

    def new_rejected(self) -> list[Path]:
        """Documents of arrived files that were kept out, and why."""
        return sorted(self.arrived("unlabelled").glob("*.rejected.parquet"))

    @property
    def new_predictions_folder(self) -> Path:
        """Folder of the production model's triples on documents that arrived."""
        return self.folder / "new_predictions"

    def new_predictions(self, documents: Path) -> Path:
        """The production model's triples on a table of arrived documents."""
        return self.new_predictions_folder / documents.name

    def seal_of_new_predictions(self, documents: Path) -> Seal:
        """The seal of the triples on a table of arrived documents."""
        place = self.new_predictions(documents)
        return Seal(self.folder, f"new_predictions/{place.stem}", (place,))

    @property
    def warehouse(self) -> Path:
        """The DuckDB file that people query."""
        return self.folder / "warehouse.duckdb"

    @property
    def report(self) -> Path:
        """Folder of the pages that people read."""
        return self.folder / "report"

    def seal(self, asset: str) -> Seal:
        """The seal of what an asset makes; it has no parts where others vouch for them."""
        parts = {
            "raw_documents": (self.raw_documents,),
            "knowledge_base": (self.knowledge_base,),
            "annotated_documents": (self.annotated_documents,),
            "distant_documents": (self.distant_documents,),
            "teacher_model": (self.model("teacher"), self.dev_logits("teacher")),
            "soft_labels": (self.soft_labels,),
            "student_model": (self.model("student"), self.dev_logits("student")),
            "finetuned_model": (self.model("finetuned"), self.dev_logits("finetuned")),
            "evaluation": (self.evaluation,),
            "predictions": (self.predictions,),
        }
        return Seal(self.folder, asset, parts.get(asset, ()))

    def vocabulary(self) -> RelationVocabulary:
        """The corpus' relation vocabulary."""
        return RelationVocabulary.load(self.relations)

    def all_raw(self) -> pl.LazyFrame:
        """Documents of all splits as they came, one table of `DOCUMENTS`."""
        return pl.scan_parquet([self.raw(split) for split in CORPUS_SPLITS])
