"""Where a number was computed, from which seed, and whether it is the book's number."""

import math
import os
import random
from collections.abc import Sequence

import torch
from torch import Tensor

from rnnbook.arguments import real, tensor, whole


class ExpectationError(AssertionError):
    """A measured value lies outside the book's band."""


def device() -> torch.device:
    """Choose the device the chapters run on: CUDA, else MPS, else CPU.

    Returns:
        The device. The environment variable ``RNNBOOK_DEVICE`` (``cpu``, ``cuda``, ``cuda:1``,
        ``mps``) overrides the choice.
    Raises:
        ValueError: if ``RNNBOOK_DEVICE`` is not a device, or is one this machine does not have.
    """
    wanted = os.environ.get("RNNBOOK_DEVICE", "").strip()
    if not wanted:
        return torch.device(_best_available())
    try:
        chosen = torch.device(wanted)
    except RuntimeError as error:
        raise ValueError(
            f"RNNBOOK_DEVICE is {wanted!r}, which is no device: expected cpu, cuda, cuda:N or mps"
        ) from error
    if not _has(chosen):
        raise ValueError(
            f"RNNBOOK_DEVICE is {wanted!r}, but this machine and this build of PyTorch offer only "
            f"{_best_available()!r}: unset the variable, or install a PyTorch built for {wanted}"
        )
    return chosen


def _best_available() -> str:
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def _has(chosen: torch.device) -> bool:
    if chosen.type == "cuda":
        return torch.cuda.is_available() and (chosen.index or 0) < torch.cuda.device_count()
    if chosen.type == "mps":
        return torch.backends.mps.is_available()
    return chosen.type == "cpu"


def seed(number: int) -> torch.Generator:
    """Seed Python's and PyTorch's global generators.

    Args:
        number: the seed, an integer of at least 0.
    Returns:
        A fresh CPU generator with the same seed, for code that wants a stream of its own.
    Raises:
        TypeError: if it is no whole number.
        ValueError: if it is negative, or too large for PyTorch.
    """
    if (number := whole("the seed", number, least=0)) >= 2**63:
        raise ValueError(f"expected the seed below 2 ** 63, got {number}")
    random.seed(number)
    torch.manual_seed(number)
    return torch.Generator().manual_seed(number)


def expect(label: str, value: float, low: float, high: float, digits: int = 2) -> None:
    """Print a measured value beside the book's band, and stop when it lies outside.

    Args:
        label: what was measured, with its unit if it has one.
        value: the measurement.
        low: lower end of the band, included.
        high: upper end of the band, included.
        digits: digits printed after the decimal point.
    Raises:
        TypeError: if the value or an end is no single number.
        ValueError: if ``low`` is above ``high``, or an end is not a number.
        ExpectationError: if the value is outside the band, or is not a number.
    """
    value, low, high = real(label, value), real("low", low), real("high", high)
    if not low <= high:
        raise ValueError(f"the band of {label!r} runs from {low} to {high}: are the ends swapped?")
    print(f"{label}: {value:.{digits}f}  (book: {low:g} to {high:g})")
    if math.isnan(value) or not low <= value <= high:
        raise ExpectationError(
            f"{label} is {value:.6g}; the book's runs stayed within {low:g} to {high:g}. Has a cell"
            " above been edited, or run twice? Restart the kernel and run all cells; if that does"
            " not help, please report it together with the output of `rnnbook check`."
        )


def relative_distance(a: Tensor | Sequence[Tensor], b: Tensor | Sequence[Tensor]) -> float:
    """Measure how far two computations of one thing are apart, ||a - b|| / ||b||.

    Another processor adds in another order, and what that does to an entry near 0 can be large
    beside that entry. The norms are over all entries, so that a change counts by what it does to
    the whole.

    Args:
        a: a tensor of any shape and type, or a sequence of tensors, taken as one long vector.
        b: as many tensors of the same shapes: what a is measured against.
    Returns:
        The distance, computed in float64 on the CPU: 0 for equal tensors, and infinity if b is all
        zeros and a is not.
    Raises:
        ValueError: if the shapes differ, if there is nothing to compare, or if an entry is infinite
            or not a number.
    """
    ours, theirs = ([x] if isinstance(x, Tensor) else list(x) for x in (a, b))
    for x in (*ours, *theirs):
        tensor("both computations", x, "torch.as_tensor makes one")
    shapes, other_shapes = ([tuple(t.shape) for t in x] for x in (ours, theirs))
    if shapes != other_shapes:
        raise ValueError(
            f"expected two computations of the same shapes, got {shapes} and {other_shapes}: is an "
            "axis missing, or a transpose?"
        )
    if not any(t.numel() for t in theirs):
        raise ValueError("there is no entry to compare: the tensors are empty, or there are none")
    x, y = (torch.cat([_double(t) for t in x]) for x in (ours, theirs))
    for name, vector in (("first", x), ("second", y)):
        if not torch.isfinite(vector).all():
            raise ValueError(f"an entry of the {name} argument is infinite or not a number")
    # In units of the largest magnitude: squares of 1e-200 or 1e200 would be 0 or infinite.
    if (unit := max(x.abs().max().item(), y.abs().max().item())) > 0:
        x, y = x / unit, y / unit
    apart, size = (x - y).norm().item(), y.norm().item()
    if apart == 0:
        return 0.0
    return apart / size if size else math.inf


def _double(t: Tensor) -> Tensor:
    """Return a tensor's entries as a vector on the CPU, in double precision."""
    return t.detach().cpu().to(torch.complex128 if t.is_complex() else torch.float64).flatten()
