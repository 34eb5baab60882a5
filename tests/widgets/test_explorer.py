"""rnnbook.plots and rnnbook.widgets: what is drawn, and what follows a slider."""

import matplotlib.pyplot as plt
import pytest
import torch
from matplotlib.colors import to_hex
from matplotlib.text import Annotation
from torch import nn

from rnnbook import plots, widgets
from rnnbook.text import Vocab
from rnnbook.training import History

PNG = b"\x89PNG"


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def test_figures_have_the_books_width_and_resolution():
    figure, axes = plots.subplots(height=2.0, ncols=2)
    assert figure.get_size_inches().tolist() == [7.0, 2.0] and figure.dpi == 110
    assert len(axes) == 2


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


def test_matrix_shows_the_values():
    _, ax = plots.subplots()
    values = torch.tensor([[0.5, -0.5, 1.0], [0.0, 2.0, -1.0]], requires_grad=True)
    plots.matrix(ax, values, ["r1", "r2"], "a b", limit=2.0)
    (image,) = ax.get_images()
    assert image.get_array().tolist() == values.tolist()
    assert image.get_clim() == (-2.0, 2.0)
    assert [label.get_text() for label in ax.get_xticklabels()] == ["a", plots.SHOWN_SPACE, "b"]


def test_windows_paint_exactly_their_cells():
    _, ax = plots.subplots()
    plots.windows(ax, "abcdefghijkl", [[(1, 3)], [(3, 8)]], columns=5)
    boxes = [(p.get_x(), p.get_y(), p.get_width()) for p in ax.patches]
    # (1, 3) lies in row 0; (3, 8) goes over the end of row 0 into row 1.
    lefts = [(round(x), int(y), round(x + w)) for x, y, w in boxes]
    assert lefts == [(1, 0, 3), (3, 0, 5), (0, 1, 3)]
    written = [t.get_text() for t in ax.texts]
    assert written[:2] == ["1.1", "2.1"] and "".join(written[2:]) == "abcdefghijkl"


def test_explorer_redraws_and_says_what_is_wrong():
    explorer = widgets.window_explorer("the tide comes in and goes out again " * 6)
    before = explorer.picture.value
    assert before.startswith('<img alt="sequential: ') and explorer.png.startswith(PNG)
    explorer.controls["num_steps"].value = 7
    assert explorer.picture.value != before
    explorer.controls["kind"].value = "random"
    assert '<img alt="random: ' in explorer.picture.value
    explorer.controls["batch_size"].value, explorer.controls["num_steps"].value = 8, 40
    assert "role='alert'" in explorer.picture.value and "too short" in explorer.picture.value
    explorer.controls["num_steps"].value = 5
    assert explorer.picture.value.startswith("<img")


def test_explorer_has_a_picture_for_pages_without_a_kernel():
    explorer = widgets.window_explorer("the tide comes in and goes out again " * 6)
    bundle = explorer._repr_mimebundle_()
    assert set(bundle) == {
        "application/vnd.jupyter.widget-view+json",
        "image/png",
        "text/plain",
    }
    assert bundle["text/plain"].endswith("sampler, batch size, steps, offset")
    assert not plt.get_fignums()  # nothing is left open to be shown a second time


def test_every_control_has_a_name():
    explorer = widgets.window_explorer("the tide comes in and goes out again " * 6)
    assert all(control.description for control in explorer.controls.values())


def test_window_positions_are_the_samplers():
    assert widgets.window_positions("sequential", 22, 2, 5, 1) == [
        [(1, 6), (11, 16)],
        [(6, 11), (16, 21)],
    ]
    flat = [w for m in widgets.window_positions("random", 22, 2, 5, 1) for w in m]
    assert sorted(flat) == [(1, 6), (6, 11), (11, 16), (16, 21)]


def test_cell_stepper_follows_text_and_steps():
    vocab = Vocab("the tide ")
    stepper = widgets.cell_stepper(nn.RNN(len(vocab), 6), vocab, "the tide")
    first = stepper.picture.value
    assert "state after 5 of 8 characters" in first
    stepper.controls["steps"].value = 3
    assert "state after 3 of 8 characters" in stepper.picture.value
    stepper.controls["text"].value = "xyz"
    assert "all of them in the vocabulary" in stepper.picture.value
    stepper.controls["text"].value = ""
    assert "role='alert'" in stepper.picture.value
    unknown = widgets.cell_stepper(nn.RNN(len(vocab), 6), vocab, "xyz")
    assert "image/png" not in unknown._repr_mimebundle_()  # and it can be shown all the same
    hs = widgets.states(nn.RNN(len(vocab), 6), vocab, "tide")
    assert hs.shape == (4, 6) and not hs.requires_grad


