"""The chapters keep the book's rules; every rule refuses a notebook that breaks it."""

from __future__ import annotations

import base64
import copy
import io
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_output
from PIL import Image

import notebook_lint
import notebooks

ROOT = Path(__file__).resolve().parents[2]
CHAPTERS = sorted((ROOT / "chapters").glob("*.ipynb"))
KINDS = ("recall", "predict", "code", "modify", "order")
WIDGET_STATE = "application/vnd.jupyter.widget-state+json"


def png(width: int = 2, noise: bool = False, level: int = 6) -> str:
    """Return a square PNG as base64; with noise it cannot be compressed."""
    image = Image.new("RGB", (width, width), "white")
    if noise:
        image = Image.frombytes("RGB", (width, width), os.urandom(3 * width * width))
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=level)
    return base64.b64encode(buffer.getvalue()).decode()


def stdout(text: str) -> NotebookNode:
    """Return a stream output."""
    return new_output("stream", name="stdout", text=text)


def figure() -> NotebookNode:
    """Return a displayed figure."""
    return new_output("display_data", data={"image/png": png(), "text/plain": "<Figure>"})


def exercise(number: str, kind: str) -> list[NotebookNode]:
    """Return the cells of one complete exercise."""
    return [
        new_markdown_cell(f"### Exercise {number} · Say one  [{kind}, 5 min]\n\nReturn 1."),
        new_code_cell("def one():\n    ..."),
        new_code_cell(
            f'check("{number}", one)', outputs=[stdout(f"Exercise {number}: not attempted yet\n")]
        ),
        new_markdown_cell("<details><summary>Hint 1</summary>\n\nCount.\n\n</details>"),
        new_markdown_cell(
            f"#### Solution {number}", metadata={"jp-MarkdownHeadingCollapsed": True}
        ),
        new_code_cell(
            f'def solution():\n    return 1\n\n\ncheck("{number}", solution, solution=True)',
            outputs=[stdout(f"Exercise {number}: passed\n")],
            metadata={
                "tags": ["hide-cell"],
                "jupyter": {"source_hidden": True, "outputs_hidden": True},
                "mystnb": {
                    "code_prompt_show": "Show solution",
                    "code_prompt_hide": "Hide solution",
                },
            },
        ),
        new_markdown_cell("<details><summary>Why it works</summary>\n\n1 is 1.\n\n</details>"),
    ]


def good_chapter(folder: Path) -> NotebookNode:
    """Return a smallest chapter that keeps all rules, with the file that it links to."""
    (folder / "references.md").write_text("(elman1990)=\n**Elman**\n", "utf-8")
    alt = {"mystnb": {"image": {"alt": "A white square."}}}
    cells = [
        new_markdown_cell("# Small\n\nWhy? See [Elman](references.md#elman1990) and $x_t$."),
        new_markdown_cell(
            "## You will be able to\n\n- say `{ref}`\n\n"
            "Reading takes about 30 minutes, the exercises about 25."
        ),
        new_code_cell(notebook_lint.INSTALLS + "x = 1\nprint(x)", outputs=[stdout("1\n")]),
        new_code_cell("_ = plot(x)", outputs=[figure()], metadata=alt),
        *(cell for n, kind in enumerate(KINDS, 1) for cell in exercise(f"1.{n}", kind)),
        new_markdown_cell("## What you learned\n\n```text\n# not a heading\n:::{note}\n```"),
        new_markdown_cell("## Common mistakes\n\nNone."),
        new_markdown_cell("## Further reading\n\n[above](#You-will-be-able-to)"),
    ]
    for count, cell in enumerate((c for c in cells if c.cell_type == "code"), start=1):
        cell.execution_count = count
    return notebooks.canonicalise(nbformat.v4.new_notebook(cells=cells))


def lint(notebook: NotebookNode, folder: Path) -> list[str]:
    """Return the problems of a notebook stored as chapter 1 in a folder."""
    found = notebook_lint.lint(notebook, folder / "01_small.ipynb")
    return [str(problem) for problem in found]


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.name)
def test_chapter_keeps_every_rule(path: Path) -> None:
    assert [str(problem) for problem in notebooks.problems(path)] == []


def test_a_good_chapter_has_no_problem(tmp_path: Path) -> None:
    assert lint(good_chapter(tmp_path), tmp_path) == []


