"""What a Markdown text holds, as a Markdown parser sees it: headings, links, words, HTML."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cached_property
from html.parser import HTMLParser
from itertools import pairwise
from typing import NamedTuple

from markdown_it import MarkdownIt
from markdown_it.token import Token

CODE = "\ufffc"  # stands in the words where a code span was: the sign for an embedded object
CITED = "\ufff9"  # and where a link to a work of others was
CITATION = re.compile(f"{CITED}.*?(?:[.;?!](?=\\s)|$)", re.DOTALL)
FOREIGN = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*:|//")  # the beginning of another host's address


def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark").enable("table")
    parser.normalizeLink = str  # an address is followed, and quoted, as it was written
    return parser


PARSER = _parser()


class Heading(NamedTuple):
    """A heading: its level from 1 to 6, its Markdown source, and its words alone."""

    level: int
    source: str
    words: str


class Html(HTMLParser):
    """The addresses and the names in a piece of HTML."""

    def __init__(self, piece: str) -> None:
        super().__init__()
        self.targets: list[str] = []
        self.names: list[str] = []
        self.feed(piece)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what one opening tag says."""
        for name, value in attrs:
            if name in ("src", "href") and value:
                self.targets.append(value)
            if name in ("id", "name") and value:
                self.names.append(value)


class Prose:
    """A Markdown text.

    Args:
        source: the text, such as that of one cell.
    """

    def __init__(self, source: str) -> None:
        self.source = source
        self._definitions: dict = {}
        self._tokens = PARSER.parse(source, self._definitions)

    @property
    def _spans(self) -> Iterator[list[Token]]:
        """Yield what stands in each paragraph, heading and cell of a table."""
        return (token.children or [] for token in self._tokens if token.type == "inline")

    @cached_property
    def headings(self) -> list[Heading]:
        """All headings, in their order."""
        return [
            Heading(int(opened.tag[1]), inside.content, words(inside.children or [], code=True))
            for opened, inside in pairwise(self._tokens)
            if opened.type == "heading_open"
        ]

    @cached_property
    def fences(self) -> list[str]:
        """The opening line of each fenced block of code."""
        return [token.markup + token.info for token in self._tokens if token.type == "fence"]

    @cached_property
    def html(self) -> list[str]:
        """All pieces of HTML, in their order: whole blocks, and single tags within words."""
        blocks = [
            [token] if token.type == "html_block" else token.children for token in self._tokens
        ]
        spans = (span for block in blocks for span in block or [])
        return [span.content for span in spans if span.type in ("html_block", "html_inline")]

    @cached_property
    def targets(self) -> list[str]:
        """The addresses of all links and pictures, Markdown's and HTML's, each once."""
        found = [
            str(span.attrs[name])
            for spans in self._spans
            for span in spans
            for name in ("href", "src")
            if name in span.attrs
        ]
        found += [entry["href"] for entry in self._definitions.get("references", {}).values()]
        found += [target for piece in self.html for target in Html(piece).targets]
        return list(dict.fromkeys(found))

    @cached_property
    def names(self) -> list[str]:
        """The names that HTML gives to places."""
        return [name for piece in self.html for name in Html(piece).names]

    @cached_property
    def paragraphs(self) -> list[str]:
        """The words of each paragraph, heading and cell of a table; code spans are left out."""
        return [words(spans) for spans in self._spans]

    @cached_property
    def own_words(self) -> list[str]:
        """The paragraphs without the sentences that speak of a linked work of others.

        From such a link to the end of its sentence, what is numbered is numbered there.
        """
        told = (words(spans, cite=True) for spans in self._spans)
        return [CITATION.sub("", paragraph) for paragraph in told]

    @cached_property
    def bold_openings(self) -> list[str]:
        """The bold words with which lines begin."""
        found = []
        for spans in self._spans:
            for at, span in enumerate(spans):
                # Bold text begins with an empty piece of text before it where a line begins.
                before = [s for s in spans[:at] if s.type != "text" or s.content]
                if span.type == "strong_open" and (not before or before[-1].type == "softbreak"):
                    found.append(words(_until(spans[at + 1 :], "strong_close"), code=True))
        return found

    @cached_property
    def roles(self) -> list[str]:
        """MyST's roles: a name in braces with a code span behind it."""
        found = []
        for spans in self._spans:
            for before, span in pairwise(spans):
                name = re.search(r"\{[a-zA-Z][\w:.+-]*\}$", before.content)
                if before.type == "text" and span.type == "code_inline" and name:
                    found.append(name.group() + span.markup + span.content + span.markup)
        return found


def words(spans: list[Token], code: bool = False, cite: bool = False) -> str:
    """Join the words of a paragraph.

    Args:
        spans: what stands in it, as the parser gives it.
        code: whether code spans are words too; otherwise a sign stands for each.
        cite: whether a sign stands for each link to another host or to the references.
    Returns:
        The words, with line breaks as they are; HTML is left out.
    """
    said, skipping = [], False
    for span in spans:
        if cite and span.type == "link_open" and _is_citation(str(span.attrs["href"])):
            said.append(CITED)
            skipping = True
        elif span.type == "link_close":
            skipping = False
        elif span.type == "code_inline":
            said.append(span.content if code else CODE)
        elif span.type in ("softbreak", "hardbreak"):
            said.append("\n")
        elif span.type == "text" and not skipping:
            said.append(span.content)
    return "".join(said)


def _is_citation(target: str) -> bool:
    return bool(FOREIGN.match(target)) or "references.md" in target


def _until(spans: list[Token], kind: str) -> list[Token]:
    end = next((at for at, span in enumerate(spans) if span.type == kind), len(spans))
    return spans[:end]
