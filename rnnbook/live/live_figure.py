"""A live figure: a plain JavaScript module of ours, mounted in JupyterLab and in the page."""

import base64
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import anywidget
import traitlets
from matplotlib.figure import Figure

from rnnbook.widgets.explorer import png, shown_size

JS = Path(__file__).parent / "js"
KEY = "rnnbook_live"  # in an output's metadata: what the page is told of a figure
# The modules that each figure stands on, in the order in which they are loaded.
MODULES = {
    "looks": ("core", "network", "lookback", "passages", "looks"),
    "reader": ("core", "network", "reader"),
    "backward": ("core", "backward"),
    "step": ("core", "step"),
    "tank": ("core", "tank"),
    "training": ("core", "network", "learner", "training"),
    "windows": ("core", "network", "cells", "windows"),
    "packing": ("core", "cells", "packing"),
    "turning": ("core", "cells", "turning"),
}
ENTRY = """
export default {
  render({ model, el }) {
    const report = (state) => { model.set("state", state); model.save_changes(); };
    const mount = globalThis.rnnbookLive.figures[model.get("figure")];
    const mounted = mount(el, model.get("options"), model.get("assets"), report);
    model.on("change:options", () => mounted.update(model.get("options")));
    return () => mounted.destroy();
  },
};
"""


@cache
def source(name: str) -> str:
    """Return one of our JavaScript modules."""
    return (JS / f"{name}.js").read_text("utf-8")


def style(name: str) -> str:
    """Return the look of one of our modules, which may have none of its own."""
    path = JS / f"{name}.css"
    return path.read_text("utf-8") if path.exists() else ""


class LiveFigure(anywidget.AnyWidget):
    """A figure that lives in the browser; Python drives it and reads what the reader does.

    Args:
        figure: its name, one of ``MODULES``.
        options: what it starts with, plain values. Assign a new dictionary to change the figure.
        assets: what it needs beside that, by name: networks, texts. The page has them as files.
        picture: what stands in its place where no script runs.
        description: the picture in words.
    Attributes:
        state: what the figure last reported, plain values.
    Raises:
        ValueError: if there is no figure of that name.
    """

    _css = ""
    _esm = ""
    figure = traitlets.Unicode().tag(sync=True)
    options = traitlets.Dict().tag(sync=True)
    assets = traitlets.Dict().tag(sync=True)
    state = traitlets.Dict().tag(sync=True)

    def __init__(
        self,
        figure: str,
        options: Mapping[str, Any],
        assets: Mapping[str, Any],
        picture: Figure,
        description: str,
    ) -> None:
        if figure not in MODULES:
            raise ValueError(f"expected one of {', '.join(MODULES)}, got {figure!r}")
        self.needs, self.description, self.png = sorted(assets), description, png(picture)
        esm = "\n".join(map(source, MODULES[figure])) + ENTRY
        css = "\n".join(style(name) for name in ("live", *MODULES[figure]))
        super().__init__(
            _esm=esm, _css=css, figure=figure, options=dict(options), assets=dict(assets)
        )

    @property
    def told(self) -> dict[str, Any]:
        """What the page is told: the figure, its scripts, what it needs, how it starts."""
        return {
            "figure": self.figure, "modules": list(MODULES[self.figure]),
            "needs": self.needs, "options": dict(self.options),
        }  # fmt: skip

    def _repr_mimebundle_(self, **options: object) -> Any:
        bundle = super()._repr_mimebundle_(**options)
        data, metadata = bundle if isinstance(bundle, tuple) else (bundle or {}, {})
        data["text/plain"] = f"A live figure. {self.description}"
        data["image/png"] = base64.b64encode(self.png).decode()
        return data, metadata | {KEY: self.told, "image/png": shown_size(self.png)}
