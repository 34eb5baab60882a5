"""Minibatches that the reader moves: windows on a text, names that are packed, a table turned."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from rnnbook import plots
from rnnbook.arguments import kind_of, strings, whole
from rnnbook.batching import window_positions
from rnnbook.live.live_figure import LiveFigure

SENTENCE = "the keeper of the drum wrote down the tide twice a day in ink"
WAYS = ("sequential", "random")
# What a telephone's width has room for.
MOST_STRIPS, LONGEST_STRIP, LONGEST_WINDOW = 4, 24, 8
MOST_NAMES, LONGEST_NAME = 6, 12
MOST_STEPS, MOST_ROWS = 6, 4


def marching_windows(
    text: str = SENTENCE, B: int = 3, T: int = 5, way: str = "sequential", seed: int = 1
) -> LiveFigure:
    """Let the reader move a minibatch's windows along a text, or have them dealt out at random.

    The sequential minibatches are those of ``batching.SequentialBatches`` with an offset of 0. The
    random ones are cut as ``batching.RandomBatches`` cuts them, with an offset and an order that
    are drawn in the browser.

    Args:
        text: what is cut up: any characters. The B strips are N - 1 over B characters long,
            rounded down; what is left over is not shown.
        B: the number of strips, 1 to 4.
        T: the number of steps in a window, 2 to 8.
        way: how it begins, ``"sequential"`` or ``"random"``; the reader may take the other.
        seed: of the random offsets and orders.
    Returns:
        A live figure. It begins with the second minibatch, the first that goes on from another.
        Its ``state`` holds the minibatch's number, how many there are, the starts of the windows
        in the text, and X and Y: B strings of T characters each.
    Raises:
        TypeError: if the text is no string, or a number is none.
        ValueError: if a size is outside its bounds, a strip does not hold two windows or is longer
            than 24 characters, or there is no such way.
    """
    _string("text", text)
    _between("B", B, 1, MOST_STRIPS)
    _between("T", T, 2, LONGEST_WINDOW)
    whole("seed", seed, least=0)
    if way not in WAYS:
        raise ValueError(f"expected the way {' or '.join(WAYS)}, got {way!r}")
    length = (len(text) - 1) // B  # of a strip; 1 for the last target
    if not 2 * T <= length <= LONGEST_STRIP:
        raise ValueError(
            f"with B={B} a text of {len(text)} characters makes strips of {max(length, 0)}; "
            f"expected {2 * T} (two windows) to {LONGEST_STRIP}: take "
            + ("a longer text or a smaller B" if length < 2 * T else "a shorter text or a larger B")
        )
    text = text[: B * length + 1]
    minibatches = window_positions("sequential", len(text), B, T, offset=0)
    figure, ax = plots.subplots(height=0.4 + 0.4 * B)
    plots.windows(ax, text[:-1], minibatches, columns=length)
    ax.set_title(f"minibatches of {B} windows of {T} characters, one colour each")
    first, second = (text[slice(*minibatch[0])] for minibatch in minibatches[:2])
    description = (
        f"A text in {B} strips, one below the other, and the windows of {len(minibatches)} "
        f"minibatches on them. Row 0 reads {first!r} in the first minibatch and goes on with "
        f"{second!r} in the second."
    )
    options = {"text": text, "B": B, "T": T, "way": way, "seed": seed, "number": 2}
    return LiveFigure("windows", options, {}, figure, description)


def packing_steps(
    names: Sequence[str] = ("anna", "jo", "li", "smith"), mode: str = "packed"
) -> LiveFigure:
    """Let the reader go through a minibatch of names step by step, packed or padded.

    Args:
        names: 2 to 6 strings of 1 to 12 characters, not all of one length.
        mode: how it begins, ``"packed"`` or ``"padded"``; the reader may take the other.
    Returns:
        A live figure. Its ``state`` holds the names, longest first, as PyTorch sorts them; the
        steps read; ``batch_sizes``; ``data``, what was read so far in its order, with an empty
        string for a pad; and ``picked``, the step, from 0, after which each row's state stands.
    Raises:
        TypeError: if the names are no sequence of strings.
        ValueError: if there are too few, too many, or names that are too long, empty, or all of
            one length, or there is no such mode.
    """
    hint = 'a list of strings, such as ["anna", "jo"]'
    if isinstance(names, str):
        raise TypeError(f"expected names as {hint}, got one string, {names!r}")
    names = list(strings("names", names, hint))
    if not 2 <= len(names) <= MOST_NAMES:
        raise ValueError(f"expected 2 to {MOST_NAMES} names, got {len(names)}")
    for name in names:
        if not 1 <= len(name) <= LONGEST_NAME:
            raise ValueError(f"expected names of 1 to {LONGEST_NAME} characters, got {name!r}")
        _visible("every name", name)
    if len(set(map(len, names))) == 1:
        raise ValueError(
            f"expected names of unequal lengths, got {len(names)} of length {len(names[0])}: "
            "nothing is padded there"
        )
    if mode not in ("packed", "padded"):
        raise ValueError(f"expected the mode packed or padded, got {mode!r}")
    by_length = sorted(names, key=len, reverse=True)
    longest = len(by_length[0])
    sizes = [sum(len(name) > t for name in names) for t in range(longest)]
    figure, (left, right) = plots.subplots(ncols=2, height=0.6 + 0.33 * len(names))
    plots.padded(left, by_length).set_title("padded: output[:, -1]")
    plots.padded(right, by_length, counts=True).set_title("packed: h_n")
    for row, name in enumerate(by_length):
        _ring(left, longest - 1, row, plots.COLOURS[1])
        _ring(right, len(name) - 1, row, plots.COLOURS[0])
    short = sum(len(name) < longest for name in names)
    description = (
        f"The names {', '.join(by_length)}, one a row. Padded, the last column is picked, which is "
        f"padding in {short} of {len(names)} rows; packed, each row's last letter. batch_sizes is "
        f"{', '.join(map(str, sizes))}."
    )
    options = {"names": names, "mode": mode, "step": (longest + 1) // 2}
    return LiveFigure("packing", options, {}, figure, description)


def turning_numbers(T: int = 3, B: int = 2) -> LiveFigure:
    """Let the reader turn a table by ``.T`` and by ``.reshape``, and see where its numbers go.

    Args:
        T: steps, the columns of the table, 2 to 6.
        B: windows, its rows, 2 to 4.
    Returns:
        A live figure. Its ``state`` says which button was pressed last, and holds both results,
        (T, B) each, of ``torch.arange(B * T).reshape(B, T)``.
    Raises:
        TypeError: if a number is none.
        ValueError: if there is one row or one column, which both ways turn alike, or too many.
    """
    _between("T", T, 2, MOST_STEPS)
    _between("B", B, 2, MOST_ROWS)
    tables = {
        f"X ({B}, {T})": [[T * b + t for t in range(T)] for b in range(B)],
        "X.T": [[T * b + t for b in range(B)] for t in range(T)],
        f"X.reshape({T}, {B})": [[B * t + b for b in range(B)] for t in range(T)],
    }
    figure, axes = plots.subplots(ncols=3, height=0.6 + 0.4 * T)
    for ax, (name, table) in zip(axes, tables.items(), strict=True):
        _numbers(ax, table, T).set_title(name)
    columns = {
        name: "; ".join(", ".join(map(str, column)) for column in zip(*table, strict=True))
        for name, table in tables.items()
    }
    turned, reshaped = list(columns)[1:]
    description = (
        f"{B} rows of {T} numbers. The columns of {turned} are {columns[turned]}: each is one row. "
        f"Those of {reshaped} are {columns[reshaped]}: the rows are mixed."
    )
    return LiveFigure("turning", {"T": T, "B": B}, {}, figure, description)


def _string(name: str, value: object) -> None:
    if not isinstance(value, str):
        raise TypeError(f"expected {name} as a string, got {kind_of(value)}: not its tokens")
    _visible(name, value)


def _visible(name: str, text: str) -> None:
    if not text.isprintable():
        raise ValueError(
            f"expected {name} of characters that can be drawn, got {text!r}: text.clean makes one "
            "line of letters and spaces"
        )


def _between(name: str, value: object, least: int, most: int) -> None:
    if not least <= whole(name, value) <= most:
        raise ValueError(f"expected {name} from {least} to {most}, got {value}")


def _ring(ax: Axes, column: int, row: int, colour: str) -> None:
    """Mark a cell of ``plots.padded``."""
    corner = (column + 0.04, row + 0.06)
    ax.add_patch(Rectangle(corner, 0.92, 0.88, fill=False, edgecolor=colour, lw=2.5))


def _numbers(ax: Axes, table: Sequence[Sequence[int]], T: int) -> Axes:
    """Draw numbers in cells, a colour for each T that follow one another."""
    for row, numbers in enumerate(table):
        for column, number in enumerate(numbers):
            corner = (column + 0.05, row + 0.05)
            ax.add_patch(Rectangle(corner, 0.9, 0.9, color=plots.COLOURS[number // T], lw=0))
            middle = (column + 0.5, row + 0.5)
            ax.text(*middle, number, ha="center", va="center", color="white", weight="bold")
    ax.set_xlim(0, MOST_STEPS)
    ax.set_ylim(len(table), 0)
    ax.set_aspect("equal")
    ax.axis("off")
    return ax
