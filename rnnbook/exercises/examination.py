"""Examining an answer so that nothing it does reaches the notebook, and saying what came of it."""

import ctypes
import os
import random
import sys
import sysconfig
import threading
import traceback
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch

from rnnbook.exercises.kit import Exercise, NotAttempted, Wrong

PASSED, NOT_YET, NOT_ATTEMPTED = "passed", "not yet", "not attempted yet"
LONGEST = 400  # characters of a message

PACKAGE = str(Path(__file__).parents[1])
LIBRARIES = tuple(
    {os.path.realpath(path) for path in sysconfig.get_paths().values()}
    | set(sysconfig.get_paths().values())
)


class ExaminerError(RuntimeError):
    """A check failed by a mistake of its own; the answer may be right."""


class _TookTooLong(BaseException):
    """Raised in the examining thread by its watcher."""


@dataclass(frozen=True)
class Verdict:
    """What became of an answer: a status (passed, not yet, not attempted yet) and a message."""

    status: str
    message: str = ""


def examine(exercise: Exercise, answers: tuple) -> Verdict:
    """Examine an answer; leave everything global as it was.

    Args:
        exercise: the exercise.
        answers: what it asks for.
    Returns:
        The verdict. An exception in the reader's code is a verdict, not an exception.
    Raises:
        ExaminerError: if the check itself fails.
        KeyboardInterrupt: if the reader stops it.
    """
    try:
        with _unchanged(), _limited(exercise.seconds):
            message = exercise.examine(*answers)
    except NotAttempted:
        return Verdict(NOT_ATTEMPTED)
    except Wrong as wrong:
        return Verdict(NOT_YET, _cut(str(wrong)))
    except _TookTooLong:
        return Verdict(
            NOT_YET,
            f"it was stopped after {exercise.seconds:g} seconds: is there a loop without an end, "
            "or is this computer busy with something else?",
        )
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # sys.exit() too: whatever it does, the notebook must go on
        return Verdict(NOT_YET, _explained(exercise, answers, error))
    return Verdict(PASSED, _cut(message or ""))


def _explained(exercise: Exercise, answers: tuple, error: BaseException) -> str:
    """Say what stopped the reader's code, and in which line.

    Raises:
        ExaminerError: if no code of the reader's was running.
    """
    if isinstance(error, TypeError) and error.__traceback__ and not error.__traceback__.tb_next:
        return f"check was given {len(answers)} answers, and the exercise asks for another number"
    name = type(error).__name__
    try:
        said = str(error)
    except Exception:
        said = "its message cannot be shown"
    where = _where(error)
    if where is None and not hasattr(error, "readers_code"):
        raise ExaminerError(
            f"the check of exercise {exercise.number} failed by itself ({name}: {_cut(said)}). "
            "That is our mistake, and your answer may be right: please report it together with "
            "your answer"
        ) from error
    notes = "".join(f"{note}: " for note in getattr(error, "__notes__", []))
    hint = f". {error.hint}" if hasattr(error, "hint") else ""
    return f"{notes}it stopped with {name}: {_cut(said)}{f' ({where})' if where else ''}{hint}"


def _where(error: BaseException) -> str | None:
    """Say in which line of the reader's own code an exception was raised; None if in none."""
    place = None
    for frame, line in traceback.walk_tb(error.__traceback__):
        code = frame.f_code
        if not _is_readers(code.co_filename):
            continue
        own = code.co_name if not code.co_name.startswith("<") else "its code"
        if "ipykernel" in code.co_filename or code.co_filename.startswith("<"):
            place = f"line {line} of the cell that defines {own}"
        else:
            place = f"line {line} of {Path(code.co_filename).name}, in {own}"
    return place


def _is_readers(filename: str) -> bool:
    """Say whether code is neither the package's nor a library's."""
    if filename.startswith(("<frozen", "<__array")):
        return False
    return not filename.startswith((PACKAGE, *LIBRARIES))


def _cut(message: str) -> str:
    """Return a message that fits on a screen."""
    return message if len(message) <= LONGEST else f"{message[: LONGEST - 4]} ..."


@contextmanager
def _limited(seconds: float) -> Iterator[None]:
    """Within ``with``, raise _TookTooLong in this thread after some seconds, again and again."""
    thread, over = ctypes.c_ulong(threading.get_ident()), threading.Event()

    def watch() -> None:
        wait = seconds
        while not over.wait(wait):
            ctypes.pythonapi.PyThreadState_SetAsyncExc(thread, ctypes.py_object(_TookTooLong))
            wait = 1.0  # an answer that catches everything is told again

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()
        ctypes.pythonapi.PyThreadState_SetAsyncExc(thread, None)


@contextmanager
def _unchanged() -> Iterator[None]:
    """Within ``with``, work in known surroundings; afterwards all is as it was.

    Random numbers from seed 0, float64 as default (so that zeros that a reader makes fit what they
    are given), gradients on, the CPU.
    """
    with ExitStack() as stack:
        for restore in (_random_numbers, _torch_settings, _folder, _figures):
            stack.enter_context(restore())
        stack.enter_context(warnings.catch_warnings())
        stack.enter_context(torch.inference_mode(False))
        stack.enter_context(torch.enable_grad())
        stack.enter_context(torch.device("cpu"))
        random.seed(0)
        torch.manual_seed(0)
        torch.set_default_dtype(torch.float64)
        yield


@contextmanager
def _random_numbers() -> Iterator[None]:
    python, on_cpu = random.getstate(), torch.get_rng_state()
    on_gpus = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []
    numpy = sys.modules.get("numpy")
    of_numpy = numpy.random.get_state() if numpy else None
    try:
        yield
    finally:
        random.setstate(python)
        torch.set_rng_state(on_cpu)
        if on_gpus:
            torch.cuda.set_rng_state_all(on_gpus)
        if numpy:
            numpy.random.set_state(of_numpy)


@contextmanager
def _torch_settings() -> Iterator[None]:
    dtype, threads = torch.get_default_dtype(), torch.get_num_threads()
    device, grad = _default_device(), torch.is_grad_enabled()
    try:
        yield
    finally:
        torch.set_default_dtype(dtype)
        if _default_device() != device:
            torch.set_default_device(device)
        torch.set_grad_enabled(grad)
        if torch.get_num_threads() != threads:
            torch.set_num_threads(threads)


def _default_device() -> torch.device | None:
    """Return what ``torch.set_default_device`` was last given; a ``with`` of the moment aside."""
    context = getattr(torch._GLOBAL_DEVICE_CONTEXT, "device_context", None)
    return context and context.device


@contextmanager
def _folder() -> Iterator[None]:
    here = Path.cwd()
    try:
        yield
    finally:
        os.chdir(here)


@contextmanager
def _figures() -> Iterator[None]:
    matplotlib = sys.modules.get("matplotlib")
    settings = dict(matplotlib.rcParams) if matplotlib else {}
    try:
        yield
    finally:
        if matplotlib and dict(matplotlib.rcParams) != settings:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                matplotlib.rcParams.update(settings)
