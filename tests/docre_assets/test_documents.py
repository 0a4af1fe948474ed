"""Every link between README and docs leads to a file, and to a heading that is there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def _prose(document: Path) -> str:
    """A document without its blocks of code, whose comments look like headings."""
    return re.sub(r"^```.*?^```", "", document.read_text("utf-8"), flags=re.DOTALL | re.MULTILINE)


def _anchors(document: Path) -> set[str]:
    """What headings are called in links, as GitHub makes it of them."""
    headings = re.findall(r"^#+ (.+)$", _prose(document), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(document):
    links = re.findall(r"\]\((?!https?:)([^)#\s]*)(?:#([^)\s]+))?\)", _prose(document))
    for file, anchor in links:
        target = (document.parent / file).resolve() if file else document
        assert target.exists(), file
        if anchor:
            assert anchor in _anchors(target), f"{file}#{anchor}"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_reports_that_figures_are_taken_from_are_there(document):
    text = document.read_text("utf-8")
    reports = re.findall(r"(?:benchmarks/results/)?([\w.-]+-20\d\d-\d\d-\d\d(?:-\w+)?\.json)", text)
    assert [r for r in reports if not (ROOT / "benchmarks" / "results" / r).is_file()] == []


def test_there_are_links_and_anchors_to_be_looked_at():
    assert any("](docs/" in _prose(document) for document in DOCUMENTS)
    assert "another-teacher" in _anchors(ROOT / "docs" / "operations.md")