# Positions in the good chapter: 2 prints, 3 plots; the first exercise is 4 (heading), 5 (stub),
# 6 (check), 7 (hint), 8 (solution heading), 9 (solution), 10 (why it works).
TAMPERED: dict[str, tuple[str, Callable[[list[NotebookNode]], object]]] = {
    "count missing": ("counts", lambda c: c[2].update(execution_count=None)),
    "counts not in order": ("counts", lambda c: c[3].update(execution_count=9)),
    "no word on the package": ("installs", lambda c: c[2].update(source="x = 1\nprint(x)")),
    "empty cell": ("counts", lambda c: c[2].update(source=" ", outputs=[])),
    "error": (
        "error-outputs",
        lambda c: c[2].outputs.append(new_output("error", ename="E", evalue="e", traceback=[])),
    ),
    "warning": (
        "stderr",
        lambda c: c[2].outputs.append(new_output("stream", name="stderr", text="UserWarning")),
    ),
    "tag": ("tags", lambda c: c[2].metadata.update(tags=["nbval-skip"])),
    "widget view": (
        "widget-state",
        lambda c: c[3].outputs[0].data.update({notebooks.WIDGET_VIEW: {"model_id": "1"}}),
    ),
    "print without output": ("cleared-output", lambda c: c[2].update(outputs=[])),
    "figure without output": ("cleared-output", lambda c: c[3].update(outputs=[])),
    "expression without output": (
        "cleared-output",
        lambda c: c[2].update(source="x = 1\nx", outputs=[]),
    ),
    "loop that prints without output": (
        "cleared-output",
        lambda c: c[2].update(source="for x in [1]:\n    print(x)", outputs=[]),
    ),
    "minutes that do not add up": (
        "minutes",
        lambda c: c[1].update(source=c[1].source.replace("about 25", "about 45")),
    ),
    "more than one sitting": (
        "minutes",
        lambda c: c[1].update(source=c[1].source.replace("about 30", "about 70")),
    ),
    "no word on minutes": ("minutes", lambda c: c[1].update(source="## You will be able to\n")),
    "semicolon": ("semicolon", lambda c: c[2].update(source="x = 1\nx;")),
    "address": ("volatile", lambda c: c[2].update(outputs=[stdout("<f at 0x7f3a2b1c>\n")])),
    "absolute path": ("volatile", lambda c: c[2].update(outputs=[stdout("in /home/ada/x\n")])),
    "progress bar": ("volatile", lambda c: c[2].update(outputs=[stdout(" 10%|█    | 1/10\n")])),
    "speed": ("volatile", lambda c: c[2].update(outputs=[stdout("at 812 tokens/s\n")])),
    "alt missing": ("figure-alt", lambda c: c[3].metadata.clear()),
    "alt empty": ("figure-alt", lambda c: c[3].metadata.mystnb.image.update(alt=" ")),
    "heavy figure": (
        "size",
        lambda c: c[3].outputs[0].data.update({"image/png": png(260, noise=True)}),
    ),
    "figure as SVG": (
        "size",
        lambda c: c[3].outputs[0].data.update({"image/svg+xml": "<svg/>"}),
    ),
    "heavy notebook": (
        "size",
        lambda c: c[1].update(source="## You will be able to" + " x" * 10**6),
    ),
    "directive": ("portable-markdown", lambda c: c[0].update(source="# S\n\n```{note}\nx\n```")),
    "colon block": ("portable-markdown", lambda c: c[0].update(source="# S\n\n:::{note}\nx\n:::")),
    "reference": ("portable-markdown", lambda c: c[0].update(source="# S\n\n{ref}`x`")),
    "citation": ("portable-markdown", lambda c: c[0].update(source="# S\n\n{cite:p}`elman1990`")),
    "target": ("portable-markdown", lambda c: c[0].update(source="# S\n\n(here)=\nx")),
    "footnote": ("portable-markdown", lambda c: c[0].update(source="# S\n\nx[^1]")),
    "open fold": (
        "details",
        lambda c: c[7].update(source="<details><summary>Hint 1</summary>\n\nCount."),
    ),
    "fold without blank line": (
        "details",
        lambda c: c[7].update(source="<details><summary>Hint 1</summary>Count `x`.</details>"),
    ),
    "mathematics in a fold's title": (
        "details",
        lambda c: c[7].update(source="<details><summary>What is $h$?</summary>\n\nx\n\n</details>"),
    ),
    "second title": ("heading-levels", lambda c: c[1].update(source="# You will be able to")),
    "skipped level": ("heading-levels", lambda c: c[1].update(source="### You will be able to")),
    "section missing": ("sections", lambda c: c.pop()),
    "dead file": ("links", lambda c: c[0].update(source="# S\n\n[x](nowhere.md)")),
    "dead image": ("links", lambda c: c[0].update(source='# S\n\n<img src="no.png" alt="x">')),
    "dead anchor": ("links", lambda c: c[0].update(source="# S\n\n[x](references.md#jordan1986)")),
    "dead anchor here": ("links", lambda c: c[0].update(source="# S\n\n[x](#nowhere)")),
    "dead link with parentheses": (
        "links",
        lambda c: c[0].update(source="# S\n\n[x](<a (b).md>) or [y](a_(b).md)"),
    ),
    "dead reference link": ("links", lambda c: c[0].update(source="# S\n\n[x][r]\n\n[r]: no.md")),
    "dead link in a heading": (
        "links",
        lambda c: c[1].update(source="## You will [be](no.md) able to"),
    ),
    "dead link in a table": (
        "links",
        lambda c: c[0].update(source="# S\n\n| a |\n| --- |\n| [x](no.md) |"),
    ),
    "dead HTML link": ("links", lambda c: c[0].update(source="# S\n\nSee <a href='no.md'>x</a>.")),
    "dead picture in a fold": (
        "links",
        lambda c: c[7].update(
            source="<details><summary>Hint 1</summary>\n\n![x](no.png)\n\n</details>"
        ),
    ),
    "no such section": ("references", lambda c: c[0].update(source="# S\n\nSee section 1.9.")),
    "no such exercise": ("references", lambda c: c[0].update(source="# S\n\n(Exercise\n1.8.)")),
    "no such chapter": ("references", lambda c: c[0].update(source="# S\n\n*In chapter 9*")),
    "no such exercise in a list": (
        "references",
        lambda c: c[0].update(source="# S\n\nSee exercises 1.1, 1.2 and 1.9."),
    ),
    "no such section in a link": (
        "references",
        lambda c: c[0].update(source="# S\n\nSee [section 4.7](../book/notation.md)."),
    ),
    "four exercises": ("exercise-count", lambda c: c.__delitem__(slice(4, 11))),
    "two kinds": (
        "exercise-count",
        lambda c: [
            cell.update(source=re.sub(r"\[(modify|order|code),", "[recall,", cell.source))
            for cell in c
        ],
    ),
    "unknown kind": ("exercises", lambda c: retitle(c, "[recall,", "[guess,")),
    "no minutes": ("exercises", lambda c: retitle(c, "5 min", "0 min")),
    "heading without kind": ("exercises", lambda c: retitle(c, "  [recall, 5 min]", "")),
    "number of another chapter": ("exercises", lambda c: retitle(c, "1.1", "2.1")),
    "no stub": ("exercises", lambda c: c.pop(5)),
    "no check": ("exercises", lambda c: c.pop(6)),
    "check that passes the stub": (
        "exercises",
        lambda c: c[6].update(outputs=[stdout("Exercise 1.1: passed\n")]),
    ),
    "no hint": ("exercises", lambda c: c.pop(7)),
    "no solution": ("exercises", lambda c: c.__delitem__(slice(8, 11))),
    "open solution": ("exercises", lambda c: c[8].metadata.clear()),
    "no solution cell": ("exercises", lambda c: c.pop(9)),
    "solution without its tag": ("exercises", lambda c: c[9].metadata.pop("tags")),
    "solution open in Lab": ("exercises", lambda c: c[9].metadata.pop("jupyter")),
    "solution without prompts": ("exercises", lambda c: c[9].metadata.pop("mystnb")),
    "solution counted as the reader's": (
        "exercises",
        lambda c: c[9].update(source=c[9].source.replace(", solution=True", "")),
    ),
    "solution that fails": (
        "exercises",
        lambda c: c[9].update(outputs=[stdout("Exercise 1.1: not yet\n")]),
    ),
    "no why": ("exercises", lambda c: c.pop(10)),
    "prose under the solution": ("exercises", lambda c: c.insert(11, new_markdown_cell("More."))),
}


