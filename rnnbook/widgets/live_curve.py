"""A curve that grows while a model trains."""

import matplotlib.pyplot as plt
from IPython.display import display

from rnnbook import plots
from rnnbook.arguments import whole
from rnnbook.history import History


class LiveCurve:
    """Draw the perplexity while a model trains; pass it to ``fit(on_epoch=[...])``.

    Args:
        title: the figure's title.
        every: epochs between two drawings.
    """

    def __init__(self, title: str, every: int = 1) -> None:
        self.every, self.title, self.handle = whole("every", every, least=1), title, None

    def __call__(self, epoch: int, history: History) -> None:
        """Redraw the curves if it is time to."""
        if epoch % self.every:
            return
        figure, ax = plots.subplots()
        series = {"training": history.perplexity}
        if "validation_loss" in history.metrics:
            series["validation"] = history.validation_perplexity
        plots.curves(ax, series, ylabel="perplexity").set_title(self.title)
        if self.handle is None:
            self.handle = display(figure, display_id=True)
        else:
            self.handle.update(figure)
        plt.close(figure)
