"""Every figure is a readable picture, whatever is there to draw."""

from __future__ import annotations

import subprocess
import sys
from io import BytesIO
from itertools import combinations
from pathlib import Path

import pytest
from drawn_figures import seen, size_of
from figure_samples import FIGURES, picture
from matplotlib.image import imread

OF_EACH_MODULE = ["reliability", "two runs", "five stages", "scores", "a training"]

each_figure = pytest.mark.parametrize("name", FIGURES)


@each_figure
def test_figures_are_as_wide_as_the_page(name: str) -> None:
    width, height = size_of(picture(name)[0])
    assert width == 900
    assert 200 < height < 1400


@pytest.mark.parametrize("name", [*OF_EACH_MODULE, "agreement", "wide"])
def test_the_same_numbers_make_the_same_picture(name: str) -> None:
    assert FIGURES[name]() == picture(name)[0]


@each_figure
def test_nothing_is_cut_off_at_the_border(name: str) -> None:
    pixels = imread(BytesIO(picture(name)[0]))[:, :, :3]
    for border in (pixels[:2], pixels[-2:], pixels[:, :2], pixels[:, -2:]):
        assert (border == 1).all()


@each_figure
def test_no_words_stand_in_others(name: str) -> None:
    _, figure = picture(name)
    figure.draw_without_rendering()
    places = [(text.get_text(), text.get_window_extent()) for text in seen(figure)]
    assert len(places) > 3
    assert [(one, two) for (one, a), (two, b) in combinations(places, 2) if a.overlaps(b)] == []


def test_matplotlib_is_imported_only_to_draw_and_never_with_pyplot() -> None:
    code = (
        "import sys; import quality.confidence_figures, quality.history_figure; "
        "import quality.label_figures, quality.score_figure, quality.training_figure; "
        "assert 'matplotlib' not in sys.modules; "
        f"sys.path.append({str(Path(__file__).parent)!r}); from figure_samples import FIGURES; "
        f"[FIGURES[name]() for name in {OF_EACH_MODULE}]; "
        "assert 'matplotlib.figure' in sys.modules; "
        "assert 'matplotlib.pyplot' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