def retitle(cells: list[NotebookNode], old: str, new: str) -> None:
    """Change the heading of the first exercise."""
    cells[4].source = cells[4].source.replace(old, new)


@pytest.mark.parametrize("name", TAMPERED)
def test_a_tampered_chapter_is_refused_by_its_rule(name: str, tmp_path: Path) -> None:
    rule, tamper = TAMPERED[name]
    notebook = good_chapter(tmp_path)
    tamper(notebook.cells)
    assert any(f": {rule}: " in problem for problem in lint(notebook, tmp_path))


def test_stored_widget_state_is_refused(tmp_path: Path) -> None:
    notebook = good_chapter(tmp_path)
    notebook.metadata["widgets"] = {WIDGET_STATE: {}}
    assert any(": widget-state: " in problem for problem in lint(notebook, tmp_path))


def test_every_rule_is_seen_to_refuse_something() -> None:
    rules = {rule.__name__.replace("_", "-") for rule in notebook_lint.RULES}
    assert {rule for rule, _ in TAMPERED.values()} == rules


@pytest.mark.parametrize(
    "source",
    [
        "```python\n# a comment, no title\n[x](no.md) in section 8.1\n```",
        "~~~\n```{note}\n~~~",
        "````\n```{note}\n```\n````",
        "Indented:\n\n    # code, [x](no.md)",
        "`[x](no.md)` and ``<a href='`no`'>`` and `<details>` and `[^1]`",
        "Escaped: \\[x](no.md) and \\<details>",
        "<!-- [x](no.md) and <a href='no.md'> -->",
        "[x](https://en.wikipedia.org/wiki/Gate_(logic)) and <https://example.org/a_(b)>",
        "[x](a_(b).md) and [y](<a b.md>) and [z](a%20b.md 'a title')",
        "[x][r] and [r]\n\n[r]: a_(b).md 'a title'",
        '<a id="here"></a>\n\n[x](#here) and <img src="a_(b).md" alt="x">',
        "[x](#a-setext-title-with-code)\n\nA *setext* title with `code`\n---",
        "### A title with a [link](a_(b).md)\n\n[x](#a-title-with-a-link)",
        "The state $h_{t-1}$ and `{name}` in $f`$",
        "In a sum `x`:::, no block",
    ],
)
def test_what_only_looks_like_markdown_is_let_pass(source: str, tmp_path: Path) -> None:
    for name in ("a_(b).md", "a b.md"):
        (tmp_path / name).touch()
    notebook = good_chapter(tmp_path)
    notebook.cells[1].source += f"\n\n{source}"
    assert lint(notebook, tmp_path) == []


