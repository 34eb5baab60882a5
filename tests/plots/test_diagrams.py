"""rnnbook.plots.diagrams: boxes and arrows, counted and followed."""

import matplotlib.pyplot as plt
import pytest
from matplotlib.colors import to_rgba
from matplotlib.text import Annotation

from rnnbook import plots


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def test_windows_paint_exactly_their_cells():
    _, ax = plots.subplots()
    plots.windows(ax, "abcdefghijkl", [[(1, 3)], [(3, 8)]], columns=5)
    boxes = [(p.get_x(), p.get_y(), p.get_width()) for p in ax.patches]
    # (1, 3) lies in row 0; (3, 8) goes over the end of row 0 into row 1.
    lefts = [(round(x), int(y), round(x + w)) for x, y, w in boxes]
    assert lefts == [(1, 0, 3), (3, 0, 5), (0, 1, 3)]
    written = [t.get_text() for t in ax.texts]
    assert written[:2] == ["1.1", "2.1"] and "".join(written[2:]) == "abcdefghijkl"


def arrows(ax):
    ends = [(a.xyann, a.xy) for a in ax.texts if isinstance(a, Annotation)]
    return [tuple(map(tuple, pair)) for pair in ends]


def test_unrolled_network_has_an_arrow_for_every_weight_and_cuts_the_gradient():
    _, ax = plots.subplots()
    plots.unrolled(ax, num_steps=3)
    assert len(arrows(ax)) == 3 * 3 and ((1, 0), (2, 0)) in arrows(ax)
    assert [t.get_text() for t in ax.texts].count("$W_{hh}$") == 3
    _, ax = plots.subplots()
    plots.unrolled(ax, num_steps=6, window=3)
    back = [pair for pair in arrows(ax) if pair[0][0] > pair[1][0]]
    assert back == [((t, 0), (t - 1, 0)) for t in (2, 3, 5, 6)]  # none leads from h4 to h3
    assert [((t, 1), (t, 0)) in arrows(ax) for t in range(1, 7)] == [True] * 6  # from each output
    assert [line.get_xdata()[0] for line in ax.get_lines()] == [3.5]


def test_layer_grid_marks_what_output_and_h_n_hold():
    def cells(ax):
        return {(t.get_position(), t.get_text()) for t in ax.texts if t.get_text()}

    def upward(ax):
        ends = [(a.xyann, a.xy) for a in ax.texts if isinstance(a, Annotation)]
        assert all(y < above for (x, y), (top, above) in ends if x == top)
        return [x for (x, _), (top, _) in ends if x == top]

    _, ax = plots.subplots()
    plots.layer_grid(ax, num_steps=3, num_layers=2)
    assert upward(ax) == [0, 1, 2]  # at every step, the layer above reads the one below
    assert cells(ax) == {
        ((2, 0), "h_n"), ((0, 1), "output"), ((1, 1), "output"), ((2, 1), "output\nh_n")
    }  # fmt: skip
    _, ax = plots.subplots()
    plots.layer_grid(ax, num_steps=2, num_layers=1, bidirectional=True, notes=["one", "two"])
    assert ((0, 1), "output\nh_n") in cells(ax) and ((1, 1), "output") in cells(ax)
    assert ((1.5, 0), "one") in cells(ax)
    ends = [(a.xyann[0], a.xy[0]) for a in ax.texts if isinstance(a, Annotation)]
    assert [start < end for start, end in ends] == [True, False]  # the reverse row reads back
    _, ax = plots.subplots()
    plots.layer_grid(ax, num_steps=2, num_layers=3, bidirectional=True)
    assert upward(ax) == [0, 1, 0, 1]  # one arrow a pair of directions


def test_stacked_layers_read_every_direction_of_the_layer_below():
    counts = []
    for bidirectional in (False, True):
        _, ax = plots.subplots()
        plots.stacked(ax, num_steps=3, num_layers=2, bidirectional=bidirectional)
        counts.append(len(arrows(ax)))
    up, on = 3, 2  # arrows of a row of three states: from below, and from state to state
    assert counts == [2 * (up + on), 2 * (up + on) + 2 * (2 * up + on)]


def _texts(ax):
    return [text.get_text() for text in ax.texts]


def test_a_pattern_shows_where_it_reads_and_writes():
    _, ax = plots.subplots()
    plots.pattern(ax, reads=[1, 2, 3], writes=[3], num_steps=3)
    assert {"$x_1$", "$x_2$", "$x_3$", "$o_3$"} <= set(_texts(ax)) and "$o_1$" not in _texts(ax)
    _, ax = plots.subplots()
    plots.pattern(ax, reads=[1, 2], writes=[], num_steps=2)
    assert "summary" in _texts(ax)
    _, ax = plots.subplots()
    plots.pattern(ax, reads=[], writes=[1, 2], num_steps=2, start=True)
    assert "$z$" in _texts(ax) and "$x_1$" not in _texts(ax) and "summary" not in _texts(ax)


@pytest.mark.parametrize(("counts", "padding"), [(False, 2), (True, 0)])
def test_padding_is_grey_or_gone_with_the_columns_counted(counts, padding):
    _, ax = plots.subplots()
    plots.padded(ax, ["abc", "d"], counts=counts)
    greys = [p for p in ax.patches if p.get_facecolor() == (0.75, 0.75, 0.75, 1.0)]
    assert len(greys) == padding and len(ax.patches) == 4 + padding
    assert _texts(ax) == ["a", "b", "c", "d"] + (["2", "1", "1"] if counts else [])


@pytest.mark.parametrize(("kind", "gates", "thick"), [("RNN", 0, 0), ("LSTM", 3, 3), ("GRU", 2, 3)])
def test_a_cell_has_its_gates_and_the_path_that_no_matrix_changes(kind, gates, thick):
    _, ax = plots.subplots()
    plots.cell(ax, kind)
    boxes = [text.get_bbox_patch() for text in ax.texts]
    faces = [box.get_facecolor() for box in boxes if box]
    assert faces.count(to_rgba(plots.COLOURS[2])) == gates
    assert faces.count(to_rgba(plots.COLOURS[4])) == 1  # the candidate
    drawn = [a for a in ax.texts if isinstance(a, Annotation)]
    through = [a for a in drawn if a.arrow_patch.get_linewidth() > 2]
    assert len(through) == thick
    assert all(a.xyann[1] == a.xy[1] for a in through)  # straight on, from the old state to the new
    read = [a for a in drawn if a.xyann[1] == 0.8]  # from the line that carries x and h
    assert len(read) == gates + 1
    names = set(_texts(ax))
    assert {"$x_t$", "$h_{t-1}$", "$h_t$"} <= names and ("$c_t$" in names) == (kind == "LSTM")
