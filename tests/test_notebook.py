"""A bare assert that fails in a cell says what it means, once, and only there."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest
from IPython.core.interactiveshell import InteractiveShell

from rnnbook import notebook


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Iterator[Callable[[str], str]]:
    """Give a function that runs a cell and returns what was printed."""
    InteractiveShell.clear_instance()
    shell = InteractiveShell.instance()
    shell.history_manager.enabled = False
    shell.user_ns["__name__"] = "__main__"
    notebook.explain_asserts()

    def run_cell(source: str) -> str:
        shell.run_cell(source)
        return capsys.readouterr().out

    yield run_cell
    InteractiveShell.clear_instance()


def test_a_bare_assert_of_a_cell_is_explained(run: Callable[[str], str]) -> None:
    said = run("assert 1 == 2")
    assert "AssertionError" in said
    assert said.count(notebook.WHAT_IT_MEANS) == 1


def test_what_is_wrong_in_a_function_of_the_notebook_is_explained_too(
    run: Callable[[str], str],
) -> None:
    assert notebook.WHAT_IT_MEANS in run("def f():\n    assert 1 == 2\nf()")


@pytest.mark.parametrize(
    "source",
    ["1 + 1", "assert 1 == 2, 'one is not two'", "raise ValueError", "1 +", "expect('x', 1, 2, 3)"],
)
def test_what_speaks_for_itself_is_left_alone(run: Callable[[str], str], source: str) -> None:
    run("from rnnbook import expect")
    assert notebook.WHAT_IT_MEANS not in run(source)


def test_an_assert_of_a_library_is_not_of_the_chapter(run: Callable[[str], str]) -> None:
    run("import types; library = types.ModuleType('library')")
    run("exec('def f():\\n    assert 1 == 2', library.__dict__)")
    said = run("library.f()")
    assert "AssertionError" in said
    assert notebook.WHAT_IT_MEANS not in said


def test_importing_the_package_is_enough_and_outside_a_notebook_nothing_happens() -> None:
    code = """
import sys
import rnnbook
assert "IPython" not in sys.modules
del sys.modules["rnnbook"]
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
import rnnbook
from rnnbook import notebook
assert notebook._explain in shell.events.callbacks["post_run_cell"]
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
