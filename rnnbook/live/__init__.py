"""Figures that live in the browser: in JupyterLab and, from the same source, in the page."""

from rnnbook.live.learning import story_asset, training_network
from rnnbook.live.live_figure import LiveFigure
from rnnbook.live.reading import reading_network
from rnnbook.live.weights import MODELS, exported, network

__all__ = [
    "MODELS",
    "LiveFigure",
    "exported",
    "network",
    "reading_network",
    "story_asset",
    "training_network",
]
