"""Light pages: how much they load, how soon they show, and how long a reader has to wait."""

from __future__ import annotations

import pytest
from headless import Record
from playwright.sync_api import Browser, Response
from site_pages import CHAPTERS

MOST_BYTES, LONGEST_WAIT, LATEST = 1_200_000, 200, 1000  # without pictures; ms; ms
WATCH = """
window.largest = 0; window.blocked = 0;
new PerformanceObserver((list) => {
  for (const e of list.getEntries()) window.largest = e.startTime;
}).observe({ type: "largest-contentful-paint", buffered: true });
new PerformanceObserver((list) => {
  for (const e of list.getEntries()) window.blocked += Math.max(0, e.duration - 50);
}).observe({ type: "longtask", buffered: true });
"""


def measured(browser: Browser, address: str) -> tuple[int, float, float]:
    """Return the bytes that a page loads without its pictures, and two times in milliseconds."""
    tab, sizes = browser.new_context(viewport={"width": 1280, "height": 800}).new_page(), {}
    Record().watch(tab)

    def note(response: Response) -> None:
        if response.ok and not response.url.endswith((".png", ".svg")):
            sizes[response.url] = len(response.body())

    tab.on("response", note)
    tab.add_init_script(WATCH)
    tab.goto(address)
    tab.wait_for_load_state("networkidle")
    tab.wait_for_timeout(500)
    largest, blocked = tab.evaluate("[window.largest, window.blocked]")
    tab.context.close()
    return sum(sizes.values()), largest, blocked


@pytest.mark.parametrize("page", CHAPTERS)
def test_a_chapter_is_light_and_quick(browser: Browser, server: str, page: str) -> None:
    """The best of three visits counts: other work on the machine only slows a page down."""
    runs = [measured(browser, f"{server}/{page}.html") for _ in range(3)]
    assert 500_000 < runs[0][0] <= MOST_BYTES
    assert 0 < min(run[1] for run in runs) < LATEST
    assert min(run[2] for run in runs) < LONGEST_WAIT
