"""Every exercise's check accepts right answers, the book's and another, and refuses wrong ones."""

import dataclasses
import importlib
import io
import json
import re
from contextlib import redirect_stdout
from pathlib import Path
from types import FunctionType

import nbformat
import pytest

from rnnbook import exercises
from rnnbook.exercises import NOT_ATTEMPTED, NOT_YET, PASSED, grade
from tests.cases.ch05 import epoch

ROOT = Path(__file__).parents[2]
CHAPTERS = ROOT / "chapters"
CHECK = re.compile(r'\bcheck\(\s*"([\d.]+)"')
exercises._load_all()

# For each exercise: another right answer, and at least four plausible wrong ones.
CASES = {}
for module in sorted((ROOT / "tests" / "cases").glob("ch*.py")):
    CASES |= importlib.import_module(f"tests.cases.{module.stem}").CASES


@pytest.mark.parametrize("number", sorted(exercises.REGISTRY))
def test_every_exercise_has_its_cases(number):
    right, wrong = CASES[number]
    assert right and len(wrong) >= 4


@pytest.mark.parametrize(
    ("number", "answers"), [(n, a) for n, (right, _) in CASES.items() for a in right]
)
def test_right_answers_pass(number, answers):
    verdict = grade(number, *answers)
    assert verdict.status == PASSED, verdict.message


@pytest.mark.parametrize(
    ("number", "answers"), [(n, a) for n, (_, wrong) in CASES.items() for a in wrong]
)
def test_wrong_answers_are_refused_with_a_reason(number, answers):
    verdict = grade(number, *answers)
    assert verdict.status == NOT_YET
    assert len(verdict.message) > 15


def _chapter_cells():
    for path in sorted(CHAPTERS.glob("*.ipynb")):
        for cell in nbformat.read(path, as_version=4).cells:
            if cell.cell_type == "code" and (found := CHECK.search(cell.source)):
                yield found[1], cell


def test_chapters_store_a_stub_not_attempted_and_a_solution_passed():
    stubs, solutions = set(), set()
    for number, cell in _chapter_cells():
        printed = "".join(output.get("text", "") for output in cell.outputs)
        if "solution=True" in cell.source:
            assert f"Exercise {number}: passed (the solution)" in printed
            solutions.add(number)
        else:
            assert printed.strip() == f"Exercise {number}: {NOT_ATTEMPTED}"
            stubs.add(number)
    assert stubs == solutions == set(exercises.REGISTRY)


def test_titles_are_those_of_the_chapters():
    headings = "\n".join(
        cell.source
        for path in CHAPTERS.glob("*.ipynb")
        for cell in nbformat.read(path, as_version=4).cells
        if cell.cell_type == "markdown"
    )
    for number, exercise in exercises.REGISTRY.items():
        assert f"### Exercise {number} · {exercise.title}  [" in headings


def _asking_for(is_one):
    """Return the exercises whose right answers, one value each, begin with one of a kind."""
    return [
        number
        for number, (right, _) in CASES.items()
        if all(len(answers) == 1 for answers in right) and is_one(right[0][0])
    ]


FUNCTIONS = _asking_for(lambda answer: isinstance(answer, FunctionType))
CHOICES = _asking_for(lambda answer: isinstance(answer, str) and len(answer.strip()) == 1)


def stub(*arguments): ...  # your code here


@pytest.mark.parametrize("stub", [None, ..., stub, lambda *a, **k: None, lambda *a, **k: ...])
def test_an_untouched_stub_is_not_attempted(stub):
    assert len(FUNCTIONS) >= 34 and len(CHOICES) >= 9
    for number in FUNCTIONS:
        assert grade(number, stub).status == NOT_ATTEMPTED
    for number in CHOICES:
        if not callable(stub):
            assert grade(number, stub).status == NOT_ATTEMPTED


def test_a_forgotten_return_is_an_attempt():
    def forgetful(train, test):
        share_unknown = len(train) / len(test)
        print(share_unknown)

    verdict = grade("1.2", forgetful)
    assert verdict.status == NOT_YET and "`return`" in verdict.message


