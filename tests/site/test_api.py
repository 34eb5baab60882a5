"""The page of the package: everything public is on it, and its docstrings are read as meant."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import sys
from pathlib import Path

import pytest
from site_pages import ROOT, Html

import rnnbook

sys.path.insert(0, str(ROOT / "book" / "_ext"))
import api_docstrings

# What a chapter does not import: the command, how arguments are examined, how files come and go,
# what exercises and widgets are made with.
INTERNAL = (
    "rnnbook.app", "rnnbook.arguments", "rnnbook.atomic", "rnnbook.exercises.", "rnnbook.notebook",
    "rnnbook.versions",
)  # fmt: skip
PARTS = {
    "rnnbook.plots.figure.require_labels",
    "rnnbook.live.cells.small_weights",
    "rnnbook.live.cells.states_by_hand",
    "rnnbook.live.gradients.walk",
    "rnnbook.live.live_figure.style",
    "rnnbook.live.looking.looked_at",
    "rnnbook.widgets.explorer.png",
    "rnnbook.widgets.explorer.shown_size",
    "rnnbook.widgets.explorer.slider",
    "rnnbook.widgets.explorer.float_slider",
}


def public_names() -> list[tuple[str, str]]:
    """Return what the modules define and do not hide: its full name, and where it is shown."""
    modules = [m.name for m in pkgutil.walk_packages(rnnbook.__path__, "rnnbook.")]
    modules = [m for m in modules if "._" not in m and not m.startswith(INTERNAL)]
    found = []
    for name in modules:
        module = importlib.import_module(name)
        # Of a package with parts, such as plots, the page shows the package and not the parts.
        parent = sys.modules[name.rpartition(".")[0]]
        for key, value in vars(module).items():
            if key.startswith("_") or not (inspect.isclass(value) or inspect.isfunction(value)):
                continue
            if value.__module__ == name:
                home = parent if parent is not rnnbook and hasattr(parent, key) else module
                found.append((f"{name}.{key}", f"{home.__name__}.{key}"))
    return found


def test_everything_public_is_on_the_page(built: Path) -> None:
    """A new module, or a new function, is not forgotten."""
    ids = Html.read(built / "book" / "api.html").ids
    assert len(ids) > 100
    assert {full for full, shown in public_names() if not ids & {full, shown}} == PARTS


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("Do.\n\nSource: chapter 1;\n    and more.\nExample:\n    >>> 1",
         "Do.\n\nSource:\n    chapter 1;\n    and more.\nExample:\n    >>> 1"),
        ("Returns:\n    X: (B, T), of\n    two.", "Returns:\n    : X: (B, T), of\n    two."),
        ("Returns:\n    a: one,\n        long.\n    b: two.\nRaises:\n    E: if.",
         "Returns:\n    : * a: one,\n      long.\n    * b: two.\nRaises:\n    E: if."),
        ("Args:\n    size: B.\n    steps: T, so.", "Args:\n    size: \\B.\n    steps: T, so."),
        ("Source: H. G. Wells,\n    A. Zhang.", "Source:\n    \\H. G. Wells,\n    \\A. Zhang."),
        ("Run::\n\n    x = B.\n", "Run::\n\n    x = B.\n"),
    ],
)  # fmt: skip
def test_docstrings_are_adapted(written: str, read: str) -> None:
    """What napoleon would misread is rewritten, and nothing else."""
    assert "\n".join(api_docstrings.adapt(written.split("\n"))) == read


def test_a_propertys_colon_is_no_type() -> None:
    """`Return D: 2 or 1` is a sentence."""
    assert api_docstrings.adapt(["Return D: 2 or 1."], "property") == [": Return D: 2 or 1."]
