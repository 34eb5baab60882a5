"""Make the built pages light: sizes for pictures, which load late, and no script that none needs.

The theme draws its few icons from a font of thousands, and ships them once more as a script of
1.4 MB: the font is cut down to what the pages use. And every page loads Sphinx's search, which only
the page of results needs.
"""

import re
import struct
from pathlib import Path

from fontTools import subset
from sphinx.application import Sphinx

SCRIPT = r'\s*<script[^>]*\bsrc="[^"]*(?:%s)\.js[^"]*"[^>]*></script>'
NEEDLESS = re.compile(SCRIPT % "fontawesome")
SEARCHES = re.compile(SCRIPT % "searchtools|language_data|searchindex")
ICON = re.compile(r"\bfa-[a-z0-9-]+")
GLYPH = re.compile(r'((?:\.fa-[a-z0-9-]+:before,?)+)\{content:"\\([0-9a-f]+)"')
OWN = re.compile(r'--pst-icon[\w-]*:\s*"\\([0-9a-f]+)"')  # icons of the theme's style sheet
# The name of the book at the top of the sidebar stands in no landmark of the theme's.
SIDEBAR = re.compile(r'<div (?=[^>]*\bclass="bd-sidebar-primary )')
ICONS = "book-icons.woff"  # book.css names it
IMAGE = re.compile(r'<img (?![^>]*\bloading=)([^>]*\bsrc="([^"]+\.png)"[^>]*)>')
HEADER = struct.Struct(">8x4x4xII")  # of a PNG: width and height
SHARP = 2  # pixels of a figure for one of the page


def with_sizes(page: str, folder: Path) -> str:
    """Return a page whose pictures have their sizes, so that nothing jumps, and load late."""

    def sized(match: re.Match[str]) -> str:
        path = folder / match[2]
        if not path.is_file():
            return match[0]
        with path.open("rb") as file:
            width, height = HEADER.unpack(file.read(HEADER.size))
        size = f'width="{width // SHARP}" height="{height // SHARP}"'
        return f'<img loading="lazy" decoding="async" {size} {match[1]}>'

    return IMAGE.sub(sized, page)


def lighten(app: Sphinx, exception: Exception | None) -> None:
    """Rewrite the pages once they are all there."""
    if exception is not None or app.builder.format != "html":
        return
    static, icons = Path(app.outdir) / "_static", set()
    for path in Path(app.outdir).rglob("*.html"):
        page = NEEDLESS.sub("", path.read_text("utf-8"))
        if path.name != "search.html":
            page = SEARCHES.sub("", page)
        page = SIDEBAR.sub('<div role="region" aria-label="The book" ', page)
        path.write_text(with_sizes(page, path.parent), "utf-8")
        icons |= set(ICON.findall(page))
    for path in (static / "scripts").glob("fontawesome*"):
        path.unlink()
    ship_icons(static, icons)


def ship_icons(static: Path, icons: set[str]) -> None:
    """Write the font of the icons that the pages use, by the names of their classes."""
    look = (static / "styles" / "pydata-sphinx-theme.css").read_text("utf-8")
    glyphs = {int(code, 16) for code in OWN.findall(look)}
    glyphs |= {
        int(code, 16) for names, code in GLYPH.findall(look) if icons & set(ICON.findall(names))
    }
    options = subset.Options(flavor="woff", notdef_outline=True)
    source = static / "vendor" / "fontawesome" / "webfonts" / "fa-solid-900.ttf"
    font = subset.load_font(str(source), options)
    cutter = subset.Subsetter(options)
    cutter.populate(unicodes=glyphs)
    cutter.subset(font)
    subset.save_font(font, str(static / ICONS), options)


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the extension with Sphinx."""
    app.connect("build-finished", lighten, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
