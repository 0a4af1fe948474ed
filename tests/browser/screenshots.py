"""Draw the pictures of docs/ui.md and of the README: `make screenshots`, after `make demo`.

They show the instance of `DAGSTER_HOME` and the artefacts of `DOCRE_STORAGE`, as `make ui` does;
the failing check is of a corpus of a few articles in a folder that is gone afterwards.
"""

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

from chromium import headless
from dagster_ui import ROOT, Pages, serving
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement

sys.path.append(str(ROOT / "tests" / "docre_assets"))

from little_corpus import write_corpus

from docre_assets.assets import ASSETS

FOLDER = ROOT / "docs"
COLOURS = 256
"""Of a picture: pages have few, and a picture of few is a third as large."""


def main() -> int:
    """Draw all pictures."""
    with headless() as browser:
        with serving(Path(os.environ["DAGSTER_HOME"]), {}) as url:
            draw(_served(browser, url))
        with _little_corpus() as url:
            draw_failing(_served(browser, url))
    return 0


def draw(pages: Pages) -> None:
    """All pictures of a workspace in which everything has been made."""
    draw_lineage(pages)
    draw_asset(pages)
    draw_checks(pages)
    draw_runs(pages)
    draw_automation(pages)


def draw_lineage(pages: Pages) -> None:
    """The asset graph, from top to bottom, without what stands around it."""
    _resize(pages.browser, 1500, 1720)
    pages.browser.execute_script(
        "localStorage.setItem('asset-graph-direction', JSON.stringify('vertical'))"
    )
    pages.lineage()
    for asset in ASSETS:
        pages.see_node(asset.key.to_user_string())
    pages.find("//*[contains(@style, 'minimal-border: var(--color-accent-green)')]", "a made asset")
    graph = pages.find("//*[name()='svg'][.//*[name()='foreignObject']]", "the graph")
    boxes = graph.find_elements(By.CSS_SELECTOR, "foreignObject")
    save(pages, "lineage", boxes, assets=" ".join(_arrows()))


def _arrows() -> Iterator[str]:
    """The graph in words, so that a test can tell a picture of an older one."""
    for asset in ASSETS:
        for parent in asset.dependency_keys:
            yield f"{parent.to_user_string()}>{asset.key.to_user_string()}"


def draw_asset(pages: Pages) -> None:
    """An asset's page, its numbers over runs, and a figure of it."""
    _resize(pages.browser, 1400, 1800)
    pages.open("assets/distant_documents")
    pages.see("label_distribution")
    pages.see("Downstream assets")
    save(pages, "ui-asset")
    _resize(pages.browser, 1400, 900)
    pages.open("assets/student_model")
    pages.click("[Show Markdown]")
    pages.picture()
    save(pages, "ui-figure")
    pages.open("assets/finetuned_model")
    pages.see("Freshness policy")
    pages.click("Plots")
    pages.find("//canvas", "a plot")
    save(pages, "ui-plots")


def draw_checks(pages: Pages) -> None:
    """Checks that passed."""
    pages.open("assets/soft_labels", view="checks", checkDetail="critical")
    pages.see("estimated_false_positive_rate")
    save(pages, "ui-checks")


def draw_runs(pages: Pages) -> None:
    """All runs."""
    _resize(pages.browser, 1400, 460)
    pages.open("runs")
    pages.see("Success")
    save(pages, "ui-runs")


def draw_automation(pages: Pages) -> None:
    """Schedule and sensors."""
    pages.open("automation")
    pages.see("failure_sensor")
    pages.see("redistillation_schedule")
    save(pages, "ui-automation")


def draw_failing(pages: Pages) -> None:
    """A check that keeps what is downstream from being made."""
    _resize(pages.browser, 1400, 900)
    pages.open("locations/docre/asset-groups/corpus/lineage")
    pages.click("Materialize all")
    pages.click("View")
    pages.see("Failure")
    pages.open("assets/distant_documents", view="checks", checkDetail="critical")
    pages.see("failures")
    save(pages, "ui-failing")


def save(pages: Pages, name: str, around: Sequence[WebElement] = (), **told: str) -> None:
    """Write docs/<name>.png.

    Args:
        pages: what is to be seen in them, once it has come to rest.
        name: of the file.
        around: elements that the picture is cut to; without any it is of the whole window.
        told: what the file says in words, by keyword.
    """
    pages.settle()
    image = Image.open(BytesIO(pages.browser.get_screenshot_as_png())).convert("RGB")
    if around:
        image = image.crop(_box([element.rect for element in around], image.size))
    small = image.quantize(COLOURS, kmeans=1, dither=Image.Dither.NONE)
    words = PngInfo()
    for key, text in told.items():
        words.add_text(key, text)
    small.save(FOLDER / f"{name}.png", optimize=True, pnginfo=words)


def _box(places: list[dict[str, float]], size: tuple[int, int]) -> tuple[int, int, int, int]:
    """What all places lie in, left, top, right and bottom, and no more: buttons stand close by."""
    left, top = (max(int(min(place[edge] for place in places)), 0) for edge in ("x", "y"))
    right = min(int(max(place["x"] + place["width"] for place in places)) + 1, size[0])
    bottom = min(int(max(place["y"] + place["height"] for place in places)) + 1, size[1])
    return left, top, right, bottom


@contextmanager
def _little_corpus() -> Iterator[str]:
    """The UI on a few articles, whose knowledge base knows one relation of three."""
    with TemporaryDirectory() as place:
        folder = Path(place)
        settings = {
            "DOCRE_CORPUS": write_corpus(folder / "corpus"),
            "DOCRE_STORAGE": folder / "artefacts",
            "DOCRE_INBOX": folder / "inbox",
            "DOCRE_PRESET": "tiny",
            "DOCRE_QUALITY": "enforce",
        }
        with serving(folder / "home", settings) as url:
            yield url


def _served(browser: Chrome, url: str) -> Pages:
    """The pages of a server, without the navigation at their side."""
    pages = Pages(browser, url)
    pages.wait_until_served()
    pages.open("runs")
    pages.click("Hide navigation")
    return pages


def _resize(browser: Chrome, width: int, height: int) -> None:
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False},
    )


if __name__ == "__main__":
    sys.exit(main())
