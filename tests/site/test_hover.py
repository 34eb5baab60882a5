"""Cards beside links, and the glossary: what stands there, before one goes there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from playwright.sync_api import Browser, Page, expect
from site_pages import Visit

CHAPTER = "chapters/08_lstm"


@pytest.fixture(params=["http", "disk"])
def chapter(request: pytest.FixtureRequest, visit: Visit, built: Path, server: str) -> Page:
    """Open a chapter from a server, and from the disk."""
    home = server if request.param == "http" else built.as_uri()
    tab, record = visit(f"{home}/{CHAPTER}.html")
    yield tab
    assert record.errors == [] and record.failed == [] and record.foreign == []


def link_to(tab: Page, anchor: str):
    """Return the first visible link to a place."""
    return tab.locator(f"article a.reference.internal[href$='#{anchor}']:visible").first


@pytest.mark.parametrize(
    ("anchor", "title", "words"),
    [
        ("sec-8-11", "8.11 Two networks that answer alike", "symbol"),
        ("gers2000", "Gers, F. A.", "forget"),
    ],
)
def test_a_card_tells_what_a_link_leads_to(
    chapter: Page, anchor: str, title: str, words: str
) -> None:
    link = link_to(chapter, anchor)
    link.scroll_into_view_if_needed()
    link.hover()
    card = chapter.get_by_role("tooltip")
    expect(card.locator("strong")).to_contain_text(title)
    expect(card).to_contain_text(words, ignore_case=True)
    assert link.get_attribute("aria-describedby") == card.get_attribute("id")
    box = card.bounding_box()
    assert box["x"] >= 0 and box["y"] >= 0 and box["y"] + box["height"] <= 800
    chapter.mouse.move(3, 3)
    expect(card).to_have_count(0)
    assert link.get_attribute("aria-describedby") is None


def test_it_comes_with_the_keyboard_and_goes_with_escape(chapter: Page) -> None:
    link = link_to(chapter, "sec-8-11")
    link.scroll_into_view_if_needed()
    chapter.wait_for_timeout(300)  # the scrolling is over
    link.evaluate("(a) => a.focus({ preventScroll: true, focusVisible: true })")
    card = chapter.get_by_role("tooltip")
    expect(card).to_be_visible()
    chapter.keyboard.press("Escape")
    expect(card).to_have_count(0)


def test_a_finger_follows_the_link(browser: Browser, server: str) -> None:
    tab = browser.new_context(has_touch=True, viewport={"width": 390, "height": 800}).new_page()
    tab.goto(f"{server}/{CHAPTER}.html")
    link = link_to(tab, "sec-8-11")
    link.scroll_into_view_if_needed()
    link.tap()
    tab.wait_for_url("**#sec-8-11")
    assert tab.get_by_role("tooltip").count() == 0
    tab.context.close()


def test_the_glossary_has_both_languages_and_leads_to_the_places(built: Path) -> None:
    page = BeautifulSoup((built / "book" / "glossary.html").read_text("utf-8"), "html.parser")
    terms = [dt.get_text().replace("#", "").strip() for dt in page.select("dl.glossary dt")]
    assert len(terms) >= 40 and terms == sorted(terms, key=str.casefold)
    for term in terms:
        assert re.fullmatch(r"[^·]+ · [^·]*[\u4e00-\u9fff][^·]*", term), term
    for definition in page.select("dl.glossary dd"):
        hrefs = [a["href"] for a in definition.select("a.reference")]
        assert any(re.search(r"#(sec|ex)-\d+-\d+$", href) for href in hrefs), definition.get_text()
    index = BeautifulSoup((built / "genindex.html").read_text("utf-8"), "html.parser")
    assert any("perplexity" in a.get_text() for a in index.select("a"))
