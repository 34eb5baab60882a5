"""How far a reader has come: in words outside a notebook, as a panel in one."""

import pytest
from bs4 import BeautifulSoup

from rnnbook import exercises
from rnnbook.exercises.kit import Exercise
from rnnbook.exercises.panel import squares, words

CHAPTERS = {
    "1": [
        Exercise("1.1", "Cut & count", "cut", lambda: None),
        Exercise("1.2", "Turn", "turn", lambda: None),
    ],
    "2": [Exercise("2.1", "Guess", "guess", lambda: None)],
}


def test_words_and_panel_say_the_same() -> None:
    said = words(CHAPTERS, {"cut", "gone"})
    assert said.splitlines() == [
        "Chapter 1: 1 of 2 passed", "  [x] 1.1 Cut & count", "  [ ] 1.2 Turn",
        "Chapter 2: 0 of 1 passed", "  [ ] 2.1 Guess",
    ]  # fmt: skip
    soup = BeautifulSoup(squares(CHAPTERS, {"cut", "gone"}), "html.parser")
    assert soup.strong.get_text() == "1 of 3 exercises passed"
    summaries = [" ".join(s.get_text().split()) for s in soup.find_all("summary")]
    assert summaries == ["Chapter 1 1 of 2", "Chapter 2 0 of 1"]
    assert [i.get_text() for i in soup.find_all("li")] == [
        "✓ 1.1 Cut & count",
        "○ 1.2 Turn",
        "○ 2.1 Guess",
    ]
    found = soup.select("summary span span")
    assert ["background" in square["style"] for square in found] == [True, False, False]


def test_in_a_notebook_it_is_a_panel(monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    shown = []
    monkeypatch.setattr(exercises, "get_ipython", lambda: object())
    monkeypatch.setattr(exercises, "display", lambda data, raw: shown.append((data, raw)))
    exercises.progress()
    [(data, raw)] = shown
    assert raw and set(data) == {"text/plain", "text/html"} and capsys.readouterr().out == ""
    assert data["text/plain"].startswith("Chapter 1: ") and "<details>" in data["text/html"]
