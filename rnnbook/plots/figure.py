"""Opening a figure of the book's width and style, and what all figures share."""

from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

STYLE = Path(__file__).with_name("book.mplstyle")
plt.style.use(STYLE)  # once, so that what a reader sets afterwards stays

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
    """
    return plt.subplots(nrows, ncols, figsize=(7, height), **options)


def visible(text: str) -> str:
    """Return the text with spaces made visible."""
    return text.replace(" ", SHOWN_SPACE)
