"""Plant slips in the book's own solutions and see whether the checks refuse them.

    python tools/mutate_exercises.py              every exercise whose solution is code
    python tools/mutate_exercises.py 3.5 9.2      these; nothing is stored
    python tools/mutate_exercises.py --jobs 2     two processes

A mutant is the solution with one change: another operator, comparison, constant, name or index, a
statement or a call left out, a transpose more or less, a result spoilt (not a number, without its
axes of size 1, cut from its gradient). A mutant that a check lets pass survives. Some survivors are
right answers in other words: tools/mutants.json says why, change by change; every other survivor is
a fault of a check.

The shares, and the survivors with their reasons, are stored in tools/mutants.md.
"""

import argparse
import ast
import copy
import json
import re
import subprocess
import sys
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import nbformat

from notebooks import CHAPTERS, ROOT, inserted
from rnnbook import exercises
from rnnbook.atomic import write_atomically
from rnnbook.exercises.examination import ExaminerError, examine

TABLE, PAGE = ROOT / "tools" / "mutants.md", ROOT / "CONTRIBUTING.md"
REASON_FILE = ROOT / "tools" / "mutants.json"
SECONDS = 10.0  # for one mutant; an endless loop is one more refusal
CHECK = re.compile(r'check\("([\d.]+)", ([\w.]+), solution=True\)')

OPERATORS = {
    ast.Add: (ast.Sub, ast.Mult), ast.Sub: (ast.Add, ast.Mult), ast.Mult: (ast.Add, ast.Div),
    ast.Div: (ast.Mult, ast.Sub), ast.MatMult: (ast.Mult, ast.Add), ast.FloorDiv: (ast.Mult,),
    ast.Mod: (ast.FloorDiv,), ast.Pow: (ast.Mult,),
}  # fmt: skip
COMPARISONS = {
    ast.Lt: (ast.LtE, ast.Gt), ast.LtE: (ast.Lt, ast.Gt), ast.Gt: (ast.GtE, ast.Lt),
    ast.GtE: (ast.Gt, ast.Lt), ast.Eq: (ast.NotEq,), ast.NotEq: (ast.Eq,), ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,), ast.Is: (ast.IsNot,), ast.IsNot: (ast.Is,),
}  # fmt: skip
# What is done to the result of a function, or to that of a model's forward.
SPOILERS = {
    "not a number": "_each({}, lambda x: x * float('nan'))",
    "without axes of size 1": "_each({}, lambda x: x.squeeze() if hasattr(x, 'squeeze') else x)",
    "cut from its gradient": "_each({}, lambda x: x.detach() if hasattr(x, 'detach') else x)",
    "negative": "_each({}, lambda x: -x)",
    "in whole numbers": "_each({}, lambda x: x.long() if hasattr(x, 'long') else int(x))",
}
HELPER = """
_changed = []


def _each(value, change):
    def told(part):
        new = change(part)
        same = type(new) is type(part) and getattr(new, "shape", 0) == getattr(part, "shape", 0)
        same = same and getattr(new, "requires_grad", 0) == getattr(part, "requires_grad", 0)
        if not (same and bool((new == part).all() if hasattr(part, "shape") else new == part)):
            _changed.append(1)
        return new

    return _go(value, told)


def _go(value, change):
    if isinstance(value, (tuple, list)):
        return type(value)(_go(part, change) for part in value)
    if isinstance(value, dict):
        return {key: _go(part, change) for key, part in value.items()}
    if isinstance(value, (bool, str)) or value is None or not hasattr(value, '__mul__'):
        return value
    return change(value)
"""


@dataclass(frozen=True)
class Solution:
    """A solution that is code: its exercise and source, and what the chapter has defined before."""

    number: str
    name: str
    source: str
    before: str


# A solution that reads what its chapter has trained cannot be run without it.
READS_TRAINED = {"9.4", "10.6", "11.5", "12.4"}


