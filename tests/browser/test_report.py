"""The report as people use it: from a folder, with a pointer, with keys, in light and in dark."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from little_warehouse import ADA, FAR, MARKUP, SCRIPT, write_warehouse
from selenium.webdriver import ActionChains, Chrome, Keys
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import Select, WebDriverWait

from quality.pages.names import document_page, relation_page
from quality.pages.site import write_site

PAGES = (
    "index.html",
    "relations.html",
    "documents.html",
    "search.html?q=a",
    relation_page("P17"),
    relation_page("P19"),
    document_page(ADA.doc_id),
    document_page(FAR[0].doc_id),
)

CONTRASTS = """
const canvas = Object.assign(document.createElement("canvas"), { width: 1, height: 1 });
const pen = canvas.getContext("2d", { willReadFrequently: true });
const paint = (layers) => {
  pen.clearRect(0, 0, 1, 1);
  for (const colour of layers) { pen.fillStyle = colour; pen.fillRect(0, 0, 1, 1); }
  return [...pen.getImageData(0, 0, 1, 1).data].slice(0, 3);
};
const luminance = (rgb) => {
  const [r, g, b] = rgb.map((c) => c / 255).map((c) =>
    c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const low = [];
let seen = 0;
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (walker.nextNode()) {
  const element = walker.currentNode.parentElement;
  if (!walker.currentNode.data.trim() || !element.checkVisibility() || element.closest("svg"))
    continue;
  const layers = [];
  for (let each = element; each; each = each.parentElement)
    layers.unshift(getComputedStyle(each).backgroundColor);
  const under = paint(["white", ...layers]);
  const over = paint([`rgb(${under})`, getComputedStyle(element).color]);
  const [dark, light] = [luminance(under), luminance(over)].sort((a, b) => a - b);
  const ratio = (light + 0.05) / (dark + 0.05);
  seen += 1;
  if (ratio < 4.5) low.push([walker.currentNode.data.trim(), ratio]);
}
return [seen, low];
"""
"""How many texts there are, and those with less contrast than 4.5 : 1 to what lies behind them."""


class Reader:
    """Somebody who reads a report."""

    def __init__(self, browser: Chrome, report: Path) -> None:
        self.browser = browser
        self.report = report

    def open(self, page: str) -> None:
        self.browser.get(self.report.as_uri() + "/" + page)

    def see(self, width: int = 1280, scheme: str = "light") -> None:
        """Have a window of some width, and prefer light or dark and no motion."""
        window = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": False}
        told = {"prefers-color-scheme": scheme, "prefers-reduced-motion": "reduce"}
        media = [{"name": name, "value": value} for name, value in told.items()]
        self.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", window)
        self.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": media})

    def all(self, css: str) -> list[WebElement]:
        return self.browser.find_elements(By.CSS_SELECTOR, css)

    def texts(self, css: str) -> list[str]:
        return [element.text for element in self.all(css) if element.is_displayed()]

    def press(self, *keys: str) -> None:
        ActionChains(self.browser).send_keys(*keys).perform()

    def focused(self) -> WebElement:
        return self.browser.switch_to.active_element

    def evidence(self) -> list[str]:
        return [sentence.get_attribute("id") or "" for sentence in self.all(".is-evidence")]


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    write_site(write_warehouse(folder), folder / "report")
    return folder / "report"


@pytest.fixture
def reader(browser: Chrome, report: Path) -> Iterator[Reader]:
    """A reader whose browser has complained of nothing in the end."""
    reader = Reader(browser, report)
    reader.see()
    browser.get_log("browser")
    yield reader
    # What is only told, not complained of, may come late from a page that another test has left.
    assert [told for told in browser.get_log("browser") if told["level"] != "INFO"] == []
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


def test_a_click_on_a_triple_shows_its_ends_and_its_evidence(reader: Reader) -> None:
    reader.open(document_page(ADA.doc_id))
    assert reader.evidence() == []
    right, wrong, missing = reader.all(".triple")
    right.click()
    assert reader.evidence() == ["sentence-0"]
    assert reader.texts(".text .is-head") == ["Ada", "She"]
    assert reader.texts(".text .is-tail") == ["Arden", "Arden"]
    wrong.click()
    assert reader.evidence() == ["sentence-2", "sentence-3"]
    assert reader.texts(".text .is-tail") == ["Esk"]
    assert "wrong" in wrong.text
    missing.click()
    assert reader.evidence() == ["sentence-2"]
    assert [triple.get_attribute("aria-pressed") for triple in (right, wrong, missing)] == [
        "false",
        "false",
        "true",
    ]
    missing.click()
    assert reader.evidence() == []


def test_evidence_is_scrolled_to(reader: Reader) -> None:
    reader.see(width=400)
    reader.open(document_page(ADA.doc_id))
    reader.all(".triple")[0].click()
    seen = "const { top, bottom } = arguments[0].getBoundingClientRect(); return [top, bottom]"
    top, bottom = reader.browser.execute_script(seen, reader.all(".is-evidence")[0])
    assert 0 <= top < bottom <= 800


def test_the_keyboard_is_enough(reader: Reader) -> None:
    reader.open(document_page(ADA.doc_id))
    reader.press(Keys.TAB)
    assert reader.focused().text == "Skip to the content"
    reader.press(Keys.ENTER)
    reached = []
    while "triple" not in reached[-1:]:
        reader.press(Keys.TAB)
        assert (
            reader.browser.execute_script(
                "return getComputedStyle(document.activeElement).outlineStyle"
            )
            == "solid"
        ), reached
        reached.append((reader.focused().get_attribute("class") or "").split(" ")[0])
    assert reached == ["", "mention", "triple"], "all mentions are one stop on the way"
    reader.press(Keys.ARROW_DOWN, Keys.ENTER)
    assert reader.evidence() == ["sentence-2", "sentence-3"]
    reader.press(Keys.END, Keys.SPACE)
    assert reader.evidence() == ["sentence-2"]
    reader.press(Keys.HOME)
    assert reader.focused().get_attribute("id") == "triple-1"
    reader.press(Keys.ESCAPE)
    assert reader.evidence() == []


def test_mentions_of_one_entity_are_tied(reader: Reader) -> None:
    reader.open(document_page(ADA.doc_id))
    ActionChains(reader.browser).move_to_element(reader.all(".text .mention")[0]).perform()
    assert reader.texts(".text .tied") == ["Ada", "She"]
    ActionChains(reader.browser).move_to_element(reader.all("h1")[0]).perform()
    assert reader.texts(".tied") == []
    reader.browser.execute_script("arguments[0].focus()", reader.all(".text .mention")[1])
    assert reader.texts(".text .tied") == ["Arden", "Arden"]


def test_an_entity_keeps_its_triples_alone(reader: Reader) -> None:
    reader.open(document_page(ADA.doc_id))
    reader.all("#entity-1")[0].click()
    assert len(reader.texts(".triple")) == 2
    assert "Only facts about Arden." in reader.texts(".pinned")[0]
    reader.press(Keys.ESCAPE)
    assert len(reader.texts(".triple")) == 3


def test_the_search_finds_an_entity_and_leads_to_it(reader: Reader) -> None:
    reader.open("index.html")
    reader.all("#search")[0].send_keys("ésk", Keys.ENTER)
    WebDriverWait(reader.browser, 10).until(lambda _: reader.all(".results"))
    assert reader.texts("#found") == ["1 entity, 1 fact"]
    assert reader.texts(".results b") == ["Esk"]
    (link,) = [a for a in reader.all(".places a") if a.text == ADA.title]
    link.click()
    WebDriverWait(reader.browser, 10).until(lambda _: reader.all(".entity[aria-pressed=true]"))
    assert reader.texts("h1") == [ADA.title]
    assert reader.texts(".text .tied") == ["Esk"]


def test_the_search_finds_a_relation_and_its_facts(reader: Reader) -> None:
    reader.open("search.html")
    field = reader.all("#search")[0]
    field.send_keys("birth ada")
    assert reader.texts("#found")[0].endswith("facts")
    assert "Ada → place of birth → Arden" in reader.texts(".results a")
    field.clear()
    field.send_keys("place")
    (relation, *_) = reader.all(".results a")
    relation.click()
    assert reader.texts("h1") == ["place of birth"]
    (example, *_) = reader.all(".examples a")
    example.click()
    WebDriverWait(reader.browser, 10).until(lambda _: reader.evidence())
    assert reader.evidence() == ["sentence-0"]


def test_the_search_says_when_there_is_nothing(reader: Reader) -> None:
    reader.open("search.html?q=%3Cb%3Enowhere")
    assert reader.texts("#found") == ["Nothing in this report is called “<b>nowhere”."]


def test_a_title_with_a_script_stays_text(reader: Reader) -> None:
    reader.open(document_page(MARKUP.doc_id))
    assert reader.browser.title == SCRIPT
    assert reader.texts("h1") == [SCRIPT]
    reader.all(".triple")[0].click()
    assert reader.texts(".is-head") == ["<b>Ada </b>"]
    reader.open("search.html?q=script")
    assert SCRIPT in reader.texts(".results a")
    reader.open("documents.html")
    assert SCRIPT in reader.texts("tbody a")
    assert reader.browser.title == "Documents"


def test_documents_are_filtered_and_sorted(reader: Reader) -> None:
    reader.open("documents.html")
    form = {name: Select(reader.all(f"[name={name}]")[0]) for name in ("split", "having")}
    form["split"].select_by_visible_text("unlabelled")
    assert reader.texts("tbody a") == [document.title for document in FAR]
    assert reader.texts("output") == ["4 of 7"]
    form["split"].select_by_visible_text("all")
    form["having"].select_by_visible_text("wrong facts")
    assert reader.texts("tbody a") == [ADA.title]
    form["having"].select_by_visible_text("anything")
    reader.all("[name=title]")[0].send_keys("far")
    title = reader.all("thead button")[0]
    title.click()
    title.click()
    assert reader.texts("tbody a") == [document.title for document in reversed(FAR)]
    assert reader.all("th[aria-sort]")[0].get_attribute("aria-sort") == "ascending"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_text_can_be_read(reader: Reader, scheme: str) -> None:
    reader.see(scheme=scheme)
    for page in PAGES:
        reader.open(page)
        if triples := reader.all(".triple"):
            triples[-1].click()
        seen, low = reader.browser.execute_script(CONTRASTS)
        assert seen > 5, page
        assert low == [], page


def test_dark_and_light_follow_the_system(reader: Reader) -> None:
    reader.open("index.html")
    colours = []
    for scheme in ("light", "dark"):
        reader.see(scheme=scheme)
        colours.append(
            reader.browser.execute_script("return getComputedStyle(document.body).backgroundColor")
        )
    light, dark = (sum(map(int, colour.strip("rgb()").split(","))) for colour in colours)
    assert dark < 0.2 * light


def test_no_page_is_wider_than_a_narrow_window(reader: Reader) -> None:
    reader.see(width=360)
    for page in PAGES:
        reader.open(page)
        wide = reader.browser.execute_script("return document.documentElement.scrollWidth")
        assert wide <= 360, page
