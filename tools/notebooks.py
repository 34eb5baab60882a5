"""Run the chapters again, store them in canonical form, and check them.

    python tools/notebooks.py run                 execute every chapter in place
    python tools/notebooks.py run chapters/03*    execute these
    python tools/notebooks.py run --fresh ...     also renew values that differ only as machines do
    python tools/notebooks.py run --check ...     store nothing; fail where something would change
    python tools/notebooks.py lint                check every chapter against the book's rules

Running an unchanged chapter changes no byte of its file.
"""

from __future__ import annotations

import argparse
import base64
import binascii
import copy
import io
import os
import re
import sys
import tempfile
import time
import uuid
from pathlib import Path
from typing import Any

import ipykernel.kernelspec
import nbformat
from jupyter_client import AsyncKernelManager
from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbformat import NotebookNode
from PIL import Image

from notebook_lint import Problem, lint
from rnnbook.atomic import write_atomically

ROOT = Path(__file__).resolve().parent.parent
CHAPTERS = ROOT / "chapters"
SANITIZER = ROOT / "tests" / "nbval_sanitize.cfg"
CELL_TIMEOUT = 600

WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
CELL_METADATA = ("jp-MarkdownHeadingCollapsed", "jupyter", "mystnb", "tags")
NOTEBOOK_METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    # No version: it would change with every patch release of Python.
    "language_info": {
        "file_extension": ".py",
        "mimetype": "text/x-python",
        "name": "python",
        "nbconvert_exporter": "python",
        "pygments_lexer": "ipython3",
    },
}
ANSI_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
VALID_ID = re.compile(r"[a-zA-Z0-9_-]{1,64}")

Pattern = tuple[re.Pattern[str], str]


class ChapterFailed(Exception):
    """A cell raised; the stored notebook was left as it was."""


class _ThisPython(KernelSpecManager):
    """Offers one kernel, the running interpreter, whatever kernels are registered here."""

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        return KernelSpec(
            resource_dir=ipykernel.kernelspec.RESOURCES, **ipykernel.kernelspec.get_kernel_dict()
        )


def kernel_environment(state: str) -> dict[str, str]:
    """Return the environment a chapter runs in.

    Args:
        state: folder where the exercises of this run may remember progress.
    """
    environment = {**os.environ, "RNNBOOK_STATE_DIR": state, "TQDM_DISABLE": "1"}
    environment.pop("MPLBACKEND", None)
    return environment


def execute(
    notebook: NotebookNode, folder: Path, timeout: int = CELL_TIMEOUT, keep_going: bool = False
) -> None:
    """Run all cells in a new kernel of this interpreter, in place.

    Args:
        notebook: the notebook; its outputs are replaced.
        folder: the kernel's working directory.
        timeout: seconds one cell may take.
        keep_going: whether a cell that raises is passed over; its error is then its output.
    Raises:
        ChapterFailed: if a cell raises, unless it is passed over, or takes too long; says its
            source and traceback.
    """
    manager = AsyncKernelManager(kernel_spec_manager=_ThisPython())
    client = NotebookClient(
        notebook,
        km=manager,
        timeout=timeout,
        allow_errors=keep_going,
        record_timing=False,
        store_widget_state=False,
        # A kernel warns that its sockets are local TCP; here that is what they should be.
        extra_arguments=["--log-level=ERROR"],
        resources={"metadata": {"path": str(folder)}},
    )
    with tempfile.TemporaryDirectory(prefix="rnnbook-") as state:
        try:
            client.execute(env=kernel_environment(state), cleanup_kc=True)
        except (CellExecutionError, TimeoutError) as error:
            raise ChapterFailed(ANSI_COLOUR.sub("", str(error))) from error


