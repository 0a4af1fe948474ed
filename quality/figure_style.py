"""The look that all figures share: to be read at 600 pixels and by colour-blind people.

Colours are those of Okabe and Ito (2008); nothing is told by colour alone. Figures are made without
pyplot, so that they share no state and need no display.
"""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Any, Final, Literal

if TYPE_CHECKING:
    from matplotlib.figure import Figure

INK: Final = "#333333"
FAINT: Final = "#d9d9d9"
COLOURS: Final = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00")
HATCHES: Final = ("", "///", "...", "xxx", "---", "ooo")
MARKERS: Final = ("o", "s", "^", "D", "v", "P")

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
