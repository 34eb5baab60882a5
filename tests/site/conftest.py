"""Build the real site once, serve it, and open its pages in a browser."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from headless import Record, chromium
from playwright.sync_api import Browser, Page
from site_pages import ROOT, Look, Site, Visit

# The site's own extensions are tested one by one too.
sys.path.insert(0, str(ROOT / "book" / "_ext"))


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """Build the book the way `make site` does, into a folder of the tests' own."""
    output = tmp_path_factory.mktemp("site")
    command = [sys.executable, str(ROOT / "tools" / "build_site.py"), "--output", str(output)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=output)
    return Site(output / "_build" / "html", done.returncode, done.stdout + done.stderr)


@pytest.fixture(scope="session")
def built(site: Site) -> Path:
    """Return the folder of the built site, for tests that make no sense without one."""
    assert site.returncode == 0, f"the site was not built:\n{site.log[-3000:]}"
    return site.html


class QuietHandler(SimpleHTTPRequestHandler):
    """Serve files without a line on the terminal for each."""

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="session")
def server(built: Path) -> Iterator[str]:
    """Serve the site on this machine and return its address."""
    handler = partial(QuietHandler, directory=str(built))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as httpd:
        threading.Thread(target=httpd.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{httpd.server_port}"
        httpd.shutdown()


@pytest.fixture(scope="module")
def browser(browser_path: str) -> Iterator[Browser]:
    """Start one browser per module, so that its event loop never meets that of a kernel."""
    with chromium(browser_path) as running:
        yield running


def open_tab(browser: Browser, url: str) -> tuple[Page, Record]:
    """Open an address in a context of its own."""
    context = browser.new_context(viewport={"width": 1280, "height": 800}, reduced_motion="reduce")
    tab, record = context.new_page(), Record()
    record.watch(tab)
    tab.goto(url)
    return tab, record


@pytest.fixture
def visit(browser: Browser) -> Iterator[Visit]:
    """Give a function that opens an address afresh."""
    tabs = []

    def open_url(url: str) -> tuple[Page, Record]:
        tab, record = open_tab(browser, url)
        tabs.append(tab)
        return tab, record

    yield open_url
    for tab in tabs:
        tab.context.close()


@pytest.fixture(scope="module")
def look(browser: Browser, server: str) -> Look:
    """Give a function that shows a page by day or night, at a width, with everything opened or not.

    It returns the tab, and the record of what the page asked for since it was loaded. Each page is
    loaded once for all the tests that look at it, unless one that wants it as it comes finds it
    opened.
    """
    tabs: dict[str, tuple[Page, Record]] = {}

    def show(
        page: str, mode: str = "light", width: int = 1280, opening: bool = True
    ) -> tuple[Page, Record]:
        if page not in tabs or (
            not opening and tabs[page][0].locator("article details[open]").count()
        ):
            tabs[page] = open_tab(browser, f"{server}/{page}.html")
        tab, record = tabs[page]
        if opening:
            tab.evaluate(
                "() => document.querySelectorAll('article details').forEach(d => { d.open = true })"
            )
        tab.emulate_media(color_scheme=mode)
        tab.set_viewport_size({"width": width, "height": 800})
        tab.wait_for_function("mode => document.documentElement.dataset.theme === mode", arg=mode)
        tab.evaluate("() => new Promise(requestAnimationFrame)")
        return tab, record

    return show
