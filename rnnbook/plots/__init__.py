"""The book's figures: pure matplotlib, in the style of ``book.mplstyle``."""

from rnnbook.plots.charts import bars, confusion, curves, dots, input_sensitivity, matrix, runs
from rnnbook.plots.diagrams import cell, layer_grid, padded, pattern, stacked, unrolled, windows
from rnnbook.plots.figure import COLOURS, SHOWN_SPACE, STYLE, subplots, visible

__all__ = [
    "COLOURS",
    "SHOWN_SPACE",
    "STYLE",
    "bars",
    "cell",
    "confusion",
    "curves",
    "dots",
    "input_sensitivity",
    "layer_grid",
    "matrix",
    "padded",
    "pattern",
    "runs",
    "stacked",
    "subplots",
    "unrolled",
    "visible",
    "windows",
]
