"""Answers given in the page: the verdicts and words of JupyterLab, kept in the browser alone."""

from __future__ import annotations

import importlib
import json
import re
from pathlib import Path

import nbformat
import pytest
import torch
from examiner_trees import NotPortable, exported
from page_answers import _answerable
from playwright.sync_api import Page, expect
from site_pages import ROOT, Look, Visit

from rnnbook import exercises
from rnnbook.exercises import grade
from rnnbook.exercises.kit import Exercise, Wrong

pytestmark = pytest.mark.timeout(300)
PLACES = {
    number: path.stem
    for path in sorted((ROOT / "chapters").glob("*.ipynb"))
    for number, *_ in _answerable(nbformat.read(path, as_version=4))
}
CASES = {
    number: [*right, *wrong]
    for path in sorted((ROOT / "tests" / "cases").glob("ch*.py"))
    for number, (right, wrong) in importlib.import_module(f"tests.cases.{path.stem}").CASES.items()
}
# What the page says to typed answers; a string is typed without its quotes.
SAID = """
([number, answers]) => {
  const bytes = Uint8Array.from(atob(rnnbookAnswers[number]), (c) => c.charCodeAt(0));
  const examiner = JSON.parse(new TextDecoder().decode(bytes));
  return answers.map((typed) => {
    const { status, message } = rnnbookExaminer.examine(examiner, typed.map(rnnbookLiteral));
    return [status, message];
  });
}
"""


def typed(value: object) -> str | None:
    """Return an answer as a reader would type it into the page; None if nobody can."""
    if isinstance(value, str):
        return value if value.strip() else None
    if isinstance(value, torch.Tensor | torch.Size):
        return typed(value.tolist() if isinstance(value, torch.Tensor) else tuple(value))
    if isinstance(value, tuple | list) and value:
        members = [typed(member) for member in value]
        if None in members or any(isinstance(member, str) for member in value):
            return None
        inner = ", ".join(str(member) for member in members)
        end = "," if len(value) == 1 else ""
        return f"[{inner}]" if isinstance(value, list) else f"({inner}{end})"
    if isinstance(value, bool) or (isinstance(value, int | float) and value == value):
        return repr(value) if abs(value) != float("inf") else None
    return None


def test_all_kinds_that_need_no_python_are_answered() -> None:
    assert len(PLACES) >= 28
    kinds = {
        match[1]: match[2]
        for path in (ROOT / "chapters").glob("*.ipynb")
        for match in re.finditer(
            r"### Exercise (\d+\.\d+) · [^\[]+  \[(\w+), \d+ min\]",
            "\n".join(cell.source for cell in nbformat.read(path, as_version=4).cells),
        )
    }
    assert set(PLACES) == {n for n, kind in kinds.items() if kind in ("predict", "recall", "order")}


@pytest.mark.parametrize("number", PLACES)
def test_the_page_says_what_jupyterlab_says(visit: Visit, server: str, number: str) -> None:
    tab, record = visit(f"{server}/chapters/{PLACES[number]}.html")
    answers = [case for case in CASES[number] if all(typed(answer) is not None for answer in case)]
    assert len(answers) >= 4 and grade(number, *answers[0]).status == "passed"
    said = tab.evaluate(SAID, [number, [[typed(a) for a in case] for case in answers]])
    expected = [
        (verdict.status, verdict.message) for verdict in (grade(number, *c) for c in answers)
    ]
    assert [tuple(each) for each in said] == expected
    assert record.errors == []


