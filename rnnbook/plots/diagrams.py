"""Diagrams: functions that draw a structure into an axes and return it."""

from collections.abc import Sequence
from itertools import pairwise

from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from rnnbook.arguments import strings, whole
from rnnbook.plots.figure import COLOURS, require_labels, visible


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
    Raises:
        ValueError: if a window is not within the text, or there would be no column.
    """
    whole("columns", columns, least=1)
    for window in (window for minibatch in minibatches for window in minibatch):
        if not 0 <= window[0] < window[1] <= len(text):
            raise ValueError(
                f"expected windows as (start, stop) within the {len(text)} characters, got {window}"
            )
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
    Raises:
        ValueError: if either number is below 1.
    """
    whole("num_steps", num_steps, least=1)
    if window is not None:
        whole("window", window, least=1)
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
        if window:
            _arrow(ax, (t, 1), (t, 0), COLOURS[1], bend=0.45)
        if window and (t - 1) % window:
            _arrow(ax, (t, 0), (t - 1, 0), COLOURS[1], bend=-0.45)
        if window and t % window == 0 and t < num_steps:
            ax.axvline(t + 0.5, color=COLOURS[1], ls="--", lw=1.2)
    ax.set_xlim(-0.4, num_steps + 0.5)
    ax.set_ylim(-1.3, 1.3)
    ax.axis("off")
    return ax


# The cells below in one language: where their parts stand, and which reads which. A gate looks at
# the input and at the state before; so does the candidate, what might be written.
GATE, CANDIDATE, OPERATION = COLOURS[2], COLOURS[4], "white"
CELLS: dict[str, dict] = {
    "RNN": {
        "parts": {"tanh": ((5, 2), r"$\tanh$", CANDIDATE, "candidate")},
        "flows": [("tanh", (10, 2))],  # no path around it
        "names": {(10, 2): "$h_t$"},
    },
    "LSTM": {
        "parts": {
            "f": ((2.6, 2), "$f_t$", GATE, "forget"),
            "i": ((4.2, 2), "$i_t$", GATE, "input"),
            "g": ((5.8, 2), "$g_t$", CANDIDATE, "candidate"),
            "o": ((7.4, 2), "$o_t$", GATE, "output"),
            "keep": ((2.6, 4), "\u00d7", OPERATION, ""),
            "write": ((5, 3), "\u00d7", OPERATION, ""),
            "add": ((5, 4), "+", OPERATION, ""),
            "tanh": ((8.8, 3.1), r"$\tanh$", OPERATION, ""),
            "show": ((8.8, 2), "\u00d7", OPERATION, ""),
        },
        "flows": [
            ("f", "keep"), ("i", "write"), ("g", "write"), ("write", "add"),
            ((8.8, 4.25), "tanh"), ("tanh", "show"), ("o", "show"), ("show", (10, 2)),
        ],
        "through": ((0, 4), "keep", "add", (10, 4)),
        "names": {(0, 4): "$c_{t-1}$", (10, 4): "$c_t$", (10, 2): "$h_t$"},
    },
    "GRU": {
        "parts": {
            "z": ((2.6, 2), "$z_t$", GATE, "update"),
            "r": ((5, 2), "$r_t$", GATE, "reset"),
            "n": ((7.4, 2), "$n_t$", CANDIDATE, "candidate"),
            "keep": ((2.6, 4), "\u00d7", OPERATION, ""),
            "rest": ((4.6, 3), "$1-z_t$", OPERATION, ""),
            "write": ((7.4, 3), "\u00d7", OPERATION, ""),
            "add": ((7.4, 4), "+", OPERATION, ""),
        },
        "flows": [
            ("z", "keep"), ("z", "rest"), ("rest", "write"), ("r", "n"), ("n", "write"),
            ("write", "add"),
        ],
        "through": ((0, 4), "keep", "add", (10, 4)),
        "names": {(0, 4): "$h_{t-1}$", (10, 4): "$h_t$"},
    },
}  # fmt: skip


def cell(ax: Axes, kind: str) -> Axes:
    """Draw one step of a recurrent network: what is read, kept, written and shown.

    Gates are green, what might be written is yellow, circles compute entry by entry; the thick
    line is the state that passes through, changed by no matrix.

    Args:
        ax: where to draw.
        kind: ``"RNN"``, ``"LSTM"`` or ``"GRU"``.
    Returns:
        The axes.
    Raises:
        ValueError: if there is no drawing of that kind.
    """
    if kind not in CELLS:
        raise ValueError(f"expected one of {', '.join(CELLS)}, got {kind!r}")
    parts, drawn = CELLS[kind]["parts"], CELLS[kind]
    places = {name: part[0] for name, part in parts.items()}
    for start, end in drawn["flows"]:
        _arrow(ax, places.get(start, start), places.get(end, end), "0.35")
    through = [places.get(stop, stop) for stop in drawn.get("through", ())]
    for start, end in pairwise(through):
        _arrow(ax, start, end, COLOURS[0], width=3.2, clear=(18, 13))
    last = max(x for (x, _), _, face, _ in parts.values() if face != OPERATION)
    ax.plot([0.4, last], [0.8, 0.8], color="0.35", lw=1.2)  # what every gate reads
    ax.plot([1.3, 1.3], [0.2, 0.8], color="0.35", lw=1.2)
    for (x, y), sign, face, word in parts.values():
        if face != OPERATION:
            _arrow(ax, (x, 0.8), (x, y), "0.35", clear=(0, 13))
            ax.text(x + 0.12, 1.2, word, size=8, color="0.3", va="center")
        box = {
            "boxstyle": "circle" if len(sign) == 1 else "round,pad=0.35",
            "fc": face,
            "ec": "0.3",
        }
        ax.text(x, y, sign, ha="center", va="center", bbox=box)
    for place, name in ({(0, 0.8): "$h_{t-1}$", (1.3, 0): "$x_t$"} | drawn["names"]).items():
        ax.text(*place, name, ha="center", va="center", size=11)
    ax.set_xlim(-0.4, 10.4)
    ax.set_ylim(-0.3, 4.5 if through else 2.6)
    ax.axis("off")
    return ax


