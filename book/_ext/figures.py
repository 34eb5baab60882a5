"""Number the figures of a chapter, with a caption and an anchor that stays: `#fig-4-2`."""

import html
import re

from docutils import nodes
from sphinx.application import Sphinx

CHAPTER = re.compile(r"chapters/0*(\d+[a-z]?)_")
FIRST_SENTENCE = re.compile(r".*?[.:](?=\s|$)", re.DOTALL)


def _raw(text: str) -> nodes.raw:
    return nodes.raw("", text, format="html")


def number_figures(app: Sphinx, document: nodes.document) -> None:
    """Wrap each picture of a notebook in a numbered figure, its description's start as caption."""
    chapter = CHAPTER.match(app.env.docname)
    if not chapter:
        return
    pictures = [c for c in document.findall(nodes.container) if c.get("mime_type") == "image/png"]
    for count, picture in enumerate(pictures, 1):
        number = f"{chapter[1]}.{count}"
        anchor = f"fig-{number.replace('.', '-')}"
        image = next(iter(picture.findall(nodes.image)))
        described = image.get("alt", "")
        first = FIRST_SENTENCE.match(described)
        said = html.escape((first[0] if first else described).rstrip(":.")) + "."
        caption = (
            f'<figcaption><a href="#{anchor}">Figure {number}</a> {said}</figcaption></figure>'
        )
        opening = _raw(f'<figure class="book-figure" id="{anchor}">')
        picture.children = [opening, *picture.children, _raw(caption)]


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the extension with Sphinx."""
    app.connect("doctree-read", number_figures, priority=650)  # around the live figures too
    return {"parallel_read_safe": True, "parallel_write_safe": True}
