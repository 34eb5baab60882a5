"""rnnbook.widgets.layers: states, shapes and gates that follow a slider."""

import pytest
from torch import nn

from rnnbook import widgets
from rnnbook.text import Vocab


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
    assert "image/png" not in unknown._repr_mimebundle_()[0]  # and it can be shown all the same


def test_rnn_explorer_shows_the_shapes_that_follow():
    explorer = widgets.rnn_explorer(input_size=4, num_steps=6, batch_size=3)
    assert "x (6, 3, 4), output (6, 3, 5), h_n (2, 3, 5); 115 parameters" in explorer.picture.value
    explorer.controls["batch_first"].value = True
    explorer.controls["bidirectional"].value = True
    assert "x (3, 6, 4), output (3, 6, 10), h_n (4, 3, 5)" in explorer.picture.value
    explorer.controls["num_layers"].value = 1
    assert "h_n (2, 3, 5); 110 parameters" in explorer.picture.value


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
