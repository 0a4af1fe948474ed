"""File names of pages: safe on any file system for any id, and the same in each run."""

from __future__ import annotations

import re
import unicodedata

from corpus.artefacts import digest_of


def document_page(doc_id: str) -> str:
    """The page of a document, relative to the report's folder."""
    return f"documents/{_safe(doc_id)}.html"


def relation_page(relation: str) -> str:
    """The page of a relation, relative to the report's folder."""
    return f"relations/{_safe(relation)}.html"


def _safe(name: str) -> str:
    """What can be read of a name, and a digest that tells it from all others."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    readable = re.sub(r"[^a-z0-9]+", "-", plain)[:40].strip("-")
    return f"{readable}-{digest_of(name)}".lstrip("-")
