"""Charts: functions that draw numbers into an axes and return it."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator
from torch import Tensor

from rnnbook.arguments import kind_of, real, require_square, tensor
from rnnbook.plots.figure import COLOURS, require_labels, visible


def bars(ax: Axes, labels: Sequence[str], values: Sequence[float], ylabel: str) -> Axes:
    """Draw one bar a label.

    Args:
        ax: where to draw.
        labels: (N,) strings; spaces are made visible.
        values: (N,) numbers, the heights.
        ylabel: what the heights are, with their unit.
    Returns:
        The axes.
    Raises:
        ValueError: if there is not a label for each value.
    """
    require_labels("labels", labels, len(values))
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
    Raises:
        TypeError: if the series have no names.
        ValueError: if there is none.
    """
    _require_series(series)
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


def runs(
    ax: Axes,
    xs: Sequence[float],
    series: dict[str, Sequence[Sequence[float]]],
    xlabel: str,
    ylabel: str,
) -> Axes:
    """Draw runs from several seeds: a line through their means, and a mark for every run.

    Args:
        ax: where to draw.
        xs: (N,) what was varied.
        series: name to (N, seeds) values, one row for each x.
        xlabel: what was varied, with its unit.
        ylabel: what was measured, with its unit.
    Returns:
        The axes.
    Raises:
        TypeError: if the series have no names.
        ValueError: if there is none, or not a row of equally many runs for each x.
    """
    _require_series(series)
    for name, rows in series.items():
        if len(rows) != len(xs) or len({len(row) for row in rows}) != 1:
            raise ValueError(
                f"expected a row of runs for each of the {len(xs)} x, all of as many seeds; of "
                f"{name!r} there are rows of {[len(row) for row in rows]}"
            )
    dashes, marks = ["-", "--", "-.", ":"], ["o", "s", "^", "D"]
    for number, (name, rows) in enumerate(series.items()):
        colour = COLOURS[number % len(COLOURS)]
        means = [sum(row) / len(row) for row in rows]
        ax.plot(xs, means, dashes[number % 4], color=colour)
        for run in zip(*rows, strict=True):
            ax.plot(xs, run, marks[number % 4], color=colour, alpha=0.5, markeredgewidth=0)
        ax.plot([], [], dashes[number % 4] + marks[number % 4], color=colour, label=name)
    ax.set_xticks(xs)
    ax.set_xlabel(xlabel)
    ax.set_ylabel(ylabel)
    ax.legend()
    return ax


def dots(ax: Axes, rows: dict[str, Sequence[float]], xlabel: str) -> Axes:
    """Draw one row of marks a name, from the top down, such as one mark for every seed.

    Args:
        ax: where to draw.
        rows: name to values.
        xlabel: what was measured, with its unit.
    Returns:
        The axes.
    Raises:
        TypeError: if the rows have no names.
        ValueError: if there is none.
    """
    _require_series(rows)
    for y, values in enumerate(rows.values()):
        # A little apart, so that equal values are seen to be several.
        ys = [y + 0.12 * (k - (len(values) - 1) / 2) for k in range(len(values))]
        ax.plot(values, ys, "o", alpha=0.6, color=COLOURS[0], markeredgewidth=0)
    ax.set_yticks(range(len(rows)), list(rows))
    ax.set_ylim(len(rows) - 0.5, -0.5)
    ax.grid(axis="y", alpha=0.3)
    ax.set_xlabel(xlabel)
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
    Raises:
        TypeError: if the values are no tensor.
        ValueError: if they have another shape, or there is not a label for each row or column.
    """
    tensor("values", values, "torch.tensor makes one")
    if values.dim() != 2:
        raise ValueError(f"expected values of shape (rows, columns), got {tuple(values.shape)}")
    for name, labels, count in (
        ("row_labels", row_labels, len(values)),
        ("column_labels", column_labels, values.shape[1]),
    ):
        require_labels(name, labels, count if len(labels) else 0)
    if not real("limit", limit) > 0:
        raise ValueError(f"expected a limit above 0, got {limit}")
    picture = values.detach().cpu().numpy()
    ax.imshow(picture, cmap="RdBu_r", vmin=-limit, vmax=limit, aspect="auto", interpolation="none")
    ax.set_xticks(range(len(column_labels)), [visible(label) for label in column_labels])
    ax.set_yticks(range(len(row_labels)), [visible(label) for label in row_labels])
    ax.tick_params(length=0)
    return ax


def confusion(ax: Axes, counts: Tensor, labels: Sequence[str]) -> Axes:
    """Draw a confusion matrix: counts as numbers, shaded by their share of the row.

    Args:
        ax: where to draw.
        counts: (C, C) integers; entry [i, j] counts the members of class i taken for class j.
        labels: C names of the classes.
    Returns:
        The axes.
    Raises:
        ValueError: if the counts are no square matrix, or there is not a name for each class.
    """
    require_square(counts)
    require_labels("labels", labels, len(counts))
    shares = counts / counts.sum(dim=1, keepdim=True).clamp(min=1)
    ax.imshow(shares.numpy(), cmap="Blues", vmin=0, vmax=1, aspect="auto", interpolation="none")
    for row, column in counts.nonzero().tolist():
        colour = "white" if shares[row, column] > 0.65 else "black"
        count = int(counts[row, column])
        ax.text(column, row, count, ha="center", va="center", color=colour, size=8)
    ax.set_xticks(range(len(labels)), labels, rotation=45, ha="right")
    ax.set_yticks(range(len(labels)), labels)
    ax.set_xlabel("taken for")
    ax.set_ylabel("list")
    ax.tick_params(length=0)
    return ax


def input_sensitivity(ax: Axes, strengths: Tensor, row_labels: Sequence[str]) -> Axes:
    """Draw how strongly outputs depend on each input, as powers of ten of the strongest.

    Args:
        ax: where to draw.
        strengths: (rows, T), at least 0; an exact zero gets an empty cell.
        row_labels: one string a row.
    Returns:
        The axes.
    Raises:
        ValueError: if a strength is negative, all are 0, or there is not a label for each row.
    """
    tensor("strengths", strengths, "diagnostics.input_sensitivity gives one")
    if strengths.dim() != 2 or (strengths < 0).any() or not (strengths > 0).any():
        raise ValueError(
            "expected strengths of shape (rows, T), none below 0 and one above, got "
            f"{tuple(strengths.shape)} from {strengths.min():g} to {strengths.max():g}"
        )
    require_labels("row_labels", row_labels, len(strengths))
    powers = (strengths / strengths.max()).log10()  # of zero: minus infinity
    shades = (1 + powers / 8).clamp(min=0.08) * (strengths > 0)
    matrix(ax, shades, row_labels)
    ax.set_xticks(
        range(strengths.shape[1]), [f"$x_{{{s + 1}}}$" for s in range(strengths.shape[1])]
    )
    for row, cells in enumerate(powers.tolist()):
        for s, power in enumerate(cells):
            text = "" if power == -float("inf") else f"{abs(power):.0f}"
            text = "\u2212" + text if text not in ("", "0") else text
            dark = shades[row, s] > 0.6
            ax.text(s, row, text, ha="center", va="center", color="white" if dark else "black")
    for edge in range(len(strengths) - 1):
        ax.axhline(edge + 0.5, color="0.5", lw=1)
    return ax


def _require_series(series: dict[str, Sequence]) -> None:
    if not isinstance(series, dict):
        raise TypeError(f"expected the series as a dictionary, by name, got {kind_of(series)}")
    if not series:
        raise ValueError("there is no series to draw")
