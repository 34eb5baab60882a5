"""Bad input refused at the edge: what was expected, what came, and the likely slip."""

import operator
from collections.abc import Sequence

import torch
from torch import Tensor

KINDS = {
    str: "a string", list: "a list", tuple: "a tuple", dict: "a dictionary", int: "an integer",
    type(None): "None",
}  # fmt: skip


def kind_of(value: object) -> str:
    """Say what kind of thing a value is, as a message says it: ``a list``, ``a numpy array``."""
    if type(value).__name__ == "ndarray":
        return "a numpy array"
    return KINDS.get(type(value), f"a value of type {type(value).__name__}")


def whole(name: str, value: object, least: int | None = None) -> int:
    """Return a whole number as an int.

    Args:
        name: what the caller calls it.
        value: an int, or what Python takes for one as an index: numpy's integers, a tensor of one.
        least: the smallest that is allowed.
    Raises:
        TypeError: if it is no whole number: a float, a bool and a string are none.
        ValueError: if it is too small.
    """
    try:
        if isinstance(value, bool):
            raise TypeError
        number = operator.index(value)  # type: ignore[arg-type]  # that is the question
    except TypeError:
        raise TypeError(f"expected {name} as a whole number, got {value!r}") from None
    if least is not None and number < least:
        raise ValueError(f"expected {name} of at least {least}, got {number}")
    return number


def real(name: str, value: object) -> float:
    """Return a number as a float.

    Raises:
        TypeError: if it is no single number: a string, a list, None.
    """
    try:
        if isinstance(value, str | bool):
            raise TypeError
        return float(value)  # type: ignore[arg-type]  # that is the question
    except (TypeError, ValueError, RuntimeError, OverflowError):
        raise TypeError(f"expected {name} as a number, got {value!r}") from None


def switch(name: str, value: object) -> bool:
    """Return True or False as a bool: Python's or numpy's.

    Raises:
        TypeError: if it is neither.
    """
    if not isinstance(value, bool) and type(value).__name__ not in ("bool", "bool_"):
        raise TypeError(
            f"expected {name} to be True or False, got {value!r}: was another argument meant?"
        )
    return bool(value)


def generator(value: object) -> None:
    """Examine that something is a source of random numbers, or None for the global one.

    Raises:
        TypeError: if it is neither.
    """
    if value is not None and not isinstance(value, torch.Generator):
        raise TypeError(
            f"expected a torch.Generator, got {kind_of(value)}: rnnbook.seed(0) returns one"
        )


def tensor(name: str, value: object, hint: str) -> Tensor:
    """Return a tensor.

    Args:
        name: what the caller calls it.
        value: what was given.
        hint: how to come to a tensor from what was probably given.
    Raises:
        TypeError: if it is something else.
    """
    if not isinstance(value, Tensor):
        raise TypeError(f"expected {name} as a tensor, got {kind_of(value)}: {hint}")
    return value


def is_whole(values: Tensor) -> bool:
    """Return whether a tensor's type is one of whole numbers, which bool is not."""
    return not (values.is_floating_point() or values.is_complex() or values.dtype == torch.bool)


def tokens(value: object) -> Tensor:
    """Return an encoded text as (N,) int64.

    Raises:
        TypeError: if it is no tensor.
        ValueError: if it is empty, has another shape, or does not hold whole numbers.
    """
    text = tensor("tokens", value, "vocab.encode(text) turns a text into tokens")
    if text.dim() != 1 or not is_whole(text):
        raise ValueError(
            f"expected tokens of shape (N,) and an integer type, got {tuple(text.shape)} "
            f"{text.dtype}: pass vocab.encode(text), not the text or its one-hot vectors"
        )
    if not len(text):
        raise ValueError(
            "the text is empty: text.clean keeps the letters a to z alone, and leaves nothing of a "
            "text in another alphabet"
        )
    return text.long()


def labels(value: object, count: int, num_classes: int | None = None) -> Tensor:
    """Return class labels as (N,) int64.

    Args:
        value: what was given.
        count: N, the number of sequences.
        num_classes: C; None leaves open how many there are.
    Raises:
        TypeError: if it is no tensor.
        ValueError: if there is not one whole number for each sequence, or one is no class.
    """
    given = tensor("labels", value, "torch.tensor(labels) makes one")
    if tuple(given.shape) != (count,):
        raise ValueError(
            f"expected a label for each sequence, of shape ({count},), got {tuple(given.shape)}"
            + (": squeeze(1) drops the last axis" if tuple(given.shape) == (count, 1) else "")
        )
    if not is_whole(given):
        raise ValueError(f"expected labels as whole numbers, got {given.dtype}: use .long()")
    within("labels", given, num_classes, "classes count from 0")
    return given.long()


def within(name: str, values: Tensor, size: int | None, hint: str) -> None:
    """Examine that whole numbers are indices of a table.

    Args:
        name: what they are.
        values: of any shape.
        size: of the table; None leaves it open.
        hint: the likely slip.
    Raises:
        ValueError: if one is below 0, or not below the size.
    """
    if not values.numel():
        return
    low, high = int(values.long().min()), int(values.long().max())
    if low < 0 or (size is not None and high >= size):
        wanted = "of at least 0" if size is None else f"from 0 to {size - 1}"
        raise ValueError(f"expected {name} {wanted}, got {low} to {high}: {hint}")


def strings(name: str, value: object, hint: str) -> Sequence[str]:
    """Return a string (its characters) or a flat sequence of strings.

    Raises:
        TypeError: if it is neither.
    """
    if isinstance(value, str):
        return value
    if kind_of(value) == "a numpy array":
        value = value.tolist()  # type: ignore[attr-defined]
    if not isinstance(value, Sequence) or isinstance(value, bytes):
        raise TypeError(f"expected {name} as a string or strings, got {kind_of(value)}: {hint}")
    for member in value:
        if not isinstance(member, str):
            raise TypeError(
                f"expected {name} as a string or strings, got {kind_of(member)} among them: {hint}"
            )
    return value


def require_square(counts: object) -> None:
    """Examine that something is a confusion matrix.

    Raises:
        TypeError: if it is no tensor.
        ValueError: if it is not (C, C).
    """
    given = tensor("counts", counts, "metrics.confusion gives one")
    if given.dim() != 2 or given.shape[0] != given.shape[1]:
        raise ValueError(
            f"expected counts (C, C), as metrics.confusion gives them, got {tuple(given.shape)}"
        )