@pytest.mark.parametrize(
    "source",
    [
        "See section 1.1, exercise 1.2 and chapter 1.",
        "Sections 1.1 and 2.3, exercises 1.1 to 1.5, chapters 1, 2 and 2b.",
        "Section 2.3's figure; **section 2b.1**; [section\n2.3](references.md).",
        "Of section 1.1, 20 lines are left; in exercises 1.1, 10 minutes.",
        "[Zhang et al., 2023](references.md#elman1990), sections 8.2 and 8.3, has it.",
        "[d2l](https://d2l.ai), in chapter 9, shows it. Section 1.1 does too.",
        "`section 9.9`, subsection 9.9, and the chapter after 9.",
    ],
)
def test_a_reference_is_looked_up_in_all_chapters(source: str, tmp_path: Path) -> None:
    notebook = good_chapter(tmp_path)
    for name, number in (("02_other", "2.3"), ("02b_more", "2b.1")):
        cells = [new_markdown_cell(f"# Other\n\n## {number} `Title`")]
        nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / f"{name}.ipynb")
    notebook.cells[1].source += f"\n\n## 1.1 First\n\n{source}"
    assert lint(notebook, tmp_path) == []


def test_a_reference_that_was_renumbered_is_named(tmp_path: Path) -> None:
    notebook = good_chapter(tmp_path)
    notebook.cells[1].source += (
        "\n\n## 1.1 First\n\n[Zhang](https://d2l.ai) has it in section 9.7; ours is section 9.8."
        "\n\nSee sections 1.1, 1.2 and 1.3, and chapters 1 and 7."
    )
    assert lint(notebook, tmp_path) == [
        f"cell 1: references: {what} does not exist: was it renumbered?"
        for what in ("section 9.8", "section 1.2", "section 1.3", "chapter 7")
    ]