def test_what_is_typed(visit: Visit, server: str) -> None:
    tab, _ = visit(f"{server}/chapters/03_rnn_from_scratch.html")
    read = {
        "28 * 256 + 256**2": 28 * 256 + 256**2,
        "-2^2": -4,
        "2 ** -1": 0.5,
        "16/sqrt(44)": 16 / 44**0.5,
        "ln(2) - log(2)": 0,
        "1_000.5e-1": 100.05,
        "−3·2": -6,
        "(1, 2), 3": [[1, 2], 3],
        "3, 5": [3, 5],
        "(4,)": [4],
        "[1, 2]": [1, 2],
        "True": True,
        "False": False,
        "": None,
        "  ": None,
        "cannot tell": "cannot tell",
        '"cab"': "cab",
        "it's": "it's",
        "2 +": "2 +",
        "(1, 2": "(1, 2",
        "__proto__(2)": "__proto__(2)",
    }
    found = tab.evaluate("(typed) => typed.map(rnnbookLiteral)", list(read))
    for text, value in zip(read, found, strict=True):
        assert value == (
            pytest.approx(read[text]) if isinstance(read[text], float) else read[text]
        ), text


def test_answered_by_keyboard_and_kept(visit: Visit, server: str) -> None:
    address = f"{server}/chapters/03_rnn_from_scratch.html"
    tab, record = visit(address)
    form = tab.get_by_role("form", name="Answer to exercise 3.1")
    form.scroll_into_view_if_needed()
    verdict = form.get_by_role("status")
    form.get_by_role("button", name="Check").press("Enter")
    expect(verdict).to_have_text("Exercise 3.1: not attempted yet")
    form.get_by_label("count_256").fill("80156 - 28 - 256")
    form.get_by_label("count_512").fill("291356")
    form.get_by_label("count_512").press("Enter")
    expect(verdict).to_contain_text("not yet: H = 256: 79872 is not it; the two biases are missing")
    form.get_by_label("count_256").fill("28*256 + 256**2 + 256 + 256*28 + 28")
    form.get_by_label("count_256").press("Enter")
    expect(verdict).to_contain_text("passed: 3.6 times as many")
    choice = tab.get_by_role("form", name="Answer to exercise 3.8")
    choice.get_by_label("a", exact=True).focus()
    tab.keyboard.press("Space")
    tab.keyboard.press("ArrowDown")
    choice.get_by_role("button", name="Check").press("Space")
    expect(choice.get_by_role("status")).to_contain_text("passed")
    tab.goto(address)
    again = tab.get_by_role("form", name="Answer to exercise 3.1").get_by_role("status")
    expect(again).to_have_text("Exercise 3.1: passed before")
    tab.goto(f"{server}/book/exercises.html")
    expect(tab.locator("[data-chapter-count='3']")).to_have_text("2 of 8 passed here")
    assert tab.locator("[data-slug='count-the-parameters']").get_attribute("aria-label") == "passed"
    assert record.foreign == [] and record.errors == []


def test_lines_are_laid_in_order(visit: Visit, server: str) -> None:
    tab, _ = visit(f"{server}/chapters/12_naming_languages.html")
    form = tab.get_by_role("form", name="Answer to exercise 12.6")
    for letter in "dab":
        form.get_by_role("button", name=f"line {letter}").press("Enter")
    form.get_by_role("button", name="Check").press("Enter")
    expect(form.get_by_role("status")).to_contain_text("3 lines are missing")
    for letter in "efh":
        form.get_by_role("button", name=f"line {letter}").press("Enter")
    form.get_by_role("button", name="Check").press("Enter")
    expect(form.get_by_role("status")).to_have_text("Exercise 12.6: passed")


def test_progress_is_exported_and_taken_over(visit: Visit, server: str, tmp_path: Path) -> None:
    tab, _ = visit(f"{server}/book/exercises.html")
    file = tmp_path / "progress.json"
    file.write_text(json.dumps({"passed": ["count-the-parameters", "half-life-of-a-cell"]}))
    tab.locator("#progress-file").set_input_files(file)
    expect(tab.locator(".progress-export [role=status]")).to_have_text("2 exercises taken over.")
    expect(tab.locator("[data-chapter-count='8']")).to_contain_text("1 of")
    with tab.expect_download() as download:
        tab.get_by_role("button", name="Export progress.json").press("Enter")
    assert json.loads(Path(download.value.path()).read_text()) == json.loads(file.read_text())
    file.write_text("[1, 2]")
    tab.locator("#progress-file").set_input_files(file)
    expect(tab.locator(".progress-export [role=status]")).to_contain_text("no progress.json")
    expect(tab.locator("[data-chapter-count='8']")).to_contain_text("1 of")


