"""The book's rules for a stored chapter. Each rule is a function that yields what breaks it.

nbval proves that the stored outputs come out again; these rules prove that there is something to
compare, that every home (JupyterLab, the site, a plain viewer) can show it, and that a reader
finds each exercise complete.
"""

from __future__ import annotations

import ast
import base64
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote

import nbformat
from IPython.core.inputtransformer2 import TransformerManager
from nbformat import NotebookNode

from prose import FOREIGN, Prose

TAGS = {"hide-cell", "hide-input", "nbval-ignore-output"}
# A chapter may be opened alone, where there is nothing but the notebook.
INSTALLS = "# No rnnbook? %pip install 'rnnbook[book] @ git+ADDRESS': see the page Elsewhere\n"
KINDS = {"recall", "predict", "code", "modify", "order", "break", "explore"}
SECTIONS = ("You will be able to", "What you learned", "Common mistakes", "Further reading")
LEAST_EXERCISES, LEAST_KINDS = 5, 3
MOST_PNG_BYTES, MOST_NOTEBOOK_BYTES = 140_000, 1_800_000

# Calls that leave something on the page, and methods that end a cell and show nothing.
SHOWS = {"print", "check", "expect", "display", "show", "imshow", "subplots", "figure"}
SILENT = {"add", "append", "backward", "clear", "close", "extend", "insert", "setattr", "sort"}
SILENT |= {"step", "update", "zero_grad"}

EXERCISE = re.compile(r"Exercise (\d+[a-z]?\.\d+) · \S.*?[ ]{1,2}\[([a-z]+), (\d+) min\]")
MINUTES = re.compile(
    r"Reading takes about (\d+) minutes(?:,| and) "
    r"the exercises(?: up to \*You can stop here\*)? about (\d+)"
)
SITTING = 90  # minutes, of reading and of exercises up to the line
SLACK = 0.15  # of the exercises' minutes, for a round number
REFERENCE = re.compile(
    r"\b(section|exercise|chapter)(?:\s+|(s)\s+)(\d+[a-z]?(?:\.\d+)?)"
    r"((?:,?\s+(?:and|or|to)\s+|,\s+)\d+[a-z]?(?:\.\d+)?)*",
    re.IGNORECASE,
)
NUMBER = re.compile(r"\d+[a-z]?(?:\.\d+)?")
DIRECTIVE = re.compile(r"[`~]+\s*\{")
NOT_PORTABLE = {
    "a MyST block (:::)": re.compile(r"^:{3,}", re.MULTILINE),
    "a MyST target": re.compile(r"^\([\w:.-]+\)=[ ]*$", re.MULTILINE),
    "a footnote": re.compile(r"\[\^[^\]\s]+\]"),
}
VOLATILE = {
    "an object's address": re.compile(r"\b0x[0-9a-fA-F]{6,}\b"),
    "an absolute path": re.compile(
        r"(?<![\w./])/(?:home|root|work|tmp|Users|usr|opt|var)/\S|\b[A-Z]:\\\w"
    ),
    "a progress bar": re.compile(r"\d%\|"),
    "a speed (print it as `speed: ...`)": re.compile(
        r"^(?!speed: ).*\b(?:it|tokens?|chars?|characters|steps?|epochs?)/s", re.MULTILINE
    ),
}


@dataclass(frozen=True)
class Problem:
    """One broken rule.

    Attributes:
        rule: the rule's name.
        cell: the cell's position in the notebook, from 0; None for the notebook as a whole.
        message: what was found and what was expected.
    """

    rule: str
    cell: int | None
    message: str

    def __str__(self) -> str:
        where = "notebook" if self.cell is None else f"cell {self.cell}"
        return f"{where}: {self.rule}: {self.message}"


Found = Iterator[tuple[int | None, str]]


