"""Documents and predictions to fill a large warehouse with, of the shape that a real one has.

DuckDB draws them from hashes, so that numbers alone decide what they are, and streams them to
Parquet.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import duckdb
import polars as pl

from benchmarks.statistics import RELATIONS
from corpus.artefacts import write_json
from corpus.json_files import literal
from corpus.schema import ALL, EVALUATION, OF_RELATION, REJECTED, SLICES, Split
from corpus.tables import write_table
from quality.training_history import TrainedModel
from quality.warehouse_tables import WarehouseTables

PREDICTED: Final = 20
"""Triples of a document; the most numerous corpora of the field have fewer."""
ENTITIES: Final = 20
NAMES_PER_DOCUMENT: Final = 2
"""Different names in the corpus, by its documents: the well-known ones stand in very many."""
SENTENCES: Final = (8, 25)
"""Sentences of a document, and words of a sentence."""
ANNOTATED: Final = 100
"""Of so many documents one is annotated; the others are labelled distantly."""

_MACROS: Final = f"""
CREATE MACRO share(i, j, about) AS (hash(i, j, about) % 1000003) / 1000003.0;
CREATE MACRO drawn_number(i, entity) AS
    floor({{names}} * pow(share(i, entity, 'name'), 5))::BIGINT;
CREATE MACRO drawn_name(i, entity) AS 'Name ' || drawn_number(i, entity);
CREATE MACRO drawn_pair(i, k) AS  -- 17 and the number of pairs have no common divisor
    ((hash(i, 'pair') + 17 * k) % {ENTITIES * (ENTITIES - 1)})::INTEGER;
