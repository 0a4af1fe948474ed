"""Logits that predictions may be read from."""

from __future__ import annotations

import numpy as np

from corpus.arrays import Float32Array
from corpus.schema import Document


def require_finite(document: Document, logits: Float32Array) -> None:
    """Refuse a document's logits [P, R] if one of them is not finite.

    Raises:
        FloatingPointError: names the document.
    """
    if not np.isfinite(logits).all():
        raise FloatingPointError(
            f"document {document.doc_id!r}: expected finite logits, found others among its "
            f"{document.n_pairs} pairs; they would pass for no relation. Check that the model's "
            "weights are finite, or compute with precision float32"
        )