class Chapter:
    """A notebook with what several rules ask of it."""

    def __init__(self, notebook: NotebookNode, path: Path) -> None:
        self.notebook, self.path, self.cells = notebook, path, notebook.cells

    @cached_property
    def code(self) -> list[tuple[int, NotebookNode]]:
        """The code cells with their positions."""
        return [(at, cell) for at, cell in enumerate(self.cells) if cell.cell_type == "code"]

    @cached_property
    def prose(self) -> list[tuple[int, Prose]]:
        """The Markdown cells' texts with their positions."""
        return [(at, Prose(cell.source)) for at, cell in enumerate(self.cells) if is_markdown(cell)]

    @cached_property
    def headings(self) -> list[tuple[int, int, str]]:
        """All headings as (position of the cell, level, text)."""
        return [(at, h.level, h.source) for at, prose in self.prose for h in prose.headings]

    @property
    def outputs(self) -> Iterator[tuple[int, NotebookNode]]:
        """All outputs with their cells' positions."""
        return ((at, output) for at, cell in self.code for output in cell.outputs)

    @property
    def is_companion(self) -> bool:
        """Whether this notebook stands beside a chapter (05b beside 05) and has no exercises."""
        return bool(re.match(r"\d+[a-z]_", self.path.name))


def is_markdown(cell: NotebookNode) -> bool:
    """Tell whether a cell is prose."""
    return cell.cell_type == "markdown"


def texts(output: NotebookNode) -> Iterator[str]:
    """Yield what an output says in words, whatever its type."""
    if "text" in output:
        yield output.text
    for key, value in output.get("data", {}).items():
        if key.startswith("text/") and isinstance(value, str):
            yield value


def parse(source: str) -> ast.Module:
    """Parse a code cell, magics included.

    Raises:
        SyntaxError: if it is not Python.
    """
    return ast.parse(TransformerManager().transform_cell(source))


def called(node: ast.AST) -> str:
    """Return the last name of what a node calls, or the empty string if it calls nothing."""
    function = node.func if isinstance(node, ast.Call) else None
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


def top_level_calls(tree: ast.AST) -> Iterator[ast.Call]:
    """Yield the calls that run when the cell runs, not those inside a definition."""
    for child in ast.iter_child_nodes(tree):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
            continue
        if isinstance(child, ast.Call):
            yield child
        yield from top_level_calls(child)


# ---------------------------------------------------------------- the stored run


def counts(chapter: Chapter) -> Found:
    """Execution counts are 1..n: nbval does not compare a cell without one."""
    for expected, (at, cell) in enumerate(chapter.code, start=1):
        if not cell.source.strip():
            yield at, "a code cell is empty: remove it"
        elif cell.execution_count != expected:
            yield at, f"execution count is {cell.execution_count}, expected {expected}: run it anew"


def installs(chapter: Chapter) -> Found:
    """The first cell that runs says how to get the package."""
    for at, cell in chapter.code[:1]:
        if not cell.source.startswith(INSTALLS):
            yield at, f"the first code cell does not begin with {INSTALLS!r}"


def error_outputs(chapter: Chapter) -> Found:
    """No cell stores an error."""
    for at, output in chapter.outputs:
        if output.output_type == "error":
            yield at, f"stores an error ({output.ename}): catch it, and print its message"


def stderr(chapter: Chapter) -> Found:
    """No cell stores warnings."""
    for at, output in chapter.outputs:
        if output.get("name") == "stderr":
            yield at, f"stores text on stderr: {output.text.strip()[:80]!r}: mend its cause"


def tags(chapter: Chapter) -> Found:
    """Only tags that we know, so that nothing is skipped by a tag."""
    for at, cell in enumerate(chapter.cells):
        for tag in sorted(set(cell.metadata.get("tags", [])) - TAGS):
            yield at, f"tag {tag!r} is not one of {', '.join(sorted(TAGS))}"


def widget_state(chapter: Chapter) -> Found:
    """Neither widget state nor widget views are stored: their ids differ at every run."""
    if "widgets" in chapter.notebook.metadata:
        yield None, "stores widget state: save with `tools/notebooks.py run`"
    for at, output in chapter.outputs:
        for key in output.get("data", {}):
            if "jupyter.widget" in key:
                yield at, f"stores {key}: save with `tools/notebooks.py run`"


