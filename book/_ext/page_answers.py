"""Let exercises that need no Python be answered in the page, and list all exercises.

A form takes the place of the stub and its check; where no script runs, both stay. The verdict is
that of the book's own examiner, whose syntax tree the page walks (see `examiner_trees`).

    ```{exercise-list}
    ```

lists the exercises of all chapters, with kind, minutes and what was passed in this browser.
"""

import ast
import base64
import html
import json
import re
from collections.abc import Iterator
from pathlib import Path

import nbformat
from docutils import nodes
from examiner_trees import exported
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from rnnbook import exercises
from rnnbook.exercises.kit import REGISTRY

HEADING = re.compile(r"^### Exercise (\d+\.\d+) · (.+?)  \[(\w+), (\d+) min\]$", re.MULTILINE)
ANSWERED = {"predict", "recall", "order"}  # kinds that need no Python
BLANK = re.compile(r"^(\w+) = \.\.\.(?:\s+#\s*(.*))?$", re.MULTILINE)
LINE = re.compile(r"^- \*\*([a-z])\*\* ", re.MULTILINE)  # of those to be put in order
QUOTED = re.compile(r'"([^"]+)"')
STOP = re.compile(r"^## You can stop here$", re.MULTILINE)
SCRIPTS = ("examiner.js", "walker.js", "answers.js")
ROOT = Path(__file__).parents[2]


def _fields(stub: str, check: str) -> list[dict]:
    """Return what is asked for, in the order in which `check` takes it.

    Args:
        stub: such as ``a = ...  # "vanishes" or "cannot tell"``; a blank without a remark has that
            of the one before, if that one offers a choice.
        check: such as ``check("4.5", a, b)``.
    """
    remarks, last = {}, ""
    for name, remark in BLANK.findall(stub):
        last = remarks[name] = remark or (last if QUOTED.search(last) else "")
    fields = []
    for argument in ast.parse(check).body[0].value.args[1:]:
        name = ast.unparse(argument)
        remark = remarks[name]
        options = QUOTED.findall(remark) if " or " in remark else []
        field = {"name": "your answer" if name.startswith("answer_") else name}
        fields.append(field | ({"options": options} if options else {"hint": remark}))
    return fields


def _answerable(notebook: nbformat.NotebookNode) -> Iterator[tuple[str, int, list[dict]]]:
    """Give the number of each exercise that the page can take, its stub's cell, and its fields."""
    for at, cell in enumerate(notebook.cells):
        found = HEADING.search(cell.source) if cell.cell_type == "markdown" else None
        if found is None or found[3] not in ANSWERED:
            continue
        stub, check = notebook.cells[at + 1], notebook.cells[at + 2]
        fields = _fields(stub.source, check.source)
        if found[3] == "order":
            fields[0]["letters"] = LINE.findall(cell.source[found.start() :])
        yield found[1], at + 1, fields


def _raw(text: str) -> nodes.raw:
    return nodes.raw("", text, format="html")


def place_forms(app: Sphinx, document: nodes.document) -> None:
    """Wrap each stub and its check, and put an empty place for the form before them."""
    path = Path(app.env.doc2path(app.env.docname))
    if path.suffix != ".ipynb":
        return
    cells = {
        cell["cell_index"]: cell
        for cell in document.findall(nodes.container)
        if cell.get("nb_element") == "cell_code"
    }
    numbers = []
    for number, at, fields in _answerable(nbformat.read(path, as_version=4)):
        exercises._find(number)  # so that its chapter's examiners are registered
        asked = {"number": number, "slug": REGISTRY[number].slug, "fields": fields}
        data = html.escape(json.dumps(asked), quote=True)
        stub, check = cells[at], cells[at + 1]
        stub.parent.insert(
            stub.parent.index(stub),
            _raw(
                f'<div class="answer-place"><div class="answer-mount" data-answer="{data}"></div>'
            ),
        )
        check.parent.insert(check.parent.index(check) + 1, _raw("</div>"))
        numbers.append(number)
    app.env.metadata[app.env.docname]["answers"] = numbers


def _script(numbers: list[str]) -> str:
    """Return a script with examiners, so written that no answer is read at a glance."""
    trees = {
        number: base64.b64encode(json.dumps(exported(REGISTRY[number])).encode()).decode()
        for number in numbers
    }
    return f"globalThis.rnnbookAnswers = {json.dumps(trees)};\n"


def add_scripts(app: Sphinx, page: str, template: str, context: dict, document: object) -> None:
    """Add the scripts to the pages that need them, and write the examiners of a chapter."""
    metadata = app.env.metadata.get(page, {})
    if numbers := metadata.get("answers"):
        name = f"answers/{Path(page).name}.js"
        target = Path(app.outdir) / "_static" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        for number in numbers:
            exercises._find(number)
        target.write_text(_script(numbers), "utf-8")
        for script in (name, *SCRIPTS):
            app.add_js_file(script, loading_method="defer")
    elif metadata.get("lists_exercises"):
        app.add_js_file("answers.js", loading_method="defer")


class ExerciseList(SphinxDirective):
    """All exercises, chapter by chapter."""

    def run(self) -> list[nodes.Node]:
        """Return a table a chapter."""
        self.env.metadata[self.env.docname]["lists_exercises"] = True
        exercises._load_all()
        rows, total = [], 0
        for path in sorted((ROOT / "chapters").glob("*.ipynb")):
            self.env.note_dependency(str(path))
            notebook = nbformat.read(path, as_version=4)
            prose = [c.source for c in notebook.cells if c.cell_type == "markdown"]
            found = list(self._exercises(prose))
            if not found:
                continue
            chapter, title = path.name[:2].lstrip("0"), prose[0].splitlines()[0].removeprefix("# ")
            minutes = sum(minutes for *_, minutes, _ in found)
            total += minutes
            rows.append(
                f"<h2>{chapter} · {html.escape(title)}</h2><p>{len(found)} exercises, {minutes} "
                f'minutes; <span data-chapter-count="{chapter}">progress is kept in this browser'
                "</span>.</p><table><thead><tr><th>passed</th><th>exercise</th><th>kind</th>"
                "<th>minutes</th></tr></thead><tbody>"
            )
            for number, name, kind, minutes, core in found:
                link = f"../chapters/{path.stem}.html#ex-{number.replace('.', '-')}"
                deeper = "" if core else " <small>(going deeper)</small>"
                rows.append(
                    f'<tr><td><span data-slug="{REGISTRY[number].slug}" data-chapter="{chapter}" '
                    f'role="img" aria-label="not passed yet"></span></td><td><a href="{link}">'
                    f"{number} {html.escape(name)}</a>{deeper}</td><td>{kind}</td>"
                    f"<td>{minutes}</td></tr>"
                )
            rows.append("</tbody></table>")
        return [_raw(f'<div class="exercise-list">{"".join(rows)}</div>')]

    def _exercises(self, prose: list[str]) -> Iterator[tuple[str, str, str, int, bool]]:
        core = True
        for source in prose:
            stop = STOP.search(source)
            for match in HEADING.finditer(source):
                before = core and not (stop and stop.start() < match.start())
                yield match[1], match[2], match[3], int(match[4]), before
            core = core and not stop


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the extension with Sphinx."""
    app.add_directive("exercise-list", ExerciseList)
    app.connect("doctree-read", place_forms, priority=700)  # after the figures
    app.connect("html-page-context", add_scripts)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
