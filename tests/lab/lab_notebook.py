"""What a reader does in a notebook: find a cell, type into it, run it, read what it says."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from headless import Record
from playwright.sync_api import Locator, Page

READER = (Path(__file__).parent / "reader.js").read_text(encoding="utf-8")
OPEN_MS = 60_000
RUN_ALL_MS = 150_000
RUN_ONE_MS = 30_000


@dataclass
class LabNotebook:
    """The notebook open in JupyterLab, and what its page asked for."""

    page: Page
    record: Record

    def wait_until_ready(self) -> None:
        """Wait for the cells and for a kernel that has nothing to do."""
        self.page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=OPEN_MS)
        kernel = "window.jupyterapp.shell.currentWidget?.sessionContext?.session?.kernel"
        self.page.wait_for_function(f"() => {kernel}?.status === 'idle'", timeout=OPEN_MS)
        self.page.evaluate(READER)

    def run_all(self) -> None:
        """Clear all outputs, then choose Run, Run All Cells, and wait for the last cell."""
        self.page.evaluate("() => reader.clear()")
        assert self.page.evaluate("() => reader.unfinished()") > 0
        self.page.get_by_role("menuitem", name="Run", exact=True).click()
        self.page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
        self.page.wait_for_function("() => reader.unfinished() === 0", timeout=RUN_ALL_MS)

    def errors(self) -> list[str]:
        """Return what cells have raised."""
        return self.page.evaluate("() => reader.errors()")

    def find(self, start: str) -> int:
        """Return the index of the first cell whose source starts so."""
        index = self.page.evaluate("start => reader.find(start)", start)
        assert index >= 0, f"no cell starts with {start!r}"
        return index

    def is_hidden(self, index: int) -> bool:
        """Say whether a cell is folded away under its heading."""
        return self.page.evaluate("i => reader.isHidden(i)", index)

    def outputs(self, index: int) -> str:
        """Return the text that a cell has shown."""
        return self.page.evaluate("i => reader.outputs(i)", index)

    def show(self, index: int) -> Locator:
        """Scroll to a cell, make it the active one, and return it."""
        self.page.evaluate("i => reader.show(i)", index)
        cell = self.page.locator(".jp-Notebook .jp-Cell.jp-mod-active")
        cell.scroll_into_view_if_needed()
        return cell

    def type_and_run(self, index: int, code: str) -> None:
        """Replace a cell's code by hand and run the cell."""
        self.show(index).locator(".cm-content").click()
        self.page.keyboard.press("Control+A")
        self.page.keyboard.insert_text(code)
        self.run(index)

    def run(self, index: int) -> None:
        """Run a cell with Shift and Enter, and wait until it has finished."""
        before = self.page.evaluate("i => reader.count(i)", index)
        self.show(index).locator(".cm-content").click()
        self.page.keyboard.press("Shift+Enter")
        self.page.wait_for_function(
            "([i, before]) => reader.count(i) && reader.count(i) !== before",
            arg=[index, before],
            timeout=RUN_ONE_MS,
        )
