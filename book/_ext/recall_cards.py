"""Ask a chapter's recall cards again in later chapters, put all on one page, and export them.

A card is asked again one, three and five chapters after its own. The deck is a text file that Anki
imports: a question and an answer a line, in HTML, with the chapter as tag.

    ```{recall-cards}
    ```

lists the cards of all chapters.
"""

import re
from functools import cache
from pathlib import Path
from typing import NamedTuple

import nbformat
from docutils import nodes
from markdown_it import MarkdownIt
from mdit_py_plugins.dollarmath import dollarmath_plugin
from myst_parser.parsers.sphinx_ import MystParser
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective, new_document

CHAPTERS = Path(__file__).parents[2] / "chapters"
AFTER = (1, 3, 5)  # chapters later
CARD = re.compile(r"<details><summary>(.*?)</summary>\s*(.*?)\s*</details>", re.DOTALL)
LINK = re.compile(r"\[([^\]]*)\]\([^)]*\)")
DECK = "rnn-book-cards.txt"


class Card(NamedTuple):
    """A question and its answer, in Markdown; the question may hold HTML."""

    question: str
    answer: str


@cache
def cards(chapter: int) -> tuple[Card, ...]:
    """Return a chapter's own cards, without those that it asks again by itself."""
    for path in CHAPTERS.glob(f"{chapter:02}_*.ipynb"):
        for cell in nbformat.read(path, as_version=4).cells:
            if "## Recall cards" in cell.source:
                part = cell.source.split("## Recall cards")[1].split("\n## ")[0]
                found = (Card(*match) for match in CARD.findall(part))
                return tuple(card for card in found if not card.question.startswith("From chapter"))
    return ()


def again(chapter: int) -> list[tuple[int, Card]]:
    """Return what a chapter asks again, with the chapter that it comes from.

    A chapter later it is the first card, then the second, then the third.
    """
    asked = []
    for turn, back in enumerate(AFTER):
        own = cards(chapter - back) if chapter > back else ()
        asked += [(chapter - back, card) for card in own[turn : turn + 1]]
    return asked


def _details(card: Card, source: str = "") -> str:
    """Return a card as Markdown, folded."""
    question = f"{source}{card.question}"
    return f"<details><summary>{question}</summary>\n\n{card.answer}\n\n</details>\n"


def _parsed(app: Sphinx, source: str) -> list[nodes.Node]:
    document = new_document(app.env.doc2path(app.env.docname))
    document.settings.env = app.env
    MystParser().parse(source, document)
    return document.children


def ask_again(app: Sphinx, document: nodes.document) -> None:
    """Put the cards of earlier chapters under those of this one."""
    number = re.match(r"chapters/(\d+)_", app.env.docname)
    if not number:
        return
    asked = again(int(number[1]))
    for section in document.findall(nodes.section):
        if asked and section.next_node(nodes.title).astext() == "Recall cards":
            text = "".join(_details(card, f"Chapter {chapter}: ") for chapter, card in asked)
            section += _parsed(app, f"Asked again, from earlier chapters:\n\n{text}")


class RecallCards(SphinxDirective):
    """The cards of all chapters."""

    def run(self) -> list[nodes.Node]:
        """Return a section a chapter."""
        found = []
        for path in sorted(CHAPTERS.glob("*.ipynb")):
            self.env.note_dependency(str(path))
            if path.name[2] != "_" or not cards(int(path.name[:2])):
                continue
            title = nbformat.read(path, as_version=4).cells[0].source.splitlines()[0]
            chapter = int(path.name[:2])
            section = nodes.section(ids=[f"cards-{chapter}"])
            section += nodes.title("", f"{chapter} · {title.removeprefix('# ')}")
            text = "".join(map(_details, cards(chapter)))
            section += _parsed(self.env.app, text)
            found.append(section)
        return found


def deck() -> str:
    """Return all cards as a text that Anki imports."""
    markdown = MarkdownIt("commonmark", {"html": True}).use(dollarmath_plugin)
    markdown.add_render_rule("math_inline", lambda self, t, i, *_: rf"\({t[i].content}\)")
    markdown.add_render_rule("math_block", lambda self, t, i, *_: rf"\[{t[i].content}\]")

    def side(text: str) -> str:
        rendered = markdown.render(LINK.sub(r"\1", text)).strip()
        return re.sub(r"\s+", " ", rendered).removeprefix("<p>").removesuffix("</p>")

    lines = ["#separator:tab", "#html:true", "#deck:The Interactive RNN Book", "#tags column:3"]
    for path in sorted(CHAPTERS.glob("[0-9][0-9]_*.ipynb")):
        chapter = int(path.name[:2])
        for card in cards(chapter):
            lines.append(
                "\t".join((side(card.question), side(card.answer), f"chapter{chapter:02}"))
            )
    return "\n".join(lines) + "\n"


def write_deck(app: Sphinx, exception: Exception | None) -> None:
    """Write the deck where the page links to it."""
    if exception is None and app.builder.format == "html":
        (Path(app.outdir) / "_static" / DECK).write_text(deck(), "utf-8")


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the extension with Sphinx."""
    app.add_directive("recall-cards", RecallCards)
    app.connect("doctree-read", ask_again, priority=400)  # before mentions become links
    app.connect("build-finished", write_deck)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
