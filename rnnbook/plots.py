"""The book's figures: pure matplotlib, functions that take an axes and return it."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator
from torch import Tensor

# Okabe and Ito's palette: told apart by readers with any of the common colour-vision deficiencies.
COLOURS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000"]
STYLE = {
    "figure.dpi": 110,
    "savefig.dpi": 110,
    "figure.constrained_layout.use": True,
    "axes.prop_cycle": plt.cycler(color=COLOURS),
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": False,
    "axes.titlesize": 11,
    "axes.titlelocation": "left",
    "font.size": 10,
    "font.family": "DejaVu Sans",  # comes with matplotlib, so pictures look alike everywhere
    "legend.frameon": False,
    "lines.linewidth": 1.8,
}
SHOWN_SPACE = "\u2423"  # an open box, the printer's sign for a space


def subplots(
    height: float = 2.8, ncols: int = 1, nrows: int = 1, **options
) -> tuple[Figure, object]:
    """Open a figure of the book's width and style.

    Args:
        height: in inches; the width is 7.
        ncols: number of axes side by side.
        nrows: number of axes above one another.
        options: passed on to ``matplotlib.pyplot.subplots``.
    Returns:
        The figure and its axes, as ``matplotlib.pyplot.subplots`` gives them.
    """
    plt.rcParams.update(STYLE)
    return plt.subplots(nrows, ncols, figsize=(7, height), **options)


def visible(text: str) -> str:
    """Return the text with spaces made visible."""
    return text.replace(" ", SHOWN_SPACE)


def bars(ax: Axes, labels: Sequence[str], values: Sequence[float], ylabel: str) -> Axes:
    """Draw one bar a label.

    Args:
        ax: where to draw.
        labels: (N,) strings; spaces are made visible.
        values: (N,) numbers, the heights.
        ylabel: what the heights are, with their unit.
    Returns:
        The axes.
    """
    ax.bar(range(len(values)), values, color=COLOURS[0], width=0.75)
    ax.set_xticks(range(len(labels)), [visible(label) for label in labels])
    ax.set_xlim(-0.7, len(labels) - 0.3)
    ax.set_ylabel(ylabel)
    return ax


def curves(
    ax: Axes,
    series: dict[str, Sequence[float]],
    ylabel: str,
    xlabel: str = "epoch",
    log: bool = False,
) -> Axes:
    """Draw one line a series, each against 1, 2, 3, ..., told apart by colour and by dashes.

    Args:
        ax: where to draw.
        series: name to values; a name shows in the legend.
        ylabel: what the values are, with their unit.
        xlabel: what 1, 2, 3, ... count.
        log: whether the y axis is logarithmic.
    Returns:
        The axes.
    """
    dashes = ["-", "--", "-.", ":"]
    for number, (name, values) in enumerate(series.items()):
        ax.plot(range(1, len(values) + 1), values, dashes[number % len(dashes)], label=name)
    if log:
        ax.set_yscale("log")
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.set_xlabel(xlabel)
    ax.set_ylabel(ylabel)
    if len(series) > 1:
        ax.legend()
    return ax


def matrix(
    ax: Axes,
    values: Tensor,
    row_labels: Sequence[str] = (),
    column_labels: Sequence[str] = (),
    limit: float = 1.0,
) -> Axes:
    """Draw a matrix as a heat map: blue below zero, white at zero, red above.

    Args:
        ax: where to draw.
        values: (rows, columns).
        row_labels: one string a row, or none.
        column_labels: one string a column, or none; spaces are made visible.
        limit: the magnitude with the full colour; larger values show no darker.
    Returns:
        The axes.
    """
    picture = values.detach().cpu().numpy()
    ax.imshow(picture, cmap="RdBu_r", vmin=-limit, vmax=limit, aspect="auto", interpolation="none")
    ax.set_xticks(range(len(column_labels)), [visible(label) for label in column_labels])
    ax.set_yticks(range(len(row_labels)), [visible(label) for label in row_labels])
    ax.tick_params(length=0)
    return ax


def windows(
    ax: Axes, text: str, minibatches: Sequence[Sequence[tuple[int, int]]], columns: int = 60
) -> Axes:
    """Draw minibatches as coloured boxes on the text they were cut from.

    Args:
        ax: where to draw.
        text: the text, laid out in rows of ``columns`` characters.
        minibatches: for each minibatch its windows, each a (start, stop) pair of positions in the
            text, in the order of the minibatch's rows. A minibatch has one colour, and every window
            carries "minibatch.row" in small print.
        columns: characters in a row of the picture.
    Returns:
        The axes.
    """
    rows = -(-len(text) // columns)
    for number, minibatch in enumerate(minibatches):
        colour = COLOURS[number % (len(COLOURS) - 1)]
        for row, (start, stop) in enumerate(minibatch):
            _paint(ax, start, stop, columns, colour, f"{number + 1}.{row + 1}")
    for position, character in enumerate(text):
        place = (position % columns + 0.5, position // columns + 0.5)
        ax.text(
            *place, visible(character), ha="center", va="center", family="DejaVu Sans Mono", size=8
        )
    ax.set_xlim(0, columns)
    ax.set_ylim(rows + 0.1, -0.25)
    ax.axis("off")
    return ax


def _paint(ax: Axes, start: int, stop: int, columns: int, colour: str, label: str) -> None:
    """Colour the cells from start to stop, over line ends if need be, and label the first."""
    ax.text(
        start % columns + 0.1, start // columns - 0.02, label, size=6, color=colour, va="center",
        weight="bold",
    )  # fmt: skip
    for line in range(start // columns, (stop - 1) // columns + 1):
        left, right = max(start, line * columns), min(stop, (line + 1) * columns)
        corner = (left - line * columns + 0.06, line + 0.17)
        ax.add_patch(Rectangle(corner, right - left - 0.12, 0.68, color=colour, alpha=0.35, lw=0))


def unrolled(ax: Axes, num_steps: int, window: int | None = None) -> Axes:
    """Draw a recurrent network unrolled in time.

    Args:
        ax: where to draw.
        num_steps: T, the number of steps drawn.
        window: if given, the way back of the gradient is drawn too, and cut after every ``window``
            steps, as truncated backpropagation through time cuts it.
    Returns:
        The axes.
    """
    box = {"boxstyle": "round,pad=0.35", "fc": "white", "ec": "0.4"}
    for t in range(num_steps + 1):
        ax.text(t, 0, f"$h_{t}$", ha="center", va="center", bbox=box)
        if t == 0:
            continue
        ax.text(t, -1, f"$x_{t}$", ha="center", va="center")
        ax.text(t, 1, f"$o_{t}$", ha="center", va="center")
        forward = [((t - 1, 0), (t, 0), "$W_{hh}$"), ((t, -1), (t, 0), "$W_{xh}$")]
        for start, end, name in [*forward, ((t, 0), (t, 1), "$W_{hq}$")]:
            _arrow(ax, start, end, COLOURS[0])
            middle = (
                (start[0] + end[0]) / 2 + 0.04 * (start[0] == end[0]),
                (start[1] + end[1]) / 2,
            )
            above = start[1] == end[1]
            ax.text(
                *middle, name, size=8, color="0.3", ha="center" if above else "left",
                va="bottom" if above else "center",
            )  # fmt: skip
        if window and (t - 1) % window:
            _arrow(ax, (t, 0), (t - 1, 0), COLOURS[1], bend=-0.45)
        if window and t % window == 0 and t < num_steps:
            ax.axvline(t + 0.5, color=COLOURS[1], ls="--", lw=1.2)
    ax.set_xlim(-0.4, num_steps + 0.5)
    ax.set_ylim(-1.3, 1.3)
    ax.axis("off")
    return ax


def _arrow(
    ax: Axes, start: tuple[float, float], end: tuple[float, float], colour: str, bend: float = 0.0
) -> None:
    """Draw an arrow between two places, clear of what is written there."""
    style = {"arrowstyle": "->", "color": colour, "shrinkA": 13, "shrinkB": 13}
    ax.annotate("", end, start, arrowprops=style | {"connectionstyle": f"arc3,rad={bend}"})
