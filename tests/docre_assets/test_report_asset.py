"""The asset report: pages of the warehouse, with the version of what that was made from."""

from pathlib import Path

import dagster as dg
import duckdb
import pytest
from little_warehouse import FAR, write_warehouse

from docre_assets.report_assets import report
from quality.data_docs import FIRST_PAGE
from resources.storage import Storage
from resources.warehouse import Warehouse

SHOWN = 3
"""Documents with a page, of two scored ones, a new one and all of `FAR`."""


@pytest.fixture
def storage(tmp_path) -> Storage:
    write_warehouse(tmp_path)
    storage = Storage(root=str(tmp_path / "artefacts"))
    page = storage.data_docs("a-run") / FIRST_PAGE
    page.parent.mkdir(parents=True)
    page.write_text("<p>all hold</p>")
    return storage


def warehouse_of(storage: Storage) -> Path:
    return Path(storage.root).parent / "warehouse.duckdb"


def materialize(storage: Storage, **config: int) -> dg.AssetMaterialization:
    result = dg.materialize(
        [report],
        resources={"storage": storage, "warehouse": Warehouse(path=str(warehouse_of(storage)))},
        run_config={"ops": {"report": {"config": config}}},
    )
    return result.asset_materializations_for_node("report")[0]


def told(made: dg.AssetMaterialization) -> dict[str, object]:
    return {name: entry.value for name, entry in made.metadata.items()}


def test_it_says_where_it_is_and_what_it_leaves_out(storage):
    metadata = told(materialize(storage, documents=SHOWN))
    assert Path(metadata["report"]).is_file()
    assert Path(metadata["report"]).is_relative_to(storage.report)
    assert metadata["documents"] == SHOWN
    assert metadata["documents_left_out"] == metadata["left_out_unlabelled"] == len(FAR)


def test_it_links_to_the_data_docs(storage):
    overview = Path(told(materialize(storage))["report"])
    assert '<a href="../quality/a-run/' in overview.read_text()


def test_its_version_is_that_of_what_the_warehouse_was_made_from(storage):
    first, fewer = version(storage), version(storage, documents=SHOWN)
    change(storage, "UPDATE provenance SET value = 'another' WHERE name = 'run'")
    assert version(storage) == first
    change(storage, "UPDATE provenance SET value = 'another'")
    assert len({first, fewer, version(storage)}) == 3


def version(storage: Storage, **config: int) -> str | None:
    return (materialize(storage, **config).tags or {}).get("dagster/data_version")


def change(storage: Storage, statement: str) -> None:
    with duckdb.connect(warehouse_of(storage)) as connection:
        connection.execute(statement)
