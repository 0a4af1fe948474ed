"""The report's folder: every page, the styles and scripts, and the index of the search."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from markupsafe import Markup

from corpus.artefacts import whole
from quality.pages.curves import panels
from quality.pages.looks import Looks
from quality.pages.names import document_page, relation_page
from quality.pages.reading import Reading, opened
from quality.pages.rendering import environment
from quality.pages.scores import Evaluation
from quality.pages.search_index import write_index
from quality.pages.text import sentence_markup

MOST_DOCUMENTS: Final = 200
"""How many documents get a page, unless it is said otherwise."""
FIRST_PAGE: Final = "index.html"


@dataclass(frozen=True)
class Site:
    """What a report shows of its warehouse."""

    documents: int
    """Documents that have a page."""
    left_out: Mapping[str, int]
    """Documents that have none, by split; only splits where some are left out."""
    relations: int
    """Relations, each of which has a page."""


def write_site(
    warehouse: Path,
    folder: Path,
    *,
    most_documents: int = MOST_DOCUMENTS,
    data_docs: Path | None = None,
) -> Site:
    """Write the report of a warehouse, whole: pages that load nothing from anywhere else.

    Args:
        warehouse: a DuckDB file as `quality.warehouse.build_warehouse` writes it.
        folder: where the report goes.
        most_documents: how many documents get a page: those of test and dev first, then what
            arrived, then a spread of the others.
        data_docs: first page of Great Expectations' data docs, to link to.

    Raises:
        FileNotFoundError: if there is no warehouse.
        ValueError: if it is of another version, or ``most_documents`` is negative.
    """
    if most_documents < 0:
        raise ValueError(
            f"report: expected a number of documents from 0, found {most_documents}; 0 leaves all "
            f"out, {MOST_DOCUMENTS} is usual"
        )
    link = None if data_docs is None else quote(os.path.relpath(data_docs, folder))
    with whole(folder) as draft, opened(warehouse, most_documents) as reading:
        return _Writer(reading, draft, link).write()


class _Writer:
    """Writes one report."""

    def __init__(self, reading: Reading, folder: Path, data_docs: str | None) -> None:
        self.reading = reading
        self.folder = folder
        self.data_docs = data_docs
        self.looks = Looks([row["type"] for row in reading.table("types")])
        self.evaluation = Evaluation(reading.rows("scores"))
        self.relations = reading.table("relations")
        self.splits = reading.table("splits")
        self.unscored = reading.table("unscored")
        self.environment = environment()

    def write(self) -> Site:
        """Write everything; documents one after another, so that only one is in memory."""
        for name in ("assets", "documents", "relations"):
            (self.folder / name).mkdir(parents=True)
        self._copy_static()
        self._overview()
        self._relations()
        self._documents()
        write_index(self.reading, self.folder / "assets" / "search-index.js")
        left_out = {row["split"]: row["documents"] - row["shown"] for row in self.splits}
        return Site(
            documents=sum(row["shown"] for row in self.splits),
            left_out={split: number for split, number in left_out.items() if number},
            relations=len(self.relations),
        )

    def _copy_static(self) -> None:
        for source in files("quality.pages").joinpath("static").iterdir():
            (self.folder / "assets" / source.name).write_bytes(source.read_bytes())

    def _page(self, path: str, template: str, **shown: Any) -> None:
        """Fill a template; ``root`` leads from the page back to the report's folder."""
        root = "../" * path.count("/")
        stream = self.environment.get_template(template).stream(root=root, **shown)
        stream.dump(str(self.folder / path), encoding="utf-8")

    def _overview(self) -> None:
        self._page(
            FIRST_PAGE,
            "overview.html",
            splits=self.splits,
            evaluation=self.evaluation,
            unscored=self.unscored,
            targets=self.reading.table("targets"),
            relations=sorted(self.relations, key=_frequency, reverse=True),
            training=panels(self.reading.rows("training")),
            versions=self.reading.table("versions"),
            history=self.reading.table("history"),
            provenance=self.reading.table("provenance"),
            types=self.reading.table("types"),
            looks=self.looks,
            data_docs=self.data_docs,
        )
        self._page("search.html", "search.html")

    def _relations(self) -> None:
        self._page(
            "relations.html",
            "relations.html",
            relations=self.relations,
            evaluation=self.evaluation,
            unscored=self.unscored,
        )
        examples = self._examples()
        for relation in self.relations:
            self._page(
                relation_page(relation["relation"]),
                "relation.html",
                relation=relation,
                evaluation=self.evaluation,
                unscored=self.unscored,
                examples=examples.get(relation["relation"], {}),
            )

    def _examples(self) -> dict[str, dict[str, list[dict[str, Any]]]]:
        """Examples by relation and state."""
        rows = (
            row | {"text": sentence_markup(row["words"] or [], [], [])}
            for row in self.reading.rows("examples")
        )
        grouped: dict[str, dict[str, list[dict[str, Any]]]] = {}
        for row in rows:
            grouped.setdefault(row["relation"], {}).setdefault(row["state"], []).append(row)
        return grouped

    def _documents(self) -> None:
        self._page(
            "documents.html",
            "documents.html",
            documents=self.reading.rows("list"),
            splits=self.splits,
        )
        for document in self.reading.rows("documents"):
            self._page(
                document_page(document["doc_id"]),
                "document.html",
                document=document,
                sentences=self._sentences(document),
                looks=self.looks,
            )

    def _sentences(self, document: Mapping[str, Any]) -> Iterator[Markup]:
        kinds = [self.looks.of(entity) for entity in document["entities"]]
        marked: dict[int, list[Mapping[str, Any]]] = {}
        for mention in document["mentions"]:
            marked.setdefault(mention["sentence"], []).append(mention)
        write = partial(sentence_markup, kinds=kinds)
        return (write(words, marked.get(i, [])) for i, words in enumerate(document["sentences"]))


def _frequency(relation: Mapping[str, Any]) -> int:
    return int(relation["annotated"] + relation["distant"])
