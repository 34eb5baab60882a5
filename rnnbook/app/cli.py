"""The command `rnnbook`: open the book in JupyterLab, or say what this machine has."""

import argparse
import importlib.util
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

from rnnbook import __version__
from rnnbook.app import workspace
from rnnbook.app.doctor import check


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command `rnnbook`.

    Args:
        arguments: the words after ``rnnbook``; None takes them from the command line.
    Returns:
        The exit status: 0 if all is well.
    """
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a path may have letters that the terminal has not
            stream.reconfigure(errors="backslashreplace")
    words = list(sys.argv[1:] if arguments is None else arguments)
    end = words.index("--") if "--" in words else len(words)
    parser = _parser()
    options, unknown = parser.parse_known_args(words[:end])
    for_jupyterlab = [*unknown, *words[end + 1 :]]
    if options.command == "check":
        if for_jupyterlab:
            parser.error(f"check takes no further words: {' '.join(for_jupyterlab)}")
        return check()
    return lab(options.copy, options.browser, for_jupyterlab)


def lab(copy: str | Path | None, browser: bool, for_jupyterlab: Sequence[str]) -> int:
    """Bring the reader's copy up to date and open its first chapter in JupyterLab.

    Args:
        copy: the reader's folder; None is ``work`` beside the chapters.
        browser: whether to open a browser window.
        for_jupyterlab: further words for JupyterLab's command line.
    Returns:
        1 if JupyterLab cannot be started. Otherwise JupyterLab takes this process over.
    """
    chapters = workspace.find_chapters()
    if chapters is None:
        return _refuse(
            "the chapters were not found. They are not part of the installed package: "
            "get the book's repository and call `make lab`, or `rnnbook lab`, in its folder"
        )
    if importlib.util.find_spec("jupyterlab") is None:
        return _refuse("JupyterLab is not installed: python -m pip install jupyterlab")
    if copy is not None and not str(copy).strip():
        return _refuse("--copy wants the name of a folder, and got an empty one")
    copy = Path(copy or chapters.parent / "work").expanduser().resolve()
    if copy.exists() and not copy.is_dir():
        return _refuse(f"--copy wants a folder, and {copy} is a file")
    try:
        changes = workspace.refresh(chapters, copy, workspace.for_this_python)
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
        usage="rnnbook lab [-h] [--copy DIR] [--no-browser] [JUPYTERLAB OPTIONS]",
        allow_abbrev=False,  # --port is JupyterLab's, and no beginning of ours
        description="Bring your own copy of the chapters up to date and open it in JupyterLab. "
        "What you edited stays as it is; the new version of it is put beside it.",
        epilog="example: rnnbook lab --no-browser --port 9000",
    )
    opener.add_argument(
        "--copy", metavar="DIR", help="your folder (default: work, beside chapters)"
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
    print("Work there: what lies in chapters/ are the originals, which an update replaces.")
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
