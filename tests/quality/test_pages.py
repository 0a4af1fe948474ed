"""The report: pages that are whole, safe, linked among themselves, and true to the warehouse."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st
from little_warehouse import ADA, FAR, MARKUP, NEW, PROVENANCE, SCRIPT, VERSION, write_warehouse

from corpus.artefacts import digest
from corpus.schema import SLICES as MEASURED
from quality.pages.curves import HEIGHT, WIDTH, panels
from quality.pages.looks import COLOURS, Kind, Looks
from quality.pages.names import document_page, relation_page
from quality.pages.rendering import SLICES, count, percent
from quality.pages.site import write_site
from quality.pages.text import sentence_markup

ALL = 2 + 1 + len(FAR)
LINKS = ("href", "src", "action", "data", "poster", "srcset", "xlink:href")


class Page(HTMLParser):
    """The elements of a page, each with its attributes and the text in it."""

    VOID = frozenset({"meta", "link", "input", "rect", "path", "polyline", "circle", "br"})

    def __init__(self, source: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None], list[str]]] = []
        self._open: list[int] = []
        self.feed(source)
        self.close()
        assert self._open == [], "an element is not closed"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs), []))
        if tag not in self.VOID:
            self._open.append(len(self.elements) - 1)

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self.elements[self._open.pop()][0] == tag

    def handle_data(self, data: str) -> None:
        for place in self._open:
            self.elements[place][2].append(data)

    def of(self, css: str) -> list[tuple[dict[str, Any], str]]:
        """Attributes and text of the elements of a class, or with a tag."""
        return [
            (attributes, "".join(text))
            for tag, attributes, text in self.elements
            if tag == css or css in (attributes.get("class") or "").split()
        ]


def read(path: Path) -> Page:
    return Page(path.read_text(encoding="utf-8"))


def pages(folder: Path) -> dict[Path, Page]:
    found = {path: read(path) for path in folder.rglob("*.html")}
    assert found
    return found


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_warehouse(tmp_path_factory.mktemp("warehouse"))


@pytest.fixture(scope="module")
def report(warehouse: Path) -> Path:
    """A report of everything, with data docs to link to; tests only read it."""
    docs = warehouse.parent / "data docs" / "index.html"
    docs.parent.mkdir()
    docs.write_text("<p id='top'></p>")
    write_site(warehouse, warehouse.parent / "report", data_docs=docs)
    return warehouse.parent / "report"


def links(page: Page) -> Iterator[str]:
    for _, attributes, _ in page.elements:
        yield from (value or "" for name, value in attributes.items() if name in LINKS)


@pytest.mark.parametrize("most", [0, 1, 3, ALL])
def test_every_link_leads_to_a_file_and_an_anchor_that_is_there(
    tmp_path: Path, warehouse: Path, most: int
) -> None:
    write_site(warehouse, tmp_path / "report", most_documents=most)
    found = pages(tmp_path / "report")
    followed = 0
    for path, page in found.items():
        for link in links(page):
            parts = urlsplit(link)
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            assert target.is_file(), (path, link)
            if parts.fragment:
                ids = [attributes.get("id") for _, attributes, _ in found[target].elements]
                assert unquote(parts.fragment) in ids, (path, link)
            followed += 1
    assert followed > 5 * len(found)


def test_every_page_can_be_reached_from_the_first(report: Path) -> None:
    found = {path.resolve(): page for path, page in pages(report).items()}
    reached, left = set(), [(report / "index.html").resolve()]
    while left:
        path = left.pop()
        if path in found and path not in reached:
            reached.add(path)
            left += [(path.parent / urlsplit(link).path).resolve() for link in links(found[path])]
    assert reached == set(found)


def test_nothing_is_loaded_from_elsewhere(report: Path) -> None:
    for path, page in pages(report).items():
        for link in links(page):
            parts = urlsplit(link)
            assert parts.scheme == parts.netloc == "", (path, link)
        assert any("default-src 'none'" in (a.get("content") or "") for a, _ in page.of("meta"))
    for path in (report / "assets").iterdir():
        loading = r"url\(|@import|\bimport\b|fetch\(|XMLHttpRequest|https?:|innerHTML"
        assert not re.search(loading, path.read_text(encoding="utf-8")), path


def test_no_page_repeats_an_id(report: Path) -> None:
    for path, page in pages(report).items():
        ids = [attributes["id"] for _, attributes, _ in page.elements if "id" in attributes]
        assert len(ids) == len(set(ids)), path


def test_markup_in_a_document_stays_text(report: Path) -> None:
    page = read(report / document_page(MARKUP.doc_id))
    assert [text for _, text in page.of("h1")] == [SCRIPT]
    (sentence,) = page.of("sentence")
    assert sentence[1] == "0<b>Ada </b> in </script>Arden &amp;"
    assert [text for _, text in page.of("mention")][:2] == ["<b>Ada </b>", "</script>Arden"]
    for path, each in pages(report).items():
        assert all(text == "" and "src" in attributes for attributes, text in each.of("script")), (
            path
        )
        if path.parent.name == "documents":
            assert not each.of("b") + each.of("i"), path


def test_the_index_of_the_search_holds_what_the_pages_show(report: Path) -> None:
    source = (report / "assets" / "search-index.js").read_text(encoding="utf-8")
    assert "<" not in source
    found = _parsed(source)
    assert {row[0] for row in found["documents"]} == {d.title for d in (ADA, MARKUP, NEW, *FAR)}
    assert [row[:2] for row in found["relations"]] == [
        ["country", "P17"],
        ["place of birth", "P19"],
    ]
    for *_, page in found["documents"] + found["relations"]:
        assert (report / page).is_file()
    for name, _, places in found["entities"]:
        for place, number in places:
            shown = _text_of(report / found["documents"][place][2], f"entity-{number}")
            assert name in shown
    for head, relation, tail, probability, place, number in found["facts"]:
        shown = _text_of(report / found["documents"][place][2], f"triple-{number}")
        told = (head, found["relations"][relation][0], tail, probability)
        assert all(word in shown for word in told)
    assert len(found["facts"]) == len(FAR) + 4


def _parsed(source: str) -> dict[str, Any]:
    """A script's object: JSON, but for its names and its last commas."""
    body = source.removeprefix("window.docreIndex = ").removesuffix(";\n")
    named = re.sub(r"^(\w+):", r'"\1":', body, flags=re.MULTILINE)
    parsed: dict[str, Any] = json.loads(re.sub(r",\n([\]}])", r"\n\1", named))
    return parsed


