"""Interactive figures: controls over the pure functions of ``rnnbook.plots``."""

from rnnbook.widgets.classifiers import prefix_reader
from rnnbook.widgets.explorer import Explorer
from rnnbook.widgets.layers import cell_stepper, gate_explorer, rnn_explorer
from rnnbook.widgets.live_curve import LiveCurve
from rnnbook.widgets.sensitivity import gradient_explorer, sensitivity_explorer
from rnnbook.widgets.texts import ngram_explorer, window_explorer

__all__ = [
    "Explorer",
    "LiveCurve",
    "cell_stepper",
    "gate_explorer",
    "gradient_explorer",
    "ngram_explorer",
    "prefix_reader",
    "rnn_explorer",
    "sensitivity_explorer",
    "window_explorer",
]
