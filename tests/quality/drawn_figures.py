"""What was drawn in a figure, and what is written in it."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text


def picture_of(draw: Callable[..., bytes], *numbers: Any) -> tuple[bytes, Figure]:
    """The PNG that is made of numbers, and the figure that is saved as it."""
    figures = []
    save = Figure.savefig

    def keep(figure: Figure, *place: Any, **look: Any) -> None:
        figures.append(figure)
        save(figure, *place, **look)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Figure, "savefig", keep)
        png = draw(*numbers)
    [figure] = figures
    return png, figure


def drawn(draw: Callable[..., bytes], *numbers: Any) -> Figure:
    """The figure that is made of numbers."""
    return picture_of(draw, *numbers)[1]


def size_of(png: bytes) -> tuple[int, int]:
    """Width and height in pixels."""
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = struct.unpack(">II", png[16:24])
    return width, height


def seen(figure: Figure) -> list[Text]:
    """All that is written: a tick's label only where its axis reaches."""
    written = [text for legend in figure.legends for text in legend.get_texts()]
    for axes in figure.axes:
        written += [child for child in axes.get_children() if isinstance(child, Text)]
        for axis in (axes.xaxis, axes.yaxis) if axes.axison else ():
            low, high = sorted(axis.get_view_interval())
            ticks = [tick for tick in axis.get_major_ticks() if low <= tick.get_loc() <= high]
            written += [axis.label, *(tick.label1 for tick in ticks)]
    return [text for text in written if text.get_visible() and text.get_text().strip()]


def words(figure: Figure) -> list[str]:
    return [text.get_text() for text in seen(figure)]


def rows(figure: Figure) -> list[str]:
    """What stands at the left of the first axes, from its top."""
    return [label.get_text() for label in figure.axes[0].get_yticklabels()]
