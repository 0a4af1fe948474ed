"""Rows of a table found by a text, such as an id, in a third of the room that a dict would take."""

from __future__ import annotations

from bisect import bisect_right

import polars as pl


class TextIndex:
    """Finds the row of a text by halves.

    Args:
        texts: a text of each row, in any order.
    """

    def __init__(self, texts: pl.Series) -> None:
        table = pl.DataFrame({"text": texts}).with_row_index("row")
        table = table.sort("text", maintain_order=True)
        self._texts, self._rows = table["text"], table["row"]

    def __len__(self) -> int:
        return len(self._rows)

    def row(self, text: str) -> int | None:
        """The last row that has a text, if any has."""
        at = bisect_right(self._texts, text) - 1
        return self._rows[at] if at >= 0 and self._texts[at] == text else None

    def first_repeated(self) -> int | None:
        """The first row with the text of a row before it, if any has."""
        again = self._rows.filter(self._texts == self._texts.shift())
        return again.min() if len(again) else None  # type: ignore[return-value]