def pattern(
    ax: Axes, reads: Sequence[int], writes: Sequence[int], num_steps: int = 4, start: bool = False
) -> Axes:
    """Draw at which of its steps a recurrent network reads and writes.

    Args:
        ax: where to draw.
        reads: the steps, from 1, at which an input arrives.
        writes: the steps at which an output leaves; with none, the last state is marked as the
            summary.
        num_steps: T, the number of steps drawn.
        start: whether one vector z sets the first state, and each output is the next input.
    Returns:
        The axes.
    Raises:
        ValueError: if a step is not one of 1 to T.
    """
    whole("num_steps", num_steps, least=1)
    for step in (*reads, *writes):
        if not 1 <= whole("every step", step) <= num_steps:
            raise ValueError(f"expected steps from 1 to {num_steps}, got {step}")
    box = {"boxstyle": "round,pad=0.35", "fc": "white", "ec": "0.4"}
    marked = box | {"fc": COLOURS[4], "ec": "0.2"}
    for t in range(num_steps + 1):
        summary = not writes and t == num_steps
        ax.text(t, 0, f"$h_{t}$", ha="center", va="center", bbox=marked if summary else box)
        if t > 0:
            _arrow(ax, (t - 1, 0), (t, 0), COLOURS[0])
        if t in reads:
            ax.text(t, -1, f"$x_{t}$", ha="center", va="center")
            _arrow(ax, (t, -1), (t, 0), COLOURS[0])
        if t in writes:
            ax.text(t, 1, f"$o_{t}$", ha="center", va="center")
            _arrow(ax, (t, 0), (t, 1), COLOURS[0])
        if start and t in writes and t < num_steps:
            _arrow(ax, (t, 1), (t + 1, 0), COLOURS[1])
    if start:
        ax.text(0, -1, "$z$", ha="center", va="center")
        _arrow(ax, (0, -1), (0, 0), COLOURS[0])
    if not writes:
        ax.text(num_steps, 0.55, "summary", ha="center", va="center", size=9)
    ax.set_xlim(-0.4, num_steps + 0.5)
    ax.set_ylim(-1.3, 1.3)
    ax.axis("off")
    return ax


def padded(ax: Axes, sequences: Sequence[str], counts: bool = False) -> Axes:
    """Draw strings of unequal lengths as the rows of one grid, with the padding in grey.

    Args:
        ax: where to draw.
        sequences: the strings, from the top down.
        counts: whether to draw what packing keeps instead: no padding, and above each column how
            many of the strings reach it.
    Returns:
        The axes.
    Raises:
        TypeError: if they are no sequence of strings.
        ValueError: if there is none.
    """
    if isinstance(sequences, str) or not strings("sequences", sequences, "one string a row"):
        raise ValueError(f"expected at least one string, in a list, got {sequences!r}")
    longest = max(map(len, sequences))
    for row, sequence in enumerate(sequences):
        for column in range(longest):
            valid = column < len(sequence)
            if counts and not valid:
                continue
            face = COLOURS[5] if valid else "0.75"
            ax.add_patch(Rectangle((column + 0.04, row + 0.06), 0.92, 0.88, color=face, lw=0))
            if valid:
                middle = (column + 0.5, row + 0.5)
                ax.text(*middle, visible(sequence[column]), ha="center", va="center")
    for column in range(longest if counts else 0):
        reached = sum(column < len(sequence) for sequence in sequences)
        ax.text(column + 0.5, -0.35, reached, ha="center", va="center", weight="bold")
    ax.set_xlim(0, longest)
    ax.set_ylim(len(sequences), -0.7 if counts else 0)
    ax.axis("off")
    return ax


