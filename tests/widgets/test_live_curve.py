"""rnnbook.widgets.LiveCurve: one picture, updated while a model trains."""

import matplotlib.pyplot as plt

from rnnbook.history import History
from rnnbook.widgets import LiveCurve, live_curve


def test_live_curve_draws_every_so_often(monkeypatch):
    shown = []

    class Handle:
        def update(self, figure):
            shown.append(("update", len(figure.axes[0].get_lines())))

    def display(figure, display_id):
        shown.append(("display", len(figure.axes[0].get_lines())))
        return Handle()

    monkeypatch.setattr(live_curve, "display", display)
    live, history = LiveCurve("title", every=2), History()
    for epoch in range(1, 7):
        history.record(loss=3.0 / epoch)
        if epoch > 3:
            history.record(validation_loss=2.0)
        live(epoch, history)
    assert shown == [("display", 1), ("update", 2), ("update", 2)]
    assert not plt.get_fignums()
