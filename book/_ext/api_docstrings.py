"""Let napoleon read this book's docstrings as they are written.

It would take four things in them for something else: a `Source:` whose words stand on the same
line; words before a colon in a `Returns:`, a `Yields:` or a property, which it believes to be a
type; several named results, one a line; and an argument that is described as `B.`, or an author
whose first name is, which opens a list of which it is the second item.
"""

import re
from collections.abc import Iterable

from sphinx.application import Sphinx

SECTION = re.compile(r"(\s*)(Args|Attributes|Example|Raises|Returns|Source|Yields):(?: (\S.*))?")
NAMED = re.compile(r"\w+(, \w+)*: ")
INITIAL = re.compile(r"^([A-Za-z]\.(?:\s|$))")
LETTER = re.compile(r"(\s+\w+: )([A-Za-z]\.(?:\s|$))")

SIGNATURE = re.compile(r'<dt class="sig sig-object py".*?</dt>', re.DOTALL)


def adapt(lines: list[str], what: str = "function") -> list[str]:
    """Rewrite a docstring for napoleon.

    Args:
        lines: the docstring, dedented.
        what: what it describes, as autodoc calls it.
    Returns:
        The lines that napoleon reads as they were meant.
    """
    adapted = [f": {lines[0]}", *lines[1:]] if what == "property" and lines else list(lines)
    blocks: list[list[str]] = [[]]
    for line in adapted:
        if SECTION.fullmatch(line):
            blocks.append([])
        blocks[-1].append(line)
    return [line for block in blocks for line in _block(block)]


def _block(block: list[str]) -> Iterable[str]:
    """Rewrite a section, from its name to the next one's."""
    section = SECTION.fullmatch(block[0]) if block else None
    if section is None:
        return block
    indent, name, words = section.groups()
    if words:
        told = (INITIAL.sub(r"\\\1", line.strip()) for line in [words, *block[1:]])
        return [f"{indent}{name}:", *(f"{indent}    {line}".rstrip() for line in told)]
    if name in ("Returns", "Yields"):
        return [block[0], *_results(block[1:], f"{indent}    ")]
    return [LETTER.sub(r"\1\\\2", line) for line in block]


def _results(lines: list[str], indent: str) -> Iterable[str]:
    """Rewrite what is returned: a list if there are several named results, else a paragraph."""
    firsts = [line for line in lines if line.strip() and not line.startswith(indent + " ")]
    listed = len(firsts) > 1 and all(NAMED.match(line.strip()) for line in firsts)
    for number, line in enumerate(lines):
        mark = ("* " if line in firsts else "  ") if listed else ""
        # A colon in front says that what follows is no type.
        yield f"{indent}{'' if number else ': '}{mark}{line.strip()}".rstrip()


def _adapt_in_place(app: Sphinx, what: str, name: str, obj: object, options: object, lines) -> None:
    lines[:] = adapt(lines, what)


def _without_lists(app: Sphinx, page: str, template: str, context: dict, doctree: object) -> None:
    """Write the lines of a long signature as plain lines.

    Sphinx makes a list of descriptions that describe nothing, which a screen reader stumbles over.
    """
    if 'class="sig-param"' in context.get("body", ""):
        context["body"] = SIGNATURE.sub(_lines, context["body"])


def _lines(signature: re.Match[str]) -> str:
    text = signature.group().replace("<dl>", '<span class="sig-lines">')
    text = text.replace("</dl>", "</span>").replace("<dd>", '<span class="sig-line">')
    return text.replace("</dd>", "</span>")


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the extension with Sphinx, to be asked before napoleon."""
    app.connect("autodoc-process-docstring", _adapt_in_place, priority=400)
    app.connect("html-page-context", _without_lists)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
