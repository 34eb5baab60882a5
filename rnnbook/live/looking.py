"""What a trained network looks at: how its prediction depends on each character before it."""

import re

import torch
from torch import Tensor

from rnnbook import plots
from rnnbook.live.learning import story_asset
from rnnbook.live.live_figure import LiveFigure
from rnnbook.live.weights import LAYERS, model_file, network
from rnnbook.text import one_hot

NAMES = {"rnn": "plain RNN", "gru": "GRU", "lstm": "LSTM"}
LONGEST = 400  # characters that the box takes
SHOWN = 48  # of the last characters, in the picture
# The unit that is shown first, of each network: one whose passages have something in common.
UNITS = {"rnn": 152, "gru": 35, "lstm": 71}
PROMPT = (
    "the keeper of the drum looked out over the harbour and nobody had been there for a hundred yea"
)


def looked_at(kind: str, text: str) -> tuple[str, Tensor]:
    """Return the character that a network expects after a text, and what that depends on.

    Returns:
        The likeliest character; (T,), for each character of the text the norm of the gradient of
        the likeliest one's logit with respect to its one-hot vector.
    """
    model, vocab = network(kind)
    x = one_hot(vocab.encode(text), len(vocab)).unsqueeze(1).requires_grad_()  # (T, 1, V)
    output, _ = model.recurrent(x)
    logits = model.head(output[-1, 0])
    (gradient,) = torch.autograd.grad(logits.max(), x)
    return vocab.idx_to_token[int(logits.argmax())], gradient[:, 0].norm(dim=1)


def _half(norms: Tensor) -> int:
    """Return the smallest number of last characters that have half of the sensitivity."""
    shares = norms.flip(0).cumsum(0) / norms.sum()
    return int((shares < 0.5).sum()) + 1


def looking_network(text: str = PROMPT, kind: str = "lstm") -> LiveFigure:
    """Let the reader see which characters the next prediction of a trained network depends on.

    Every character that was read is coloured by the norm of the gradient of one logit, that of the
    likeliest next character, with respect to its one-hot vector. The reader types, or moves through
    the text and asks the same about the prediction there; or takes a single unit, and sees its
    state after each character and where in the story it is highest. In the browser our own
    JavaScript goes forward and back through time.

    Args:
        text: what it reads first: small letters and single spaces, at most 400.
        kind: the network it begins with; the reader may take another.
    Returns:
        A live figure. Its ``state`` has the text, what is expected, the norms, and how many last
        characters have half of their sum; the unit, its states, and its passages. Assign
        ``options`` to change the text, the kind, the mode (``"looks"`` or ``"unit"``) or the units.
    Raises:
        TypeError: if the text is no string.
        ValueError: for another kind, or a text that is empty, too long, or has other characters.
    """
    if kind not in LAYERS:
        raise ValueError(f"expected one of {', '.join(LAYERS)}, got {kind!r}")
    _require_readable(text)
    looked = {name: looked_at(name, text) for name in LAYERS}
    figure, ax = plots.subplots(height=1.9)
    rows = torch.stack([norms / norms.max() for _, norms in looked.values()])[:, -SHOWN:]
    labels = [f"{NAMES[name]}: {plots.visible(token)}" for name, (token, _) in looked.items()]
    plots.matrix(ax, rows, column_labels=text[-SHOWN:])
    ax.set_yticks(range(len(labels)), labels)
    ax.set_title("how strongly the expected character depends on each one before it")
    token, norms = looked[kind]
    half = _half(norms)
    ending = re.findall(r"\S* ?\S* ?$", text)[0]  # two words, or one and a begun one
    description = (
        f"Each character of a text is coloured by how strongly the next prediction of a trained "
        f"network depends on it. After {ending!r} the {NAMES[kind]} expects {token!r}; half of "
        f"the sensitivity lies in the last {f'{half} characters' if half > 1 else 'character'}."
    )
    options = {"kind": kind, "text": text, "mode": "looks", "units": dict(UNITS)}
    assets = {name: model_file(name) for name in LAYERS} | {"story": story_asset()}
    return LiveFigure("looks", options, assets, figure, description)


def _require_readable(text: str) -> None:
    """Examine that a text is what the page would read too, letter by letter.

    Raises:
        TypeError: if it is no string.
        ValueError: if it is empty, too long, or not of small letters and single spaces.
    """
    if not isinstance(text, str):
        raise TypeError(f"expected the text as a string, got {text!r}")
    if not 0 < len(text) <= LONGEST:
        raise ValueError(f"expected a text of 1 to {LONGEST} characters, got {len(text)}")
    letters = set("abcdefghijklmnopqrstuvwxyz ")
    if strange := next((c for c in text if c not in letters), None):
        raise ValueError(
            f"expected small letters and spaces, got {strange!r}: text.clean makes a text of them"
        )
    if text.startswith(" ") or "  " in text:
        raise ValueError(
            f"expected single spaces and none at the beginning, as the page reads a text, got "
            f"{text[:40]!r}: text.clean makes such a text"
        )