def stacked(ax: Axes, num_steps: int, num_layers: int, bidirectional: bool = False) -> Axes:
    """Draw which state reads which, in a network of several layers or of two directions.

    Args:
        ax: where to draw.
        num_steps: T, the number of steps drawn.
        num_layers: L; the lowest is layer 0, as in PyTorch's names.
        bidirectional: whether every layer has a second network that reads from the end.
    Returns:
        The axes.
    Raises:
        ValueError: if either number is below 1.
    """
    whole("num_steps", num_steps, least=1)
    whole("num_layers", num_layers, least=1)
    signs = ("\u2192", "\u2190") if bidirectional else ("",)
    for t in range(1, num_steps + 1):
        ax.text(t, 0, f"$x_{t}$", ha="center", va="center")
    below = [(0.0, 0.0)]  # (shift to the side, height) of the rows that the next layer reads
    for layer in range(num_layers):
        height = 1 + layer * (len(signs) + 0.5)
        shifts = (-0.2, 0.2) if bidirectional else (0.0,)
        rows = [(shift, height + k) for k, shift in enumerate(shifts)]
        for (shift, row), sign in zip(rows, signs, strict=True):
            backward = sign == "\u2190"
            colour = COLOURS[backward]
            ax.text(0.45, row, f"layer {layer} {sign}", ha="right", va="center", color=colour)
            for t in range(1, num_steps + 1):
                ax.plot(t + shift, row, "o", ms=13, mfc="white", mec=colour)
                for side, source in below:
                    _arrow(ax, (t + side, source), (t + shift, row), "0.65")
                if t < num_steps:
                    ends = [(t + shift, row), (t + 1 + shift, row)]
                    _arrow(ax, *(ends[::-1] if backward else ends), colour)
        below = rows
    ax.set_xlim(-0.75, num_steps + 0.4)
    ax.set_ylim(-0.4, below[-1][1] + 0.5)
    ax.axis("off")
    return ax


def layer_grid(
    ax: Axes,
    num_steps: int,
    num_layers: int,
    bidirectional: bool = False,
    notes: Sequence[str] = (),
) -> Axes:
    """Draw all states of a recurrent layer and mark those that ``output`` and ``h_n`` hold.

    Arrows lead from each state to those that read it. With two directions a frame holds the two
    states of a layer at one step, which the layer above reads side by side.

    Args:
        ax: where to draw.
        num_steps: T, the columns.
        num_layers: L; layer 0 is at the bottom.
        bidirectional: whether each layer has a second row, which is read from the end.
        notes: one text a row, from the bottom up, written to the right of it; or none.
    Returns:
        The axes.
    Raises:
        ValueError: if either number is below 1, or there is not a note for each row.
    """
    whole("num_steps", num_steps, least=1)
    whole("num_layers", num_layers, least=1)
    rows = num_layers * (2 if bidirectional else 1)
    require_labels("notes", notes, rows if len(notes) else 0)
    faces = {"": "0.93", "output": COLOURS[5], "h_n": COLOURS[4], "output\nh_n": COLOURS[2]}
    arrow = {"arrowstyle": "->", "color": "0.4", "shrinkA": 0, "shrinkB": 0}
    directions, names, heights = (2 if bidirectional else 1), [], []
    edge = 0.42 if bidirectional else 0.34  # of a frame, or of a cell
    for row in range(rows):
        layer, backward = divmod(row, directions)
        names.append(f"layer {layer}" + (", reverse" if backward else ""))
        y = row + 0.25 * layer * bidirectional  # room for the arrows between the frames
        heights.append(y)
        for t in range(num_steps):
            in_output = layer == num_layers - 1
            in_h_n = t == (0 if backward else num_steps - 1)
            label = "\n".join(["output"] * in_output + ["h_n"] * in_h_n)
            ax.add_patch(Rectangle((t - 0.34, y - 0.34), 0.68, 0.68, fc=faces[label], ec="0.4"))
            ax.text(t, y, label, ha="center", va="center", size=8)
            if t + 1 < num_steps:
                ends = (t + 1 - 0.34, y), (t + 0.34, y)
                ax.annotate("", *(reversed(ends) if backward else ends), arrowprops=arrow)
            if backward:
                ax.add_patch(Rectangle((t - 0.42, y - 1.42), 0.84, 1.84, fc="none", ec="0.7"))
            if layer and not backward:
                below = heights[row - 1] + edge
                ax.annotate("", (t, y - edge), (t, below), arrowprops=arrow)
    for y, note in zip(heights, notes or [""] * rows, strict=True):
        ax.text(num_steps - 0.5, y, note, va="center", size=8)
    ax.set_xticks(range(num_steps), [f"t={t + 1}" for t in range(num_steps)])
    ax.set_yticks(heights, names)
    ax.tick_params(length=0)
    ax.set_xlim(-0.5, (num_steps - 0.5) * (1.9 if notes else 1))
    ax.set_ylim(-0.5, heights[-1] + 0.5)
    for side in ("left", "bottom"):
        ax.spines[side].set_visible(False)
    return ax


def _arrow(
    ax: Axes,
    start: tuple[float, float],
    end: tuple[float, float],
    colour: str,
    bend: float = 0.0,
    width: float = 1.0,
    clear: tuple[float, float] = (13, 13),
) -> None:
    """Draw an arrow between two places, clear, in points, of what is written there."""
    style = {"arrowstyle": "->", "color": colour, "lw": width}
    style |= {"shrinkA": clear[0], "shrinkB": clear[1]}
    ax.annotate("", end, start, arrowprops=style | {"connectionstyle": f"arc3,rad={bend}"})
