"""Opening a figure of the book's width and style, and what all figures share."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
from IPython import get_ipython
from matplotlib.figure import Figure
from matplotlib_inline.backend_inline import set_matplotlib_formats

from rnnbook.arguments import real, strings, whole

STYLE = Path(__file__).with_name("book.mplstyle")
# Once, so that what a reader sets afterwards stays.
plt.style.use(STYLE)
if get_ipython() is not None:
    set_matplotlib_formats("retina")  # two pixels for one of the page: crisp on any screen

COLOURS: list[str] = plt.rcParams["axes.prop_cycle"].by_key()["color"]
SHOWN_SPACE = "\u2423"  # an open box, the printer's sign for a space


def subplots(
    height: float = 2.8, ncols: int = 1, nrows: int = 1, **options: Any
) -> tuple[Figure, Any]:
    """Open a figure of the book's width and style.

    Args:
        height: in inches; the width is 7.
        ncols: number of axes side by side.
        nrows: number of axes above one another.
        options: passed on to ``matplotlib.pyplot.subplots``.
    Returns:
        The figure and its axes, as ``matplotlib.pyplot.subplots`` gives them.
    Raises:
        TypeError: if a number is none.
        ValueError: if there would be no axes, or none to be seen.
    """
    for name, number in {"ncols": ncols, "nrows": nrows}.items():
        whole(name, number, least=1)
    if not 0 < real("height", height) < 1000:
        raise ValueError(f"expected the height in inches, above 0, got {height}")
    return plt.subplots(nrows, ncols, figsize=(7, height), **options)


def visible(text: str) -> str:
    """Return a text as it is drawn: spaces made visible, and no dollar begins a formula."""
    return text.replace(" ", SHOWN_SPACE).replace("$", r"\$")


def require_labels(name: str, labels: Sequence[str], count: int) -> None:
    """Examine that there is a label for each thing to be drawn.

    Raises:
        TypeError: if they are no sequence of strings.
        ValueError: if there are more or fewer.
    """
    strings(name, labels, "one string for each")
    if len(labels) != count:
        raise ValueError(f"expected {count} {name}, one for each, got {len(labels)}")
