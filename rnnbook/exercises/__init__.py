"""Exercises that answer: ``check`` says whether a reader's answer is right and what is off."""

import importlib
import pkgutil
import re

from IPython import get_ipython
from IPython.display import display

from rnnbook.exercises import memory, panel
from rnnbook.exercises.examination import (
    NOT_ATTEMPTED,
    NOT_YET,
    PASSED,
    ExaminerError,
    Verdict,
    examine,
)
from rnnbook.exercises.kit import REGISTRY, Exercise

__all__ = [
    "NOT_ATTEMPTED", "NOT_YET", "PASSED", "ExaminerError", "Verdict", "check", "grade", "progress",
]  # fmt: skip


def grade(number: str, *answers: object) -> Verdict:
    """Examine an answer and return the verdict, without printing or remembering it.

    Args:
        number: the exercise, such as ``"3.2"``.
        answers: what the exercise asks for.
    Returns:
        The verdict. An exception in the reader's code is a verdict, not an exception.
    Raises:
        TypeError: if the number is not a string.
        KeyError: if there is no such exercise; the message lists those of the chapter.
        ExaminerError: if the check itself fails.
    """
    return examine(_find(number), answers)


def check(number: str, *answers: object, solution: bool = False) -> None:
    """Examine an answer, print the verdict, and remember it.

    Random numbers, PyTorch's settings, the folder and the style of figures stay as they are. An
    answer that takes longer than a minute is stopped. It never raises: what is wrong with the call
    itself, such as a number without quotes, is printed too.

    Args:
        number: the exercise, such as ``"3.2"``.
        answers: what the exercise asks for.
        solution: whether this is the book's own solution, which does not count as the reader's
            progress.
    """
    try:
        verdict = grade(number, *answers)
    except (ExaminerError, TypeError, KeyError) as error:  # the notebook must go on
        print(f"Exercise {number}: {error.args[0]}")
        return
    if verdict.status == PASSED and not solution:
        _remember(_find(number).slug)
    end = f": {verdict.message}" if verdict.message else ""
    print(f"Exercise {number}: {verdict.status}{' (the solution)' if solution else ''}{end}")


def progress() -> None:
    """Show which exercises of the book are passed and which are left, chapter by chapter.

    In a notebook it is a small panel, elsewhere lines of text.
    """
    _load_all()
    try:
        done = _slugs(memory.remembered())
    except (memory.NotRemembered, memory.NotReadable) as error:
        print(f"(what was passed could not be read: {error})")
        done = set()
    chapters: dict[str, list[Exercise]] = {}
    for number in sorted(REGISTRY, key=_order):
        chapters.setdefault(number.split(".")[0], []).append(REGISTRY[number])
    said = panel.words(chapters, done)
    if get_ipython() is None:
        print(said)
    else:
        display({"text/plain": said, "text/html": panel.squares(chapters, done)}, raw=True)


def _find(number: str) -> Exercise:
    """Return an exercise; only its own chapter's checks are imported."""
    if not isinstance(number, str):
        raise TypeError(f'the number of an exercise is a string: quote it, check("{number}", ...)')
    module = f"ch{number.split('.')[0].zfill(2)}"
    if module in _modules():
        importlib.import_module(f"{__name__}.{module}")
    else:
        _load_all()
    if number not in REGISTRY:
        chapter = number.split(".")[0]
        near = [n for n in REGISTRY if n.split(".")[0] == chapter] or list(REGISTRY)
        raise KeyError(
            f"there is no exercise {number!r}; there are {', '.join(sorted(near, key=_order))}"
        )
    return REGISTRY[number]


def _modules() -> list[str]:
    """Return the names of the chapters' modules."""
    return [m.name for m in pkgutil.iter_modules(__path__) if re.fullmatch(r"ch\d+", m.name)]


def _load_all() -> None:
    """Import every chapter's module, so that its exercises register."""
    for name in _modules():
        importlib.import_module(f"{__name__}.{name}")


def _order(number: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", number))


def _slugs(stored: set[str] | list[str]) -> set[str]:
    """Return slugs for what was stored: before version 0.2 these were numbers."""
    if isinstance(stored, set):
        return stored
    old = {
        f"{chapter}.{number}": slug
        for chapter, slugs in memory.SLUGS_OF_0_1.items()
        for number, slug in enumerate(slugs.split(), 1)
    }
    return {old[number] for number in stored if number in old}


def _remember(slug: str) -> None:
    """Add an exercise to those passed; a folder that cannot be written to stops nobody."""
    try:
        told = memory.remember(lambda before: _slugs(before) | {slug})
    except memory.NotRemembered as error:
        told = f"this could not be remembered: {error}"
    if told:
        print(f"({told})")