def cleared_output(chapter: Chapter) -> Found:
    """A cell that shows something stores what it showed."""
    for at, cell in chapter.code:
        if cell.outputs or not cell.source.strip():
            continue
        try:
            reason = shows(cell.source)
        except SyntaxError as error:
            reason = f"is not Python ({error})"
        if reason:
            yield at, f"{reason}, but stores no output: run it (if it shows nothing: _ = ...)"


def shows(source: str) -> str:
    """Say why a code cell must have an output, or return the empty string if it need not.

    Raises:
        SyntaxError: if the cell is not Python.
    """
    tree = parse(source)
    for name in map(called, top_level_calls(tree)):
        if name in SHOWS or name.startswith("plot"):
            return f"calls {name}()"
    last = tree.body[-1] if tree.body else None
    if not isinstance(last, ast.Expr):
        return ""
    name = called(last.value)
    if name in SILENT or name.startswith("assert"):
        return ""
    return f"ends with the expression {ast.unparse(last)[:60]!r}"


def semicolon(chapter: Chapter) -> Found:
    """No cell is silenced by a semicolon: nbval runs without history, where it silences nothing."""
    for at, cell in chapter.code:
        if cell.source.rstrip().endswith(";"):
            yield at, "ends with ;, which does not silence it under nbval: write _ = ..."


def volatile(chapter: Chapter) -> Found:
    """Nothing stored that the next run, or the next machine, writes differently."""
    for at, output in chapter.outputs:
        for text in texts(output):
            for what, pattern in VOLATILE.items():
                if match := pattern.search(text):
                    yield at, f"the output holds {what}: {match.group()[:60]!r}"


# ---------------------------------------------------------------- figures and size


def figure_alt(chapter: Chapter) -> Found:
    """Every figure says in words what it shows."""
    for at, cell in chapter.code:
        if any("image/png" in output.get("data", {}) for output in cell.outputs):
            image = cell.metadata.get("mystnb", {}).get("image", {})
            if not str(image.get("alt", "")).strip():
                yield at, "a figure without alt text: set metadata.mystnb.image.alt"


def size(chapter: Chapter) -> Found:
    """Figures are small PNGs, and the notebook opens quickly."""
    for at, output in chapter.outputs:
        for key, value in output.get("data", {}).items():
            if key == "image/png":
                weight = len(base64.b64decode(value))
                if weight >= MOST_PNG_BYTES:
                    yield at, f"a PNG of {weight} bytes; under {MOST_PNG_BYTES} are allowed"
            elif key.startswith("image/"):
                yield at, f"a figure as {key}: PNG is what every home shows and nbval passes"
    weight = len(nbformat.writes(chapter.notebook).encode())
    if weight >= MOST_NOTEBOOK_BYTES:
        yield None, f"{weight} bytes; under {MOST_NOTEBOOK_BYTES} are allowed"


# ---------------------------------------------------------------- prose


def portable_markdown(chapter: Chapter) -> Found:
    """Prose is Markdown that JupyterLab, the site and a plain viewer all show."""
    for at, prose in chapter.prose:
        found = [("a MyST directive", line) for line in prose.fences if DIRECTIVE.match(line)]
        found += [("a MyST role", role) for role in prose.roles]
        for what, pattern in NOT_PORTABLE.items():
            found += [(what, m.group()) for m in map(pattern.search, prose.paragraphs) if m]
        for what, text in dict(reversed(found)).items():
            yield at, f"{what}, which JupyterLab shows raw: {text.strip()!r}"


def details(chapter: Chapter) -> Found:
    """A fold opens and closes within one cell, and its content is still Markdown."""
    for at, prose in chapter.prose:
        html = "".join(prose.html)
        opened, closed = len(re.findall(r"<details\b", html)), html.count("</details>")
        if opened != closed:
            yield at, f"{opened} <details> but {closed} </details>: close each in its own cell"
        # A block of HTML ends at a blank line; what it holds behind the summary is no Markdown.
        if any(piece.partition("</summary>")[2].strip() for piece in prose.html):
            yield at, "no blank line after </summary>: without it the Markdown inside stays raw"
        for summary in re.findall(r"<summary>(.*?)</summary>", html, re.DOTALL):
            if "$" in summary:
                yield at, f"mathematics in <summary>, where it stays raw: {summary!r}"


