"""Make every mention of a section, an exercise or a chapter a link to it.

Sections and exercises get anchors that outlive their titles: `#sec-4-7`, `#ex-3-2`. Where the text
says "section 4.7", "exercises 3.2 and 3.4" or "chapter 5", the words become links; a link to the
top of a chapter whose words name a section of it leads to that section. What is numbered in a
sentence that cites another work is that work's own.
"""

import re
from collections.abc import Iterable, Iterator

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

MENTION = re.compile(
    r"\b(section|exercise|chapter)s?\s+\d+[a-z]?(?:\.\d+)?"
    r"(?:(?:,?\s+(?:and|or|to)\s+|,\s+)\d+[a-z]?(?:\.\d+)?)*",
    re.IGNORECASE,
)
NUMBER = re.compile(r"\d+[a-z]?(?:\.\d+)?")
SENTENCE = re.compile(r"(?<=[.!?])(?=\s|$)")
CHAPTER = re.compile(r"chapters/0*(\d+[a-z]?)_")
TITLES = {
    "section": re.compile(r"(\d+[a-z]?\.\d+)\s"),
    "exercise": re.compile(r"Exercise (\d+[a-z]?\.\d+)\b"),
}
PREFIX = {"section": "sec", "exercise": "ex"}
NOT_PROSE = (
    nodes.reference,
    nodes.literal,
    nodes.title,
    nodes.raw,
    nodes.literal_block,
    nodes.math,
)
WORKS, PACKAGE = "references", "api"  # the pages of cited works, and of the package

Place = tuple[str, str]  # a document, and the anchor in it


def _places(env: BuildEnvironment) -> dict[str, dict[tuple[str, str], Place]]:
    """Return, for each document, where its numbered things are."""
    if not hasattr(env, "book_places"):
        env.book_places = {}
    return env.book_places


def collect(app: Sphinx, document: nodes.document) -> None:
    """Give the sections and exercises of a document their anchors, and note where they are."""
    here, found = app.env.docname, {}
    if chapter := CHAPTER.match(here):
        found["chapter", chapter[1]] = here, ""
    for section in document.findall(nodes.section):
        title = section.next_node(nodes.title)
        for kind, pattern in TITLES.items():
            if title is not None and (number := pattern.match(title.astext())):
                anchor = f"{PREFIX[kind]}-{number[1].replace('.', '-')}"
                section["ids"].append(anchor)
                found[kind, number[1]] = here, anchor
    _places(app.env)[here] = found


def forget(app: Sphinx, env: BuildEnvironment, docname: str) -> None:
    """Forget a document that is read anew."""
    _places(env).pop(docname, None)


def merge(app: Sphinx, env: BuildEnvironment, docnames: Iterable, other: BuildEnvironment) -> None:
    """Take over what another process has read."""
    _places(env).update(_places(other))


def link(app: Sphinx, document: nodes.document, here: str) -> None:
    """Turn the mentions of a document into links.

    Not on the page of cited works, whose numbers are those works' own; on the page of the package,
    whose docstrings cite in plain words, only chapters.
    """
    page = here.rpartition("/")[2]
    if page == WORKS:
        return
    kinds = {"chapter"} if page == PACKAGE else {"chapter", "section", "exercise"}
    places = {key: place for found in _places(app.env).values() for key, place in found.items()}

    def address(kind: str, number: str) -> str | None:
        docname, anchor = places.get((kind, number), (here, "")) if kind in kinds else (here, "")
        if docname == here:
            return f"#{anchor}" if anchor else None
        return app.builder.get_relative_uri(here, docname) + (f"#{anchor}" if anchor else "")

    for paragraph in list(document.findall(nodes.TextElement)):
        if isinstance(paragraph, nodes.paragraph | nodes.term | nodes.caption):
            _link_paragraph(paragraph, address)


def _link_paragraph(paragraph: nodes.Element, address) -> None:
    cited = False
    for node in list(paragraph.findall()):
        if isinstance(node, nodes.reference):
            cited = cited or WORKS in node.get("refuri", "")
            _sharpen(node, address)
        if not isinstance(node, nodes.Text) or _inside(node, paragraph):
            continue
        made: list[nodes.Node] = []
        for number, sentence in enumerate(SENTENCE.split(node.astext())):
            cited = cited and number == 0
            made += [nodes.Text(sentence)] if cited else _linked(sentence, address)
        if any(isinstance(part, nodes.reference) for part in made):
            node.parent.replace(node, made)


def _inside(node: nodes.Node, paragraph: nodes.Element) -> bool:
    """Say whether a text stands in a link, in code, in a formula."""
    parent = node.parent
    while parent is not None and parent is not paragraph:
        if isinstance(parent, NOT_PROSE):
            return True
        parent = parent.parent
    return False


def _sharpen(reference: nodes.reference, address) -> None:
    """Let a link to the top of a chapter lead to the section or exercise that its words name."""
    words, target = reference.astext(), reference.get("refuri", "")
    if "#" in target or "://" in target:
        return
    if mention := MENTION.fullmatch(words):
        kind = mention[1].lower()
    elif NUMBER.fullmatch(words) and "." in words:
        kind = "section"
    else:
        return
    found = address(kind, NUMBER.search(words)[0])
    if found and found.split("#")[0] == target:
        reference["refuri"] = found


def _linked(text: str, address) -> Iterator[nodes.Node]:
    """Yield a sentence in pieces, each number that is mentioned as a link."""
    done = 0
    for mention in MENTION.finditer(text):
        start = mention.start()  # the first link begins with the word, the others with the number
        for number in NUMBER.finditer(text, mention.start(), mention.end()):
            target = address(mention[1].lower(), number[0])
            if target:
                yield nodes.Text(text[done:start])
                words = text[start : number.end()]
                yield nodes.reference("", words, refuri=target, internal=True, classes=["book-ref"])
                done = number.end()
            start = NUMBER.search(text, number.end()).start() if number.end() < mention.end() else 0
    yield nodes.Text(text[done:])


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the extension with Sphinx."""
    app.connect("doctree-read", collect)
    app.connect("env-purge-doc", forget)
    app.connect("env-merge-info", merge)
    app.connect("doctree-resolved", link)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
