"""The look that all figures share: to be read at 600 pixels and by colour-blind people.

Colours are those of Okabe and Ito (2008); nothing is told by colour alone. Figures are made without
pyplot, so that they share no state and need no display.
"""

from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO
from textwrap import fill
from typing import TYPE_CHECKING, Any, Final, Literal

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK: Final = "#333333"
FAINT: Final = "#d9d9d9"
COLOURS: Final = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00")
HATCHES: Final = ("", "///", "...", "xxx", "---", "ooo")
MARKERS: Final = ("o", "s", "^", "D", "v", "P")
TITLE: Final[Mapping[str, Any]] = {"fontsize": 9, "color": INK}
"""How a panel's title looks."""

_WIDTH: Final = 6.0  # inches: 600 pixels at 100 dots an inch
_DOTS: Final = 150


def blank_figure(height: float) -> Figure:
    """A figure 600 pixels wide, without axes.

    Args:
        height: in inches, of 100 pixels each.
    """
    from matplotlib.figure import Figure

    return Figure(figsize=(_WIDTH, height), layout="constrained")


def png_of(figure: Figure, grid: Literal["x", "y", "both"] = "y") -> bytes:
    """The figure as PNG, all axes in the shared look.

    Args:
        figure: fully drawn.
        grid: of which axis lines are drawn behind everything.
    """
    for axes in figure.axes:
        axes.spines[["top", "right"]].set_visible(False)
        axes.spines[["left", "bottom"]].set_color(INK)
        axes.tick_params(colors=INK, labelsize=9)
        axes.xaxis.label.set_color(INK)
        axes.yaxis.label.set_color(INK)
        axes.grid(axis=grid, color=FAINT, linewidth=0.7)
        axes.set_axisbelow(True)
    stream = BytesIO()
    figure.savefig(stream, format="png", dpi=_DOTS, metadata={"Software": None})
    return stream.getvalue()


def note(colour: str) -> dict[str, Any]:
    """How a value beside its point looks."""
    return {
        "color": colour,
        "fontsize": 9,
        "xytext": (0, 9),
        "textcoords": "offset points",
        "ha": "center",
    }


def point_look(number: int) -> dict[str, Any]:
    """How points of one of several stages look."""
    return {"color": COLOURS[number % len(COLOURS)], "marker": MARKERS[number % len(MARKERS)]}


def marker_size(points: int) -> float:
    """How large the markers of a line are: the more points, the smaller."""
    return min(5.0, max(1.5, 150 / points))


def area_look(number: int) -> dict[str, Any]:
    """How areas of one of several kinds look."""
    return {
        "facecolor": COLOURS[number % len(COLOURS)],
        "hatch": HATCHES[number % len(HATCHES)],
        "edgecolor": "white",
        "linewidth": 0,
    }


def legend(figure: Figure, axes: Axes, *, columns: int = 3, size: int = 9) -> None:
    """What is what in the axes, above everything.

    Args:
        figure: gets the legend.
        axes: have what it names, as all others have.
        columns: of the legend.
        size: of its letters, in points.
    """
    figure.legend(
        *axes.get_legend_handles_labels(),
        loc="outside upper left",
        ncols=columns,
        frameon=False,
        fontsize=size,
    )


def wrapped(text: str, width: int) -> str:
    """Text in at most two lines of so many characters; what is longer ends in an ellipsis."""
    return fill(text, width, max_lines=2, placeholder=" …").replace("$", r"\$")


def as_percent(share: float, _: object = None) -> str:
    """A share as an axis or a note shows it."""
    return f"{100 * share:.3g} %"


def as_count(count: float, _: object = None) -> str:
    """A count as an axis or a note shows it; from 10,000 on in three figures."""
    from matplotlib.ticker import EngFormatter

    return f"{count:,.0f}" if count < 10_000 else EngFormatter(sep="")(float(f"{count:.3g}"))
