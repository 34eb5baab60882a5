"""rnnbook.plots.figure: the book's width and style, applied once."""

import subprocess
import sys

import matplotlib
import matplotlib.pyplot as plt
import pytest

from rnnbook import plots


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def test_figures_have_the_books_width_and_resolution():
    figure, axes = plots.subplots(height=2.0, ncols=2)
    assert figure.get_size_inches().tolist() == [7.0, 2.0] and figure.dpi == 110
    assert len(axes) == 2


def test_the_style_is_the_files_and_its_colours_are_told_apart():
    style = matplotlib.rc_params_from_file(plots.STYLE, use_default_template=False)
    assert style["axes.prop_cycle"].by_key()["color"] == plots.COLOURS
    assert len(set(plots.COLOURS)) == len(plots.COLOURS) >= 6


def test_what_a_reader_sets_survives_the_next_figure():
    plots.subplots()
    with plt.rc_context({"lines.linewidth": 7.0, "font.size": 23.0}):
        _, ax = plots.subplots()
        (line,) = ax.plot([1, 2])
        assert line.get_linewidth() == 7.0 and ax.xaxis.label.get_size() == 23.0
        assert plt.rcParams["lines.linewidth"] == 7.0


def test_the_style_is_used_once_when_the_package_is_imported():
    program = """
import matplotlib
matplotlib.use("Agg")
import matplotlib.pyplot as plt
from rnnbook import plots
assert plt.rcParams["lines.linewidth"] == 1.8
plt.rcParams["lines.linewidth"] = 5.0
import rnnbook.plots.charts, rnnbook.widgets
plots.subplots()
assert plt.rcParams["lines.linewidth"] == 5.0
"""
    subprocess.run([sys.executable, "-c", program], check=True)


def test_spaces_are_made_visible():
    assert plots.visible("a b") == f"a{plots.SHOWN_SPACE}b"
