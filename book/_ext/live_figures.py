"""Put the live figures into the pages: their scripts, and a place for each, over its picture.

A notebook's output says in its metadata that it is a live figure. Its picture is wrapped in an
element that the loader finds; without scripts it stays a picture. In a page of our own,

    ```{live-figure} reading_network
    ```

makes the figure that `rnnbook.live` has under this name, with its picture.
"""

import html
import json
from pathlib import Path

import nbformat
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from rnnbook import live
from rnnbook.live.live_figure import JS, KEY
from rnnbook.live.weights import MODELS


def _raw(text: str) -> nodes.raw:
    return nodes.raw("", text, format="html")


def _opening(data: dict) -> nodes.raw:
    return _raw(f'<div class="live-mount" data-live="{html.escape(json.dumps(data), quote=True)}">')


def wrap_pictures(app: Sphinx, document: nodes.document) -> None:
    """Wrap the picture of each live figure of a notebook in an element that the loader finds."""
    path = Path(app.env.doc2path(app.env.docname))
    if path.suffix != ".ipynb":
        return
    notebook = nbformat.read(path, as_version=4)
    for cell in document.findall(nodes.container):
        if cell.get("nb_element") != "cell_code":
            continue
        outputs = notebook.cells[cell["cell_index"]].get("outputs", [])
        told = [output.metadata[KEY] for output in outputs if KEY in output.get("metadata", {})]
        pictures = [c for c in cell.findall(nodes.container) if c.get("mime_type") == "image/png"]
        if not told:
            continue
        if len(told) != len(outputs) or len(told) != len(pictures):
            raise ValueError(f"{path.name}: a live figure shares its cell with another output")
        for data, picture in zip(told, pictures, strict=True):
            picture.children = [_opening(data), *picture.children, _raw("</div>")]


class LiveFigureDirective(SphinxDirective):
    """A live figure of ``rnnbook.live``, as it comes."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Make the figure, keep its picture, and return the place for it."""
        figure = getattr(live, self.arguments[0])()
        folder = Path(self.env.app.outdir) / "_static" / "live"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{self.arguments[0]}.png").write_bytes(figure.png)
        up = "../" * self.env.docname.count("/")
        picture = (
            f'<img alt="{html.escape(figure.description, quote=True)}" '
            f'src="{up}_static/live/{self.arguments[0]}.png">'
        )
        return [_opening(figure.told), _raw(f"{picture}</div>")]


def copy_scripts(app: Sphinx, exception: Exception | None) -> None:
    """Copy the modules, and the networks as scripts: a page from disk can load nothing else."""
    if exception is not None or app.builder.format != "html":
        return
    folder = Path(app.outdir) / "_static" / "live"
    folder.mkdir(parents=True, exist_ok=True)
    for path in JS.glob("*.js"):
        (folder / path.name).write_bytes(path.read_bytes())
    styles = sorted(JS.glob("*.css"), key=lambda path: (path.stem != "live", path.stem))
    look = "\n".join(path.read_text("utf-8") for path in styles)
    (folder / "live.css").write_text(look, "utf-8")
    assets = {path.stem: path.read_text("utf-8") for path in MODELS.glob("*.json")}
    assets["story"] = json.dumps(live.story_asset())
    for name, value in assets.items():
        script = f'rnnbookLive.assets["{name}"] = {value};\n'
        (folder / f"asset-{name}.js").write_text(script, "utf-8")


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the extension with Sphinx."""
    app.add_directive("live-figure", LiveFigureDirective)
    app.connect("doctree-read", wrap_pictures)
    app.connect("build-finished", copy_scripts)
    app.add_css_file("live/live.css")
    app.add_js_file("live/loader.js")
    return {"parallel_read_safe": True, "parallel_write_safe": True}