@cache
def solutions() -> dict[str, Solution]:
    """Return the solutions of all chapters that are functions or classes, by their exercise."""
    found = {}
    for path in sorted(CHAPTERS.glob("*.ipynb")):
        before: list[str] = []
        for cell in nbformat.read(path, as_version=4).cells:
            if cell.cell_type != "code":
                continue
            tree = ast.parse(cell.source)
            defined = {
                n.name: n for n in tree.body if isinstance(n, ast.FunctionDef | ast.ClassDef)
            }
            for number, name in CHECK.findall(cell.source):
                if name in defined and number not in READS_TRAINED:
                    found.setdefault(
                        number,
                        Solution(number, name, ast.unparse(defined[name]), "\n".join(before)),
                    )
            kept = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef)
            before += [ast.unparse(n) for n in tree.body if isinstance(n, kept)]
    return found


def namespace(solution: Solution) -> dict[str, object]:
    """Return the names that a chapter has before its solution: what it imports and defines."""
    names: dict[str, object] = {"__name__": "chapter"}
    for statement in ast.parse(HELPER + solution.before).body:
        code = compile(ast.Module([statement], []), "<chapter>", "exec")
        try:
            exec(code, names)
        except Exception:  # a class over something that a cell computed: not needed here
            continue
    return names


# ---------------------------------------------------------------- making mutants


def mutants(source: str) -> Iterator[tuple[str, str]]:
    """Yield the variants of a solution's source, each with what was changed; none twice."""
    tree = ast.parse(source)
    seen = {ast.unparse(tree)}
    for said, changed in _changes(tree):
        try:
            text = ast.unparse(ast.fix_missing_locations(changed))
            ast.parse(text)
        except (SyntaxError, ValueError, AttributeError):
            continue
        if text not in seen:
            seen.add(text)
            yield said, text


def _changes(tree: ast.Module) -> Iterator[tuple[str, ast.Module]]:
    nodes = list(ast.walk(tree))
    for place, node in enumerate(nodes):
        for said, change in _of_node(node, tree):
            twin = copy.deepcopy(tree)
            target = list(ast.walk(twin))[place]
            if change(target, twin):
                yield f"line {getattr(node, 'lineno', 0)}: {said}", twin


def _of_node(node: ast.AST, tree: ast.Module) -> Iterator[tuple[str, object]]:
    """Yield what can be changed at one node: words, and a function that changes its twin."""
    if isinstance(node, ast.BinOp):
        for other in OPERATORS.get(type(node.op), ()):
            yield f"{type(node.op).__name__} for {other.__name__}", _set("op", other())
        yield "operands swapped", _swap
        yield "left operand alone", _replace(lambda n: n.left)
        yield "right operand alone", _replace(lambda n: n.right)
    if isinstance(node, ast.Compare) and len(node.ops) == 1:
        for other in COMPARISONS.get(type(node.ops[0]), ()):
            yield f"{type(node.ops[0]).__name__} for {other.__name__}", _set("ops", [other()])
    if isinstance(node, ast.BoolOp):
        other = ast.Or() if isinstance(node.op, ast.And) else ast.And()
        yield "and for or", _set("op", other)
    if isinstance(node, ast.UnaryOp):
        yield "sign or not left out", _replace(lambda n: n.operand)
    if isinstance(node, ast.Constant) and type(node.value) in (int, float):
        for value in (node.value + 1, node.value - 1, 0, -node.value, 2 * node.value):
            yield f"{node.value} for {value}", _set("value", value)
    if isinstance(node, ast.Constant) and isinstance(node.value, bool):
        yield "True for False", _set("value", not node.value)
    if isinstance(node, ast.Attribute) and node.attr == "T":
        yield "transpose left out", _replace(lambda n: n.value)
    if isinstance(node, ast.Call):
        if isinstance(node.func, ast.Attribute):
            yield "method left out", _replace(lambda n: n.func.value)
        if node.args:
            yield "call left out", _replace(lambda n: n.args[0])
        if len(node.args) > 1:
            yield "first two arguments swapped", _swap_arguments
        for k in range(len(node.keywords)):
            yield f"{node.keywords[k].arg} left out", _drop("keywords", k)
        for k in range(1, len(node.args)):
            yield f"argument {k + 1} left out", _drop("args", k)
    if isinstance(node, ast.IfExp):
        yield "always the first", _replace(lambda n: n.body)
        yield "always the second", _replace(lambda n: n.orelse)
    if isinstance(node, ast.If):
        yield "condition turned", _set("test", ast.UnaryOp(ast.Not(), node.test))
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
        for other in sorted(_names(tree) - {node.id}):
            yield f"{node.id} for {other}", _set("id", other)
    if isinstance(node, ast.Tuple) and isinstance(node.ctx, ast.Load) and len(node.elts) > 1:
        yield "first two swapped", _swap_elements
    if isinstance(node, ast.Return) and node.value is not None:
        for said, template in SPOILERS.items():
            yield f"result {said}", _spoil(template)
    for name in ("body", "orelse"):
        block = getattr(node, name, None)
        if isinstance(block, list) and not isinstance(node, ast.Module):
            for k in range(len(block)):
                yield f"statement {k + 1} of a block left out", _leave_out(name, k)


