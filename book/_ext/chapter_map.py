"""Draw what depends on what: a map of the chapters, from the words "You need" of each.

```{chapter-map}
```
"""

import html
import re
from pathlib import Path

import nbformat
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

CHAPTERS = Path(__file__).parents[2] / "chapters"
NEED = re.compile(r"\*\*You need\*\*(.*?)(?:Reading takes|\n\n|$)", re.DOTALL)
LINK = re.compile(r"\((?:\.\./chapters/)?0*(\d+b?)_[a-z0-9_]+\.ipynb\)")
# In units of the drawing: a box, and the room between rows and between columns.
WIDE, HIGH, ROOM, GAP = 180, 44, 26, 16


def _order(number: str) -> tuple[int, str]:
    return int(number.rstrip("b")), number


def needs() -> dict[str, set[str]]:
    """Return, for each chapter, the earlier ones that it names as needed."""
    found: dict[str, set[str]] = {}
    for path in sorted(CHAPTERS.glob("*.ipynb")):
        number = path.name.split("_")[0].lstrip("0")
        prose = "\n\n".join(
            c.source for c in nbformat.read(path, as_version=4).cells if c.cell_type == "markdown"
        )
        said = NEED.search(prose)
        named = LINK.findall(said[1]) if said else [number.rstrip("b")]
        found[number] = {one for one in named if _order(one) < _order(number)}
    return found


def direct(needed: dict[str, set[str]]) -> dict[str, set[str]]:
    """Leave out what another need brings with it."""

    def all_of(number: str) -> set[str]:
        return needed[number].union(*map(all_of, needed[number]))

    return {
        number: {one for one in own if not any(one in all_of(other) for other in own - {one})}
        for number, own in needed.items()
    }


def rows(arrows: dict[str, set[str]]) -> list[list[str]]:
    """Return the chapters by the length of the longest way to them."""
    depth: dict[str, int] = {}
    for number in sorted(arrows, key=_order):
        depth[number] = 1 + max((depth[one] for one in arrows[number]), default=-1)
    laid: list[list[str]] = [[] for _ in range(max(depth.values()) + 1)]
    for number, row in depth.items():
        laid[row].append(number)
    return laid


def drawing(titles: dict[str, tuple[str, str]]) -> str:
    """Return the map as SVG: boxes that are links, and arrows from what is needed.

    A companion, such as 4b, stands in the box of its chapter.

    Args:
        titles: for each chapter its title and its address.
    """
    arrows = {n: own for n, own in direct(needs()).items() if not n.endswith("b")}
    laid = rows(arrows)
    width = max(map(len, laid)) * (WIDE + GAP) - GAP
    place = {}
    for row, members in enumerate(laid):
        start = (width - len(members) * (WIDE + GAP) + GAP) / 2
        for column, number in enumerate(members):
            place[number] = start + column * (WIDE + GAP), 4 + row * (HIGH + ROOM)
    lines = [
        _arrow(place[one], place[number]) for number in place for one in sorted(arrows[number])
    ]
    boxes = [_box(number, titles, *corner) for number, corner in place.items()]
    height = 8 + len(laid) * (HIGH + ROOM) - ROOM
    head = (
        '<defs><marker id="map-head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" '
        'markerHeight="7" orient="auto"><path d="M0 0 L8 4 L0 8 z"/></marker></defs>'
    )
    return (
        f'<svg class="chapter-map" role="group" aria-label="What depends on what" '
        f'viewBox="-2 0 {width + 4} {height}">{head}<g class="map-lines">{"".join(lines)}</g>'
        f"{''.join(boxes)}</svg>"
    )


def _arrow(one: tuple[float, float], other: tuple[float, float]) -> str:
    a, b, c, d = one[0] + WIDE / 2, one[1] + HIGH, other[0] + WIDE / 2, other[1] - 3
    middle = (b + d) / 2
    curve = f"M{a:g} {b:g} C{a:g} {middle:g} {c:g} {middle:g} {c:g} {d:g}"
    return f'<path d="{curve}" marker-end="url(#map-head)"/>'


def _box(number: str, titles: dict[str, tuple[str, str]], x: float, y: float) -> str:
    companion = f"{number}b" if f"{number}b" in titles else None
    title, address = titles[number]
    box = (
        f'<a href="{address}"><rect x="{x:g}" y="{y:g}" width="{WIDE}" height="{HIGH}" rx="7"/>'
        f'<text x="{x + 10:g}" y="{y + (19 if companion else 26):g}">'
        f'<tspan class="map-number">{number}</tspan> {html.escape(title)}</text></a>'
    )
    if companion:
        title, address = titles[companion]
        box += (
            f'<a href="{address}"><text class="map-companion" x="{x + 10:g}" y="{y + 35:g}">'
            f'<tspan class="map-number">{companion}</tspan> {html.escape(title)}</text></a>'
        )
    return box


class ChapterMap(SphinxDirective):
    """The map of the chapters."""

    def run(self) -> list[nodes.Node]:
        """Return the drawing, with short titles: those of the table of contents."""
        titles = {}
        contents = (CHAPTERS.parent / "book" / "_toc.yml").read_text("utf-8")
        for file, number, title in re.findall(
            r'- file: (chapters/\S+)\n\s+title: "(\d+b?) · ([^"]+)"', contents
        ):
            titles[number] = title, f"../{file}.html"
            self.env.note_dependency(str(CHAPTERS.parent / f"{file}.ipynb"))
        return [nodes.raw("", drawing(titles), format="html")]


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the extension with Sphinx."""
    app.add_directive("chapter-map", ChapterMap)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
