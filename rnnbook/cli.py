"""The command `rnnbook`: open the book in JupyterLab, or say what this machine has."""

import argparse
import importlib
import importlib.metadata
import importlib.util
import os
import platform
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

from rnnbook import __version__, workspace

ESSENTIAL = (
    "torch",
    "numpy",
    "matplotlib",
    "ipywidgets",
    "ipykernel",
    "jupyterlab",
    "platformdirs",
    "requests",
    "tqdm",
)
OPTIONAL = {"d2l": "for the classic run and the comparisons", "nbval": "for make test"}
PINNED = {"d2l": "0.17.0"}
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


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command `rnnbook`.

    Args:
        arguments: the words after ``rnnbook``; None takes them from the command line.
    Returns:
        The exit status: 0 if all is well.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    end = words.index("--") if "--" in words else len(words)
    parser = _parser()
    options = parser.parse_args(words[:end])
    for_jupyterlab = words[end + 1 :]
    if options.command == "check":
        if for_jupyterlab:
            parser.error(f"check takes no further words: {' '.join(for_jupyterlab)}")
        return check()
    return lab(options.copy, options.browser, for_jupyterlab)


def lab(copy: Path | None, browser: bool, for_jupyterlab: Sequence[str]) -> int:
    """Bring the reader's copy up to date and open its first chapter in JupyterLab.

    Args:
        copy: the reader's folder; None is ``work`` beside the chapters.
        browser: whether to open a browser window.
        for_jupyterlab: further words for JupyterLab's command line.
    Returns:
        1 if JupyterLab cannot be started. Otherwise JupyterLab takes this process over.
    """
    chapters = find_chapters()
    if chapters is None:
        return _refuse(
            "the chapters were not found. They are not part of the installed package: "
            "get the book's repository and call `make lab`, or `rnnbook lab`, in its folder"
        )
    if importlib.util.find_spec("jupyterlab") is None:
        return _refuse("JupyterLab is not installed: python -m pip install jupyterlab")
    copy = (copy or chapters.parent / "work").expanduser().resolve()
    try:
        changes = workspace.refresh(chapters, copy)
    except (OSError, ValueError) as error:
        return _refuse(f"your copy could not be brought up to date: {error}")
    _tell(copy, changes)
    first = next(change.path for change in changes if change.path.suffix == ".ipynb")
    # Links such as ../book/references.md open only if JupyterLab can see the folder above.
    root = copy.parent if (copy.parent / "book").is_dir() else copy
    if root == copy:
        print("Links to the book's own pages open only from a folder beside chapters/.")
    page = "/lab/tree/" + quote((copy / first).relative_to(root).as_posix())
    return _become(
        [
            *(sys.executable, "-m", "jupyterlab"),
            f"--ServerApp.root_dir={root}",
            f"--LabApp.default_url={page}",
            *([] if browser else ["--no-browser"]),
            *for_jupyterlab,
        ]
    )


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


def find_chapters() -> Path | None:
    """Find the book's chapters, beside the package or in the current folder.

    Returns:
        The folder of the original notebooks, or None where only the package is installed.
    """
    for root in (Path(__file__).resolve().parents[1], Path.cwd()):
        # The package beside it tells the book's folder from any other one called chapters.
        if (root / "rnnbook").is_dir() and any((root / "chapters").glob("*.ipynb")):
            return root / "chapters"
    return None


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="rnnbook",
        description="The interactive book on recurrent neural networks.",
        epilog="example: rnnbook lab",
    )
    parser.add_argument("--version", action="version", version=f"rnnbook {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    opener = commands.add_parser(
        "lab",
        help="open your own copy of the chapters in JupyterLab",
        usage="rnnbook lab [-h] [--copy DIR] [--no-browser] [-- JUPYTERLAB OPTIONS]",
        description="Bring your own copy of the chapters up to date and open it in JupyterLab. "
        "What you edited stays as it is; the new version of it is put beside it.",
        epilog="example: rnnbook lab --no-browser -- --port 9000",
    )
    opener.add_argument(
        "--copy", type=Path, metavar="DIR", help="your folder (default: work, beside chapters)"
    )
    opener.add_argument(
        "--no-browser", dest="browser", action="store_false", help="only print the address"
    )
    commands.add_parser(
        "check",
        help="say what this machine has of what the book needs",
        description="Print a table of what the book needs and what is here, to paste when you "
        "ask for help. The exit status is 1 if something essential is missing.",
        epilog="example: rnnbook check",
    )
    return parser


def _refuse(reason: str) -> int:
    print(f"rnnbook lab: {reason}", file=sys.stderr)
    return 1


def _tell(copy: Path, changes: Sequence[workspace.Change]) -> None:
    print(f"Your copy of the chapters: {copy}")
    news = [c for c in changes if c.what != "unchanged" and (c.what, c.other) != ("kept", None)]
    for change in news:
        print(f"  {change}")
    if not news:
        print("  nothing new since last time")


def _become(command: list[str]) -> int:
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        # JupyterLab refuses root unless told; in a container there is often nobody else.
        print("You are root, and so will be whatever runs in the chapters.")
        command.append("--allow-root")
    sys.stdout.flush()
    # On Windows exec leaves the shell waiting for nobody, with JupyterLab running behind it.
    if os.name == "nt":
        return subprocess.run(command).returncode
    os.execv(command[0], command)


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
    pinned = PINNED.get(name)
    install = (
        f"python -m pip install {name}=={pinned}" if pinned else f"python -m pip install {name}"
    )
    needed = f" ({purpose})" if purpose else ""
    try:
        importlib.import_module(name)
        version = importlib.metadata.version(name)
    except Exception as error:  # a broken binary raises anything
        if isinstance(error, ImportError) and error.name == name:
            return Finding(otherwise, name, f"not installed{needed}", install)
        told = (
            f"does not import{needed}: {type(error).__name__}: {str(error).partition(chr(10))[0]}"
        )
        return Finding(otherwise, name, told, f"{install} --force-reinstall")
    if pinned not in (None, version):
        return Finding(otherwise, name, f"{version} instead of {pinned}{needed}", install)
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
        from rnnbook import data
    except ImportError as error:
        yield Finding("note", "texts", f"unknown without {error.name}")
        return
    for name in data.NAMES:
        where = data.locate(name)
        path = _short(where.path)
        if where.problem and name == "story":
            yield Finding("MISSING", name, f"{path} {where.problem}", "install rnnbook again")
        elif where.problem:
            yield Finding("note", name, f"{path} {where.problem}", f"remove or replace {path}")
        elif where.content is None:
            yield Finding("note", name, f"not here yet: will be downloaded to {path}")
        else:
            yield Finding("ok", name, f"{len(where.content):,} bytes, {where.source}: {path}")


def _short(path: Path) -> str:
    try:
        return str(Path("~") / path.relative_to(Path.home()))
    except (ValueError, RuntimeError):
        return str(path)
