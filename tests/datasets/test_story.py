"""rnnbook.datasets.story: the corpus, and the story's alphabet, layout and calendar."""

import datetime
import re
import string

import pytest

from rnnbook.datasets import story
from rnnbook.datasets.story import STORY as FILE
from rnnbook.text import UNKNOWN, clean

STORY = story().raw
LINES = STORY.removesuffix("\n").split("\n")
PARAGRAPHS = STORY.removesuffix("\n").split("\n\n")
ENTRY = re.compile(r"([A-Z][a-z]+) (\d+)(st|nd|rd|th), (\d{4})\. ([A-Z][a-z]{2})\. High water ")


def entries() -> list[tuple[str, ...]]:
    found = (ENTRY.match(paragraph.replace("\n", " ")) for paragraph in PARAGRAPHS)
    return [entry.groups() for entry in found if entry]


def ordinal(day: int) -> str:
    return "th" if 11 <= day <= 13 else {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")


def test_the_corpus_is_the_cleaned_file_in_three_parts():
    corpus = story()
    assert FILE.read_text("ascii") == corpus.raw
    parts = (corpus.train, corpus.validation, corpus.test)
    assert "".join(part.text for part in parts) == clean(corpus.raw)
    assert [round(len(part) / len(clean(corpus.raw)), 3) for part in parts] == [0.8, 0.1, 0.1]
    for part in parts:
        assert len(part) == len(part.tokens) and corpus.vocab.decode(part.tokens) == part.text


def test_the_vocabulary_is_that_of_the_training_part_alone():
    # So little to train on that letters are missing: the rest of the text must not bring them in.
    corpus = story(validation=0.5, test=0.4995)
    seen = set(corpus.train.text)
    assert set(corpus.vocab.idx_to_token) == {UNKNOWN, *seen}
    unseen = set(corpus.validation.text) - seen
    assert unseen and not any(letter in corpus.vocab for letter in unseen)
    for letter, token in zip(corpus.validation.text, corpus.validation.tokens, strict=True):
        assert (token == 0) == (letter in unseen)


def test_fractions_that_leave_nothing_to_train_on_are_refused():
    with pytest.raises(ValueError, match="leave some text to train on"):
        story(0.5, 0.5)


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