def inserted(text: str, part: str, table: str) -> str:
    """Return a page with a table between the two comments that carry a name.

    Args:
        text: the page.
        part: the name.
        table: what is to stand there.
    Raises:
        ValueError: if a comment is missing.
    """
    opening, closing = f"<!-- {part} -->", f"<!-- /{part} -->"
    before, begin, rest = text.partition(opening)
    _, end, after = rest.partition(closing)
    if not begin or not end:
        raise ValueError(f"the page lacks the line {closing if begin else opening}")
    return f"{before}{opening}\n{table}{closing}{after}"


def canonicalise(notebook: NotebookNode) -> NotebookNode:
    """Return the notebook without anything that differs between two equal runs.

    Args:
        notebook: a notebook of format 4; it is not changed.
    Returns:
        A copy: fixed metadata, valid unique cell ids, counts 1..n, merged streams, no widgets.
    """
    cells, taken, count = [], set(), 0
    for old in notebook.cells:
        cell: dict[str, Any] = {
            "cell_type": old.cell_type,
            "id": _stable_id(old.get("id"), taken),
            "metadata": {key: old.metadata[key] for key in CELL_METADATA if old.metadata.get(key)},
            "source": old.source,
        }
        if old.cell_type == "code":
            count += bool(old.source.strip())
            cell["execution_count"] = count if old.execution_count else None
            cell["outputs"] = _canonical_outputs(old.outputs, cell["execution_count"])
        cells.append(cell)
    return nbformat.from_dict(
        {"cells": cells, "metadata": NOTEBOOK_METADATA, "nbformat": 4, "nbformat_minor": 5}
    )


def _stable_id(given: str | None, taken: set[str]) -> str:
    chosen = given if given and VALID_ID.fullmatch(given) else ""
    while not chosen or chosen in taken:
        chosen = uuid.uuid4().hex[:8]
    taken.add(chosen)
    return chosen


def _canonical_outputs(outputs: list[NotebookNode], count: int | None) -> list[NotebookNode]:
    merged: list[NotebookNode] = []
    for old in outputs:
        output = nbformat.from_dict(old)
        if output.output_type == "stream":
            if merged and merged[-1].get("name") == output.name:
                merged[-1].text += output.text
                continue
        elif "data" in output:
            output.data.pop(WIDGET_VIEW, None)
            if "image/png" in output.data:
                output.data["image/png"] = "".join(output.data["image/png"].split())
            # A bundle that held a live widget and nothing else has nothing left to show.
            if not output.data:
                continue
        if output.output_type == "execute_result":
            output.execution_count = count
        merged.append(output)
    return merged


def sanitizer_patterns(path: Path = SANITIZER) -> list[Pattern]:
    """Read nbval's sanitiser file as (pattern, replacement) pairs."""
    found = re.findall(r"^regex: (.*)$\n^replace: (.*)$", path.read_text("utf-8"), re.MULTILINE)
    return [(re.compile(regex), replacement) for regex, replacement in found]


def keep_stored(new: NotebookNode, stored: NotebookNode, patterns: list[Pattern]) -> None:
    """Put back every stored output that the new run confirms.

    A text is confirmed if it is equal after the sanitiser, a PNG if its pixels are equal. What a
    machine measures may thus wobble without a difference in the file.

    Args:
        new: the notebook just run, in canonical form; changed in place.
        stored: the notebook as it was, in canonical form.
        patterns: the sanitiser's (pattern, replacement) pairs.
    """
    before = {cell.id: cell for cell in stored.cells if cell.cell_type == "code"}
    for cell in new.cells:
        if cell.cell_type != "code" or cell.id not in before:
            continue
        for output, old in zip(cell.outputs, before[cell.id].outputs, strict=False):
            if output.output_type != old.output_type or output.get("name") != old.get("name"):
                continue
            # Where a stream keeps its text in the output itself, a display keeps it under data.
            holder, old_holder = output.get("data", output), old.get("data", old)
            for key in holder.keys() & old_holder.keys() - {"execution_count"}:
                if _same(key, holder[key], old_holder[key], patterns):
                    holder[key] = old_holder[key]


