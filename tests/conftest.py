"""Settings that every test shares: data, state, the browser, and seconds per part at the end."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections import defaultdict
from pathlib import Path

import matplotlib
import pytest

ROOT = Path(__file__).resolve().parent.parent
CLASSIC_RUN = "05b_"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
PARTS = ("package", "lint", "notebooks", "site", "lab", "benchmarks")

# Notebooks are collected from chapters/ only; one that a test writes belongs to that test.
collect_ignore_glob = ["*.ipynb"]

_state = pytest.StashKey[str]()


def pytest_configure(config: pytest.Config) -> None:
    """Point data and reader state away from the user's own folders, for nbval's kernels too."""
    shared = ROOT.parent / "shared" / "data"
    if not os.environ.get("RNNBOOK_DATA_DIR") and shared.is_dir():
        os.environ["RNNBOOK_DATA_DIR"] = str(shared)
    os.environ["RNNBOOK_PROGRESS"] = "off"  # a bar in a cell's output would count as a change
    config.stash[_state] = os.environ["RNNBOOK_STATE_DIR"] = tempfile.mkdtemp(prefix="rnnbook-")
    # Kernels inherit the environment and choose the inline backend only if nothing is set there,
    # so the tests' own figures are switched to Agg in this process alone.
    os.environ.pop("MPLBACKEND", None)
    matplotlib.use("Agg")


def pytest_unconfigure(config: pytest.Config) -> None:
    """Remove the temporary reader state."""
    shutil.rmtree(config.stash.get(_state, ""), ignore_errors=True)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip the classic run by name, with the reason, when its text cannot be had."""
    classic = [item for item in items if item.path.name.startswith(CLASSIC_RUN)]
    if not classic:
        return
    from rnnbook.datasets import TextUnavailable, time_machine

    try:
        time_machine()
    except TextUnavailable as error:
        for item in classic:
            item.add_marker(pytest.mark.skip(reason=f"{item.path.name} needs its text: {error}"))


def find_browser() -> str | None:
    """Return the path of a Chromium or Chrome (`CHROME` in the environment first), or None."""
    for name in filter(None, (os.environ.get("CHROME"), *BROWSERS)):
        if path := shutil.which(name):
            return path
    return None


@pytest.fixture(scope="session")
def browser_path() -> str:
    """Give a browser's path; without one skip, or fail where RNNBOOK_BROWSER=required."""
    if path := find_browser():
        return path
    reason = f"no browser found: looked at $CHROME, {', '.join(BROWSERS)}"
    if os.environ.get("RNNBOOK_BROWSER") == "required":
        pytest.fail(f"{reason}; RNNBOOK_BROWSER=required does not let this be skipped")
    pytest.skip(reason)


def part_of(nodeid: str) -> str:
    """Name the part of the suite that a test belongs to.

    Args:
        nodeid: pytest's name of the test, a path relative to the repository first.
    Returns:
        One of PARTS.
    """
    path = nodeid.split("::")[0]
    if path.startswith("tests/") and path.count("/") > 1:
        folder = path.split("/")[1]
        return folder if folder in PARTS else "package"
    if path.endswith(".ipynb") or path == "tests/test_nbval.py":
        return "notebooks"
    return "lint" if path == "tests/test_notebooks.py" else "package"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print how long each part took and how its tests ended."""
    seconds: dict[str, float] = defaultdict(float)
    counts: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for outcome, reports in terminalreporter.stats.items():
        for report in reports:
            if not isinstance(report, pytest.TestReport):
                continue
            part = part_of(report.nodeid)
            seconds[part] += report.duration
            # The empty outcome holds set-up and tear-down: time, but no test of its own.
            if outcome:
                counts[part][outcome] += 1
    if not seconds:
        return
    terminalreporter.section("seconds per part")
    for part in filter(seconds.__contains__, PARTS):
        ended = ", ".join(f"{n} {outcome}" for outcome, n in sorted(counts[part].items()))
        terminalreporter.write_line(f"{part:<12}{seconds[part]:8.1f} s   {ended}")