def _text_of(path: Path, name: str) -> str:
    (text,) = ["".join(t) for _, a, t in read(path).elements if a.get("id") == name]
    return text


def states(report: Path, doc_id: str) -> list[tuple[str, str, str, str]]:
    """State, head, tail and evidence of each triple of a document's page, in its order."""
    return [
        (attributes["class"].split()[1], *(attributes[f"data-{n}"] for n in names))
        for attributes, _ in read(report / document_page(doc_id)).of("triple")
        if (names := ("head", "tail", "evidence"))
    ]


def test_triples_are_judged_by_the_labels_of_people(report: Path) -> None:
    assert states(report, ADA.doc_id) == [
        ("is-right", "0", "1", "0"),
        ("is-wrong", "0", "2", "2 3"),
        ("is-missing", "1", "2", "2"),
    ]
    (_, told) = read(report / document_page(ADA.doc_id)).of("lead")[0]
    assert "1 of 2 predicted facts are right, 1 is missing." in told


def test_distant_labels_judge_nothing(report: Path) -> None:
    assert states(report, FAR[0].doc_id) == [
        ("is-distant", "0", "1", "0"),
        ("is-unfound", "1", "2", "2"),
    ]
    assert states(report, NEW.doc_id) == [("is-found", "0", "1", "0")]


def test_a_relation_shows_its_scores_and_an_example_of_each_state(report: Path) -> None:
    born = read(report / relation_page("P19"))
    assert any("87.5" in text and "75.0–100.0" in text for _, text in born.of("tr"))
    assert [a["class"] for a, _ in born.of("h3")] == [
        "state is-right",
        "state is-found",
        "state is-distant",
    ]
    assert "Ada was born in Arden." in [text for _, text in born.of("q")]
    country = read(report / relation_page("P17"))
    assert [a["class"] for a, _ in country.of("h3")] == [
        "state is-wrong",
        "state is-missing",
        "state is-unfound",
    ]


def test_the_overview_tells_scores_with_intervals_trainings_and_versions(report: Path) -> None:
    overview = read(report / "index.html")
    rows = [" ".join(text.split()) for _, text in overview.of("tr")]
    assert any(row.startswith("fine-tuned 62.5 50.0–75.0") for row in rows)
    assert any(row.startswith("frequent relations 75.0") for row in rows)
    (curve,) = overview.of("curve")
    assert "20.0 per cent in epoch 2, which is kept" in curve[0]["aria-label"]
    (_, lead) = overview.of("lead")[0]
    assert "8 predicted facts in 7 documents" in lead
    assert "1a2b3c4d5e6f7a8b" in lead
    assert "../data%20docs/index.html" in list(links(overview))


