"""Exercises that answer: ``check`` says whether a reader's answer is right and what is off."""

import importlib
import json
import os
import pkgutil
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import platformdirs

PASSED, NOT_YET, NOT_ATTEMPTED = "passed", "not yet", "not attempted yet"


class Wrong(Exception):
    """A reader's answer is wrong; the message says how."""


class NotAttempted(Exception):
    """The stub has not been filled in."""


@dataclass(frozen=True)
class Exercise:
    """One exercise: its number, its title, and the function that examines an answer.

    ``examine`` raises Wrong or NotAttempted, or returns what to say to a right answer.
    """

    number: str
    title: str
    examine: Callable[..., str | None]


@dataclass(frozen=True)
class Verdict:
    """What became of an answer: a status (passed, not yet, not attempted yet) and a message."""

    status: str
    message: str = ""


REGISTRY: dict[str, Exercise] = {}


def exercise(number: str, title: str) -> Callable[[Callable], Callable]:
    """Register the decorated function as the examiner of an exercise.

    Args:
        number: such as ``"3.2"``: the chapter, then the exercise.
        title: as in the chapter's heading.
    """

    def register(examine: Callable[..., str | None]) -> Callable[..., str | None]:
        REGISTRY[number] = Exercise(number, title, examine)
        return examine

    return register


def attempted(*answers: object) -> None:
    """Raise NotAttempted if any answer is still the stub's ``...`` or None."""
    if any(answer is ... or answer is None for answer in answers):
        raise NotAttempted


def _stub() -> None: ...


def call(function: Callable, *arguments: object, **options: object) -> object:
    """Call a reader's function, unless it is still the stub.

    Raises:
        NotAttempted: if the function does nothing at all.
        Wrong: if it is no function, or returns nothing.
    """
    attempted(function)
    if not callable(function):
        raise Wrong(f"expected a function, got {function!r}: pass its name without calling it")
    code = getattr(function, "__code__", None)
    if code is not None and code.co_code == _stub.__code__.co_code and not any(code.co_consts):
        raise NotAttempted
    result = function(*arguments, **options)
    attempted(None if result is ... else True)
    if result is None:
        raise Wrong("it returned None: is there a `return` on every way through it?")
    return result


def choice(answer: object, options: str, right: str, because: dict[str, str]) -> None:
    """Examine a pick of one letter.

    Args:
        answer: the reader's.
        options: the letters on offer, such as ``"abc"``.
        right: the right one.
        because: for each wrong letter, what to think about again.
    """
    attempted(answer)
    if not isinstance(answer, str) or answer.strip().lower() not in set(options):
        raise Wrong(f"expected one of the letters {', '.join(options)} as a string, got {answer!r}")
    if (letter := answer.strip().lower()) != right:
        raise Wrong(f"{letter!r} is not it: {because[letter]}")


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
        _remember(number)
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
        passed = sum(member.number in done for member in members)
        print(f"Chapter {chapter}: {passed} of {len(members)} passed")
        for member in members:
            print(f"  [{'x' if member.number in done else ' '}] {member.number} {member.title}")


def _state_file() -> Path:
    folder = os.environ.get("RNNBOOK_STATE_DIR") or platformdirs.user_state_dir("rnnbook")
    return Path(folder) / "progress.json"


def _remembered() -> set[str]:
    try:
        return set(json.loads(_state_file().read_text(encoding="utf-8")))
    except (OSError, json.JSONDecodeError):
        return set()


def _remember(number: str) -> None:
    """Add an exercise to those passed; a folder that cannot be written to stops nobody."""
    path, done = _state_file(), _remembered()
    if number in done:
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".partial")
        partial.write_text(json.dumps(sorted(done | {number}, key=_order)), encoding="utf-8")
        partial.replace(path)
    except OSError as error:
        print(f"(this could not be remembered: {error})")