def test_live_curve_draws_every_so_often(monkeypatch):
    shown = []

    class Handle:
        def update(self, figure):
            shown.append(("update", len(figure.axes[0].get_lines())))

    def display(figure, display_id):
        shown.append(("display", len(figure.axes[0].get_lines())))
        return Handle()

    monkeypatch.setattr(widgets, "display", display)
    live, history = widgets.LiveCurve("title", every=2), History()
    for epoch in range(1, 7):
        history.perplexity.append(10.0 / epoch)
        if epoch > 3:
            history.heldout_perplexity = [9.0] * epoch
        live(epoch, history)
    assert shown == [("display", 1), ("update", 2), ("update", 2)]
    assert not plt.get_fignums()


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


def test_rnn_explorer_shows_the_shapes_that_follow():
    explorer = widgets.rnn_explorer(input_size=4, num_steps=6, batch_size=3)
    assert "x (6, 3, 4), output (6, 3, 5), h_n (2, 3, 5); 115 parameters" in explorer.picture.value
    explorer.controls["batch_first"].value = True
    explorer.controls["bidirectional"].value = True
    assert "x (3, 6, 4), output (3, 6, 10), h_n (4, 3, 5)" in explorer.picture.value
    explorer.controls["num_layers"].value = 1
    assert "h_n (2, 3, 5); 110 parameters" in explorer.picture.value


def test_runs_draw_a_mark_for_every_seed_and_a_line_through_the_means():
    _, ax = plots.subplots()
    plots.runs(ax, [10, 20], {"one": [[0.2, 0.4], [1.0, 0.8]]}, "lag", "recalled")
    means, first, second, _ = ax.lines
    assert means.get_ydata() == pytest.approx([0.3, 0.9])
    assert list(first.get_ydata()) == [0.2, 1.0] and list(second.get_ydata()) == [0.4, 0.8]
    assert ax.get_legend().get_texts()[0].get_text() == "one"


def test_ngram_explorer_shows_probabilities_and_the_heldout_perplexity():
    text = "the tide and the drum " * 20
    explorer = widgets.ngram_explorer(text, text, context="th")
    before = explorer.picture.value
    assert "Likeliest: e" in before
    explorer.controls["n"].value = 0
    assert explorer.picture.value != before and "perplexity 12.00" in explorer.picture.value


@pytest.mark.parametrize(("layer", "first"), [(nn.LSTM, "f"), (nn.GRU, "z")])
def test_gate_explorer_shows_each_gate_and_refuses_unknown_letters(layer, first):
    vocab = Vocab("the tide")
    explorer = widgets.gate_explorer(layer(len(vocab), 6), vocab, "the tide", first=first)
    assert f"gate {first}: blue 0, red 1" in explorer.picture.value
    shown = {explorer.picture.value}
    for _, name in explorer.controls["quantity"].options:
        explorer.controls["quantity"].value = name
        shown.add(explorer.picture.value)
    assert len(shown) == len(explorer.controls["quantity"].options)
    explorer.controls["text"].value = "xyz"
    assert "in the vocabulary" in explorer.picture.value


def test_reach_explorer_counts_the_inputs_each_half_has_read():
    explorer = widgets.reach_explorer(num_steps=5)
    assert "forward half 5, backward half 1" in explorer.picture.value
    explorer.controls["step"].value = 2
    assert "forward half 2, backward half 4" in explorer.picture.value
    explorer.controls["layers"].value = 2
    assert "forward half 5, backward half 5" in explorer.picture.value


def test_stacked_layers_read_every_direction_of_the_layer_below():
    counts = []
    for bidirectional in (False, True):
        _, ax = plots.subplots()
        plots.stacked(ax, num_steps=3, num_layers=2, bidirectional=bidirectional)
        counts.append(len(arrows(ax)))
    up, on = 3, 2  # arrows of a row of three states: from below, and from state to state
    assert counts == [2 * (up + on), 2 * (up + on) + 2 * (2 * up + on)]
