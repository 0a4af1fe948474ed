"""The files that a warehouse is made from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from quality.training_history import TrainedModel

_MAY_BE_NONE: Final = ("new_documents", "former_predictions")


@dataclass(frozen=True)
class WarehouseTables:
    """Files that the warehouse is made from."""

    raw_documents: Sequence[Path]
    """`DOCUMENTS` tables of all splits."""
    annotated_documents: Sequence[Path]
    """`DOCUMENTS` tables whose labels people made."""
    distant_documents: Sequence[Path]
    """`DOCUMENTS` tables whose labels a knowledge base gave."""
    predictions: Sequence[Path]
    """`PREDICTIONS` tables: that of the corpus, then those of documents that arrived later."""
    evaluation: Path
    """An `EVALUATION` table."""
    rejected: Sequence[Path]
    """`REJECTED` tables."""
    relations: Path
    """The relation vocabulary, as `RelationVocabulary.save` writes it."""
    statistics: Sequence[Path] = ()
    """`quality.history.HISTORY` tables of all runs; none where no check has run."""
    new_documents: Sequence[Path] = ()
    """`DOCUMENTS` tables of what arrived later to be predicted; none before anything has."""
    former_predictions: Path | None = None
    """The `PREDICTIONS` table of the model version before; None for the first version."""
    trained: Sequence[TrainedModel] = ()
    """The models whose training is told, in the order of training."""
    model_history: Path | None = None
    """A `MODEL_HISTORY` table; it need not be there before a model has been judged."""

    def parquet(self) -> dict[str, list[Path]]:
        """The Parquet files by the name of the variable that the SQL reads them from."""
        return {
            "raw_documents": list(self.raw_documents),
            "new_documents": list(self.new_documents),
            "annotated_documents": list(self.annotated_documents),
            "distant_documents": list(self.distant_documents),
            "predictions": list(self.predictions),
            "former_predictions": [self.former_predictions] if self.former_predictions else [],
            "evaluation": [self.evaluation],
            "rejected": list(self.rejected),
        }

    def files(self) -> list[Path]:
        """All files, each once; a history of models only where there is one."""
        tables = [path for paths in self.parquet().values() for path in paths]
        others = [self.relations, *self.statistics, *(model.metrics for model in self.trained)]
        history = [path for path in (self.model_history,) if path and path.is_file()]
        return list(dict.fromkeys([*tables, *others, *history]))

    def elsewhere(self, places: Mapping[Path, Path]) -> WarehouseTables:
        """The same tables of files that lie elsewhere.

        Args:
            places: of all `files`, where each of them lies.
        """

        def moved(paths: Sequence[Path]) -> list[Path]:
            return [places[path] for path in paths]

        trained = [replace(model, metrics=places[model.metrics]) for model in self.trained]
        former, history = self.former_predictions, self.model_history
        return WarehouseTables(
            raw_documents=moved(self.raw_documents),
            annotated_documents=moved(self.annotated_documents),
            distant_documents=moved(self.distant_documents),
            new_documents=moved(self.new_documents),
            predictions=moved(self.predictions),
            former_predictions=places[former] if former else None,
            evaluation=places[self.evaluation],
            rejected=moved(self.rejected),
            relations=places[self.relations],
            statistics=moved(self.statistics),
            trained=trained,
            model_history=places.get(history) if history else None,
        )

    def require_files(self) -> None:
        """Raise unless all are there.

        Raises:
            FileNotFoundError: naming those that are not, or the kind that has none.
        """
        for name, paths in (self.parquet() | {"relations": [self.relations]}).items():
            missing = [str(path) for path in paths if not path.is_file()]
            if missing or not (paths or name in _MAY_BE_NONE):
                raise FileNotFoundError(
                    f"warehouse: expected files of {name}, found no {missing or 'file at all'}; "
                    "its tables would be empty; materialize that asset first"
                )
