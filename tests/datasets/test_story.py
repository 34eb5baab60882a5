"""The story: its alphabet and layout, and a calendar that holds in every ledger entry."""

import datetime
import re
import string
from pathlib import Path

from rnnbook.data import text_path

from rnnbook import load_text

STORY = load_text("story")
LINES = STORY.removesuffix("\n").split("\n")
PARAGRAPHS = STORY.removesuffix("\n").split("\n\n")
ENTRY = re.compile(r"([A-Z][a-z]+) (\d+)(st|nd|rd|th), (\d{4})\. ([A-Z][a-z]{2})\. High water ")


def entries() -> list[tuple[str, ...]]:
    found = (ENTRY.match(paragraph.replace("\n", " ")) for paragraph in PARAGRAPHS)
    return [entry.groups() for entry in found if entry]


def ordinal(day: int) -> str:
    return "th" if 11 <= day <= 13 else {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")


def test_load_text_returns_the_file_of_the_package():
    path = Path(text_path("story"))
    assert (path.parent.name, path.name) == ("rnnbook", "story.txt")
    assert path.read_text(encoding="ascii") == STORY == load_text()


def test_is_long_enough_to_train_on():
    assert len(STORY) >= 66_000


def test_has_only_the_characters_it_should():
    assert set(STORY) <= set(string.ascii_letters + string.digits + ".,;:!?'\"()-\n ")


def test_lines_are_short_and_have_no_stray_spaces():
    assert max(map(len, LINES)) <= 72
    assert [line for line in LINES if line != line.strip() or "  " in line] == []


def test_ends_with_one_newline_and_paragraphs_are_one_blank_line_apart():
    assert STORY.endswith("\n") and "\n\n\n" not in STORY
    assert not STORY.startswith("\n") and not STORY.endswith("\n\n")


def is_balanced(paragraph: str) -> bool:
    depth = 0
    for mark in re.findall(r"[()]", paragraph):
        depth += 1 if mark == "(" else -1
        if depth < 0:
            return False
    return depth == 0


def test_parentheses_close_in_their_own_paragraph():
    assert [paragraph for paragraph in PARAGRAPHS if not is_balanced(paragraph)] == []


def test_quotation_marks_close_in_their_own_paragraph():
    assert [paragraph for paragraph in PARAGRAPHS if paragraph.count('"') % 2] == []


def test_there_are_enough_ledger_entries():
    assert len(entries()) >= 45


def test_every_date_has_its_weekday():
    months = [datetime.date(1873, month, 1).strftime("%B") for month in range(1, 13)]
    for month, day, suffix, year, weekday in entries():
        date = datetime.date(int(year), months.index(month) + 1, int(day))
        assert weekday == date.strftime("%a"), f"{date} was a {date:%A}"
        assert suffix == ordinal(date.day)
        assert date.year <= 1892
