"""Every exercise's check accepts right answers, the book's and another, and refuses wrong ones."""

import dataclasses
import importlib
import io
import json
import math
import re
from contextlib import redirect_stdout
from pathlib import Path
from types import FunctionType

import nbformat
import numpy as np
import pytest
import torch
from torch import nn

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
    verdict = grade("5.8", epoch(targets="plain", zero=False, clip_at="before"))
    assert all(word in verdict.message for word in ("targets", "emptied", "not clipped"))
    assert "parameter by parameter" in grade("5.3", epoch(clip_at="each")).message
    assert "entry by entry" in grade("5.3", epoch(clip_at="value")).message


def test_errors_in_the_readers_code_are_verdicts():
    def broken(train, test):
        return 1 / 0

    verdict = grade("1.2", broken)
    assert verdict.status == NOT_YET and "ZeroDivisionError: division by zero" in verdict.message
    assert grade("1.2", 0.5).status == NOT_YET
    missing = grade("1.2")
    assert missing.status == NOT_YET and "was given 0 answers" in missing.message
    with pytest.raises(TypeError, match=r'quote it, check\("1.2", ...\)'):
        grade(1.2, broken)
    with pytest.raises(KeyError, match=r"there is no exercise '1.99'; there are 1.1, 1.2"):
        grade("1.99", 3)


def _said(function, *arguments, **options):
    with redirect_stdout(io.StringIO()) as said:
        function(*arguments, **options)
    return said.getvalue()


def test_a_call_that_cannot_be_is_told_and_does_not_stop_the_notebook():
    assert 'quote it, check("3.2", ...)' in _said(exercises.check, 3.2, 1)
    assert "there is no exercise '1.99'; there are 1.1" in _said(exercises.check, "1.99", 1)


def test_progress_is_remembered_and_solutions_do_not_count(tmp_path, monkeypatch):
    monkeypatch.setenv("RNNBOOK_STATE_DIR", str(tmp_path / "state"))
    assert "[ ] 1.5 " in _said(exercises.progress)
    assert (
        _said(exercises.check, "1.5", "b", solution=True) == "Exercise 1.5: passed (the solution)\n"
    )
    assert "[ ] 1.5 " in _said(exercises.progress)
    assert _said(exercises.check, "1.5", "b") == "Exercise 1.5: passed\n"
    assert _said(exercises.check, "3.8", "a").startswith("Exercise 3.8: not yet: ")
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
    # Version 0.1 stored numbers, and many exercises have another one today.
    monkeypatch.setenv("RNNBOOK_STATE_DIR", str(tmp_path))
    state = tmp_path / "progress.json"
    state.write_text('["1.5", "4.2", "9.2", "10.7", "99.1", "nonsense", 3]')
    said = _said(exercises.progress)
    passed = {exercises.REGISTRY[n].slug for n in re.findall(r"\[x\] ([\d.]+) ", said)}
    kept = {"why-not-the-index", "between-the-layers-only", "which-summary"}
    assert passed == kept
    _said(exercises.check, "3.8", "b")
    stored = set(json.loads(state.read_text())["passed"])
    # An exercise that is no more is kept all the same: nothing is lost.
    assert stored == kept | {"four-bugs-on-the-way-back", exercises.REGISTRY["3.8"].slug}


