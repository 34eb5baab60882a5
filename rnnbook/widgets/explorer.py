"""Controls above a picture that follows them: what every interactive figure is made of."""

import base64
import html
import io
from collections.abc import Callable

import ipywidgets
import matplotlib.pyplot as plt
from matplotlib.figure import Figure


class Explorer(ipywidgets.VBox):
    """Controls above a picture that follows them.

    A page without a kernel (the built site, a notebook viewer) shows the first state as a picture.

    Args:
        draw: called with the controls' values by name; returns a figure and its description in
            words, which becomes the picture's alt text. A ValueError it raises is shown in place of
            the picture.
        controls: ipywidgets controls by the name of the argument they set.
    """

    def __init__(
        self, draw: Callable[..., tuple[Figure, str]], **controls: ipywidgets.Widget
    ) -> None:
        self.draw, self.controls, self.picture = draw, controls, ipywidgets.HTML()
        self.png: bytes | None = None
        super().__init__([*controls.values(), self.picture])
        for control in controls.values():
            control.observe(self._refresh, names="value")
        self._refresh()

    def _refresh(self, _change: object = None) -> None:
        values = {name: control.value for name, control in self.controls.items()}
        try:
            figure, description = self.draw(**values)
        except ValueError as error:
            self.picture.value = f"<p role='alert'>{html.escape(str(error))}</p>"
            return
        self.png = _png(figure)
        encoded = base64.b64encode(self.png).decode()
        alt = html.escape(description, quote=True)
        self.picture.value = (
            f'<img alt="{alt}" style="max-width: 100%" src="data:image/png;base64,{encoded}">'
        )

    def _repr_mimebundle_(self, **options: object) -> dict[str, object]:
        bundle = super()._repr_mimebundle_(**options)
        names = ", ".join(control.description for control in self.controls.values())
        bundle["text/plain"] = f"An interactive figure; in JupyterLab it has controls for: {names}"
        if self.png is not None:
            bundle["image/png"] = base64.b64encode(self.png).decode()
        return bundle


def _png(figure: Figure) -> bytes:
    """Save a figure as PNG and close it, so that it is not shown a second time."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    plt.close(figure)
    return buffer.getvalue()


def slider(description: str, value: int, low: int, high: int) -> ipywidgets.IntSlider:
    """Return a slider over whole numbers that reports once it is let go."""
    return ipywidgets.IntSlider(
        value, low, high, description=description, continuous_update=False,
        style={"description_width": "7em"},
    )  # fmt: skip


def float_slider(description: str, value: float, low: float, high: float) -> ipywidgets.FloatSlider:
    """Return a slider over steps of 0.05 that reports once it is let go."""
    return ipywidgets.FloatSlider(
        value=value, min=low, max=high, step=0.05, description=description,
        continuous_update=False, style={"description_width": "7em"},
    )  # fmt: skip
