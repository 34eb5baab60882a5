"""Every mention of a section, an exercise or a chapter is a link to it, at an anchor that stays."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from bs4 import BeautifulSoup, Tag
from site_pages import CHAPTERS, PAGES, ROOT, Html

MENTION = re.compile(r"\b(section|exercise|chapter)s?\s+(\d+[a-z]?(?:\.\d+)?)", re.IGNORECASE)
CITED = re.compile(r"\0.*?(?:[.!?](?=\s|$)|$)", re.DOTALL)  # from a work to its sentence's end
NOT_PROSE = "a, code, pre, h1, h2, h3, h4, summary, script, style, .math, nav, .admonition-title"


def article(path: Path) -> Tag:
    """Return what a page says."""
    return BeautifulSoup(path.read_text("utf-8"), "html.parser").select_one("article.bd-article")


def own_words(paragraph: Tag) -> str:
    """Return a paragraph without its links and code, and without what is said of cited works."""
    copy = BeautifulSoup(str(paragraph), "html.parser")
    for element in copy.select(NOT_PROSE):
        cites = element.name == "a" and "references" in element.get("href", "")
        element.replace_with("\0" if cites else "")
    return CITED.sub("", copy.get_text())


# These speak of other works' numbers in plain words.
@pytest.mark.parametrize("page", sorted({*PAGES} - {"book/references", "book/api"}))
def test_every_mention_is_a_link(built: Path, page: str) -> None:
    here = re.match(r"chapters/0*(\d+[a-z]?)_", page)
    told = []
    for paragraph in article(built / f"{page}.html").select("p, dt, figcaption"):
        for mention in MENTION.finditer(own_words(paragraph)):
            itself = here and mention[1].lower() == "chapter" and mention[2] == here[1]
            if not itself:
                told.append(mention[0])
    assert told == []


@pytest.mark.parametrize("page", CHAPTERS)
def test_sections_and_exercises_have_anchors_that_stay(built: Path, page: str) -> None:
    found = article(built / f"{page}.html")
    ids = Html.read(built / f"{page}.html").ids
    for heading in found.select("h2, h3"):
        words = heading.get_text()
        if number := re.match(r"(\d+[a-z]?)\.(\d+)\s", words):
            assert f"sec-{number[1]}-{number[2]}" in ids, words
        if number := re.match(r"Exercise (\d+)\.(\d+)\b", words):
            assert f"ex-{number[1]}-{number[2]}" in ids, words


def test_a_link_leads_to_what_its_words_name(built: Path) -> None:
    kinds = {"section": "sec", "exercise": "ex"}
    count = 0
    for page in PAGES:
        for link in article(built / f"{page}.html").select("a"):
            mention = MENTION.fullmatch(link.get_text().strip())
            if not mention or mention[1].lower() == "chapter" or "references" in link["href"]:
                continue
            target = urlsplit(link["href"]).fragment
            assert target == f"{kinds[mention[1].lower()]}-{mention[2].replace('.', '-')}", link
            count += 1
    assert count > 200


def test_numbers_in_a_table_lead_to_their_sections(built: Path) -> None:
    links = article(built / "book" / "mistakes.html").select("td a")
    numbered = [link for link in links if re.fullmatch(r"\d+[a-z]?\.\d+", link.get_text().strip())]
    assert len(numbered) > 20
    for link in numbered:
        assert urlsplit(link["href"]).fragment.endswith(link.get_text().strip().replace(".", "-"))


def test_other_works_numbers_are_no_links(built: Path) -> None:
    for page, kinds in (("book/references", MENTION), ("book/api", re.compile("section|exercise"))):
        links = article(built / f"{page}.html").select("a.book-ref")
        assert [link for link in links if kinds.match(link.get_text().strip())] == []


# Books and a thesis that have no address of their own that stays.
WITHOUT = {"hochreiter1991", "petruszewycz1973", "wells1895", "zipf1949"}


def test_every_work_has_an_address() -> None:
    text = (ROOT / "book" / "references.md").read_text("utf-8")
    works = re.findall(r"^\((\w+)\)=\n(.*)$", text, re.MULTILINE)
    assert len(works) > 35
    assert {name for name, said in works if "](https://" not in said} == WITHOUT
    for name, said in works:
        for shown, doi in re.findall(r"\[doi:([^\]]+)\]\(https://doi\.org/([^)]+)\)", said):
            assert shown == doi, name
