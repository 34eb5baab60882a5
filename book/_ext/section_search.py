"""An index of sections for the search in the page: titles, prose, and where each begins.

Sphinx finds pages; a reader looks for a place. What is written here is one script,
`_static/sections.js`, which `search.js` reads on the search page, and `hover.js` when a card is
asked for. For the cards it holds works and terms too, which the search leaves to their pages.
"""

import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

PROSE = (nodes.paragraph, nodes.term)
NOT_PROSE = (nodes.literal_block, nodes.raw, nodes.math_block, nodes.comment, nodes.image)
KIND = re.compile(r"\s*\[\w+, \d+ min\]$")  # of an exercise
LONGEST = 4000  # characters of a section that are searched


def _paragraphs(section: nodes.Element) -> Iterator[nodes.Element]:
    """Yield the paragraphs of a section itself: no code, no output, no section within it."""
    for part in section.children:
        if isinstance(part, (nodes.section, nodes.title, *NOT_PROSE)):
            continue
        if "cell" not in part.get("classes", []):
            yield from (p for p in part.findall(nodes.TextElement) if isinstance(p, PROSE))


def _words(paragraph: nodes.Element) -> str:
    """Return a paragraph without its formulas, which would be shown in TeX."""
    texts = paragraph.findall(nodes.Text)
    return "".join(text.astext() for text in texts if not isinstance(text.parent, nodes.math))


def _prose(section: nodes.Element) -> str:
    words = " ".join(map(_words, _paragraphs(section)))
    return re.sub(r"\s+", " ", words).strip()[:LONGEST]


def _terms(section: nodes.Element) -> str:
    """Return what is printed in bold: where a term is explained, it is."""
    bold = (strong for p in _paragraphs(section) for strong in p.findall(nodes.strong))
    return " ".join(strong.astext() for strong in bold)


def _index(env: BuildEnvironment) -> dict[str, list[dict[str, str]]]:
    """Return, for each document, what is known of its sections."""
    if not hasattr(env, "book_sections"):
        env.book_sections = {}
    return env.book_sections


def _entries(document: nodes.document, docname: str) -> Iterator[dict[str, object]]:
    """Yield the works of the page of references, and the terms of the glossary."""
    for paragraph in document.findall(nodes.paragraph):
        if docname == "book/references" and paragraph["ids"]:
            name = paragraph.next_node(nodes.strong)
            text = paragraph.astext()
            yield {
                "address": f"{docname}.html#{paragraph['ids'][-1]}", "page": "References",
                "title": name.astext() if name else "", "text": text, "entry": True,
            }  # fmt: skip
    for item in document.findall(nodes.definition_list_item):
        term = item.next_node(nodes.term)
        if docname == "book/glossary" and term["ids"]:
            yield {
                "address": f"{docname}.html#{term['ids'][0]}", "page": "Glossary",
                "title": term.astext(), "text": item.next_node(nodes.definition).astext(),
                "entry": True,
            }  # fmt: skip


def collect(app: Sphinx, document: nodes.document) -> None:
    """Note the sections of a document, which have their anchors already."""
    docname = app.env.docname
    found = []
    page = document.next_node(nodes.title)
    for section in document.findall(nodes.section):
        title = section.next_node(nodes.title)
        if title is None or title.astext().startswith("Solution "):
            continue
        ids = section["ids"]
        anchor = next((i for i in ids if re.match(r"(sec|ex)-\d", i)), ids[0] if ids else "")
        at_top = section.parent is document
        found.append({
            "address": docname + ".html" + ("" if at_top else f"#{anchor}"),
            "page": page.astext(), "title": KIND.sub("", title.astext()),
            "text": _prose(section), "terms": _terms(section),
        })  # fmt: skip
    _index(app.env)[docname] = found + list(_entries(document, docname))


def forget(app: Sphinx, env: BuildEnvironment, docname: str) -> None:
    """Forget a document that is read anew."""
    _index(env).pop(docname, None)


def merge(app: Sphinx, env: BuildEnvironment, docnames: Iterable, other: BuildEnvironment) -> None:
    """Take over what another process has read."""
    _index(env).update(_index(other))


def write(app: Sphinx, exception: Exception | None) -> None:
    """Write the index as a script, which a page from disk may load."""
    if exception is not None or app.builder.format != "html":
        return
    sections = [s for found in _index(app.env).values() for s in found]
    script = f"globalThis.bookSections = {json.dumps(sections, ensure_ascii=False)};\n"
    (Path(app.outdir) / "_static" / "sections.js").write_text(script, "utf-8")


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the extension with Sphinx."""
    app.connect("doctree-read", collect, priority=600)  # after cross_references
    app.connect("env-purge-doc", forget)
    app.connect("env-merge-info", merge)
    app.connect("build-finished", write)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
