"""What an exercise's check is made of: registration, refusals, and calling a reader's code."""

from collections.abc import Callable
from dataclasses import dataclass


class Wrong(Exception):
    """A reader's answer is wrong; the message says how."""


class NotAttempted(Exception):
    """The stub has not been filled in."""


@dataclass(frozen=True)
class Exercise:
    """One exercise.

    Attributes:
        number: such as ``"3.2"``: the chapter, then the exercise.
        title: as in the chapter's heading.
        slug: the name under which progress is remembered; it never changes, whatever the number.
        examine: raises Wrong or NotAttempted, or returns what to say to a right answer.
    """

    number: str
    title: str
    slug: str
    examine: Callable[..., str | None]


REGISTRY: dict[str, Exercise] = {}


def exercise(number: str, title: str, slug: str) -> Callable[[Callable], Callable]:
    """Register the decorated function as the examiner of an exercise.

    Args:
        number: such as ``"3.2"``: the chapter, then the exercise.
        title: as in the chapter's heading.
        slug: a name of its own that survives a new number or title, such as ``"carry-the-state"``.
    """

    def register(examine: Callable[..., str | None]) -> Callable[..., str | None]:
        if any(slug == known.slug for known in REGISTRY.values() if known.number != number):
            raise ValueError(f"the slug {slug!r} of exercise {number} is taken")
        REGISTRY[number] = Exercise(number, title, slug, examine)
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
