"""rnnbook.plots.charts: what is drawn is what was given."""

import matplotlib.pyplot as plt
import pytest
import torch
from matplotlib.colors import to_hex

from rnnbook import plots


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def test_bars_stand_at_their_labels_with_spaces_made_visible():
    _, ax = plots.subplots()
    assert plots.bars(ax, ["a", " "], [3.0, 1.0], "per cent") is ax
    assert [bar.get_height() for bar in ax.patches] == [3.0, 1.0]
    assert [label.get_text() for label in ax.get_xticklabels()] == ["a", plots.SHOWN_SPACE]
    assert ax.get_ylabel() == "per cent"


def test_curves_count_from_one_and_differ_in_colour_and_dashes():
    _, ax = plots.subplots()
    plots.curves(ax, {"one": [3.0, 2.0], "two": [4.0, 1.0, 0.5]}, "perplexity", log=True)
    first, second = ax.get_lines()
    assert first.get_xdata().tolist() == [1, 2] and second.get_ydata().tolist() == [4.0, 1.0, 0.5]
    assert to_hex(first.get_color()) != to_hex(second.get_color())
    assert first.get_linestyle() != second.get_linestyle()
    assert ax.get_yscale() == "log" and ax.get_legend() is not None
    _, alone = plots.subplots()
    assert plots.curves(alone, {"one": [1.0]}, "y").get_legend() is None


def test_runs_draw_a_mark_for_every_seed_and_a_line_through_the_means():
    _, ax = plots.subplots()
    plots.runs(ax, [10, 20], {"one": [[0.2, 0.4], [1.0, 0.8]]}, "lag", "recalled")
    means, first, second, _ = ax.lines
    assert means.get_ydata() == pytest.approx([0.3, 0.9])
    assert list(first.get_ydata()) == [0.2, 1.0] and list(second.get_ydata()) == [0.4, 0.8]
    assert ax.get_legend().get_texts()[0].get_text() == "one"


def test_dots_have_a_row_for_each_name_from_the_top_down():
    _, ax = plots.subplots()
    plots.dots(ax, {"first": [0.2, 0.4], "second": [1.0]}, "recalled")
    marks = [(list(line.get_xdata()), list(line.get_ydata())) for line in ax.lines]
    (values, ys), other = marks
    assert values == [0.2, 0.4] and ys == pytest.approx([-0.06, 0.06]) and other == ([1.0], [1])
    assert [label.get_text() for label in ax.get_yticklabels()] == ["first", "second"]
    assert ax.yaxis_inverted() and ax.get_xlabel() == "recalled"


def test_matrix_shows_the_values():
    _, ax = plots.subplots()
    values = torch.tensor([[0.5, -0.5, 1.0], [0.0, 2.0, -1.0]], requires_grad=True)
    plots.matrix(ax, values, ["r1", "r2"], "a b", limit=2.0)
    (image,) = ax.get_images()
    assert image.get_array().tolist() == values.tolist()
    assert image.get_clim() == (-2.0, 2.0)
    assert [label.get_text() for label in ax.get_xticklabels()] == ["a", plots.SHOWN_SPACE, "b"]


def _texts(ax):
    return [text.get_text() for text in ax.texts]


def test_a_confusion_matrix_shows_its_counts():
    _, ax = plots.subplots()
    plots.confusion(ax, torch.tensor([[5, 1], [0, 7]]), ["north", "south"])
    assert _texts(ax) == ["5", "1", "7"]
    torch.testing.assert_close(
        torch.as_tensor(ax.images[0].get_array().data), torch.tensor([[5 / 6, 1 / 6], [0, 1]])
    )


def test_input_sensitivity_writes_powers_of_ten_and_leaves_zeros_empty():
    _, ax = plots.subplots()
    strengths = torch.tensor([[1.0, 1e-3, 0.0], [0.0, 0.1, 0.01]])
    plots.input_sensitivity(ax, strengths, ["forward", "backward"])
    assert _texts(ax) == ["0", "\u22123", "", "", "\u22121", "\u22122"]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["forward", "backward"]
    shades = ax.images[0].get_array()
    assert shades[0, 2] == shades[1, 0] == 0 and shades[0, 0] > shades[0, 1] > 0