def heading_levels(chapter: Chapter) -> Found:
    """One title, and no level skipped: a screen reader walks the page by them."""
    titles = [at for at, level, _ in chapter.headings if level == 1]
    if len(titles) != 1 or titles[0] != 0:
        yield None, f"expected one h1, in cell 0; found h1 in cells {titles}"
    level = 1
    for at, deeper, text in chapter.headings:
        if deeper > level + 1:
            yield at, f"{text!r} is h{deeper} under h{level}: a level is skipped"
        level = deeper


def sections(chapter: Chapter) -> Found:
    """Every chapter opens and closes in the same way, under headings or words in bold."""
    opened = [text for _, _, text in chapter.headings]
    for _, prose in chapter.prose:
        opened += prose.bold_openings
    for wanted in SECTIONS:
        if not any(wanted.casefold() in text.casefold() for text in opened):
            yield None, f"no heading, and no line that opens in bold, says {wanted!r}"


def links(chapter: Chapter) -> Found:
    """Links to our own files and places lead somewhere."""
    for at, prose in chapter.prose:
        for target in prose.targets:
            if not FOREIGN.match(target) and (reason := broken(target, chapter)):
                yield at, f"{target}: {reason}"


def broken(target: str, chapter: Chapter) -> str:
    """Say why a relative link leads nowhere, or return the empty string if it arrives."""
    name, _, anchor = unquote(target).partition("#")
    path = chapter.path.parent / name
    if name and not path.exists():
        return "no such file"
    if not anchor:
        return ""
    if not name:
        return (
            "" if anchor in anchors(prose for _, prose in chapter.prose) else "no such place here"
        )
    if path.suffix == ".md":
        known = anchors([Prose(path.read_text("utf-8"))])
    elif path.suffix == ".ipynb":
        known = anchors(prose for _, prose in read(path, path.stat().st_mtime_ns).prose)
    else:
        return ""
    return "" if anchor in known else f"{path.name} has no place named {anchor!r}"


@lru_cache(maxsize=100)
def read(path: Path, changed: int) -> Chapter:
    """Read another notebook, once as long as it stays the same.

    Args:
        path: the notebook.
        changed: when it was last changed, in nanoseconds.
    """
    return Chapter(nbformat.read(path, as_version=4), path)


def anchors(texts: Iterable[Prose]) -> set[str]:
    """Return the names that a link may point to in some Markdown texts."""
    known: set[str] = set()
    for prose in texts:
        known.update(prose.names)
        for paragraph in prose.paragraphs:
            known.update(re.findall(r"^\(([\w:.-]+)\)=", paragraph, re.MULTILINE))
        for heading in prose.headings:
            # JupyterLab keeps the letters as they are; the site and plain viewers lower them.
            known.add(heading.words.replace(" ", "-"))
            known.add(re.sub(r"[^\w\- ]", "", heading.words.lower()).replace(" ", "-"))
    return known


class Numbers(NamedTuple):
    """The numbers that prose may name."""

    chapter: set[str]
    section: set[str]
    exercise: set[str]


def numbers(chapter: Chapter) -> Numbers:
    """Collect the numbers of all chapters beside one, and of their sections and exercises.

    Args:
        chapter: the chapter; as it is given, not as it may be stored.
    """
    paths = (path for path in chapter.path.parent.glob("*.ipynb") if path != chapter.path)
    found = Numbers(set(), set(), set())
    for other in [chapter, *(read(path, path.stat().st_mtime_ns) for path in paths)]:
        if name := re.match(r"0*(\d+[a-z]?)_", other.path.name):
            found.chapter.add(name[1])
        for _, _, text in other.headings:
            if number := re.match(r"\d+[a-z]?\.\d+\b", text):
                found.section.add(number.group())
            if number := re.match(r"Exercise (\d+[a-z]?\.\d+)\b", text):
                found.exercise.add(number[1])
    return found