def _same(key: str, new: Any, old: Any, patterns: list[Pattern]) -> bool:
    if key == "image/png":
        return _pixels(new) == _pixels(old)
    if isinstance(new, str) and isinstance(old, str):
        return _sanitized(new, patterns) == _sanitized(old, patterns)
    return new == old


def _sanitized(text: str, patterns: list[Pattern]) -> str:
    for pattern, replacement in patterns:
        text = pattern.sub(replacement, text)
    return text


def _pixels(png: str) -> object:
    try:
        image = Image.open(io.BytesIO(base64.b64decode(png)))
        return image.size, image.mode, image.tobytes()
    except (OSError, binascii.Error):
        return png


def dumps(notebook: NotebookNode) -> str:
    """Return a notebook's file: sorted keys, one space of indent, plain UTF-8, a last newline."""
    return nbformat.writes(notebook) + "\n"


def load(path: Path) -> NotebookNode:
    """Read a notebook of format 4.

    Raises:
        nbformat.ValidationError: if it is not a notebook.
    """
    return nbformat.read(path, as_version=4)


def run_chapter(path: Path, fresh: bool = False, timeout: int = CELL_TIMEOUT) -> str:
    """Execute one chapter and return the text its file should hold; nothing is written.

    Args:
        path: the notebook.
        fresh: take every output from this run, even those that the stored one agrees with.
        timeout: seconds one cell may take.
    Raises:
        ChapterFailed: if a cell raises or takes too long.
    """
    stored = canonicalise(load(path))
    notebook = copy.deepcopy(stored)
    execute(notebook, path.parent.resolve(), timeout)
    notebook = canonicalise(notebook)
    if not fresh:
        keep_stored(notebook, stored, sanitizer_patterns())
    nbformat.validate(notebook)
    return dumps(notebook)


def problems(path: Path) -> list[Problem]:
    """Lint one stored chapter, its file's form included."""
    notebook = load(path)
    found = lint(notebook, path)
    if path.read_text("utf-8") != dumps(canonicalise(notebook)):
        found.append(Problem("canonical", None, "not in canonical form: `tools/notebooks.py run`"))
    return found


def run(paths: list[Path], fresh: bool, check: bool, timeout: int) -> bool:
    """Execute chapters one after the other; return whether all ended as asked."""
    good = True
    for path in paths:
        started = time.monotonic()
        try:
            text = run_chapter(path, fresh, timeout)
        except ChapterFailed as error:
            print(f"{path.name}: stopped, and its file is as it was.\n{error}", file=sys.stderr)
            good = False
            continue
        changed = path.read_text("utf-8") != text
        if changed and not check:
            write_atomically(path, text.encode())
        word = "unchanged" if not changed else "would change" if check else "changed"
        print(f"{path.name}: {time.monotonic() - started:.1f} s, {word}", flush=True)
        good = good and not (check and changed)
    return good


def report(paths: list[Path]) -> bool:
    """Print every problem of some stored chapters; return whether there was none."""
    found = [(path, problem) for path in paths for problem in problems(path)]
    for path, problem in found:
        print(f"{path.name}: {problem}")
    print(f"{len(found)} problems in {len(paths)} notebooks")
    return not found


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; return the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    runner = commands.add_parser("run", help="execute chapters and store them in canonical form")
    runner.add_argument("--fresh", action="store_true", help="keep no stored output")
    runner.add_argument("--check", action="store_true", help="store nothing, fail on a change")
    runner.add_argument(
        "--timeout", type=int, default=CELL_TIMEOUT, help="seconds for one cell (%(default)s)"
    )
    linter = commands.add_parser("lint", help="check stored chapters against the book's rules")
    for command in (runner, linter):
        command.add_argument("paths", nargs="*", type=Path, help="default: all of chapters/")
    given = parser.parse_args(arguments)
    paths = given.paths or sorted(CHAPTERS.glob("*.ipynb"))
    if given.command == "run" and not run(paths, given.fresh, given.check, given.timeout):
        return 1
    return 0 if report(paths) else 1


if __name__ == "__main__":
    sys.exit(main())
