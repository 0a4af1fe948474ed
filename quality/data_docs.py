"""Great Expectations' data docs: a static site for each run that loads nothing from the net."""

from __future__ import annotations

import fcntl
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from html import escape
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from quality.expectations import great_expectations, own_expectations

FIRST_PAGE: Final = Path("gx/uncommitted/data_docs/local_site/index.html")
"""Where the site starts, below the folder of the project."""
_RESULTS: Final = Path("gx/uncommitted/validations")
_STYLES: Final = Path("gx/plugins/custom_data_docs/styles/data_docs_custom_styles.css")
"""What Great Expectations puts into all pages that it renders, if it is there."""

_STYLE: Final = r"""
body { font: 15px/1.5 system-ui, sans-serif; margin: 0 2rem 2rem; color: #222; }
a { color: #0b5394; }
table { border-collapse: collapse; width: 100%; }
th, td { border-bottom: 1px solid #ddd; padding: .4rem .8rem; text-align: left; }
td { vertical-align: top; }
h5 { font-size: 1.1rem; margin: .5rem 0; }
h6 { font-size: 1rem; margin: .5rem 0; }
ol, ul { list-style: none; padding: 0; }
body > .container-fluid > .row { display: flex; gap: 3rem; }
.col-lg-10 { flex: 1; min-width: 0; }
.col-lg-2 { flex: 0 0 16rem; }
.ge-section { margin-bottom: 1rem; padding-bottom: 0; }
.fa-check-circle::before { content: "\2713"; color: #0072b2; font-style: normal; }
.fa-times::before { content: "\2717"; color: #d55e00; font-style: normal; }
.fa-exclamation-triangle::before { content: "\26a0"; color: #d55e00; font-style: normal; }
.collapse { display: none; }
.collapse:target { display: block; }
.navbar img, .sticky > .card.mb-3, footer, [hidden] { display: none; }
"""

_SEALED: Final = (
    '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
    "style-src 'unsafe-inline'; img-src data:\">"
)
"""Makes a browser load nothing that a page does not hold itself."""


@contextmanager
def project(docs: Path | None) -> Iterator[Any]:
    """A project that keeps validations in a folder, one process at a time, or nowhere.

    Args:
        docs: the folder; None keeps nothing.
    """
    gx = great_expectations()
    own_expectations()
    if docs is None:
        yield _silent(gx.get_context(mode="ephemeral"))
        return
    docs.mkdir(parents=True, exist_ok=True)
    with (docs / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        context = gx.get_context(mode="file", project_root_dir=docs)
        (docs / _STYLES).write_text(_STYLE, encoding="utf-8")
        yield _silent(context)
        _finish(docs)


def _silent(context: Any) -> Any:
    """The context, without progress bars and usage statistics."""
    context.variables.progress_bars = {"globally": False}
    context.enable_analytics(False)
    return context


def _finish(docs: Path) -> None:
    """Make the site fit to be opened anywhere.

    Great Expectations' pages load styles, scripts and a logo from the net, the logo with an id of
    the project and the time, and its first page is blank without those scripts. So pages are told
    to load nothing, and the first page is ours.
    """
    first = docs / FIRST_PAGE
    for page in first.parent.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        if _SEALED not in text:
            page.write_text(text.replace("<head>", f"<head>{_SEALED}", 1), encoding="utf-8")
    first.write_text(_index(docs), encoding="utf-8")


def _index(docs: Path) -> str:
    """The site's first page: a row a validation, in the order of time."""
    paths = (docs / _RESULTS).rglob("*.json")
    validations = [(json.loads(path.read_text(encoding="utf-8")), path) for path in paths]
    validations.sort(key=lambda validation: validation[0]["meta"]["run_id"]["run_time"])
    rows = [_row(validation, path.relative_to(docs / _RESULTS)) for validation, path in validations]
    return (
        f"<!DOCTYPE html><html><head>{_SEALED}<meta charset='utf-8'><title>Data checks</title>"
        f"<style>{_STYLE}</style></head><body><h1>Data checks</h1><table>"
        "<tr><th>Checked</th><th>Suite</th><th>Outcome</th></tr>"
        f"{''.join(rows)}</table></body></html>"
    )


def _row(validation: Mapping[str, Any], path: Path) -> str:
    counts = validation["statistics"]
    failed, of_all = counts["unsuccessful_expectations"], counts["evaluated_expectations"]
    outcome = f"✗ {failed} of {of_all} expectations fail" if failed else f"✓ all {of_all} hold"
    time = validation["meta"]["run_id"]["run_time"][:19].replace("T", " ")
    link = escape(quote(f"validations/{path.with_suffix('.html').as_posix()}"))
    name = escape(validation["suite_name"].replace("_", " "))
    return f"<tr><td>{time}</td><td><a href='{link}'>{name}</a></td><td>{outcome}</td></tr>"
