"""Interactive figures of what depends on what: gradients over time, inputs that matter."""

import ipywidgets
import torch
from matplotlib.figure import Figure
from torch import nn

from rnnbook import plots
from rnnbook.arguments import whole
from rnnbook.diagnostics import input_sensitivity, random_layer_norms
from rnnbook.widgets.explorer import Explorer, float_slider, slider


def sensitivity_explorer(num_steps: int = 12) -> Explorer:
    """Let the reader see which inputs each direction's output at a step depends on.

    Args:
        num_steps: T, the length of the sequence.
    Returns:
        A widget with the directions, the number of layers and the step.
    Raises:
        ValueError: if there is no step.
    """
    whole("num_steps", num_steps, least=1)

    def draw(directions: str, layers: int, step: int) -> tuple[Figure, str]:
        with torch.random.fork_rng(devices=[]):  # the chapter's own stream stays as it is
            torch.manual_seed(0)
            layer = nn.LSTM(4, 8, layers, bidirectional=directions == "two").double()
            x = torch.randn(num_steps, 4).double()
        strengths = input_sensitivity(layer, x, step - 1)  # (D, T)
        names = ("forward", "backward")[: len(strengths)]
        counts = [
            f"{name} half {int((row > 0).sum())}"
            for name, row in zip(names, strengths, strict=True)
        ]
        figure, ax = plots.subplots(height=0.5 * len(names) + 0.75)
        plots.input_sensitivity(ax, strengths, names)
        ax.set_title(f"inputs that matter to the output at step {step}: {', '.join(counts)}")
        return figure, f"{ax.get_title('left')}, of {num_steps}. In the cells: powers of ten."

    return Explorer(
        draw,
        directions=ipywidgets.ToggleButtons(options=["two", "one"], description="directions"),
        layers=slider("layers", 1, 1, 3),
        step=slider("step", num_steps, 1, num_steps),
    )


def gradient_explorer() -> Explorer:
    """Let the reader see how far back a gradient reaches in an untrained recurrent layer.

    Returns:
        A widget with the recurrent matrix's kind and spectral radius, the nonlinearity, the number
        of steps and the strength of the inputs. It draws the norm of dh[T] / dh[T-k] against k,
        and the bound, the k-th power of the matrix's largest singular value.
    """

    def draw(
        kind: str, nonlinearity: str, radius: float, steps: int, input_scale: float
    ) -> tuple[Figure, str]:
        W, norms = random_layer_norms(kind, nonlinearity, radius, steps, input_scale)
        sigma = torch.linalg.matrix_norm(W, 2).item()
        figure, ax = plots.subplots(height=3.0)
        series = {"measured": norms, "the bound": sigma ** torch.arange(steps + 1.0)}
        shown = {name: values[1:].tolist() for name, values in series.items()}
        plots.curves(ax, shown, "norm", "distance k", log=True)
        ax.set_title(
            f"spectral radius {radius:.2f}, largest singular value {sigma:.2f}; "
            f"after {steps} steps {norms[-1]:.0e}"
        )
        description = (
            f"Norm of the product of Jacobians and its bound against the distance, for a {kind} "
            f"matrix and {nonlinearity}: {ax.get_title('left')}."
        )
        return figure, description

    return Explorer(
        draw,
        kind=ipywidgets.ToggleButtons(options=["random", "orthogonal"], description="matrix"),
        nonlinearity=ipywidgets.ToggleButtons(options=["tanh", "relu"], description="nonlinearity"),
        radius=float_slider("radius", 0.9, 0.1, 2.0),
        steps=slider("steps", 60, 5, 100),
        input_scale=float_slider("input strength", 0.1, 0.0, 2.0),
    )
