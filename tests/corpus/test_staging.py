"""Staging: what a file's documents are does not hang on how the file was read."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from docred_json import article, as_docred, documents, write_articles
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus import staging
from corpus.json_files import connected
from corpus.schema import Document

OTHER_FORMS = [
    None,
    5,
    article(sents=None),
    article(vertexSet="none"),
    article(labels={}),
    article(vertexSet=[[{"name": "Ada", "sent_id": 10**12, "pos": [0, 1]}]]),
]
"""What the quick way of reading does not take."""


def staged(folder: Path, articles: list[Any], *, with_labels: bool = True) -> pl.DataFrame:
    file, path = write_articles(folder / "in.json", articles), folder / "staged.parquet"
    with connected(folder) as connection:
        staging.stage(connection, file, path, with_labels=with_labels)
    return pl.read_parquet(path)


@settings(max_examples=20, deadline=None)
@given(st.lists(documents(), max_size=4), st.sampled_from(OTHER_FORMS), st.data())
def test_a_document_of_another_form_changes_no_other(
    written: list[Document], other: Any, draw: Any
) -> None:
    articles = [as_docred(document, draw.draw) for document in written]
    with tempfile.TemporaryDirectory() as folder:
        alone, beside = (staged(Path(folder), some) for some in (articles, [*articles, other]))
    assert beside.head(len(articles)).equals(alone)
    assert beside.schema == alone.schema
    assert beside.height == len(articles) + 1


@pytest.mark.parametrize("other", OTHER_FORMS)
def test_only_other_forms_are_read_twice(
    tmp_path: Path, other: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    lenient = staging.records
    monkeypatch.setattr(staging, "records", lambda *a: asked.append(a) or lenient(*a))
    staged(tmp_path, [article(), article(sents=[[5, None]]), article(title=None)])
    assert not asked
    staged(tmp_path, [article(), other])
    assert len(asked) == 1


def test_labels_that_do_not_count_may_be_anything(tmp_path: Path) -> None:
    articles = [article(labels=5), article()]
    [kind] = staged(tmp_path, articles, with_labels=False)["labels"].unique()
    assert kind is None
    assert staged(tmp_path, articles)["labels_found"].to_list() == [json.dumps(5), None]