def _names(tree: ast.Module) -> set[str]:
    """Return the names that the code itself gives values to: arguments and variables."""
    found = {
        n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)
    }
    return found | {n.arg for n in ast.walk(tree) if isinstance(n, ast.arg) and n.arg != "self"}


def _set(name: str, value: object):
    def change(target: ast.AST, twin: ast.Module) -> bool:
        setattr(target, name, copy.deepcopy(value))
        return True

    return change


def _replace(pick):
    def change(target: ast.AST, twin: ast.Module) -> bool:
        new = pick(target)

        class Put(ast.NodeTransformer):
            def visit(self, node: ast.AST) -> ast.AST:
                return new if node is target else self.generic_visit(node)

        Put().visit(twin)
        return True

    return change


def _swap(target: ast.BinOp, twin: ast.Module) -> bool:
    target.left, target.right = target.right, target.left
    return not isinstance(target.op, ast.Add | ast.Mult)


def _swap_arguments(target: ast.Call, twin: ast.Module) -> bool:
    target.args[0], target.args[1] = target.args[1], target.args[0]
    return True


def _swap_elements(target: ast.Tuple, twin: ast.Module) -> bool:
    target.elts[0], target.elts[1] = target.elts[1], target.elts[0]
    return True


def _drop(name: str, k: int):
    def change(target: ast.AST, twin: ast.Module) -> bool:
        del getattr(target, name)[k]
        return True

    return change


def _leave_out(name: str, k: int):
    def change(target: ast.AST, twin: ast.Module) -> bool:
        block = getattr(target, name)
        block[k : k + 1] = [] if len(block) > 1 or name == "orelse" else [ast.Pass()]
        return True

    return change


def _spoil(template: str):
    def change(target: ast.Return, twin: ast.Module) -> bool:
        spoilt = ast.parse(template.format("_value"), mode="eval").body

        class Put(ast.NodeTransformer):
            def visit_Name(self, node: ast.Name) -> ast.AST:
                return target.value if node.id == "_value" else node

        target.value = Put().visit(spoilt)
        return True

    return change


# ---------------------------------------------------------------- examining them


def survivors(solution: Solution) -> tuple[int, list[tuple[str, str]]]:
    """Examine every mutant of a solution.

    Returns:
        How many there are, and those that passed: what was changed, and the source.
    Raises:
        RuntimeError: if the solution itself is refused, or a check fails by itself.
    """
    names, exercise = namespace(solution), exercises._find(solution.number)

    def verdict(source: str):
        exec(compile(source, "<solution>", "exec"), names)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return examine(replace(exercise, seconds=SECONDS), (names[solution.name],))

    if (right := verdict(solution.source)).status != exercises.PASSED:
        raise RuntimeError(f"the solution of {solution.number} is refused: {right.message}")
    passed, count = [], 0
    for said, source in mutants(solution.source):
        count += 1
        names["_changed"].clear()
        try:
            if verdict(source).status == exercises.PASSED:
                if said.partition("result ")[2] in SPOILERS and not names["_changed"]:
                    count -= 1  # there was nothing to spoil: it is the solution itself
                    continue
                passed.append((said, source))
        except ExaminerError as error:
            print(f"{solution.number}, {said}: {error}", file=sys.stderr)
            passed.append((f"{said} (the check itself failed)", source))
        except Exception:  # it does not even compile into a function or class
            continue
    return count, passed


