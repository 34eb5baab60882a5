"""Export an exercise's examiner as a syntax tree, which `examiner.js` and `walker.js` walk.

One definition, two homes: the Python function that `rnnbook.check` calls is what the page is given,
with the functions and constants that it uses. An examiner that uses more of Python than the page
knows is refused here, when the site is built.
"""

import ast
import importlib
import inspect
from functools import cache
from types import ModuleType
from typing import Any

from rnnbook.exercises import kit
from rnnbook.exercises.kit import Exercise

# What the page has of its own: the kit's ways to take an answer, and Python's.
NATIVE = {
    "attempted", "number", "whole", "boolean", "numbers", "sizes", "short", "Wrong", "NotAttempted",
    "len", "abs", "int", "float", "str", "bool", "sum", "min", "max", "all", "any", "zip",
    "enumerate", "range", "set", "dict", "list", "tuple", "sorted", "next", "map", "isinstance",
    "_members",
    "math",
}  # fmt: skip
METHODS = {
    "lower", "replace", "join", "strip", "split", "count", "index", "get", "items", "values",
}  # fmt: skip
MATHS = {"log", "log2", "exp", "sqrt", "tanh", "pi", "isclose"}
WALKED = {
    "Expr", "Assign", "If", "For", "Continue", "Pass", "Return", "Raise",
    "Constant", "Name", "Tuple", "List", "Set", "Dict", "BinOp", "UnaryOp", "BoolOp", "Compare",
    "IfExp", "NamedExpr", "JoinedStr", "FormattedValue", "Attribute", "Subscript", "Slice", "Call",
    "ListComp", "GeneratorExp", "SetComp", "DictComp", "Starred", "comprehension", "keyword",
}  # fmt: skip
LEFT_OUT = {"ctx", "kind", "type_comment", "is_async", "cause"}  # fields that say nothing here


class NotPortable(ValueError):
    """An examiner uses what the page does not know."""


def _encoded(node: Any) -> Any:
    """Return a node as a list: its name, then its fields in the order of Python's grammar."""
    if isinstance(node, list):
        return [_encoded(member) for member in node]
    if isinstance(node, ast.operator | ast.cmpop | ast.boolop | ast.unaryop):
        return type(node).__name__
    if not isinstance(node, ast.AST):
        if node is ... or isinstance(node, bytes | complex):
            raise NotPortable(f"the constant {node!r}")
        return node
    name = type(node).__name__
    if name not in WALKED:
        raise NotPortable(f"{name} in line {getattr(node, 'lineno', '?')}")
    if isinstance(node, ast.For) and node.orelse:
        raise NotPortable("the else of a loop")
    if isinstance(node, ast.Attribute):
        known = MATHS if ast.unparse(node.value) == "math" else METHODS
        if node.attr not in known:
            raise NotPortable(f"{ast.unparse(node)}")
    fields = [field for field in node._fields if field not in LEFT_OUT]
    return [name, *(_encoded(getattr(node, field)) for field in fields)]


@cache
def _definitions(module: ModuleType) -> dict[str, ast.FunctionDef]:
    tree = ast.parse(inspect.getsource(module))
    return {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}


def _body(function: ast.FunctionDef) -> list[ast.stmt]:
    return function.body[1:] if ast.get_docstring(function) is not None else function.body


def _function(function: ast.FunctionDef) -> dict[str, Any]:
    given = function.args
    if given.vararg or given.kwarg or given.kwonlyargs or given.posonlyargs:
        raise NotPortable(f"the parameters of {function.name}")
    return {
        "names": [argument.arg for argument in given.args],
        "defaults": _encoded(given.defaults),
        "body": _encoded(_body(function)),
    }


def _used(function: ast.FunctionDef) -> list[str]:
    """Return the names that a function uses and does not make itself, in their order."""
    parts = [part for statement in _body(function) for part in ast.walk(statement)]
    parts += [part for default in function.args.defaults for part in ast.walk(default)]
    names = [part for part in parts if isinstance(part, ast.Name)]
    own = {name.id for name in names if isinstance(name.ctx, ast.Store)}
    own |= {argument.arg for argument in function.args.args}
    return list(dict.fromkeys(n.id for n in names if n.id not in own | NATIVE))


def exported(exercise: Exercise) -> dict[str, Any]:
    """Return an examiner as plain values: its functions, their constants, and where to begin.

    Args:
        exercise: one of the registry.
    Raises:
        NotPortable: if it uses what the page does not know; the message names the exercise and it.
    """
    home = importlib.import_module(exercise.examine.__module__)
    main = exercise.examine.__name__
    functions: dict[str, Any] = {}
    constants: dict[str, Any] = {}
    todo = [(home, main)]
    try:
        while todo:
            module, name = todo.pop()
            if name in functions or name in constants:
                continue
            if name not in _definitions(module) and name in _definitions(kit):
                module = kit
            if name in _definitions(module):
                functions[name] = _function(_definitions(module)[name])
                todo += [(module, other) for other in _used(_definitions(module)[name])]
            elif isinstance(value := getattr(module, name, None), str | int | float):
                constants[name] = value
            else:
                raise NotPortable(f"the name {name}")
    except NotPortable as error:
        raise NotPortable(
            f"exercise {exercise.number} cannot be answered in the page: {error}"
        ) from None
    return {"functions": functions, "constants": constants, "main": main}
