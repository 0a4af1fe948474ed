"""Dagster's UI in a browser: the graph is there, can be materialized by hand, and shows results."""

from collections.abc import Iterator

import pytest
from dagster_ui import Pages, serving
from little_corpus import write_corpus
from selenium.webdriver import Chrome

from corpus.schema import DOCUMENT_COLUMNS
from docre_assets.assets import ASSETS
from docre_assets.metadata import OWNERS

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def pages(browser: Chrome, tmp_path_factory) -> Iterator[Pages]:
    """The UI on a handful of articles from which nothing has been made."""
    place = tmp_path_factory.mktemp("ui")
    settings = {
        "DOCRE_CORPUS": write_corpus(place / "corpus"),
        "DOCRE_STORAGE": place / "artefacts",
        "DOCRE_INBOX": place / "inbox",
        "DOCRE_PRESET": "tiny",
        "DOCRE_DEVICE": "cpu",
        "DOCRE_QUALITY": "observe",
        "DOCRE_CRON": "0 3 1 1 *",
        "HF_HUB_OFFLINE": 1,
    }
    with serving(place / "home", settings) as url:
        pages = Pages(browser, url)
        pages.wait_until_served()
        yield pages


@pytest.fixture(scope="module")
def materialized(pages: Pages) -> Pages:
    """The UI after somebody had it materialize the group corpus and waited for the run."""
    pages.open("locations/docre/asset-groups/corpus/lineage")
    pages.click("Materialize all")
    pages.click("View")  # in the note that the run is launched
    pages.see("Success")
    return pages


def test_the_lineage_page_shows_every_asset(pages):
    pages.lineage()
    for asset in ASSETS:
        pages.see_node(asset.key.to_user_string())


def test_an_asset_tells_about_itself_before_anything_is_made(pages):
    pages.open("assets/distant_documents")
    for told in ("Made from", "In the paper:", OWNERS[0].removeprefix("team:"), "Polars"):
        pages.see(told)


def test_what_is_materialized_by_hand_shows_a_figure(materialized):
    materialized.open("assets/annotated_documents")
    materialized.click("[Show Markdown]")
    width = materialized.picture().size["width"]
    assert width > 300


def test_the_results_of_checks_stand_at_the_asset(materialized):
    materialized.open("assets/annotated_documents", view="checks", checkDetail="splits_disjoint")
    materialized.see("Passed")
    materialized.open("assets/annotated_documents", view="checks", checkDetail="critical")
    materialized.see("na_rate")
    materialized.click("[Show Markdown]")
    materialized.picture()


def test_a_column_says_what_it_holds_and_what_it_is_made_from(materialized):
    materialized.open("assets/distant_documents")
    holds = DOCUMENT_COLUMNS["sentences"].rstrip(".")
    for told in (holds, "raw_documents.entities", "knowledge_base.relation"):
        materialized.find(f"//*[contains(text(), '{told}')]", told)
