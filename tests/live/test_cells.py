"""One step of a cell by hand: the functions that make the figures, and their errors."""

import pytest
import torch
from torch import nn

from rnnbook.live import gated_tank, step_by_hand
from rnnbook.live.cells import small_weights, states_by_hand


def test_the_states_are_those_of_nn_rnn() -> None:
    weights = small_weights(4, 3, seed=3202)
    rnn = nn.RNN(4, 3).double()
    with torch.no_grad():
        rnn.weight_ih_l0.copy_(torch.tensor(weights["W_xh"]).T)
        rnn.weight_hh_l0.copy_(torch.tensor(weights["W_hh"]).T)
        rnn.bias_ih_l0.copy_(torch.tensor(weights["b_h"]))
        rnn.bias_hh_l0.zero_()
        x = nn.functional.one_hot(torch.tensor([2, 0, 3]), 4).double()
        output, _ = rnn(x)
    hs = states_by_hand(weights, [2, 0, 3])
    assert hs[0].abs().sum() == 0 and torch.allclose(hs[1:], output)


def test_what_the_page_is_told_of_a_step() -> None:
    figure = step_by_hand("abc", "cab", units=2)
    options = figure.told["options"]
    assert options["tokens"] == "abc" and options["text"] == "cab"
    assert torch.tensor(options["weights"]["W_xh"]).shape == (3, 2)
    assert torch.tensor(options["weights"]["W_hh"]).shape == (2, 2)
    assert figure.png.startswith(b"\x89PNG") and "reads 'cab'" in figure.description
    assert step_by_hand(text="").told["options"]["text"] == ""


def test_what_the_page_is_told_of_a_tank() -> None:
    figure = gated_tank("gru", start=-0.5, gates={"z": 0.9})
    assert figure.told["options"] == {"kind": "gru", "start": -0.5, "gates": {"z": 0.9, "n": 0.8}}
    assert "GRU" in figure.description and figure.png.startswith(b"\x89PNG")
    assert set(gated_tank().told["options"]["gates"]) == {"f", "i", "g", "o"}


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: step_by_hand("aa"), "expected 2 to 6 different letters as tokens, got 'aa'"),
        (lambda: step_by_hand("tide", "tx"), "expected a text of the letters 'tide', got 'x'"),
        (lambda: step_by_hand(units=5), "expected 1 to 4 units, got 5"),
        (lambda: gated_tank("rnn"), "expected one of lstm, gru, got 'rnn'"),
        (lambda: gated_tank(start=2), "expected start from -1 to 1, got 2"),
        (lambda: gated_tank("gru", gates={"f": 1}), "expected gates among z, n, got 'f'"),
        (lambda: gated_tank(gates={"f": 1.5}), "expected f from 0 to 1, got 1.5"),
    ],
)
def test_what_makes_no_figure_is_refused(make, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        make()