@pytest.mark.parametrize(
    "source",
    [
        "x = 1",
        "def f():\n    print(1)",
        "assert x == 1",
        "torch.testing.assert_close(a, b)",
        "history.append(1)",
        "_ = model.train()",
        "import torch",
        "%matplotlib inline\nx = 1",
    ],
)
def test_cells_that_show_nothing_need_no_output(source: str) -> None:
    assert notebook_lint.shows(source) == ""


def test_a_companion_notebook_needs_no_exercises(tmp_path: Path) -> None:
    notebook = good_chapter(tmp_path)
    del notebook.cells[4:39]
    for count, cell in enumerate((c for c in notebook.cells if c.cell_type == "code"), start=1):
        cell.execution_count = count
    assert notebook_lint.lint(notebook, tmp_path / "05b_small.ipynb") == []
    assert [p.rule for p in notebook_lint.lint(notebook, tmp_path / "05_small.ipynb")] == [
        "exercise-count",
        "exercise-count",
        "minutes",
    ]


def test_clearing_an_output_of_a_real_chapter_is_refused() -> None:
    chapter = notebooks.load(CHAPTERS[0])
    showing = [c for c in chapter.cells if c.cell_type == "code" and c.outputs]
    missed = []
    for cell in showing:
        outputs, cell.outputs = cell.outputs, []
        found = notebook_lint.lint(chapter, CHAPTERS[0])
        if not any(problem.rule == "cleared-output" for problem in found):
            missed.append(cell.source)
        cell.outputs = outputs
    assert showing and missed == []


# ---------------------------------------------------------------- canonical form


def test_canonical_form_drops_what_differs_between_equal_runs() -> None:
    view = {notebooks.WIDGET_VIEW: {"model_id": "1"}}
    cell = new_code_cell(
        "print(1)",
        execution_count=7,
        metadata={"execution": {"iopub.status.busy": "now"}, "collapsed": False, "tags": []},
        outputs=[
            stdout("1\n"),
            stdout("2\n"),
            new_output("display_data", data={"text/plain": "W", **view}),
            new_output("display_data", data=view),
            new_output("display_data", data={"image/png": png() + "\n"}),
            new_output("execute_result", data={"text/plain": "3"}, execution_count=7),
        ],
    )
    given = nbformat.v4.new_notebook(
        cells=[cell, new_markdown_cell("x")],
        metadata={"language_info": {"name": "python", "version": "3.11.7"}, "widgets": {}},
    )
    given.cells[0].id = given.cells[1].id = "same"
    result = notebooks.canonicalise(given)

    assert result.metadata == notebooks.NOTEBOOK_METADATA
    assert result.cells[0].id == "same" and result.cells[1].id != "same"
    assert result.cells[0].metadata == {} and result.cells[0].execution_count == 1
    first, *rest = result.cells[0].outputs
    assert first.text == "1\n2\n"
    assert [output.output_type for output in rest] == [
        "display_data",
        "display_data",
        "execute_result",
    ]
    assert rest[0].data == {"text/plain": "W"}
    assert rest[1].data == {"image/png": png()}
    assert rest[2].execution_count == 1
    nbformat.validate(result)
    assert notebooks.dumps(notebooks.canonicalise(result)) == notebooks.dumps(result)


def test_canonical_file_is_what_a_stranger_expects(tmp_path: Path) -> None:
    text = notebooks.dumps(good_chapter(tmp_path))
    assert text.endswith("}\n") and not text.endswith("\n\n")
    assert '\n "cells": [' in text and " · " in text
    assert text.index('"cells"') < text.index('"metadata"', text.index('"nbconvert') - 900)


