"""What the table of contents promises and what a built page holds, read without a browser."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urlsplit

import yaml
from headless import Record
from playwright.sync_api import Page

ROOT = Path(__file__).resolve().parents[2]

Visit = Callable[[str], tuple[Page, Record]]
Look = Callable[..., tuple[Page, Record]]


@dataclass(frozen=True)
class Site:
    """The built site and what its build said."""

    html: Path
    returncode: int
    log: str


def toc_pages() -> list[str]:
    """Return the pages of the book in reading order, as paths without a suffix."""
    toc = yaml.safe_load((ROOT / "book" / "_toc.yml").read_text(encoding="utf-8"))
    return [toc["root"], *(c["file"] for part in toc["parts"] for c in part["chapters"])]


PAGES = toc_pages()
CHAPTERS = [page for page in PAGES if page.startswith("chapters/")]


@dataclass
class Html(HTMLParser):
    """The ids, links, files, pictures and neighbours of one built page."""

    ids: set[str] = field(default_factory=set)
    links: list[str] = field(default_factory=list)
    loaded: list[str] = field(default_factory=list)
    pictures: list[dict[str, str | None]] = field(default_factory=list)
    neighbours: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Start the parser."""
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what one opening tag says."""
        given = dict(attrs)
        self.ids.update(filter(None, (given.get("id"), given.get("name"))))
        if tag == "a" and given.get("href"):
            self.links.append(given["href"])
        if tag == "img":
            self.pictures.append(given)
        if tag == "link" and given.get("rel") in ("prev", "next"):
            self.neighbours[given["rel"]] = given["href"]
        elif source := given.get("src") or (tag == "link" and given.get("href")):
            self.loaded.append(source)

    @property
    def scripts(self) -> set[str]:
        """The names of the scripts and styles that the page loads."""
        names = {Path(urlsplit(source).path).name for source in self.loaded}
        return {name for name in names if name.endswith((".js", ".css"))}

    @classmethod
    def of(cls, site: Path) -> dict[Path, Html]:
        """Parse all pages of a built site; the theme's templates under _static are none."""
        paths = (p for p in site.rglob("*.html") if "_static" not in p.relative_to(site).parts)
        return {path.resolve(): cls.read(path) for path in paths}

    @classmethod
    def read(cls, path: Path) -> Html:
        """Parse a built page."""
        page = cls()
        page.feed(path.read_text(encoding="utf-8"))
        return page