def changed_lines(solution: Solution, source: str) -> str:
    """Return the lines of a mutant that the solution does not have."""
    own = set(solution.source.splitlines())
    lines = [line.strip() for line in source.splitlines() if line not in own]
    return " / ".join(lines) or "a line less"


def report(results: dict[str, tuple[int, list[tuple[str, str]]]]) -> tuple[str, int]:
    """Return the table in Markdown, and how many survivors have no reason."""
    reasons = json.loads(REASON_FILE.read_text("utf-8")) if REASON_FILE.is_file() else {}
    lines, unexplained, total, alive = [], 0, 0, 0
    for number in sorted(results, key=exercises._order):
        count, passed = results[number]
        solution = solutions()[number]
        total += count
        told = []
        for said, source in passed:
            change = changed_lines(solution, source)
            reason = reasons.get(number, {}).get(change)
            if reason is None:
                unexplained += 1
                alive += 1
            told.append(f"| {number} | {said} | `{change}` | {reason or '**none**'} |")
        lines.append((number, count, len(passed), told))
    share = 1 - alive / max(total, 1)
    head = [
        "# Slips planted in the solutions",
        "",
        f"{total:,} mutants of {len(results)} solutions; refused, or right answers in other words: "
        f"{share:.2%}. Survivors without a reason: {unexplained}.",
        "",
        "| exercise | mutants | passed |",
        "| --- | --- | --- |",
        *(f"| {number} | {count} | {passed} |" for number, count, passed, _ in lines),
        "",
        "| exercise | change | now | why it is right |",
        "| --- | --- | --- | --- |",
        *(row for *_, told in lines for row in told),
    ]
    return "\n".join(head) + "\n", unexplained


def main() -> None:
    """Read the command line; examine; store and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("numbers", nargs="*", help="exercises (all)")
    parser.add_argument("--jobs", type=int, default=1, help="processes (1)")
    parser.add_argument("--json", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    numbers = arguments.numbers or list(solutions())
    results = {}
    if arguments.jobs > 1:
        results = _in_processes(numbers, arguments.jobs)
    else:
        for number in numbers:
            results[number] = survivors(solutions()[number])
            print(
                f"{number}: {results[number][0]} mutants, {len(results[number][1])} pass",
                flush=True,
            )
    if arguments.json:
        arguments.json.write_text(json.dumps(results))
        return
    table, unexplained = report(results)
    print(table)
    if not arguments.numbers:
        write_atomically(TABLE, table.encode())
        shown = inserted(PAGE.read_text("utf-8"), "mutants", table.split("\n")[2] + "\n")
        write_atomically(PAGE, shown.encode())
    sys.exit(int(unexplained > 0))


def _in_processes(numbers: list[str], jobs: int) -> dict[str, tuple[int, list[tuple[str, str]]]]:
    """Share the exercises among processes of this script."""
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        running = []
        for job in range(jobs):
            file = Path(folder) / f"{job}.json"
            command = [sys.executable, __file__, "--json", str(file), *numbers[job::jobs]]
            running.append((subprocess.Popen(command), file))
        found: dict = {}
        for process, file in running:
            if process.wait():
                raise RuntimeError("one of the processes failed")
            found |= json.loads(file.read_text())
    return {
        number: (count, [tuple(one) for one in passed]) for number, (count, passed) in found.items()
    }


if __name__ == "__main__":
    main()