@pytest.mark.parametrize(
    ("stored", "new", "kept"),
    [
        ("p: 1.04  (book: 1 to 1.2)\n", "p: 1.05  (book: 1 to 1.2)\n", True),
        ("p: 1.04  (book: 1 to 1.2)\n", "p: 1.05  (book: 1 to 1.3)\n", False),
        ("p: 1.04  (book: 1 to 1.2)\n", "q: 1.05  (book: 1 to 1.2)\n", False),
        ("p: 1.04\n", "p: 1.05\n", False),
        (">> it was\n", ">> it is\n", True),
        ("speed: 10 tokens/s\n", "speed: 12 tokens/s\n", True),
        ("device: cpu\n", "device: cuda\n", True),
        ("loss 10\n", "loss 11\n", False),
    ],
)
def test_a_stored_value_stays_while_the_run_confirms_it(stored: str, new: str, kept: bool) -> None:
    old = nbformat.v4.new_notebook(cells=[new_code_cell("x", outputs=[stdout(stored)])])
    fresh = copy.deepcopy(old)
    fresh.cells[0].outputs[0].text = new
    notebooks.keep_stored(fresh, old, notebooks.sanitizer_patterns())
    assert fresh.cells[0].outputs[0].text == (stored if kept else new)


def test_a_stored_figure_stays_while_its_pixels_are_the_same() -> None:
    def showing(picture: str) -> NotebookNode:
        data = {"image/png": picture, "text/plain": "<Figure>"}
        cell = new_code_cell("x", id="a", outputs=[new_output("display_data", data=data)])
        return nbformat.v4.new_notebook(cells=[cell])

    stored, same, other = png(64), png(64, level=0), png(65)
    assert stored != same
    for picture, expected in ((same, stored), (other, other)):
        fresh = showing(picture)
        notebooks.keep_stored(fresh, showing(stored), [])
        assert fresh.cells[0].outputs[0].data["image/png"] == expected


# ---------------------------------------------------------------- the command


def tool(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run tools/notebooks.py as an author does."""
    command = [sys.executable, ROOT / "tools" / "notebooks.py", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def store(path: Path, *sources: str) -> None:
    """Write a notebook of code cells that has never run."""
    cells = [new_code_cell(source, id=f"cell-{n}") for n, source in enumerate(sources)]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)


def test_run_executes_in_the_notebooks_folder_with_its_own_state(tmp_path: Path) -> None:
    path = tmp_path / "n.ipynb"
    store(
        path,
        "import os, sys, pathlib",
        "print(os.listdir()); print(sys.executable)",
        "print(pathlib.Path(os.environ['RNNBOOK_STATE_DIR']).is_dir())",
    )
    result = tool("run", path)
    assert re.search(r"n\.ipynb: \d+\.\d s, changed", result.stdout), result.stderr
    cells = notebooks.load(path).cells
    assert cells[1].outputs[0].text == f"['n.ipynb']\n{sys.executable}\n"
    assert cells[2].outputs[0].text == "True\n"
    assert [cell.execution_count for cell in cells] == [1, 2, 3]
    before = path.read_bytes()
    assert "unchanged" in tool("run", path).stdout
    assert path.read_bytes() == before


def test_run_check_stores_nothing(tmp_path: Path) -> None:
    path = tmp_path / "n.ipynb"
    store(path, "print(1)")
    before = path.read_bytes()
    result = tool("run", "--check", path)
    assert result.returncode == 1 and "would change" in result.stdout
    assert path.read_bytes() == before


def test_a_cell_that_raises_leaves_the_stored_file(tmp_path: Path) -> None:
    path = tmp_path / "n.ipynb"
    store(path, "print(1)", "left = 1\nleft / 0")
    before = path.read_bytes()
    result = tool("run", path)
    assert result.returncode == 1
    assert "left / 0" in result.stderr and "ZeroDivisionError" in result.stderr
    assert path.read_bytes() == before
    assert [item.name for item in tmp_path.iterdir()] == ["n.ipynb"]


def test_lint_command_names_file_cell_and_rule(tmp_path: Path) -> None:
    path = tmp_path / "01_small.ipynb"
    notebook = good_chapter(tmp_path)
    path.write_text(notebooks.dumps(notebook), "utf-8")
    assert tool("lint", path).returncode == 0
    notebook.cells[2].outputs = []
    path.write_text(notebooks.dumps(notebook) + "\n", "utf-8")
    result = tool("lint", path)
    assert result.returncode == 1
    assert "01_small.ipynb: cell 2: cleared-output: calls print()" in result.stdout
    assert "01_small.ipynb: notebook: canonical: " in result.stdout
