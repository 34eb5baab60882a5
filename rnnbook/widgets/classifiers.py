"""Interactive figures of classifiers: an opinion, letter by letter."""

from collections.abc import Sequence

import ipywidgets
from matplotlib.figure import Figure
from torch import nn

from rnnbook import plots
from rnnbook.datasets.surnames import to_ascii
from rnnbook.diagnostics import prefix_probabilities
from rnnbook.text import Vocab
from rnnbook.widgets.explorer import Explorer


def prefix_reader(model: nn.Module, vocab: Vocab, classes: Sequence[str], text: str) -> Explorer:
    """Read a classifier's opinion after each letter of a name that the reader types.

    Args:
        model: called with X (1, T) and lengths (1,), returns logits (1, C).
        vocab: the letters' indices.
        classes: C names of the classes.
        text: the first name.
    Returns:
        A widget with the name.
    """

    def draw(text: str) -> tuple[Figure, str]:
        name = to_ascii(text)
        if not name:
            raise ValueError(f"{text!r} has no letter for it: it knows the Latin alphabet only")
        probabilities = prefix_probabilities(model, vocab, name)  # (T, C)
        figure, ax = plots.subplots(height=3.2)
        plots.matrix(ax, probabilities.T, row_labels=classes, column_labels=name)
        best = int(probabilities[-1].argmax())
        for column, row in enumerate(probabilities.argmax(dim=1).tolist()):
            value = probabilities[column, row].item()
            colour = "white" if value > 0.7 else "black"
            ax.text(column, row, f"{value:.2f}", ha="center", va="center", size=8, color=colour)
        ax.set_xlabel("letters read so far; the number is the largest probability")
        ax.set_title(f"{name}: {classes[best]}, {probabilities[-1, best]:.2f}")
        return figure, f"Heat map of class probabilities after each letter of {name}."

    box = ipywidgets.Text(value=text, description="name", continuous_update=False)
    return Explorer(draw, text=box)