def references(chapter: Chapter) -> Found:
    """A chapter, section or exercise that prose names by its number exists.

    A number behind a link to another work, in the same sentence, is that work's own.
    """
    known = numbers(chapter)
    for at, prose in chapter.prose:
        for match in (m for words in prose.own_words for m in REFERENCE.finditer(words)):
            kind = match[1].lower()
            for number in named(match):
                if number not in getattr(known, kind):
                    yield at, f"{kind} {number} does not exist: was it renumbered?"


def named(match: re.Match[str]) -> list[str]:
    """Return the numbers of a reference: of `section 4.7, 20 lines` the first alone."""
    first, *others = NUMBER.findall(match.group())
    alike = [number for number in others if ("." in number) == ("." in first)]
    return [first, *(alike if match[2] else [])]


# ---------------------------------------------------------------- exercises


def exercise_count(chapter: Chapter) -> Found:
    """Enough exercises, and not all of one kind."""
    if chapter.is_companion:
        return
    found = [EXERCISE.fullmatch(text) for _, level, text in chapter.headings if level == 3]
    kinds = {match[2] for match in found if match}
    number = sum(match is not None for match in found)
    if number < LEAST_EXERCISES:
        yield None, f"{number} exercises; at least {LEAST_EXERCISES} are expected"
    if len(kinds) < LEAST_KINDS:
        yield None, f"kinds of exercise are {sorted(kinds)}; at least {LEAST_KINDS} are expected"


def minutes(chapter: Chapter) -> Found:
    """The exercises' minutes are those of the core path together, and fit one sitting."""
    if chapter.is_companion:
        return
    said = next((m for _, prose in chapter.prose if (m := MINUTES.search(prose.source))), None)
    if said is None:
        yield None, "no word on how long: 'Reading takes about 40 minutes, the exercises about 50'"
        return
    total = 0
    for _, _, text in chapter.headings:
        if text == "You can stop here":
            break
        if match := EXERCISE.fullmatch(text):
            total += int(match[3])
    reading, told = int(said[1]), int(said[2])
    if reading + told > SITTING:
        yield None, f"{reading} minutes and {told} are more than one sitting of {SITTING}"
    if abs(told - total) > SLACK * total:
        yield None, f"its exercises take {told} minutes, it says; they add up to {total}"


def exercises(chapter: Chapter) -> Found:
    """Each exercise has its heading, stub, check, hint, hidden solution and why it works."""
    seen: set[str] = set()
    for position, (at, level, text) in enumerate(chapter.headings):
        if not re.match(r"Exercise\b", text):
            continue
        match = EXERCISE.fullmatch(text)
        if level != 3 or not match:
            yield at, f"{'#' * level} {text}: expected '### Exercise 3.2 · Title  [code, 10 min]'"
            continue
        number, kind, minutes = match.groups()
        if kind not in KINDS or int(minutes) < 1:
            yield at, f"[{kind}, {minutes} min]: expected minutes, and one of {sorted(KINDS)}"
        if number in seen or not _belongs(number, chapter.path):
            yield at, f"number {number} is taken, or is not this chapter's"
        seen.add(number)
        rest = chapter.headings[position + 1 :]
        end = next((later for later, depth, _ in rest if depth <= 3), len(chapter.cells))
        yield from _one_exercise(chapter, number, at, max(end, at + 1))


def _belongs(number: str, path: Path) -> bool:
    chapter = re.match(r"0*(\d+)", path.name)
    return chapter is None or number.split(".")[0] == chapter[1]


def _one_exercise(chapter: Chapter, number: str, start: int, end: int) -> Found:
    heading = f"#### Solution {number}"
    solution = next(
        (
            at
            for at in range(start + 1, end)
            if is_markdown(chapter.cells[at]) and chapter.cells[at].source.startswith(heading)
        ),
        None,
    )
    yield from _question(chapter, number, start, end if solution is None else solution)
    if solution is None:
        yield start, f"exercise {number} has no Markdown cell that starts with '{heading}'"
        return
    if chapter.cells[solution].metadata.get("jp-MarkdownHeadingCollapsed") is not True:
        yield solution, f"'{heading}' is open: set its metadata jp-MarkdownHeadingCollapsed to true"
    yield from _answer(chapter, number, solution, end)