def told_of_scores(folder: Path) -> list[str]:
    """What each page with scores says of whose they are."""
    shown = (folder / "index.html", folder / "relations.html", folder / relation_page("P19"))
    return [" ".join(text.split()) for path in shown for _, text in read(path).of("caution")]


def test_pages_with_scores_say_that_another_model_predicts(tmp_path: Path) -> None:
    write_site(write_warehouse(tmp_path, finetuned="00ff"), tmp_path / "report")
    told = (
        "Scores of the fine-tuned model are those of the newest, version 00ff. Of 8 predicted "
        f"facts 8 are by version {VERSION}, not scored here."
    )
    assert told_of_scores(tmp_path / "report") == [told, told, told]


@pytest.mark.parametrize("finetuned", [None, VERSION])
def test_pages_are_silent_where_the_scored_model_predicts(
    tmp_path: Path, finetuned: str | None
) -> None:
    write_site(write_warehouse(tmp_path, finetuned=finetuned), tmp_path / "report")
    assert told_of_scores(tmp_path / "report") == []


@pytest.mark.parametrize(
    ("targets", "told"),
    [
        ({}, ""),
        ({"target": "TH", "target of new_predictions": "TH"}, ""),
        ({"target": "the highest F1 on dev"}, "Their target: the highest F1 on dev."),
        (
            {"target": "recall of 0.9", "target of new_predictions": "TH"},
            "Their target: recall of 0.9. Target in documents that arrived later: none.",
        ),
    ],
)
def test_the_overview_tells_what_predictions_were_to_reach(
    tmp_path: Path, targets: dict[str, str], told: str
) -> None:
    warehouse = write_warehouse(tmp_path, provenance=PROVENANCE | targets)
    write_site(warehouse, tmp_path / "report")
    (_, lead) = read(tmp_path / "report/index.html").of("lead")[0]
    assert " ".join(lead.split()).endswith(f"by model {VERSION}. {told}".strip())


def test_times_are_utc_wherever_pages_are_made(tmp_path: Path, warehouse: Path) -> None:
    write = f"write_site(Path({str(warehouse)!r}), Path({str(tmp_path / 'report')!r}))"
    imports = "from pathlib import Path; from quality.pages.site import write_site"
    command = [sys.executable, "-c", f"{imports}; {write}"]
    subprocess.run(command, check=True, env=os.environ | {"TZ": "Asia/Tokyo"})
    (when, *_) = [text for _, text in read(tmp_path / "report/index.html").of("td") if ":" in text]
    assert when == "2026-01-05 23:30"


@given(most=st.integers(0, ALL + 3))
def test_what_is_left_out_is_counted(
    tmp_path_factory: pytest.TempPathFactory, warehouse: Path, most: int
) -> None:
    folder = tmp_path_factory.mktemp("few") / "report"
    site = write_site(warehouse, folder, most_documents=most)
    shown = {path.name for path in (folder / "documents").iterdir()}
    assert len(shown) == site.documents == min(most, ALL)
    assert site.documents + sum(site.left_out.values()) == ALL
    turns = [Path(document_page(d.doc_id)).name for d in (ADA, MARKUP, NEW)]
    assert set(turns[:most]) <= shown
    told = " ".join(text for _, text in read(folder / "documents.html").of("lead"))
    for split, number in site.left_out.items():
        assert f"{number} of {split}" in told


def test_the_same_warehouse_makes_the_same_pages(tmp_path: Path, warehouse: Path) -> None:
    for name in ("one", "two"):
        write_site(warehouse, tmp_path / name, most_documents=4)
    assert digest(tmp_path / "one") == digest(tmp_path / "two")


def test_an_empty_warehouse_has_a_report(tmp_path: Path) -> None:
    site = write_site(write_warehouse(tmp_path, empty=True), tmp_path / "report")
    assert (site.documents, site.left_out, site.relations) == (0, {}, 2)
    assert "No model has been scored yet." in (tmp_path / "report/index.html").read_text()


def test_a_new_report_takes_the_place_of_the_old_one(tmp_path: Path, warehouse: Path) -> None:
    write_site(warehouse, tmp_path / "report")
    write_site(warehouse, tmp_path / "report", most_documents=1)
    assert len(list((tmp_path / "report" / "documents").iterdir())) == 1


