"""Gradients through time: a dot that runs back along the states of one unit."""

from itertools import pairwise

import torch

from rnnbook import plots
from rnnbook.arguments import real, whole
from rnnbook.live.live_figure import LiveFigure


def walk(w: float, start: float, steps: int, cut: int = 0) -> tuple[list[float], list[float]]:
    """Follow one unit, h_t = tanh(w h_{t-1}), and the gradient of its last state.

    Args:
        w: the weight.
        start: h_0.
        steps: how many, T.
        cut: the step before which the state is detached; 0 for none.
    Returns:
        The states h_0 to h_T, and the gradient of h_T by each of them, by autograd.
    """
    h = torch.tensor(start, dtype=torch.float64, requires_grad=True)
    states = [h]
    for t in range(1, steps + 1):
        before = states[-1]
        after = torch.tanh(w * (before.detach().requires_grad_() if t == cut else before))
        states.append(after)
    grads = torch.autograd.grad(states[-1], states, allow_unused=True)
    return [s.item() for s in states], [0.0 if g is None else g.item() for g in grads]


def gradients_through_time(
    w: float = 2.0, start: float = 0.05, steps: int = 8, cut: int | None = None
) -> LiveFigure:
    """Let the reader send a gradient back through one tanh unit, and see it grow or shrink.

    The unit has a weight and no input. Beside its states stands the cobweb of h -> tanh(w h), whose
    slope at a state is the factor of that step.

    Args:
        w: the weight it begins with, from 0 to 3.
        start: the first state, from -1 to 1.
        steps: how many, from 2 to 12.
        cut: the step before which scissors stand (0: none yet); None leaves the scissors away.
    Returns:
        A live figure. Its ``state`` holds ``states``, ``factors`` and ``gradients``.
    Raises:
        ValueError: if a number is outside its range; TypeError if it is none.
    """
    whole("steps", steps, least=2)
    if cut is not None:
        whole("cut", cut, least=0)
    for name, value, low, high in (
        ("w", real("w", w), 0, 3),
        ("start", real("start", start), -1, 1),
        ("steps", steps, 2, 12),
        ("cut", cut or 0, 0, steps),
    ):
        if not low <= value <= high:
            raise ValueError(f"expected {name} from {low} to {high}, got {value}")
    states, gradients = walk(w, start, steps, cut or 0)
    figure, (left, right) = plots.subplots(ncols=2, height=2.8, width_ratios=[1, 1.6])
    grid = torch.linspace(-1.1, 1.1, 101)
    left.plot(grid, grid, color="0.6", lw=1)
    left.plot(grid, torch.tanh(w * grid), color="0.3")
    corners = [corner for s, n in pairwise(states) for corner in ((s, n), (n, n))]
    left.plot(*zip((start, start), *corners, strict=True))
    left.set(xlabel="$h$", ylabel=r"$\tanh(w h)$", title="the way of the state")
    right.bar(range(steps + 1), gradients, color=plots.COLOURS[1])
    right.set(xlabel="step", title=f"gradient of $h_{{{steps}}}$ by each state")
    description = (
        f"One unit with weight {w:g} over {steps} steps from a first state of {start:g}: its "
        "states, and the gradient of the last one by each of them, which is multiplied at each "
        "step by the slope of the curve."
    )
    options = {"w": w, "start": start, "steps": steps, "cut": cut}
    return LiveFigure("backward", options, {}, figure, description)
