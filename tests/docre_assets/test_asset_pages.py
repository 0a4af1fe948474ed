"""What Dagster's pages of assets say after a run: columns, lineage, figures, numbers, links."""

from collections.abc import Iterator, Mapping
from itertools import chain
from pathlib import Path

import dagster as dg
import pytest

from corpus import schema
from docre_assets.arrival_assets import distant_arrivals, new_documents
from docre_assets.assets import ASSETS
from docre_assets.checks import CHECKS

pytest_plugins = ["little_places"]

Metadata = Mapping[str, dg.MetadataValue]
TABLES = {
    "raw_documents",
    "knowledge_base",
    "annotated_documents",
    "distant_documents",
    "evaluation",
    "predictions",
    "new_documents",
    "new_predictions",
    "warehouse",
}
WITHOUT_FIGURE = {
    "soft_labels",  # its figures stand with its checks, as a shard alone says little
    "report",  # is all figures
}
FROM_OUTSIDE = {"raw_documents", "knowledge_base", "new_documents"}


@pytest.fixture(scope="module")
def pages(distilled) -> dict[str, Metadata]:
    """The metadata of each asset's last materialization, as its page shows them."""
    workplace, run = distilled
    assert run.success
    return dict(_pages(workplace.instance))


def _pages(instance: dg.DagsterInstance) -> Iterator[tuple[str, Metadata]]:
    for asset in ASSETS:
        event = instance.get_latest_materialization_event(asset.key)
        yield asset.key.to_user_string(), event.asset_materialization.metadata


@pytest.mark.parametrize(
    ("table", "columns"),
    [
        (schema.DOCUMENTS, schema.DOCUMENT_COLUMNS),
        (schema.TRIPLES, schema.TRIPLE_COLUMNS),
        (schema.PREDICTIONS, schema.PREDICTION_COLUMNS),
        (schema.EVALUATION, schema.EVALUATION_COLUMNS),
    ],
)
def test_every_column_is_described(table, columns):
    assert list(columns) == list(table)


def test_tables_tell_their_columns_in_words(pages):
    told = {name: page["dagster/column_schema"] for name, page in pages.items() if name in TABLES}
    assert set(told) == TABLES
    for name, value in told.items():
        assert value.schema.columns, name
        assert all(column.description for column in value.schema.columns), name


def test_column_lineage_leads_from_columns_that_are_there_to_columns_that_are_there(pages):
    upstream = {asset.key: set(asset.asset_deps[asset.key]) for asset in ASSETS}
    columns = {name: _columns(pages[name]) for name in TABLES}
    derived = [name for name in TABLES if "dagster/column_lineage" in pages[name]]
    assert set(derived) == TABLES - FROM_OUTSIDE
    for name in derived:
        lineage = pages[name]["dagster/column_lineage"].value.deps_by_column
        assert set(lineage) <= columns[name], name
        for source in chain.from_iterable(lineage.values()):
            told = f"{source.asset_key.to_user_string()}.{source.column_name}"
            assert told in " ".join(_descriptions(pages[name])), (name, told)
            assert source.asset_key in _ancestors(dg.AssetKey(name), upstream)
            assert source.column_name in columns[source.asset_key.to_user_string()], name


def _columns(page: Metadata) -> set[str]:
    return {column.name for column in page["dagster/column_schema"].schema.columns}


def _descriptions(page: Metadata) -> list[str]:
    return [column.description for column in page["dagster/column_schema"].schema.columns]


def _ancestors(
    key: dg.AssetKey, upstream: Mapping[dg.AssetKey, set[dg.AssetKey]]
) -> set[dg.AssetKey]:
    nearest = upstream[key]
    return nearest.union(*(_ancestors(parent, upstream) for parent in nearest))


def test_every_asset_shows_a_figure_or_a_table_and_a_number_that_is_plotted(pages):
    kinds = (dg.MarkdownMetadataValue, dg.TableMetadataValue)
    for name, page in pages.items():
        numbers = [v for v in page.values() if isinstance(v.value, int | float)]
        assert numbers, name
        if name not in WITHOUT_FIGURE:
            assert any(isinstance(value, kinds) for value in page.values()), name


def test_what_is_drawn_is_a_picture(pages):
    drawn = {
        f"{asset}.{name}": value.value
        for asset, page in pages.items()
        for name, value in page.items()
        if name in ("training_curve", "label_distribution", "facts_by_relation", "scores")
    }
    assert len(drawn) == 7
    for name, markdown in drawn.items():
        assert "data:image/png;base64," in str(markdown), f"{name}: {markdown}"


def test_documents_are_counted_alike_everywhere(pages):
    for name in ("raw_documents", "annotated_documents", "distant_documents", "new_documents"):
        page = pages[name]
        by_split = [v.value for key, v in page.items() if key.startswith("documents_")]
        assert page["documents"].value == sum(by_split) == page["dagster/row_count"].value, name


def test_assets_link_to_the_report_and_to_the_data_docs_of_their_checks(distilled, pages):
    storage, judged = distilled[0].storage, {key.asset_key for key in _checks("critical")}
    for asset in set(ASSETS) - {distant_arrivals, new_documents}:
        page = pages[asset.key.to_user_string()]
        assert Path(page["report"].value) == storage.report / "index.html", asset.key
        assert ("data_docs" in page) == (asset.key in judged), asset.key
    (run,) = distilled[0].instance.get_run_ids()
    docs = Path(pages["distant_documents"]["data_docs"].value)
    assert docs.is_relative_to(storage.data_docs(run))
    assert docs.name == "index.html"


def _checks(name: str) -> Iterator[dg.AssetCheckKey]:
    for check in CHECKS:
        yield from (key for key in check.check_keys if key.name == name)
