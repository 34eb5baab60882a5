"""Let `[Elman, 1990](references.md#elman1990)` reach the target `(elman1990)=` of that page.

The Markdown parser knows only headings as anchors of another page and warns about any other, which
fails the strict build. A bibliography with a heading for each entry would be the alternative.
"""

from docutils import nodes
from sphinx.application import Sphinx


def add_explicit_targets(app: Sphinx, document: nodes.document) -> None:
    """Add a page's explicit targets to the anchors that links from other pages may name."""
    anchors = app.env.metadata[app.env.docname].setdefault("myst_slugs", {})
    for name, explicit in document.nametypes.items():
        if explicit and document.nameids.get(name):
            anchors.setdefault(name, (0, document.nameids[name], name))


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the extension with Sphinx."""
    app.connect("doctree-read", add_explicit_targets)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
