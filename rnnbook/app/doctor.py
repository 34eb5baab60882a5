"""The command `rnnbook check`: what this machine has of what the book needs."""

import importlib
import importlib.metadata
import platform
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from rnnbook import __version__
from rnnbook.app.workspace import find_chapters
from rnnbook.versions import required

if TYPE_CHECKING:
    from rnnbook.datasets._fetch import Location

ESSENTIAL = (
    "torch",
    "numpy",
    "matplotlib",
    "ipywidgets",
    "ipykernel",
    "ipython",
    "jupyterlab",
    "matplotlib-inline",
    "packaging",
    "filelock",
    "platformdirs",
    "pooch",
    "requests",
    "tqdm",
)
OPTIONAL = {
    "Faker": "for the surnames of chapters 11 and 12",
    "d2l": "for the classic run and the comparisons",
    "nbval": "for make test",
}
IMPORTED_AS = {"ipython": "IPython", "matplotlib-inline": "matplotlib_inline", "Faker": "faker"}
NEEDED_PYTHON = (3, 11)


class Finding(NamedTuple):
    """One line of the table that `rnnbook check` prints.

    Args:
        state: ``ok``, ``note`` (the book works without it) or ``MISSING``.
        name: what was looked at.
        told: what was found.
        fix: what to do, where something is to be done.
    """

    state: str
    name: str
    told: str
    fix: str | None = None


def check() -> int:
    """Print what this machine has of what the book needs, as a table to paste.

    Returns:
        0 if all essentials are there, 1 if one is missing; the table then names the fix.
    """
    findings = list(_findings())
    width = max(len(finding.name) for finding in findings)
    print(f"rnnbook {__version__}")
    for state, name, told, _ in findings:
        print(f"  {state:<7}  {name:<{width}}  {told}")
    fixes = [finding for finding in findings if finding.fix]
    if fixes:
        print("\nTo do:")
    for finding in fixes:
        print(f"  {finding.name}: {finding.fix}")
    return int(any(finding.state == "MISSING" for finding in findings))


def _findings() -> Iterator[Finding]:
    yield _python()
    yield Finding("ok", "platform", platform.platform())
    for name in ESSENTIAL:
        yield _package(name, "MISSING")
        if name == "torch":
            yield _device()
        if name == "matplotlib":
            yield _font()
    for name, purpose in OPTIONAL.items():
        yield _package(name, "note", purpose)
    yield from _texts()
    chapters = find_chapters()
    if chapters is None:
        yield Finding("note", "chapters", "not found from here")
    else:
        yield Finding(
            "ok", "chapters", f"{len(list(chapters.glob('*.ipynb')))} in {_short(chapters)}"
        )


def _python() -> Finding:
    told = f"{platform.python_version()} ({platform.python_implementation()})"
    if sys.version_info >= NEEDED_PYTHON:
        return Finding("ok", "Python", told)
    needed = ".".join(map(str, NEEDED_PYTHON))
    return Finding("MISSING", "Python", told, f"install Python {needed} or newer")


def _package(name: str, otherwise: str, purpose: str = "") -> Finding:
    wanted = required(name)
    install = (
        f"python -m pip install '{name}{wanted}'" if wanted else f"python -m pip install {name}"
    )
    needed = f" ({purpose})" if purpose else ""
    try:
        importlib.import_module(module := IMPORTED_AS.get(name, name))
        version = importlib.metadata.version(name)
    except Exception as error:  # a broken binary raises anything
        if isinstance(error, ImportError) and error.name == module:
            return Finding(otherwise, name, f"not installed{needed}", install)
        told = (
            f"does not import{needed}: {type(error).__name__}: {str(error).partition(chr(10))[0]}"
        )
        return Finding(otherwise, name, told, f"{install} --force-reinstall")
    if not wanted.contains(version, prereleases=True):
        return Finding(otherwise, name, f"{version} instead of {wanted}{needed}", install)
    return Finding("ok", name, version)


def _device() -> Finding:
    try:
        import torch

        from rnnbook.reproducibility import device

        chosen = device()
    except ValueError as error:
        return Finding("MISSING", "device", "not usable", str(error))
    except Exception:
        return Finding("note", "device", "unknown without torch")
    if chosen.type == "cuda":
        return Finding("ok", "device", f"{chosen}, {torch.cuda.get_device_name(chosen)}")
    return Finding("ok", "device", f"{chosen}, {torch.get_num_threads()} CPU threads")


def _font() -> Finding:
    try:
        from matplotlib import font_manager, rcParams
    except Exception:
        return Finding("note", "fonts", "unknown without matplotlib")
    wanted = font_manager.FontProperties(family=rcParams["font.family"])
    try:
        found = font_manager.findfont(wanted, fallback_to_default=False)
    except ValueError:
        names = ", ".join(rcParams["font.family"])
        default = font_manager.get_font(font_manager.findfont("DejaVu Sans")).family_name
        return Finding("note", "fonts", f"{names} not found: figures use {default}")
    return Finding("ok", "fonts", f"figures use {font_manager.get_font(found).family_name}")


def _texts() -> Iterator[Finding]:
    try:
        from rnnbook.datasets.story import STORY
        from rnnbook.datasets.time_machine import locate_time_machine
    except ImportError as error:
        yield Finding("note", "texts", f"unknown without {error.name}")
        return
    yield _bundled("story", STORY)
    yield _located("time_machine", locate_time_machine())


def _bundled(name: str, path: Path) -> Finding:
    if not path.is_file():
        return Finding("MISSING", name, f"{_short(path)} is missing", "install rnnbook again")
    return Finding("ok", name, f"{path.stat().st_size:,} bytes, bundled: {_short(path)}")


def _located(name: str, where: "Location") -> Finding:
    path = _short(where.path)
    if where.problem:
        return Finding("note", name, f"{path} {where.problem}", f"remove or replace {path}")
    if where.content is None:
        return Finding("note", name, f"not here yet: will be downloaded to {path}")
    return Finding("ok", name, f"{len(where.content):,} bytes, {where.source}: {path}")


def _short(path: Path) -> str:
    try:
        return str(Path("~") / path.relative_to(Path.home()))
    except (ValueError, RuntimeError):
        return str(path)
