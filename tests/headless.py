"""A headless browser that sees this machine only, and a record of what each page tried."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Page, Route, sync_playwright

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
HERE = ("127.0.0.1", "localhost", None)  # pages opened from disk have no host


@dataclass
class Record:
    """What a page asked for and complained about."""

    foreign: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def watch(self, page: Page) -> None:
        """Record the page's troubles from now on, and let no request leave this machine."""
        page.route(lambda url: urlsplit(url).hostname not in HERE, self._refuse)
        page.on("websocket", lambda socket: self._note_socket(socket.url))
        page.on("response", lambda r: r.ok or r.status == 304 or self._fail(r.url, r.status))
        page.on("requestfailed", lambda r: self._fail(r.url, r.failure))
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", lambda m: m.type == "error" and self.errors.append(m.text))

    def _refuse(self, route: Route) -> None:
        self.foreign.append(route.request.url)
        route.abort()

    def _note_socket(self, url: str) -> None:
        if urlsplit(url).hostname not in HERE:
            self.foreign.append(url)

    def _fail(self, url: str, why: object) -> None:
        self.failed.append(f"{url}: {why}")


@contextmanager
def chromium(path: str) -> Iterator[Browser]:
    """Run the Chromium at `path` without a window until the block ends."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        try:
            yield browser
        finally:
            browser.close()
