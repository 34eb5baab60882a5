"""What a notebook adds when one of a chapter's own lines fails without a word."""

import sys
from types import TracebackType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from IPython.core.interactiveshell import ExecutionResult

WHAT_IT_MEANS = """\
The line above examines a sentence of the chapter, and here it does not hold.
If you changed something, you have found where the sentence ends: put it back and run all cells
from the top. If you changed nothing, please report it with the output of `rnnbook check`."""


def explain_asserts() -> None:
    """Say what it means when a bare ``assert`` fails in a cell; outside IPython, do nothing.

    A chapter states as ``assert`` what it has shown: some three hundred of them, whose words are
    the code that the traceback quotes.
    """
    ipython = sys.modules.get("IPython")
    if ipython and (shell := ipython.get_ipython()):
        shell.events.register("post_run_cell", _explain)


def _explain(result: "ExecutionResult") -> None:
    error = result.error_in_exec
    if type(error) is AssertionError and not error.args and _is_of_a_cell(error.__traceback__):
        print(WHAT_IT_MEANS)


def _is_of_a_cell(frames: TracebackType | None) -> bool:
    """Say whether the line that failed stands in a cell, and not in a library."""
    while frames and frames.tb_next:
        frames = frames.tb_next
    return frames is not None and frames.tb_frame.f_globals.get("__name__") == "__main__"
