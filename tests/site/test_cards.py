"""Recall cards: asked again in later chapters, all on one page, and a deck for Anki."""

from __future__ import annotations

import re
from pathlib import Path

from bs4 import BeautifulSoup
from site_pages import ROOT

NUMBERED = sorted((ROOT / "chapters").glob("[0-9][0-9]_*.ipynb"))


def page(built: Path, name: str) -> BeautifulSoup:
    """Return a page of the site."""
    return BeautifulSoup((built / f"{name}.html").read_text("utf-8"), "html.parser")


def questions(soup: BeautifulSoup, anchor: str) -> list[str]:
    """Return the questions in a section."""
    section = soup.find("section", id=anchor)
    return [" ".join(s.get_text().split()) for s in section.find_all("summary")]


def test_cards_come_again_one_three_and_five_chapters_later(built: Path) -> None:
    asked = [questions(page(built, f"chapters/{path.stem}"), "recall-cards") for path in NUMBERED]
    own = [[q for q in each if not re.match(r"(From )?[Cc]hapter \d", q)] for each in asked]
    assert len(own) >= 12 and all(len(each) >= 3 for each in own)
    for n, each in enumerate(asked):
        for turn, back in enumerate((1, 3, 5)):
            expected = [f"Chapter {n - back + 1}: {own[n - back][turn]}"] if back <= n else []
            assert [q for q in each if q.startswith(f"Chapter {n - back + 1}: ")] == expected


def test_all_cards_stand_on_one_page_with_links(built: Path) -> None:
    soup = page(built, "book/cards")
    for n, path in enumerate(NUMBERED, 1):
        chapter = questions(page(built, f"chapters/{path.stem}"), "recall-cards")
        own = [q for q in chapter if not re.match(r"(From )?[Cc]hapter \d", q)]
        assert questions(soup, f"cards-{n}") == own
    hrefs = [a["href"] for a in soup.find("section", id="cards-2").find_all("a", href=True)]
    assert "../chapters/02_language_models.html#sec-2-5" in hrefs


def test_the_deck_is_one_that_anki_imports(built: Path) -> None:
    lines = (built / "_static" / "rnn-book-cards.txt").read_text("utf-8").splitlines()
    head, body = lines[:4], lines[4:]
    assert head[0] == "#separator:tab" and head[1] == "#html:true"
    assert head[3] == "#tags column:3"
    assert len(body) >= 45
    for line in body:
        question, answer, tag = line.split("\t")
        assert question and answer and re.fullmatch(r"chapter\d\d", tag)
        assert "$" not in question + answer and "](" not in answer
        assert answer.count("<code>") == answer.count("</code>")
    assert any(r"\(\ln 8 = 2.08\)" in line for line in body)
    links = [a["href"] for a in page(built, "book/cards").find_all("a", download=True)]
    assert links == ["../_static/rnn-book-cards.txt"]