CREATE MACRO head_of(pair) AS (pair // {ENTITIES - 1})::INTEGER;
CREATE MACRO tail_of(pair) AS
    (pair % {ENTITIES - 1} + (pair % {ENTITIES - 1} >= pair // {ENTITIES - 1})::INTEGER)::INTEGER;
CREATE MACRO drawn_relation(i, pair) AS  -- the same names have the same relation
    'P' || floor(pow(
        {len(RELATIONS) - 1}.0,
        share(drawn_number(i, head_of(pair)), drawn_number(i, tail_of(pair)), 'relation')
    ) - 0.5)::INTEGER;
CREATE MACRO is_label(i, k) AS k >= {PREDICTED} OR share(i, k, 'label') < 0.36;
"""
"""A document's triples are numbered by k: predictions are those below `PREDICTED`, labels a third
of them and the five after them; so the model finds six of ten labels, as on real documents."""

_DOCUMENTS: Final = f"""
SELECT
    'document ' || i AS doc_id,
    'On ' || i AS title,
    '{{split}}' AS split,
    list_transform(range({SENTENCES[0]}), lambda s:
        list_transform(range({SENTENCES[1]}), lambda w: 'word' || hash(i, s, w) % 20000)
    ) AS sentences,
    list_transform(range({ENTITIES}), lambda e: {{{{
        'type': ['PER', 'ORG', 'LOC', 'TIME', 'NUM', 'MISC'][1 + e % 6],
        'mentions': list_transform(range(1 + e % 2), lambda m: {{{{
            'name': drawn_name(i, e),
            'sentence': (hash(i, e, m) % {SENTENCES[0]})::INTEGER,
            'start': (e % {SENTENCES[1]})::INTEGER,
            'end': (e % {SENTENCES[1]} + 1)::INTEGER
        }}}})
    }}}}) AS entities,
    list_transform(
        list_filter(range({PREDICTED + 5}), lambda k: is_label(i, k)),
        lambda k: {{{{
            'head': head_of(drawn_pair(i, k)),
            'tail': tail_of(drawn_pair(i, k)),
            'relation': drawn_relation(i, drawn_pair(i, k)),
            'evidence': [(hash(i, k) % {SENTENCES[0]})::INTEGER]
        }}}}
    ) AS labels
FROM range({{first}}, {{end}}) AS numbers(i)
"""

_PREDICTIONS: Final = f"""
SELECT
    'document ' || i AS doc_id,
    'On ' || i AS title,
    head_of(pair) AS head,
    tail_of(pair) AS tail,
    drawn_name(i, head_of(pair)) AS head_name,
    drawn_name(i, tail_of(pair)) AS tail_name,
    drawn_relation(i, pair) AS relation,
    drawn_relation(i, pair) AS relation_name,
    ln(p / (1 - p))::FLOAT AS margin,
    p::FLOAT AS probability,
    (row_number() OVER (PARTITION BY i ORDER BY p DESC, pair))::INTEGER AS rank,
    [(hash(i, k) % {SENTENCES[0]})::INTEGER] AS evidence,
    '{{version}}' AS model_version
FROM (
    SELECT i, k, drawn_pair(i, k) AS pair,
        0.001 + 0.998 * sqrt(share(i, k, '{{version}}')) AS p
    FROM range({{end}}) AS numbers(i), range({{shift}}, {{shift}} + {PREDICTED}) AS of(k)
)
"""

MODELS: Final = ("teacher", "student", "finetuned")
EPOCHS: Final = 10
_VALUES: Final = {
    **dict.fromkeys(("f1", "precision", "recall"), (0.5, 0.25, 0.75)),
    "gold": (40.0, None, None),
    "predicted": (40.0, None, None),
    "correct": (20.0, None, None),
}
"""Value, low and high of each metric."""

VERSIONS: Final = ("1" * 16, "2" * 16)
"""The model version before, and the one in use."""


@dataclass(frozen=True)
class GeneratedWarehouse:
    """Files to build a warehouse from."""

    root: Path
    documents: int

    @property
    def tables(self) -> WarehouseTables:
        """All of them."""
        return WarehouseTables(
            raw_documents=[self._annotated, self._distant],
            annotated_documents=[self._annotated],
            distant_documents=[self._distant],
            predictions=[self._predictions],
            former_predictions=self._former,
            evaluation=self.root / "evaluation.parquet",
            rejected=[self.root / "rejected.parquet"],
            relations=self.root / "relations.json",
            trained=[
                TrainedModel(model, VERSIONS[-1], self.root / f"{model}.json") for model in MODELS
            ],
        )

    @property
    def _annotated(self) -> Path:
        return self.root / "test.parquet"

    @property
    def _distant(self) -> Path:
        return self.root / "distant.parquet"

    @property
    def _predictions(self) -> Path:
        return self.root / "predictions.parquet"

    @property
    def _former(self) -> Path:
        return self.root / "former_predictions.parquet"

    def generate(self) -> None:
        """Write all of them; the vocabulary last."""
        self.root.mkdir(parents=True, exist_ok=True)
        last, annotated = self.documents, self.documents // ANNOTATED
        former, present = VERSIONS
        for path, query in (
            (self._annotated, _DOCUMENTS.format(split=Split.TEST, first=0, end=annotated)),
            (self._distant, _DOCUMENTS.format(split=Split.DISTANT, first=annotated, end=last)),
            (self._former, _PREDICTIONS.format(end=last, version=former, shift=1)),
            (self._predictions, _PREDICTIONS.format(end=last, version=present, shift=0)),
        ):
            self._write(query, path)
        tables = self.tables
        write_table(_scores(), tables.evaluation)
        write_table(REJECTED.to_frame(), tables.rejected[0])
        for model in tables.trained:
            write_json(_training(), model.metrics)
        RELATIONS.save(tables.relations)

    def _write(self, query: str, path: Path) -> None:
        with duckdb.connect(config={"memory_limit": "2GB"}) as connection:
            connection.execute("SET enable_progress_bar = false")
            connection.execute(_MACROS.format(names=NAMES_PER_DOCUMENT * self.documents))
            connection.execute(f"COPY ({query}) TO {literal(str(path))} (COMPRESSION zstd)")


def _scores() -> pl.DataFrame:
    """As many rows as an evaluation has: all shares one half, all counts those of a relation."""
    sliced = [(ALL, None), *((name, None) for name in SLICES)]
    sliced += [(OF_RELATION, relation) for relation in RELATIONS.relations]
    rows = [
        (model, "test", name, relation, metric, *values)
        for model in MODELS
        for name, relation in sliced
        for metric, values in _VALUES.items()
    ]
    return pl.DataFrame(rows, EVALUATION, orient="row")


def _training() -> dict[str, Any]:
    epochs = [
        {"number": n, "loss": 1 / n, "terms": {"hard": 1 / n}, "dev_f1": n / 100, "seconds": 60 * n}
        for n in range(1, EPOCHS + 1)
    ]
    return {"epochs": epochs, "kept": EPOCHS}