def test_a_loop_with_several_bugs_is_told_of_each():
    verdict = grade("5.3", epoch(targets="plain", zero=False, clip_at="before"))
    assert all(word in verdict.message for word in ("targets", "emptied", "not clipped"))
    assert "parameter by parameter" in grade("5.3", epoch(clip_at="each")).message
    assert "entry by entry" in grade("5.3", epoch(clip_at="value")).message


def test_errors_in_the_readers_code_are_verdicts():
    def broken(train, test):
        return 1 / 0

    verdict = grade("1.2", broken)
    assert verdict.status == NOT_YET and "ZeroDivisionError: division by zero" in verdict.message
    assert grade("1.2", 0.5).status == NOT_YET
    assert grade("1.2").status == NOT_YET  # an answer is missing
    with pytest.raises(KeyError, match=r"there is no exercise '1.99'; there are 1.1, 1.2"):
        grade("1.99", 3)


def _said(function, *arguments, **options):
    with redirect_stdout(io.StringIO()) as said:
        function(*arguments, **options)
    return said.getvalue()


def test_progress_is_remembered_and_solutions_do_not_count(tmp_path, monkeypatch):
    monkeypatch.setenv("RNNBOOK_STATE_DIR", str(tmp_path / "state"))
    assert "[ ] 1.5 " in _said(exercises.progress)
    assert (
        _said(exercises.check, "1.5", "b", solution=True) == "Exercise 1.5: passed (the solution)\n"
    )
    assert "[ ] 1.5 " in _said(exercises.progress)
    assert _said(exercises.check, "1.5", "b") == "Exercise 1.5: passed\n"
    assert _said(exercises.check, "3.7", "a").startswith("Exercise 3.7: not yet: ")
    said = _said(exercises.progress)
    assert "Chapter 1: 1 of 7 passed" in said and "[x] 1.5 " in said and "[ ] 3.7 " in said
    # A wrong answer later takes nothing away, and a new process remembers.
    _said(exercises.check, "1.5", "a")
    assert "[x] 1.5 " in _said(exercises.progress)
    stored = json.loads((tmp_path / "state" / "progress.json").read_text())
    assert stored == {"passed": [exercises.REGISTRY["1.5"].slug]}


def test_progress_goes_with_an_exercise_to_its_new_number(tmp_path, monkeypatch):
    monkeypatch.setenv("RNNBOOK_STATE_DIR", str(tmp_path))
    moved = dataclasses.replace(exercises.REGISTRY["1.5"], number="1.9")
    _said(exercises.check, "1.5", "b")
    monkeypatch.setitem(exercises.REGISTRY, "1.9", moved)
    monkeypatch.delitem(exercises.REGISTRY, "1.5")
    assert "[x] 1.9 " in _said(exercises.progress)


def test_the_old_list_of_numbers_is_understood(tmp_path, monkeypatch):
    # Version 0.1 stored numbers, and its chapters from 6 on had one less.
    monkeypatch.setenv("RNNBOOK_STATE_DIR", str(tmp_path))
    state = tmp_path / "progress.json"
    state.write_text('["1.5", "6.2", "10.7", "99.1", "nonsense", 3]')
    said = _said(exercises.progress)
    passed = re.findall(r"\[x\] ([\d.]+) ", said)
    assert passed == ["1.5", "7.2", "11.7"]
    _said(exercises.check, "3.7", "b")
    slugs = {exercises.REGISTRY[number].slug for number in (*passed, "3.7")}
    assert set(json.loads(state.read_text())["passed"]) == slugs


def test_slugs_are_unique_and_plain():
    slugs = [exercise.slug for exercise in exercises.REGISTRY.values()]
    assert len(slugs) == len(set(slugs))
    assert all(re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", slug) for slug in slugs)


def test_progress_survives_a_broken_file_and_a_folder_that_cannot_be_written(tmp_path, monkeypatch):
    monkeypatch.setenv("RNNBOOK_STATE_DIR", str(tmp_path))
    (tmp_path / "progress.json").write_text("{broken")
    assert "Chapter 1: 0 of 7 passed" in _said(exercises.progress)
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("RNNBOOK_STATE_DIR", str(tmp_path / "file" / "below"))
    said = _said(exercises.check, "1.5", "b")
    assert said.startswith("(this could not be remembered") and "passed" in said
