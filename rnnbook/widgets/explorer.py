"""Controls above a picture that follows them: what every interactive figure is made of."""

import base64
import html
import io
import struct
import warnings
from collections.abc import Callable

import ipywidgets
import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from rnnbook.arguments import kind_of

SHARP = 2  # pixels of a picture for one of the page
HEADER = struct.Struct(">8x4x4xII")  # of a PNG: width and height


class Explorer(ipywidgets.VBox):
    """Controls above a picture that follows them.

    A page without a kernel (the built site, a notebook viewer) shows the first state as a picture.

    Args:
        draw: called with the controls' values by name; returns a figure and its description in
            words, which becomes the picture's alt text. What it raises is shown in place of the
            picture, and so is what it draws with letters that the fonts here do not have.
        controls: ipywidgets controls by the name of the argument they set.
    Raises:
        TypeError: if a control is none. What else than a ValueError ``draw`` raises of the first
            state is raised too.
    """

    def __init__(
        self, draw: Callable[..., tuple[Figure, str]], **controls: ipywidgets.Widget
    ) -> None:
        self.draw, self.controls, self.picture = draw, controls, ipywidgets.HTML()
        self.png: bytes | None = None
        for name, control in controls.items():
            if not isinstance(control, ipywidgets.Widget):
                raise TypeError(f"expected {name} as a control, got {kind_of(control)}")
        super().__init__([*controls.values(), self.picture])
        for control in controls.values():
            control.observe(self._refresh, names="value")
        try:
            self._draw()
        except ValueError as error:  # any other error in the first state is not the reader's
            self._say(str(error))

    def _refresh(self, _change: object = None) -> None:
        """Draw what the controls say now, or say why not: an old picture must not stay."""
        already_open = set(plt.get_fignums())
        try:
            self._draw()
        except Exception as error:
            for number in set(plt.get_fignums()) - already_open:
                plt.close(number)
            self._say(_explained(error))

    def _say(self, words: str) -> None:
        self.picture.value = f"<p role='alert'>{html.escape(words)}</p>"

    def _draw(self) -> None:
        with warnings.catch_warnings():
            warnings.filterwarnings("error", "Glyph .* missing", UserWarning)
            values = {name: control.value for name, control in self.controls.items()}
            figure, description = self.draw(**values)
            self.png = png(figure)
        encoded = base64.b64encode(self.png).decode()
        alt = html.escape(description, quote=True)
        self.picture.value = (
            f'<img alt="{alt}" width="{shown_size(self.png)["width"]}" style="max-width: 100%" '
            f'src="data:image/png;base64,{encoded}">'
        )

    def _repr_mimebundle_(self, **options: object) -> tuple[dict, dict]:
        bundle = super()._repr_mimebundle_(**options)
        names = ", ".join(control.description for control in self.controls.values())
        bundle["text/plain"] = f"An interactive figure; in JupyterLab it has controls for: {names}"
        if self.png is None:
            return bundle, {}
        bundle["image/png"] = base64.b64encode(self.png).decode()
        return bundle, {"image/png": shown_size(self.png)}


def _explained(error: Exception) -> str:
    """Return in words why there is no picture."""
    if isinstance(error, UserWarning):
        return "The fonts here have no picture of one of these characters."
    return str(error) if isinstance(error, ValueError) else f"{type(error).__name__}: {error}"


def png(figure: Figure) -> bytes:
    """Save a figure as PNG, two pixels for one of the page, and close it."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=SHARP * figure.dpi)
    plt.close(figure)
    return buffer.getvalue()


def shown_size(picture: bytes) -> dict[str, int]:
    """Return the width and height, in pixels of the page, of a PNG that ``png`` made."""
    width, height = HEADER.unpack_from(picture)
    return {"width": width // SHARP, "height": height // SHARP}


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