def _question(chapter: Chapter, number: str, start: int, end: int) -> Found:
    cells = chapter.cells[start + 1 : end]
    code = [cell for cell in cells if cell.cell_type == "code"]
    checks = [cell for cell in code if _check_call(cell.source, number)]
    if not checks:
        yield start, f'exercise {number} has no cell that calls check("{number}", ...)'
    elif code[0] is checks[0]:
        yield start, f"exercise {number} has no stub: a code cell before its check"
    for cell in checks:
        said = _said(cell)
        if f"Exercise {number}" not in said or "passed" in said:
            yield start, f"the check of exercise {number} says {said[:60]!r} of the stub"
    if not any(_folds(cell, "Hint") for cell in cells):
        yield start, f"exercise {number} has no hint: <details><summary>Hint 1</summary>"


def _answer(chapter: Chapter, number: str, start: int, end: int) -> Found:
    cells = chapter.cells[start + 1 : end]
    code = [cell for cell in cells if cell.cell_type == "code"]
    if not code:
        yield start, f"exercise {number} has no solution cell"
    for cell in code:
        yield from ((start, f"solution {number}: {what}") for what in _not_hidden(cell))
    if code:
        call = _check_call(code[-1].source, number)
        marked = call is not None and any(word.arg == "solution" for word in call.keywords)
        if not marked:
            yield start, f'solution {number} does not call check("{number}", ..., solution=True)'
        elif "passed" not in _said(code[-1]):
            yield start, f"the check of solution {number} says {_said(code[-1])[:60]!r}, not passed"
    if not any(_folds(cell, "Why it works") for cell in cells):
        yield start, f"exercise {number} has no <details><summary>Why it works</summary>"
    for offset, cell in enumerate(cells, start + 1):
        if is_markdown(cell) and not cell.source.lstrip().startswith("<details"):
            yield offset, f"prose under the collapsed solution {number}: give it its own heading"


def _check_call(source: str, number: str) -> ast.Call | None:
    try:
        calls = top_level_calls(parse(source))
    except SyntaxError:
        return None
    for call in calls:
        first = call.args[0] if called(call) == "check" and call.args else None
        if isinstance(first, ast.Constant) and first.value == number:
            return call
    return None


def _said(cell: NotebookNode) -> str:
    return "\n".join(text for output in cell.outputs for text in texts(output)).strip()


def _folds(cell: NotebookNode, summary: str) -> bool:
    pattern = rf"<details>\s*<summary>\s*{summary}"
    return is_markdown(cell) and any(re.search(pattern, piece) for piece in Prose(cell.source).html)


def _not_hidden(cell: NotebookNode) -> Iterator[str]:
    metadata = cell.metadata
    if "hide-cell" not in metadata.get("tags", []):
        yield "the tag hide-cell is missing"
    for key in ("source_hidden", "outputs_hidden"):
        if metadata.get("jupyter", {}).get(key) is not True:
            yield f"metadata.jupyter.{key} is not true"
    for key, text in (
        ("code_prompt_show", "Show solution"),
        ("code_prompt_hide", "Hide solution"),
    ):
        if metadata.get("mystnb", {}).get(key) != text:
            yield f"metadata.mystnb.{key} is not {text!r}"


RULES = (
    counts,
    installs,
    error_outputs,
    stderr,
    tags,
    widget_state,
    cleared_output,
    semicolon,
    volatile,
    figure_alt,
    size,
    portable_markdown,
    details,
    heading_levels,
    sections,
    links,
    references,
    exercise_count,
    minutes,
    exercises,
)


def lint(notebook: NotebookNode, path: Path) -> list[Problem]:
    """Check one chapter against every rule.

    Args:
        notebook: the chapter, of format 4.
        path: where it is stored; links are followed from there, and its name holds its number.
    Returns:
        The problems, rule by rule; an empty list for a good chapter.
    """
    chapter = Chapter(notebook, path)
    return [
        Problem(rule.__name__.replace("_", "-"), cell, message)
        for rule in RULES
        for cell, message in rule(chapter)
    ]
