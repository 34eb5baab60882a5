"""Figures that live in the browser: in JupyterLab and, from the same source, in the page."""

from rnnbook.live.batches import marching_windows, packing_steps, turning_numbers
from rnnbook.live.cells import gated_tank, step_by_hand
from rnnbook.live.gradients import gradients_through_time
from rnnbook.live.learning import story_asset, training_network
from rnnbook.live.live_figure import LiveFigure
from rnnbook.live.looking import looking_network
from rnnbook.live.reading import reading_network
from rnnbook.live.weights import MODELS, exported, network

__all__ = [
    "MODELS",
    "LiveFigure",
    "exported",
    "gated_tank",
    "gradients_through_time",
    "looking_network",
    "marching_windows",
    "network",
    "packing_steps",
    "reading_network",
    "step_by_hand",
    "story_asset",
    "training_network",
    "turning_numbers",
]
