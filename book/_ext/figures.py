"""Number the figures of a chapter, with a caption and an anchor that stays: `#fig-4-2`.

A figure with controls that the page has not says in its caption where they are.
"""

import html
import re
from collections.abc import Iterator
from pathlib import Path

import nbformat
from docutils import nodes
from sphinx.application import Sphinx

CHAPTER = re.compile(r"chapters/0*(\d+[a-z]?)_")
CONTROLS = "in JupyterLab it has controls for: "  # of a widget's words
FIRST_SENTENCE = re.compile(r".{20,}?\.(?=\s|$)|.{40,}?:(?=\s)", re.DOTALL)


def _raw(text: str) -> nodes.raw:
    return nodes.raw("", text, format="html")


def _pictures(app: Sphinx, document: nodes.document) -> Iterator[tuple[nodes.container, str]]:
    """Give each picture of a notebook with the names of the controls that JupyterLab adds to it."""
    notebook = nbformat.read(app.env.doc2path(app.env.docname), as_version=4)
    for cell in document.findall(nodes.container):
        if cell.get("nb_element") != "cell_code":
            continue
        outputs = notebook.cells[cell["cell_index"]].get("outputs", [])
        words = [
            o["data"].get("text/plain", "") for o in outputs if "image/png" in o.get("data", {})
        ]
        pictures = [c for c in cell.findall(nodes.container) if c.get("mime_type") == "image/png"]
        for picture, said in zip(pictures, words, strict=True):
            yield picture, said.partition(CONTROLS)[2]


def number_figures(app: Sphinx, document: nodes.document) -> None:
    """Wrap each picture of a notebook in a numbered figure, its description's start as caption."""
    chapter = CHAPTER.match(app.env.docname)
    if not chapter or Path(app.env.doc2path(app.env.docname)).suffix != ".ipynb":
        return
    for count, (picture, controls) in enumerate(list(_pictures(app, document)), 1):
        number = f"{chapter[1]}.{count}"
        anchor = f"fig-{number.replace('.', '-')}"
        described = next(iter(picture.findall(nodes.image))).get("alt", "")
        first = FIRST_SENTENCE.match(described)
        said = html.escape((first[0] if first else described).rstrip(":.")) + "."
        if controls:
            said += f" In JupyterLab you can change: {html.escape(controls)}."
        caption = (
            f'<figcaption><a href="#{anchor}">Figure {number}</a> {said}</figcaption></figure>'
        )
        opening = _raw(f'<figure class="book-figure" id="{anchor}">')
        picture.children = [opening, *picture.children, _raw(caption)]


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the extension with Sphinx."""
    app.connect("doctree-read", number_figures, priority=650)  # around the live figures too
    return {"parallel_read_safe": True, "parallel_write_safe": True}
