"""The map on the first page: every chapter, with arrows from what it says that it needs."""

from __future__ import annotations

from chapter_map import direct, needs, rows
from playwright.sync_api import expect
from site_pages import CHAPTERS, Visit


def test_needs_are_read_from_the_chapters_and_are_earlier() -> None:
    found = needs()
    assert len(found) == len(CHAPTERS)
    assert found["2"] == {"1"} and {"3", "5", "7"} <= found["8"] and found["4b"] == {"4"}


def test_what_comes_with_another_need_is_left_out() -> None:
    needed = {"1": set(), "2": {"1"}, "3": {"1", "2"}, "4": {"1"}, "5": {"4", "3", "1"}}
    assert direct(needed) == {"1": set(), "2": {"1"}, "3": {"2"}, "4": {"1"}, "5": {"3", "4"}}
    assert rows(direct(needed)) == [["1"], ["2", "4"], ["3"], ["5"]]


def test_each_box_leads_to_its_chapter(visit: Visit, server: str) -> None:
    tab, record = visit(f"{server}/book/intro.html")
    links = tab.locator(".chapter-map a")
    hrefs = links.evaluate_all("(all) => all.map((a) => a.getAttribute('href'))")
    assert sorted(hrefs) == sorted(f"../{page}.html" for page in CHAPTERS)
    for box in tab.locator(".chapter-map text").all():
        inner, outer = box.bounding_box(), tab.locator(".chapter-map").bounding_box()
        assert inner["x"] + inner["width"] <= outer["x"] + outer["width"]
    links.first.focus()
    tab.keyboard.press("Enter")
    expect(tab).to_have_url(f"{server}/chapters/01_text_to_one_hot.html")
    assert record.errors == []


def test_one_knows_where_to_start(visit: Visit, server: str) -> None:
    tab, _ = visit(f"{server}/book/intro.html")
    tab.get_by_role("link", name="Start with chapter 1").click()
    expect(tab.locator("h1").first).to_contain_text("From text to one-hot vectors")