def test_the_list_holds_every_exercise(visit: Visit, server: str) -> None:
    exercises._load_all()
    tab, _ = visit(f"{server}/book/exercises.html")
    slugs = tab.locator("[data-slug]").evaluate_all("(all) => all.map((e) => e.dataset.slug)")
    assert sorted(slugs) == sorted(e.slug for e in exercises.REGISTRY.values())
    hrefs = tab.locator(".exercise-list a").evaluate_all("(all) => all.map((e) => e.href)")
    tab.goto(hrefs[20])
    assert tab.locator(f"#{hrefs[20].split('#')[1]}").count() == 1


def test_without_scripts_the_stub_stays(built: Path) -> None:
    page = (built / "chapters" / "03_rnn_from_scratch.html").read_text("utf-8")
    assert "count_256" in page and page.count('class="answer-mount"') == 2
    assert 'class="answer-live"' not in page  # only a script hides the stub
    scripts = (built / "_static" / "answers" / "03_rnn_from_scratch.js").read_text("utf-8")
    assert "80156" not in scripts and "biases" not in scripts


def test_they_work_from_the_disk(visit: Visit, built: Path) -> None:
    tab, record = visit((built / "chapters" / "08_lstm.html").as_uri())
    form = tab.get_by_role("form", name="Answer to exercise 8.1")
    form.get_by_label("f_half").fill("0.5 ** (1/50)")
    form.get_by_label("b_half").fill("-4.27")
    form.get_by_role("button", name="Check").click()
    expect(form.get_by_role("status")).to_contain_text("the sign of b is turned")
    assert record.errors == []


def test_an_examiner_that_the_page_does_not_know_is_refused() -> None:
    def needs_torch(answer: object) -> None:
        raise Wrong(str(torch.tensor(answer)))

    needs_torch.__module__ = "rnnbook.exercises.ch08"
    with pytest.raises(
        NotPortable, match=r"exercise 99\.1 cannot be answered in the page: the name"
    ):
        exported(Exercise("99.1", "None", "none", needs_torch))
    long = exercises._find("5.7")
    with pytest.raises(NotPortable, match="exercise 5.7"):
        exported(long)


@pytest.mark.parametrize(("mode", "width"), [("light", 1280), ("dark", 390)])
def test_forms_fit(look: Look, mode: str, width: int) -> None:
    for page in ("07_nn_rnn", "12_naming_languages", "04_backpropagation_through_time"):
        tab, _ = look(f"chapters/{page}", mode, width)
        for form in tab.get_by_role("form", name=re.compile("Answer to exercise")).all():
            form.scroll_into_view_if_needed()
            box = form.bounding_box()
            assert box["x"] >= 0 and box["x"] + box["width"] <= width and box["height"] > 60
        assert tab.evaluate("document.documentElement.scrollWidth") <= width


def test_a_page_without_forms_loads_no_examiner(visit: Visit, server: str) -> None:
    tab, _ = visit(f"{server}/chapters/04b_gradients_in_depth.html")
    assert tab.evaluate("typeof rnnbookExaminer") == "undefined"


def fold(tab: Page) -> str:
    """Return the display of the first stub that a form replaces."""
    return tab.evaluate("getComputedStyle(document.querySelector('.answer-live > .cell')).display")


def test_the_stub_makes_room(visit: Visit, server: str) -> None:
    tab, _ = visit(f"{server}/chapters/03_rnn_from_scratch.html")
    assert fold(tab) == "none"
