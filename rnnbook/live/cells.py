"""One step of a cell, by hand: a plain network's sums, and a gated unit as a tank."""

from collections.abc import Mapping

import torch

from rnnbook import plots
from rnnbook.arguments import real, whole
from rnnbook.live.live_figure import LiveFigure

GATES = {
    "lstm": {"f": 0.5, "i": 0.5, "g": 0.8, "o": 0.5},
    "gru": {"z": 0.5, "n": 0.8},
}
SIGNED = ("g", "n")  # the candidates, between -1 and 1; gates lie between 0 and 1


def small_weights(V: int, H: int, seed: int) -> dict[str, list]:
    """Return W_xh (V, H), W_hh (H, H) and b_h (H,), random numbers with one digit."""
    generator = torch.Generator().manual_seed(seed)

    def rounded(*shape: int) -> list:
        numbers = torch.randn(shape, generator=generator, dtype=torch.float64)
        return (torch.round(numbers, decimals=1) + 0.0).tolist()  # no -0.0

    return {"W_xh": rounded(V, H), "W_hh": rounded(H, H), "b_h": rounded(H)}


def states_by_hand(weights: Mapping[str, list], indices: list[int]) -> torch.Tensor:
    """Return the states (T + 1, H) of a plain RNN over some tokens, the zero state first."""
    W_xh, W_hh, b_h = (torch.tensor(weights[name]).double() for name in ("W_xh", "W_hh", "b_h"))
    states = [torch.zeros(len(b_h), dtype=torch.float64)]
    for index in indices:
        states.append(torch.tanh(W_xh[index] + states[-1] @ W_hh + b_h))
    return torch.stack(states)


def step_by_hand(tokens: str = "tide", text: str = "ti", units: int = 3) -> LiveFigure:
    """Let the reader drop letters into a tiny plain RNN, and follow every sum.

    Args:
        tokens: the letters, 2 to 6 different ones.
        text: what it has read when it begins, of these letters; may be empty.
        units: 1 to 4.
    Returns:
        A live figure. Its ``state`` says what was ``read``, the ``sums`` before tanh and the
        ``state`` after it.
    Raises:
        ValueError: for a letter that comes twice, or one of the text that is none of the tokens.
    """
    if not (2 <= len(tokens) <= 6 and len(set(tokens)) == len(tokens)):
        raise ValueError(f"expected 2 to 6 different letters as tokens, got {tokens!r}")
    if unknown := set(text) - set(tokens):
        raise ValueError(f"expected a text of the letters {tokens!r}, got {min(unknown)!r} in it")
    if whole("units", units, least=1) > 4:
        raise ValueError(f"expected 1 to 4 units, got {units}")
    weights = small_weights(len(tokens), units, seed=3202)
    hs = states_by_hand(weights, [tokens.index(letter) for letter in text])  # (T + 1, H)
    figure, (left, right) = plots.subplots(ncols=2, height=2.4)
    plots.matrix(left, torch.tensor(weights["W_xh"]).T, column_labels=tokens)
    left.set(ylabel="unit", title="$W_{xh}$: one row a letter (drawn as a column)")
    plots.matrix(right, hs.T, column_labels="0" + text)
    right.set(ylabel="unit", title="state after each letter")
    description = (
        f"A plain RNN of {units} units reads {text!r} letter by letter: for each unit the number "
        "in the letter's row of W_xh, the old state times W_hh, and the bias are added up, and "
        "tanh of the sum is the new state."
    )
    options = {"tokens": tokens, "text": text, "weights": weights}
    return LiveFigure("step", options, {}, figure, description)


def gated_tank(
    kind: str = "lstm", start: float = 1.0, gates: Mapping[str, float] | None = None
) -> LiveFigure:
    """Let the reader set the gates of one unit by hand, and watch its memory as a tank.

    Args:
        kind: ``"lstm"``, with the gates f, i and o and the candidate g, or ``"gru"``, with z and n.
        start: what it holds before the first step, from -1 to 1.
        gates: what they are at first; those not given are as a new network has them, half open.
    Returns:
        A live figure. Its ``state`` holds the ``levels``, the ``gradients`` that are left of 1, and
        what is ``shown``.
    Raises:
        ValueError: for another kind, a gate it has not, or a number outside its range.
    """
    if kind not in GATES:
        raise ValueError(f"expected one of {', '.join(GATES)}, got {kind!r}")
    if not -1 <= real("start", start) <= 1:
        raise ValueError(f"expected start from -1 to 1, got {start}")
    values = GATES[kind] | dict(gates or {})
    for name, value in values.items():
        if name not in GATES[kind]:
            raise ValueError(f"expected gates among {', '.join(GATES[kind])}, got {name!r}")
        least = -1 if name in SIGNED else 0
        if not least <= real(name, value) <= 1:
            raise ValueError(f"expected {name} from {least} to 1, got {value}")
    level, held, left = start, [start], [1.0]
    for _ in range(6):
        keep, inflow = (
            (values["f"], values["i"] * values["g"])
            if kind == "lstm"
            else (values["z"], (1 - values["z"]) * values["n"])
        )
        level = keep * level + inflow
        held.append(level)
        left.append(left[-1] * keep)
    figure, ax = plots.subplots(height=2.2)
    ax.bar(range(7), left, color=plots.COLOURS[1], label="gradient that is left")
    ax.step(range(7), held, where="mid", color="0.3", label="cell" if kind == "lstm" else "state")
    ax.set_xlabel("step")
    ax.legend()
    name = {"lstm": "An LSTM's unit", "gru": "A GRU's unit"}[kind]
    description = (
        f"{name} as a tank: what flows in at each step, what is kept, and what is left of a "
        "gradient that goes straight back, step by step."
    )
    return LiveFigure(
        "tank", {"kind": kind, "start": start, "gates": values}, {}, figure, description
    )
