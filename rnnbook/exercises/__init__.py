"""Exercises that answer: ``check`` says whether a reader's answer is right and what is off."""

import importlib
import json
import os
import pkgutil
import re
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from rnnbook.atomic import write_atomically
from rnnbook.exercises.kit import REGISTRY, Exercise, NotAttempted, Wrong

PASSED, NOT_YET, NOT_ATTEMPTED = "passed", "not yet", "not attempted yet"


@dataclass(frozen=True)
class Verdict:
    """What became of an answer: a status (passed, not yet, not attempted yet) and a message."""

    status: str
    message: str = ""


def grade(number: str, *answers: object) -> Verdict:
    """Examine an answer and return the verdict, without printing or remembering it.

    Args:
        number: the exercise, such as ``"3.2"``.
        answers: what the exercise asks for.
    Returns:
        The verdict. An exception in the reader's code is a verdict, not an exception.
    Raises:
        KeyError: if there is no such exercise; the message lists those of the chapter.
    """
    found = _find(number)
    try:
        message = found.examine(*answers)
    except NotAttempted:
        return Verdict(NOT_ATTEMPTED)
    except Wrong as wrong:
        return Verdict(NOT_YET, str(wrong))
    except Exception as error:  # whatever the reader's code does, the notebook must go on
        return Verdict(NOT_YET, f"it stopped with {type(error).__name__}: {error}{_where(error)}")
    return Verdict(PASSED, message or "")


def _where(error: Exception) -> str:
    """Say in which line of the reader's own code an exception was raised, if it was there."""
    place, traceback = "", error.__traceback__
    while traceback:
        code = traceback.tb_frame.f_code
        if not code.co_filename.startswith(str(Path(__file__).parents[1])) and (
            "ipykernel" in code.co_filename
        ):
            place = f" (line {traceback.tb_lineno} of the cell that defines {code.co_name})"
        traceback = traceback.tb_next
    return place


def _find(number: str) -> Exercise:
    if not isinstance(number, str):
        raise TypeError(f'the number of an exercise is a string: quote it, check("{number}", ...)')
    _load_all()
    if number not in REGISTRY:
        chapter = str(number).split(".")[0]
        near = [n for n in REGISTRY if n.split(".")[0] == chapter] or list(REGISTRY)
        raise KeyError(
            f"there is no exercise {number!r}; there are {', '.join(sorted(near, key=_order))}"
        )
    return REGISTRY[number]


def _load_all() -> None:
    """Import every chapter's module, so that its exercises register."""
    for module in pkgutil.iter_modules(__path__):
        importlib.import_module(f"{__name__}.{module.name}")


def _order(number: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", number))


def check(number: str, *answers: object, solution: bool = False) -> None:
    """Examine an answer, print the verdict, and remember it.

    Args:
        number: the exercise, such as ``"3.2"``.
        answers: what the exercise asks for.
        solution: whether this is the book's own solution, which does not count as the reader's
            progress.
    Raises:
        KeyError: if there is no such exercise.
    """
    verdict = grade(number, *answers)
    if verdict.status == PASSED and not solution:
        _remember(_find(number).slug)
    end = f": {verdict.message}" if verdict.message else ""
    print(f"Exercise {number}: {verdict.status}{' (the solution)' if solution else ''}{end}")


def progress() -> None:
    """Print which exercises of the book are passed and which are left, chapter by chapter."""
    _load_all()
    done = _remembered()
    chapters: dict[str, list[Exercise]] = {}
    for number in sorted(REGISTRY, key=_order):
        chapters.setdefault(number.split(".")[0], []).append(REGISTRY[number])
    for chapter, members in chapters.items():
        passed = sum(member.slug in done for member in members)
        print(f"Chapter {chapter}: {passed} of {len(members)} passed")
        for member in members:
            print(f"  [{'x' if member.slug in done else ' '}] {member.number} {member.title}")


def _state_file() -> Path:
    folder = os.environ.get("RNNBOOK_STATE_DIR") or platformdirs.user_state_dir("rnnbook")
    return Path(folder) / "progress.json"


def _remembered() -> set[str]:
    """Return the slugs of the exercises that were passed."""
    try:
        stored = json.loads(_state_file().read_text(encoding="utf-8"))
    except (OSError, json.JSONDecodeError):
        return set()
    if isinstance(stored, dict):
        return set(stored.get("passed", []))
    # Before version 0.2 it was a list of numbers, and chapter 6 and those after it had one less.
    _load_all()
    numbers = (_renumbered(str(number)) for number in stored)
    return {REGISTRY[number].slug for number in numbers if number in REGISTRY}


def _renumbered(number: str) -> str:
    """Return today's number of an exercise that was remembered by that of version 0.1."""
    chapter, _, exercise = number.partition(".")
    later = chapter.isdigit() and int(chapter) >= 6
    return f"{int(chapter) + 1}.{exercise}" if later else number


def _remember(slug: str) -> None:
    """Add an exercise to those passed; a folder that cannot be written to stops nobody."""
    done = _remembered()
    if slug in done:
        return
    try:
        content = json.dumps({"passed": sorted(done | {slug})}, indent=1)
        write_atomically(_state_file(), content.encode())
    except OSError as error:
        print(f"(this could not be remembered: {error})")
