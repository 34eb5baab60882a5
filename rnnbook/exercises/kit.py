"""What an exercise's check is made of: registration, refusals, and taking a reader's answers."""

import dis
import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn


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
        seconds: how long an answer may take, before it is taken for an endless loop.
    """

    number: str
    title: str
    slug: str
    examine: Callable[..., str | None]
    seconds: float = 60.0


REGISTRY: dict[str, Exercise] = {}


def exercise(
    number: str, title: str, slug: str, seconds: float = 60.0
) -> Callable[[Callable], Callable]:
    """Register the decorated function as the examiner of an exercise.

    Args:
        number: such as ``"3.2"``: the chapter, then the exercise.
        title: as in the chapter's heading.
        slug: a name of its own that survives a new number or title, such as ``"carry-the-state"``.
        seconds: how long an answer may take; more than a minute where the check trains networks.
    """

    def register(examine: Callable[..., str | None]) -> Callable[..., str | None]:
        known = REGISTRY.get(number)
        if known is not None and not _same_function(known.examine, examine):
            raise ValueError(f"exercise {number} is there already: {known.title!r}")
        if any(slug == other.slug for other in REGISTRY.values() if other.number != number):
            raise ValueError(f"the slug {slug!r} of exercise {number} is taken")
        REGISTRY[number] = Exercise(number, title, slug, examine, seconds)
        return examine

    return register


def _same_function(one: Callable, other: Callable) -> bool:
    """Say whether a module was only imported again."""
    places = [(f.__code__.co_filename, f.__qualname__) for f in (one, other)]
    return places[0] == places[1]


# ---------------------------------------------------------------- was it attempted?


def attempted(*answers: object) -> None:
    """Raise NotAttempted if any answer is still the stub's ``...`` or None."""
    if any(answer is ... or answer is None for answer in answers):
        raise NotAttempted


def is_stub(function: object) -> bool:
    """Say whether a function does nothing: its body is ``...``, ``pass``, or a docstring."""
    code = getattr(function, "__code__", None)
    if code is None:
        return False
    skipped = ("RESUME", "NOP", "COPY_FREE_VARS")
    steps = [(i.opname, i.argval) for i in dis.get_instructions(code) if i.opname not in skipped]
    empty = (None, ...)
    if len(steps) == 1:  # Python 3.12 and 3.13
        return steps[0][0] == "RETURN_CONST" and steps[0][1] in empty
    names = [name for name, _ in steps]
    return names == ["LOAD_CONST", "RETURN_VALUE"] and steps[0][1] in empty


# ---------------------------------------------------------------- calling a reader's code


def call(function: Callable, *arguments: object, **options: object) -> Any:
    """Call a reader's function, unless it is still the stub; what it is given must stay as it is.

    It gets copies of tensors, lists and dictionaries, so that a change does not spoil the
    comparison that follows; gradients flow through the copies to the originals.

    Raises:
        NotAttempted: if the function does nothing at all.
        Wrong: if it is no function, returns nothing, or has changed in place what it was given.
    """
    attempted(function)
    if not callable(function):
        raise Wrong(f"expected a function, got {short(function)}: pass its name without calling it")
    if is_stub(function):
        raise NotAttempted
    given = [copied(argument) for argument in arguments]
    result = run(function, *given, **options)
    attempted(None if result is ... else True)
    if result is None:
        raise Wrong("it returned None: is there a `return` on every way through it?")
    if not _equal(given, arguments):
        raise Wrong("what was handed over has been changed in place: work on copies")
    return result


def run(function: Callable, *arguments: object, **options: object) -> Any:
    """Call something of the reader's, a model for one, and mark what it raises as the reader's."""
    try:
        return function(*arguments, **options)
    except (Wrong, NotAttempted):
        raise
    except Exception as error:
        error.readers_code = True  # type: ignore[attr-defined]
        raise


def _equal(a: Any, b: Any) -> bool:
    if isinstance(a, Tensor):
        return torch.equal(a, b)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(_equal, a, b))
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(_equal(a[key], b[key]) for key in a)
    if isinstance(a, str | int | float):
        return a == b
    return True  # a model may be there to be trained


def copied(value: Any) -> Any:
    """Return a copy of the tensors in a value, and of the lists and dictionaries they are in."""
    if isinstance(value, nn.Parameter):
        return value
    if isinstance(value, Tensor):
        return value.clone()
    if type(value) in (list, tuple):
        return type(value)(map(copied, value))
    if type(value) is dict:
        return {key: copied(member) for key, member in value.items()}
    if isinstance(value, Counter):
        return Counter(value)
    return value


