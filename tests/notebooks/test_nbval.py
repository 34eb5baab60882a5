"""The comparison of stored outputs does catch a tampered one, and lets a machine's wobble pass."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_notebook

import notebooks
from rnnbook.atomic import write_atomically

EXPECT = "expect('training perplexity', 1.04, 1, 1.2)"
FIGURE = "from matplotlib import pyplot as plt\n_ = plt.plot([1, 2])"

# Each line: a cell, what its stored output holds, what is put there instead.
WOBBLES = {
    "nothing": (EXPECT, "", ""),
    "measured value": (EXPECT, "1.04", "1.19"),
    "measured value after a colon": ("expect('1:2', 3, 2.5, 4e9, 0)", "1:2: 3 ", "1:2: -2e+03 "),
    "generated text": ("print('>> a dark night')", "a dark night", "the time traveller"),
    "speed": ("print('speed: 120 tokens/s')", "120 tokens/s", "98000 tokens/s"),
    "device": ("print('device: cpu')", "cpu", "cuda:0"),
}
TAMPERINGS = {
    "text": ("print('the loss is finite')", "finite", "small"),
    "text after a measured value": (f"{EXPECT}\nprint('done')", "done", "undone"),
    "label": (EXPECT, "training perplexity", "validation perplexity"),
    "lower end of the band": (EXPECT, "(book: 1 to", "(book: 0 to"),
    "upper end of the band": (EXPECT, "to 1.2)", "to 9.2)"),
    "band taken away": (EXPECT, "  (book: 1 to 1.2)", ""),
    "words for a measured value": (EXPECT, "1.04", "low"),
    "number that nobody measured": ("print('loss: 1.04')", "1.04", "1.05"),
    "result": ("{'a': 1}", "1", "2"),
    "generated text that became plain": ("print('>> a dark night')", ">> a", "a"),
    "words beside a figure": (FIGURE, "Figure", "Picture"),
    "cleared output": (EXPECT, None, None),
}
# Where nbval looks away; test_lint.py holds the rules that do not.
BLIND = {
    "other figure": (FIGURE, "image/png", "AAAA"),
    "lost figure": (FIGURE, "image/png", None),
    "cleared output and count": (EXPECT, None, None),
}

Change = tuple[str, str | None, str | None]


def ran(path: Path, changes: dict[str, Change]) -> NotebookNode:
    """Run a notebook with one cell for each change, after one that imports."""
    sources = ["from rnnbook import expect", *(source for source, _, _ in changes.values())]
    cells = [new_code_cell(source, id=f"cell-{n}") for n, source in enumerate(sources)]
    nbformat.write(new_notebook(cells=cells), path)
    write_atomically(path, notebooks.run_chapter(path).encode())
    return notebooks.load(path)


def change(cell: NotebookNode, old: str | None, new: str | None) -> None:
    """Change a stored output; insist that there is something to change."""
    assert cell.outputs
    if old is None:
        cell.outputs = []
        return
    data = cell.outputs[0].get("data", cell.outputs[0])
    if old in data:
        del data[old]
        if new is not None:
            data[old] = new
        return
    key = "text" if "text" in data else "text/plain"
    assert old in data[key]
    data[key] = data[key].replace(old, new)


def tampered(path: Path, changes: dict[str, Change]) -> None:
    """Store a notebook with all of some changes made, each to its own cell."""
    notebook = ran(path, changes)
    for cell, (name, (_, old, new)) in zip(notebook.cells[1:], changes.items(), strict=True):
        change(cell, old, new)
        if name == "cleared output and count":
            cell.execution_count = None
    path.write_text(notebooks.dumps(notebook), "utf-8")


def nbval(path: Path) -> subprocess.CompletedProcess[str]:
    """Compare one notebook as `make test` does."""
    options = ["--nbval", "--nbval-current-env", f"--nbval-sanitize-with={notebooks.SANITIZER}"]
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-q", "-rf", "--color=no"]
    # Away from the repository its settings do not apply, and these are all there are.
    command += [*options, "-c", "/dev/null", f"--rootdir={path.parent}", path]
    return subprocess.run(command, cwd=path.parent, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def changed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str, set[str]]:
    """Make every change, each to a cell of its own; return the file, nbval's words, what failed."""
    path = tmp_path_factory.mktemp("changed") / "changed.ipynb"
    changes = {**WOBBLES, **TAMPERINGS, **BLIND}
    assert len(changes) == len(WOBBLES) + len(TAMPERINGS) + len(BLIND)
    tampered(path, changes)
    said = nbval(path).stdout
    failed = set(re.findall(r"^FAILED .*::Cell (\d+)", said, re.MULTILINE))
    return path, said, {name for n, name in enumerate(changes, 1) if str(n) in failed}


def test_each_tampered_output_fails_and_no_difference_between_machines(changed) -> None:
    _, said, failed = changed
    assert failed == set(TAMPERINGS), said[-3000:]
    passed = 1 + len(WOBBLES) + len(BLIND)  # the first cell imports
    assert f"{len(TAMPERINGS)} failed, {passed} passed" in said


def test_what_nbval_lets_pass_is_left_to_the_lint(changed) -> None:
    path, _, failed = changed
    assert not failed & set(BLIND)
    unseen = {problem.rule for problem in notebooks.problems(path)}
    assert {"counts", "cleared-output", "figure-alt"} <= unseen


# ---------------------------------------------------------------- all that a chapter holds

# The chapters themselves are run once, by nbval; this one is small and has everything they have.
SMALL = """
import rnnbook
from rnnbook import check, expect, plots, widgets
_ = rnnbook.seed(0)
---
print("It was a dark night.")
---
_, ax = plots.subplots()
_ = plots.bars(ax, ["a", "b"], [1.0, 2.0], "per cent")
---
widgets.window_explorer("the tide comes in and goes out again " * 6)
---
expect("training perplexity", 1.04, 1, 1.2)
---
answer = ...
check("1.5", answer)
---
check("1.5", "b", solution=True)
"""


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a notebook that has been run and stored once; it is not changed."""
    path = tmp_path_factory.mktemp("small") / "01_small.ipynb"
    cells = [
        new_code_cell(source.strip(), id=f"cell-{n}") for n, source in enumerate(SMALL.split("---"))
    ]
    nbformat.write(new_notebook(cells=cells), path)
    write_atomically(path, notebooks.run_chapter(path, fresh=True).encode())
    return path


def test_one_tampered_word_fails_there_and_nowhere_else(small: Path, tmp_path: Path) -> None:
    notebook = notebooks.load(small)
    assert all(cell.outputs for cell in notebook.cells[1:])
    notebook.cells[1].outputs[0].text += "and one word more\n"
    path = tmp_path / small.name
    path.write_text(notebooks.dumps(notebook), "utf-8")
    result = nbval(path)
    assert f"1 failed, {len(notebook.cells) - 1} passed" in result.stdout, result.stdout[-3000:]
    assert "::Cell 1" in result.stdout


def test_running_it_again_changes_no_byte(small: Path) -> None:
    assert notebooks.run_chapter(small, fresh=True).encode() == small.read_bytes()
