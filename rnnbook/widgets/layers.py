"""Interactive figures of recurrent layers: shapes, states, gates."""

import ipywidgets
import torch
from matplotlib.figure import Figure
from torch import nn

from rnnbook import plots
from rnnbook.arguments import whole
from rnnbook.diagnostics import encoded, gates, states
from rnnbook.recurrent import require_layer
from rnnbook.text import Vocab
from rnnbook.widgets.explorer import Explorer, slider


def cell_stepper(recurrent: nn.Module, vocab: Vocab, text: str, units: int = 32) -> Explorer:
    """Step a recurrent layer through a text, one character at a time, and watch its state.

    Args:
        recurrent: a one-layer, one-directional layer over one-hot characters, time-major.
        vocab: the characters' indices.
        text: the first text to read; the reader may type another.
        units: how many units of the state are drawn.
    Returns:
        A widget with the text and the number of steps taken.
    Raises:
        TypeError: if it is no recurrent layer.
        ValueError: if the text is empty, or has a character that is not in the vocabulary.
    """
    require_layer(recurrent)
    whole("units", units, least=1)

    def draw(text: str, steps: int) -> tuple[Figure, str]:
        hs = states(recurrent, vocab, text)[:steps, :units]  # (steps, units)
        figure, ax = plots.subplots(height=3.2)
        shown = torch.full((len(text), hs.shape[1]), torch.nan)
        shown[: len(hs)] = hs
        plots.matrix(ax, shown.T, column_labels=text)
        ax.set_ylabel("unit")
        ax.set_title(f"state after {len(hs)} of {len(text)} characters")
        change = (hs[-1] - hs[-2]).norm() if len(hs) > 1 else hs[-1].norm()
        ax.set_xlabel(f"the last step moved the state drawn here by {change:.2f}")
        return figure, f"Heat map: {ax.get_title('left')}, one column a character."

    box = ipywidgets.Text(value=text, description="text", continuous_update=False)
    return Explorer(draw, text=box, steps=slider("steps", 5, 1, 40))


def gate_explorer(
    recurrent: nn.Module, vocab: Vocab, text: str, first: str, units: int = 40
) -> Explorer:
    """Show the gates and states of an LSTM or a GRU while it reads a text.

    Args:
        recurrent: an LSTM or a GRU of one layer and one direction over one-hot characters,
            time-major.
        vocab: the characters' indices.
        text: the first text to read; the reader may type another.
        first: the gate or state shown first, by its letter in ``diagnostics.gates``.
        units: how many units are drawn.
    Returns:
        A widget with the text and the quantity shown.
    """
    names = {
        "i": "input gate", "f": "forget gate", "o": "output gate", "g": "candidate",
        "c": "cell", "h": "output", "r": "reset gate", "z": "update gate", "n": "candidate",
    }  # fmt: skip
    whole("units", units, least=1)
    known = gates(recurrent, encoded(recurrent, vocab, text))
    if first not in known:
        raise ValueError(f"expected first as one of {', '.join(known)}, got {first!r}")

    def draw(text: str, quantity: str) -> tuple[Figure, str]:
        values = gates(recurrent, encoded(recurrent, vocab, text))[quantity][:, 0, :units]
        if quantity in "iforz":
            values = 2 * values - 1  # a gate of 0 is blue, one of 1 is red
        figure, ax = plots.subplots(height=4.2)
        plots.matrix(ax, values.T, column_labels=text)
        ax.set_ylabel("unit")
        scale = "blue 0, red 1" if quantity in "iforz" else "blue -1 or less, red 1 or more"
        ax.set_title(f"{names[quantity]} {quantity}: {scale}")
        return figure, f"Heat map over the characters of {text!r}: {ax.get_title('left')}."

    options = [(f"{name}, {names[name]}", name) for name in known]
    return Explorer(
        draw,
        text=ipywidgets.Text(value=text, description="text", continuous_update=False),
        quantity=ipywidgets.Dropdown(options=options, value=first, description="shown"),
    )


def rnn_explorer(input_size: int = 6, num_steps: int = 4, batch_size: int = 3) -> Explorer:
    """Let the reader turn the arguments of ``nn.RNN`` and read off every shape that follows.

    Args:
        input_size: the number of features of the input.
        num_steps: T.
        batch_size: B.
    Returns:
        A widget with hidden_size, num_layers, bidirectional and batch_first.
    Raises:
        ValueError: if a number is below 1.
    """
    sizes = {"input_size": input_size, "num_steps": num_steps, "batch_size": batch_size}
    for name, size in sizes.items():
        whole(name, size, least=1)

    def draw(
        hidden_size: int, num_layers: int, bidirectional: bool, batch_first: bool
    ) -> tuple[Figure, str]:
        layer = nn.RNN(
            input_size, hidden_size, num_layers, batch_first=batch_first,
            bidirectional=bidirectional,
        )  # fmt: skip
        axes = (batch_size, num_steps) if batch_first else (num_steps, batch_size)
        output, h_n = layer(torch.zeros(*axes, input_size))
        state, suffixes = layer.state_dict(), [f"l{n}" for n in range(num_layers)]
        if bidirectional:
            suffixes = [f"{name}{end}" for name in suffixes for end in ("", "_reverse")]
        notes = [
            f"weight_ih {tuple(state[f'weight_ih_{name}'].shape)}, "
            f"weight_hh {tuple(state[f'weight_hh_{name}'].shape)}, 2 biases"
            for name in suffixes
        ]
        figure, ax = plots.subplots(height=0.7 + 0.5 * len(suffixes))
        plots.layer_grid(ax, num_steps, num_layers, bidirectional, notes)
        ax.set_title(
            f"x {(*axes, input_size)}, output {tuple(output.shape)}, h_n {tuple(h_n.shape)}; "
            f"{sum(p.numel() for p in layer.parameters())} parameters"
        )
        return figure, f"Grid of states, one row a layer and direction. {ax.get_title('left')}."

    return Explorer(
        draw,
        hidden_size=slider("hidden_size", 5, 1, 32),
        num_layers=slider("num_layers", 2, 1, 3),
        bidirectional=ipywidgets.Checkbox(False, description="bidirectional"),
        batch_first=ipywidgets.Checkbox(False, description="batch_first"),
    )