def built(cls: object, *sizes: object) -> nn.Module:
    """Return an object of a reader's class, or what their function builds, in float64.

    Raises:
        NotAttempted: if the class has nothing of its own.
        Wrong: if it is no class or function, or what is built is no module.
    """
    attempted(cls)
    if isinstance(cls, nn.Module):
        raise Wrong("pass the class itself, not an object of it")
    if isinstance(cls, type):
        own = {n for part in cls.__mro__ if part not in nn.Module.__mro__ for n in vars(part)}
        if not own & {"__init__", "forward"} or all(
            is_stub(vars(cls).get(name, is_stub)) for name in own & {"__init__", "forward"}
        ):
            raise NotAttempted
        if "forward" not in own:
            raise Wrong("the class has no method forward")
    model = call(cls, *sizes)
    if not isinstance(model, nn.Module):
        raise Wrong(f"expected an nn.Module, got {short(model)}")
    return model.double()


@contextmanager
def case(said: str) -> Iterator[None]:
    """Within ``with``, let a refusal say first in which case it was, and an exception too."""
    try:
        yield
    except Wrong as wrong:
        raise Wrong(f"{said}: {wrong}") from wrong
    except Exception as error:
        error.add_note(said)
        raise


@contextmanager
def default_dtype(dtype: torch.dtype) -> Iterator[None]:
    """Within ``with``, let new tensors be of a type, as in a reader's notebook: float32."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


@contextmanager
def hints(by_words: dict[str, str]) -> Iterator[None]:
    """Within ``with``, let an exception of the reader's code say what it probably comes from.

    Args:
        by_words: for words of an error's type and message, the hint.
    """
    try:
        yield
    except Exception as error:
        said = f"{type(error).__name__}: {error}"
        for words, hint in by_words.items():
            if words in said:
                error.hint = hint  # type: ignore[attr-defined]
                break
        raise


# ---------------------------------------------------------------- taking what came back


def short(value: object, length: int = 80) -> str:
    """Return a value as it is shown in a message: on one line, and cut where it is long."""
    try:
        shown = f"{type(value).__name__} {value!r}" if not _plain(value) else repr(value)
    except Exception:
        shown = f"{type(value).__name__} that cannot be shown"
    shown = " ".join(shown.split())
    return shown if len(shown) <= length else f"{shown[: length - 3]}..."


def _plain(value: object) -> bool:
    return isinstance(value, int | float | str | bool | tuple | list | type(None))


def number(name: str, value: object) -> float:
    """Return a finite number as a float: Python's, numpy's, or a tensor of one.

    Raises:
        NotAttempted: if it is still the stub's.
        Wrong: if it is none.
    """
    attempted(value)
    try:
        if isinstance(value, str | bool):
            raise TypeError
        found = float(value.item() if hasattr(value, "item") else value)  # type: ignore[arg-type]
    except (TypeError, ValueError, RuntimeError, OverflowError):
        raise Wrong(f"expected {name} as a number, got {short(value)}") from None
    if not math.isfinite(found):
        raise Wrong(f"{name} is {found}, not a number to go on with")
    return found


def whole(name: str, value: object) -> int:
    """Return a whole number as an int: 3, numpy's 3, a tensor of 3, and 3.0 too.

    Raises:
        NotAttempted: if it is still the stub's.
        Wrong: if it is none.
    """
    found = number(name, value)
    if found != int(found):
        raise Wrong(f"expected {name} as a whole number, got {found:g}")
    return int(found)


def boolean(name: str, value: object) -> bool:
    """Return True or False: Python's, numpy's, or a tensor of one.

    Raises:
        NotAttempted: if it is still the stub's.
        Wrong: if it is neither.
    """
    attempted(value)
    try:
        inner = value.item() if hasattr(value, "item") else value
    except (ValueError, RuntimeError):  # of several values
        inner = None
    if not isinstance(inner, bool):
        raise Wrong(f"expected {name} as True or False, without quotes, got {short(value)}")
    return inner


def numbers(name: str, value: object, count: int | None = None) -> tuple[float, ...]:
    """Return a sequence of numbers: a tuple, a list, an array, a vector.

    Raises:
        NotAttempted: if it is still the stub's.
        Wrong: if it is none, or has another length.
    """
    attempted(value)
    try:
        if isinstance(value, str):
            raise TypeError
        members = list(value.tolist() if hasattr(value, "tolist") else value)  # type: ignore
    except TypeError:
        raise Wrong(f"expected {name} as a sequence of numbers, got {short(value)}") from None
    if count is not None and len(members) != count:
        raise Wrong(f"expected {count} numbers for {name}, got {len(members)}")
    return tuple(number(name, member) for member in members)


def sizes(name: str, value: object) -> tuple[int, ...]:
    """Return a shape as a tuple of ints.

    Raises:
        NotAttempted: if it is still the stub's.
        Wrong: if it is no sequence of whole numbers.
    """
    try:
        return tuple(whole(name, size) for size in numbers(name, value))
    except Wrong:
        raise Wrong(
            f"expected {name} as a tuple of whole numbers, such as (1, 2, 3), got {short(value)}"
        ) from None


def tensor(
    name: str, value: object, shape: Sequence[int], hints: dict[tuple[int, ...], str] | None = None
) -> Tensor:
    """Return a reader's tensor in float64, if it is one of exactly this shape, and finite.

    Args:
        name: what the exercise calls it.
        value: the reader's.
        shape: what is expected.
        hints: for another shape, what it comes from.
    Raises:
        Wrong: if it is no tensor, or of another shape, or has an entry that is not finite.
    """
    if not isinstance(value, Tensor):
        hint = ": torch.stack makes one" if isinstance(value, list | tuple) else ""
        raise Wrong(f"expected {name} as a tensor, got {short(value)}{hint}")
    if tuple(value.shape) != tuple(shape):
        hint = (hints or {}).get(tuple(value.shape), "which axis is which?")
        raise Wrong(f"expected {name} of shape {tuple(shape)}, got {tuple(value.shape)}: {hint}")
    if value.is_complex() or not torch.isfinite(value).all():
        raise Wrong(f"{name} has an entry that is infinite or not a number")
    return value.double()


def pair(value: object, names: Sequence[str]) -> tuple:
    """Return as many values as there are names, if the reader returned so many.

    Raises:
        Wrong: if it is no tuple or list of that length.
    """
    if isinstance(value, Tensor):
        raise Wrong(f"expected {len(names)} values, {', '.join(names)}, got one tensor")
    if not isinstance(value, tuple | list) or len(value) != len(names):
        raise Wrong(f"expected {len(names)} values, {', '.join(names)}, got {short(value)}")
    return tuple(value)


def close(a: Tensor, b: Tensor, tolerance: float = 1e-6) -> bool:
    """Say whether two tensors of one shape are equal but for rounding, in any precision.

    The tolerance is relative to the largest entry: float32 on one side is enough.
    """
    a, b = a.detach().double(), b.detach().double()
    scale = max(1.0, float(b.abs().max())) if b.numel() else 1.0
    return a.shape == b.shape and bool((a - b).abs().le(tolerance * scale).all())


def learns(value: Tensor, what: str = "the result") -> None:
    """Examine that a gradient can flow back from a result.

    Raises:
        Wrong: if it has no history.
    """
    if not value.requires_grad:
        raise Wrong(
            f"no gradient reaches back from {what}: was it computed under no_grad, detached, or "
            "turned into numbers on the way?"
        )


def same_gradients(
    got: Tensor, right: Tensor, leaves: Sequence[Tensor], what: str = "the result"
) -> None:
    """Examine that a reader's result has the gradients of the right one.

    Args:
        got: the reader's.
        right: the right one, of the same shape.
        leaves: what both were computed from.
        what: the result's name.
    Raises:
        Wrong: if there is no gradient, or another.
    """
    learns(got, what)
    weights = torch.linspace(0.5, 1.5, got.numel(), dtype=torch.float64).reshape(got.shape)
    found = [
        torch.autograd.grad(
            (each.double() * weights).sum(), leaves, retain_graph=True, allow_unused=True
        )
        for each in (got, right)
    ]
    for one, other in zip(*found, strict=True):
        zero = torch.zeros(())
        one, other = (zero if g is None else g for g in (one, other))
        if not close(*torch.broadcast_tensors(one, other), tolerance=1e-5):
            raise Wrong(f"{what} has the right values, and another gradient: is a part detached?")


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
        raise Wrong(
            f"expected one of the letters {', '.join(options)} as a string, got {short(answer)}"
        )
    if (letter := answer.strip().lower()) != right:
        raise Wrong(f"{letter!r} is not it: {because[letter]}")


def ordered(
    answer: object, needed: str, slips: dict[str, str], before: dict[str, str]
) -> list[str]:
    """Return an order of lettered lines, if it keeps to the dependencies and none is missing.

    Args:
        answer: the reader's: a string of letters, or a sequence of them.
        needed: the letters of the lines that are needed, each once.
        slips: for each letter that is on offer and not needed, what is wrong with its line.
        before: for two letters, the first of which must stand before the second, why.
    Raises:
        NotAttempted: if it is still the stub's.
        Wrong: if a line is a slip, stands twice or too late, or is missing.
    """
    attempted(answer)
    letters = answer if isinstance(answer, str) else "".join(map(str, _members(answer)))
    letters = [letter for letter in letters.lower() if letter not in " ,;-\n"]
    on_offer = sorted({*needed, *slips})
    if not letters or set(letters) - set(on_offer):
        raise Wrong(
            f'expected letters among {"".join(on_offer)} as a string, such as "cab", got '
            f"{short(answer)}"
        )
    if twice := next((letter for letter in letters if letters.count(letter) > 1), None):
        raise Wrong(f"line {twice} stands there twice")
    for letter in letters:
        if letter in slips:
            raise Wrong(f"line {letter} is a slip: {slips[letter]}")
    for (first, then), why in before.items():
        if first in letters and then in letters and letters.index(first) > letters.index(then):
            raise Wrong(f"line {first} must come before line {then}: {why}")
    if missing := len(set(needed) - set(letters)):
        lines = "a line is" if missing == 1 else f"{missing} lines are"
        raise Wrong(f"so far nothing is wrong with the order; {lines} missing")
    return letters


def _members(answer: Any) -> list:
    try:
        return list(answer)
    except TypeError:
        raise Wrong(f"expected the letters as a string, got {short(answer)}") from None
