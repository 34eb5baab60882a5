"""The reading network: it reads what the reader types, and says what it expects next."""

import torch

from rnnbook import plots
from rnnbook.diagnostics import states
from rnnbook.live.live_figure import LiveFigure
from rnnbook.live.weights import LAYERS, model_file, network

NAMES = {"rnn": "plain RNN", "gru": "GRU", "lstm": "LSTM"}
UNITS, SHOWN = 32, 10  # of the state, of the likeliest tokens


def reading_network(text: str = "the tide ", kind: str = "lstm") -> LiveFigure:
    """Let the reader type, and watch a trained network's state and expectations follow.

    In the browser the network is run by our own JavaScript, with the weights that
    ``rnnbook.live.network`` gives to PyTorch.

    Args:
        text: what it reads first: small letters and spaces.
        kind: the network it begins with; the reader may take another.
    Returns:
        A live figure. Its ``state`` says what was read and what is expected; assign ``options``
        to change the text, the kind, the temperature or the number of tokens to choose among.
    Raises:
        ValueError: for another kind, or a text with other characters, or none.
    """
    model, vocab = network(kind)
    hs = states(model.recurrent, vocab, text)  # (T, H)
    with torch.no_grad():
        expected = model.head(hs[-1]).softmax(dim=0)
    likeliest = expected.topk(SHOWN)
    tokens = [vocab.idx_to_token[index] for index in likeliest.indices.tolist()]
    figure, (left, right) = plots.subplots(ncols=2, height=3.2, width_ratios=[2, 1])
    plots.matrix(left, hs[:, :UNITS].T, column_labels=text)
    left.set(ylabel="unit", title=f"state of the {NAMES[kind]} after each character")
    right.barh(range(SHOWN), likeliest.values, color=plots.COLOURS[0])
    right.set_yticks(range(SHOWN), [plots.visible(token) for token in tokens])
    right.invert_yaxis()
    right.set(xlabel="probability", title="what comes next?")
    options = {"kind": kind, "text": text, "temperature": 0.6, "top_k": len(vocab)}
    description = (
        f"A trained network reads what is typed; after {text!r} the {NAMES[kind]} expects "
        f"{tokens[0]!r} most."
    )
    assets = {name: model_file(name) for name in LAYERS}
    return LiveFigure("reader", options, assets, figure, description)
