"""The site builds strictly, its assets are the ones we checked, and every link leads somewhere."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from site_pages import CHAPTERS, PAGES, ROOT, Html, Site

import build_site


def test_build_is_strict_and_silent(site: Site) -> None:
    """The build ends well, warns of nothing and says where the site is."""
    assert site.returncode == 0, site.log[-3000:]
    assert "WARNING" not in site.log
    assert f"The site is ready: {site.html / 'index.html'}" in site.log


def test_every_chapter_is_in_the_contents() -> None:
    """No chapter is written and then forgotten."""
    assert {f"chapters/{path.stem}" for path in ROOT.glob("chapters/*.ipynb")} == set(CHAPTERS)


@pytest.mark.parametrize("page", PAGES)
def test_neighbours_follow_the_contents(built: Path, page: str) -> None:
    """Previous and next lead through the book in the order of the contents."""
    here = PAGES.index(page)
    found = {
        rel: (built / page).parent.joinpath(href).resolve()
        for rel, href in Html.read(built / f"{page}.html").neighbours.items()
    }
    expected = {}
    if here > 0:
        expected["prev"] = (built / f"{PAGES[here - 1]}.html").resolve()
    if here + 1 < len(PAGES):
        expected["next"] = (built / f"{PAGES[here + 1]}.html").resolve()
    assert found == expected


def test_links_and_anchors_resolve(built: Path) -> None:
    """Every link within the site leads to a page that exists, at an anchor that exists."""
    pages = Html.of(built)
    dead = []
    for path, page in pages.items():
        for href in page.links:
            parts = urlsplit(href)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            anchors = pages[target].ids if target in pages else set()
            if not target.is_file() or (parts.fragment and parts.fragment not in anchors):
                dead.append(f"{path.relative_to(built)} -> {href}")
    assert len(pages) > len(PAGES)
    assert not dead


def test_pages_load_only_files_of_the_site(built: Path) -> None:
    """Scripts, styles, icons and pictures are files beside the page."""
    wrong = []
    for path, page in Html.of(built).items():
        for source in page.loaded:
            parts = urlsplit(source)
            if source == "#" or parts.scheme == "data":
                continue
            if parts.netloc or not (path.parent / unquote(parts.path)).is_file():
                wrong.append(f"{path.relative_to(built)} -> {source}")
    assert not wrong


@pytest.mark.parametrize("page", PAGES)
def test_pictures_have_alternative_text(built: Path, page: str) -> None:
    """Every picture says in words what it shows; the logo stands beside its words."""
    pictures = Html.read(built / f"{page}.html").pictures
    assert pictures  # the logo at least, or the page was not parsed
    for picture in pictures:
        is_logo = (picture["src"] or "").endswith("_static/logo.svg")
        assert picture.get("alt") is not None, picture["src"]
        assert is_logo or (picture["alt"] or "").strip(), picture["src"]


ASSETS = pytest.mark.parametrize("asset", [build_site.LUNR], ids=lambda a: a[0])


@ASSETS
def test_a_second_vendoring_changes_nothing(tmp_path: Path, asset: build_site.Asset) -> None:
    """A file of others' is written once; a damaged copy is written again."""
    first = build_site.vendor(asset, tmp_path)
    before = first.stat()
    assert build_site.sha256(first) == asset.sha256
    assert build_site.vendor(asset, tmp_path) == first
    assert first.stat().st_mtime_ns == before.st_mtime_ns
    first.write_text("damaged", encoding="utf-8")
    assert build_site.sha256(build_site.vendor(asset, tmp_path)) == asset.sha256


@ASSETS
def test_other_bytes_are_refused(tmp_path: Path, asset: build_site.Asset) -> None:
    """A file that is not the one we checked never reaches the site."""
    with pytest.raises(build_site.AssetError, match=f"not the {asset.name} file that we checked"):
        build_site.vendor(asset._replace(sha256="0" * 64), tmp_path)
    assert not list(tmp_path.rglob("*.js"))


@ASSETS
def test_a_missing_carrier_is_named(tmp_path: Path, asset: build_site.Asset) -> None:
    """Without the package that carries it the error says what to install."""
    missing = asset._replace(carrier="no-such-distribution")
    with pytest.raises(build_site.AssetError, match=r"no-such-distribution==.*not installed"):
        build_site.vendor(missing, tmp_path)


def test_a_warning_fails_the_build(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """A link into nowhere, the commonest slip, does not pass."""
    shutil.copyfile(ROOT / "_config.yml", tmp_path / "_config.yml")
    shutil.copytree(ROOT / "book", tmp_path / "book", ignore=shutil.ignore_patterns("*.md"))
    (tmp_path / "book" / "_toc.yml").write_text("format: jb-book\nroot: book/only\n")
    (tmp_path / "book" / "only.md").write_text("# Only\n\n[gone](gone.md)\n", encoding="utf-8")
    with pytest.raises(subprocess.CalledProcessError):
        build_site.build(tmp_path, tmp_path)
    assert "'gone.md'" in capfd.readouterr().err
