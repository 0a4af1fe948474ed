"""The text of a sentence as HTML, its mentions marked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from markupsafe import Markup, escape

from quality.pages.looks import Kind

_NO_SPACE_AFTER: Final = frozenset([*"([{\u201c\u2018$£", "``"])
_NO_SPACE_BEFORE: Final = frozenset([*".,;:!?)]}\u201d\u2019%…", "...", "''", "'", "'s", "n't"])

_MENTION: Final = Markup(
    '<span class="mention {kind}" data-entity="{entity}" tabindex="-1" title="{title}">{text}'
    "</span>"
)


def sentence_markup(
    words: Sequence[str], mentions: Sequence[Mapping[str, Any]], kinds: Sequence[Kind]
) -> Markup:
    """A sentence as people write it, a span around each mention, inner ones in outer ones.

    Of two mentions that cross, the later one is cut in two, because elements cannot cross.

    Args:
        words: of the sentence.
        mentions: mappings with ``entity``, ``start`` and ``end`` (exclusive), counted in words.
        kinds: a look for each entity of the document.
    """
    spans = [(m["start"], m["end"], m["entity"]) for m in mentions if m["start"] < m["end"]]
    return _Sentence(words, kinds).between(0, len(words), spans)


@dataclass(frozen=True)
class _Sentence:
    words: Sequence[str]
    kinds: Sequence[Kind]

    def between(self, start: int, end: int, spans: Sequence[tuple[int, int, int]]) -> Markup:
        """The words from ``start`` to ``end``, and the mentions that lie there."""
        written, at, left = Markup(), start, sorted(spans, key=_outer_first)
        while left:
            first, last, entity = left.pop(0)
            inner = [(a, min(b, last), e) for a, b, e in left if a < last]
            over = [(max(a, last), b, e) for a, b, e in left if b > last]
            written += self._plain(at, first, start) + self._gap(first, start)
            written += self._mention(entity, self.between(first, last, inner))
            at, left = last, sorted(over, key=_outer_first)
        return written + self._plain(at, end, start)

    def _mention(self, entity: int, text: Markup) -> Markup:
        kind = self.kinds[entity]
        return _MENTION.format(kind=kind.css, entity=entity, title=kind.title, text=text)

    def _plain(self, start: int, end: int, parent: int) -> Markup:
        """Words without a mention; ``parent`` is where the element around them starts."""
        words = (self._gap(i, parent) + escape(self.words[i]) for i in range(start, end))
        return Markup("").join(words)

    def _gap(self, index: int, parent: int) -> str:
        """What stands before a word: nothing where its element starts, or before a full stop."""
        if index == parent:
            return ""
        before, word = self.words[index - 1], self.words[index]
        return "" if word in _NO_SPACE_BEFORE or before in _NO_SPACE_AFTER else " "


def _outer_first(span: tuple[int, int, int]) -> tuple[int, int]:
    start, end, _ = span
    return start, -end