def test_slugs_are_unique_and_plain():
    slugs = [exercise.slug for exercise in exercises.REGISTRY.values()]
    assert len(slugs) == len(set(slugs))
    assert all(re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", slug) for slug in slugs)


# ---------------------------------------------------------------- answers nobody thought of


class Loud:
    """A value that cannot be shown."""

    def __repr__(self):
        raise RuntimeError("not even this")


ODD = [
    math.nan, math.inf, -math.inf, -1, 0, 10**400, "", "abc", b"ab", True, 1j, (), [], {}, [None],
    [math.nan] * 3, torch.tensor(math.nan), torch.ones(2, 3), torch.tensor([]), np.float64(2),
    np.array([1.0, 2.0]), np.array("a"), object(), Loud(), int, nn.Linear, nn.Linear(2, 2),
    lambda *a: math.nan, lambda *a: torch.tensor(math.nan), lambda *a: "x", lambda *a: (),
    lambda *a: {}, lambda *a: [torch.ones(1)] * 2, lambda *a: torch.ones(1).int(), lambda *a: a,
    lambda *a: a[0], lambda *a: iter(a), lambda *a: nn.Linear(2, 2), lambda *a: nn.Identity(),
    lambda: 1, lambda *a: Loud(),
]  # fmt: skip
COUNTS = {number: len(right[0]) for number, (right, _) in CASES.items()}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("number", sorted(CASES))
def test_odd_answers_get_a_verdict_and_never_break_a_check(number):
    for odd in ODD:
        verdict = grade(number, *[odd] * COUNTS[number])
        assert verdict.status != PASSED, (odd, verdict)
        assert len(verdict.message) <= 900


@pytest.mark.parametrize("number", sorted(CASES))
def test_one_odd_part_of_a_right_answer_is_refused(number):
    right = CASES[number][0][0]
    for place in range(len(right)):
        for odd in (math.nan, "abc", None, torch.tensor(math.nan), object()):
            answers = [*right[:place], odd, *right[place + 1 :]]
            assert grade(number, *answers).status != PASSED


def in_numpy(answer):
    """Write numbers as numpy's, and sequences of numbers as arrays."""
    if isinstance(answer, bool):
        return np.bool_(answer)
    if isinstance(answer, int | float):
        return np.float64(answer)
    return np.array(answer) if isinstance(answer, tuple | list) else answer


def in_torch(answer):
    """Write numbers as tensors of one, and sequences of numbers as vectors."""
    return torch.tensor(answer) if isinstance(answer, bool | int | float | tuple | list) else answer


@pytest.mark.parametrize("written", [in_numpy, in_torch])
@pytest.mark.parametrize("number", sorted(CASES))
def test_numbers_may_be_numpys_or_tensors_of_one(number, written):
    for right in CASES[number][0]:
        answers = [written(answer) for answer in right]
        if any(a is not b for a, b in zip(answers, right, strict=True)):
            verdict = grade(number, *answers)
            assert verdict.status == PASSED, verdict.message


# Each right answer that takes and returns tensors or numbers, with its result spoilt.
SPOILT = {
    "not a number": lambda x: x * math.nan,
    "without its axes of size 1": lambda x: x.squeeze(),
    "with one more axis": lambda x: x.unsqueeze(0),
    "negative": lambda x: -x,
}


def _spoil(value, how):
    if isinstance(value, torch.Tensor) and value.is_floating_point():
        return how(value)
    if isinstance(value, float):
        return how(torch.tensor(value))
    if type(value) in (tuple, list):
        return type(value)(_spoil(member, how) for member in value)
    if type(value) is dict:
        return {key: _spoil(member, how) for key, member in value.items()}
    return value


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("how", SPOILT)
@pytest.mark.parametrize("number", [n for n in FUNCTIONS if n != "8.5"])  # a layer, no numbers
def test_a_spoilt_result_is_refused(number, how):
    answer = CASES[number][0][0][0]
    changed = []

    def spoilt(*arguments):
        right = answer(*arguments)
        wrong = _spoil(right, SPOILT[how])
        changed.append(not _alike(right, wrong))
        return wrong

    verdict = grade(number, spoilt)
    assert verdict.status == NOT_YET or not any(changed)


def _alike(a, b):
    if isinstance(a, torch.Tensor) and a.dim() == 0:
        a = a.item()  # a number, and so is a tensor of one
    if isinstance(a, torch.Tensor):
        return isinstance(b, torch.Tensor) and a.shape == b.shape and torch.equal(a, b)
    if isinstance(a, list | tuple) and isinstance(b, list | tuple):
        return len(a) == len(b) and all(map(_alike, a, b))
    if isinstance(a, dict):
        return all(_alike(a[key], b[key]) for key in a)
    if isinstance(b, torch.Tensor):
        return b.numel() == 1 and math.isclose(b.item(), a, rel_tol=1e-6, abs_tol=1e-9)
    return a is b or bool(a == b)


@pytest.mark.parametrize("number", ["3.3", "6.2", "8.2", "8.3", "8.6", "8.8", "9.2", "9.8", "10.2",
                                    "10.5", "11.2", "11.3", "11.6"])  # fmt: skip
def test_an_answer_through_which_nothing_learns_is_refused(number):
    answer = CASES[number][0][0][0]

    @torch.no_grad()
    def cut(*arguments):
        return answer(*arguments)

    verdict = grade(number, cut)
    assert (
        verdict.status == NOT_YET and "gradient" in verdict.message
    ) or "history" in verdict.message


@pytest.mark.parametrize("number", ["3.6", "7.6", "7.8", "10.8", "11.8"])
def test_a_model_that_cannot_learn_is_refused(number):
    build = CASES[number][0][0][0]

    def cut(*sizes):
        model = build(*sizes)
        model.forward = torch.no_grad()(model.forward)
        return model

    verdict = grade(number, cut)
    assert verdict.status == NOT_YET and "gradient" in verdict.message


@pytest.mark.parametrize("number", ["4.2", "4.3", "5.5", "9.8", "10.2", "10.5", "11.2", "11.3"])
def test_an_answer_that_empties_what_it_was_given_is_examined_with_copies(number):
    answer = CASES[number][0][0][0]

    def emptying(*arguments):
        result = answer(*(a.clone() if isinstance(a, torch.Tensor) else a for a in arguments))
        with torch.no_grad():
            for argument in arguments:
                if isinstance(argument, torch.Tensor):
                    argument.zero_()
        return result

    def wrong(*arguments):
        result = emptying(*arguments)
        return _spoil(result, lambda x: 0 * x)

    assert grade(number, wrong).status == NOT_YET