def test_a_failure_leaves_the_old_report(tmp_path: Path, warehouse: Path) -> None:
    write_site(warehouse, tmp_path / "report", most_documents=1)
    before = digest(tmp_path / "report")
    duckdb.connect(tmp_path / "old.duckdb").execute("CREATE TABLE documents (doc_id VARCHAR)")
    with pytest.raises(ValueError, match="another version; materialize the asset warehouse again"):
        write_site(tmp_path / "old.duckdb", tmp_path / "report")
    with pytest.raises(FileNotFoundError, match="materialize the asset warehouse first"):
        write_site(tmp_path / "none.duckdb", tmp_path / "report")
    with pytest.raises(ValueError, match="from 0, found -1"):
        write_site(warehouse, tmp_path / "report", most_documents=-1)
    assert digest(tmp_path / "report") == before
    assert {path.name for path in tmp_path.iterdir()} == {"report", "old.duckdb"}


@given(st.sets(st.text(min_size=1), min_size=2, max_size=20))
def test_file_names_are_safe_and_no_two_ids_share_one(ids: set[str]) -> None:
    names = [document_page(doc_id) for doc_id in ids]
    assert len({name.lower() for name in names}) == len(ids)
    assert all(re.fullmatch(r"documents/[a-z0-9][a-z0-9-]{0,59}\.html", name) for name in names)


word = st.text("ab<>&\"'.( ", min_size=1, max_size=4)


@st.composite
def sentences(draw: st.DrawFn) -> tuple[list[str], list[dict[str, int]]]:
    """Words, and mentions that may lie within each other or cross."""
    words = draw(st.lists(word, min_size=1, max_size=8))
    ends = st.lists(st.integers(0, len(words)), min_size=2, max_size=2, unique=True).map(sorted)
    spans = draw(st.lists(ends, max_size=5))
    return words, [{"entity": i, "start": s, "end": e} for i, (s, e) in enumerate(spans)]


@given(sentences())
def test_a_sentence_keeps_its_words_and_each_mention_its_own(
    sentence: tuple[list[str], list[dict[str, int]]],
) -> None:
    words, mentions = sentence
    kinds = [Kind(f"type-{i}", "a title") for i in range(len(mentions))]
    page = Page(f"<p>{sentence_markup(words, mentions, kinds)}</p>")

    def letters(text: str) -> str:
        return text.replace(" ", "")

    assert letters(page.of("p")[0][1]) == letters("".join(words))
    for mention in mentions:
        parts = [text for a, text in page.of("span") if a["data-entity"] == str(mention["entity"])]
        wanted = "".join(words[mention["start"] : mention["end"]])
        assert letters("".join(parts)) == letters(wanted)


def test_a_sentence_is_spaced_as_people_write() -> None:
    words = ["Ada", "(", "born", "1815", ")", "left", "Arden", ",", "sadly", "."]
    assert sentence_markup(words, [], []) == "Ada (born 1815) left Arden, sadly."


epoch = st.tuples(st.floats(0, 1e6), st.none() | st.floats(0, 1))


@given(st.lists(epoch, min_size=1, max_size=30), st.data())
def test_curves_lie_within_their_panel(
    epochs: list[tuple[float, float | None]], data: st.DataObject
) -> None:
    kept = data.draw(st.integers(1, len(epochs)))
    rows = [
        {"model": "teacher", "epoch": n, "loss": loss, "dev_f1": f1, "kept": n == kept}
        for n, (loss, f1) in enumerate(epochs, start=1)
    ]
    (panel,) = panels(rows)
    for points, number in (
        (panel.loss, len(epochs)),
        (panel.dev_f1, sum(f1 is not None for _, f1 in epochs)),
    ):
        places = [tuple(map(float, point.split(","))) for point in points.split()]
        assert len(places) == number
        assert all(0 <= x <= WIDTH and 0 <= y <= HEIGHT for x, y in places)
    assert (panel.kept and panel.kept[2:]) == (
        None if epochs[kept - 1][1] is None else (epochs[kept - 1][1], kept)
    )


def test_rare_types_share_a_look() -> None:
    looks = Looks([str(number) for number in range(COLOURS + 3)])
    frequent = {looks.css(str(number)) for number in range(COLOURS)}
    assert len(frequent) == COLOURS
    assert {looks.css("9"), looks.css("unknown")} == {"type-0"}
    assert "type-0" not in frequent


@pytest.mark.parametrize(
    ("probability", "told"),
    [(0.0, "0 %"), (0.004, "<1 %"), (0.25, "25 %"), (0.996, ">99 %"), (1.0, "100 %")],
)
def test_nothing_uncertain_is_called_certain(probability: float, told: str) -> None:
    assert percent(probability) == told


def test_every_slice_of_an_evaluation_has_a_caption() -> None:
    assert SLICES.keys() == set(MEASURED)


def test_thousands_are_set_apart() -> None:
    assert [count(number) for number in (0, 999, 1234567.0)] == ["0", "999", "1\u202f234\u202f567"]
