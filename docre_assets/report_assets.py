"""Where people read what was found: static pages about the warehouse."""

import os
from pathlib import Path

import dagster as dg
from pydantic import Field

from corpus.artefacts import digest_of
from docre_assets.guard import require_sound
from docre_assets.metadata import HOLDS, OWNERS
from docre_assets.serving_assets import warehouse
from quality.data_docs import FIRST_PAGE as FIRST_PAGE_OF_DATA_DOCS
from quality.pages.site import FIRST_PAGE, MOST_DOCUMENTS, Site, write_site
from resources.storage import Storage
from resources.warehouse import Warehouse


class Shown(dg.Config):
    """How much the report shows."""

    documents: int = Field(
        default=MOST_DOCUMENTS,
        ge=0,
        description="How many documents get a page: those of test and dev first, then what "
        "arrived, then a spread of the others.",
    )


@dg.asset(
    deps=[warehouse],
    group_name="serving",
    kinds={"html"},
    owners=OWNERS,
    tags={HOLDS: "pages"},
    code_version="2",
)
def report(
    context: dg.AssetExecutionContext, config: Shown, storage: Storage, warehouse: Warehouse
) -> dg.MaterializeResult:
    """A folder of pages to open in a browser: scores, relations, documents with what was found.

    - **Made from** the `warehouse`, whole and anew each time: it takes seconds.
    - **For** whoever wants to see predicted facts and their evidence in the text, right, wrong and
      missing ones told apart where people have labelled it. It loads nothing from anywhere else.
    - **In the paper:** its case study and its error analysis.
    - **More** in `docs/report.md`.
    """
    require_sound(context, storage)
    version = digest_of(_inputs(warehouse), config.documents)
    site = write_site(
        warehouse.file,
        storage.report,
        most_documents=config.documents,
        data_docs=_latest_data_docs(storage),
    )
    return dg.MaterializeResult(
        data_version=dg.DataVersion(version), metadata=_metadata(site, storage.report / FIRST_PAGE)
    )


def _inputs(warehouse: Warehouse) -> dict[str, str]:
    """Digests of what the warehouse was made from; the run that made it changes no page."""
    with warehouse.connect() as connection:
        rows = connection.execute("SELECT name, value FROM provenance WHERE name <> 'run'")
        return dict(rows.fetchall())


def _latest_data_docs(storage: Storage) -> Path | None:
    """First page of the youngest data docs; None where no run wrote any."""
    pages = [docs / FIRST_PAGE_OF_DATA_DOCS for docs in storage.all_data_docs()]
    return max(filter(Path.is_file, pages), key=os.path.getmtime, default=None)


def _metadata(site: Site, first_page: Path) -> dict[str, object]:
    return {
        "report": dg.MetadataValue.path(str(first_page)),
        "dagster/uri": first_page.as_uri(),
        "documents": site.documents,
        "documents_left_out": sum(site.left_out.values()),
        **{f"left_out_{split}": number for split, number in site.left_out.items()},
        "relations": site.relations,
    }
