"""Settings that every test shares: state, the browser, what runs where, and seconds per part."""

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
LINT = ("tests/notebooks/test_lint.py", "tests/test_quality.py")
TOGETHER = ("tests/site", "tests/lab")  # one build of the site, one JupyterLab
SECONDS = "rnnbook/seconds"  # where pytest's cache keeps them

# Notebooks are collected from chapters/ only; one that a test writes belongs to that test.
collect_ignore_glob = ["*.ipynb"]

_state = pytest.StashKey[str]()


def pytest_configure(config: pytest.Config) -> None:
    """Point reader state away from the user's own folder, for workers and nbval's kernels too."""
    os.environ["TQDM_DISABLE"] = "1"  # a bar in a cell's output would count as a change
    if getattr(config.option, "numprocesses", None):
        # Workers and their kernels share the cores: threads of each would only fight over them.
        os.environ.setdefault("OMP_NUM_THREADS", "1")
    config.stash[_state] = os.environ["RNNBOOK_STATE_DIR"] = tempfile.mkdtemp(prefix="rnnbook-")
    # Kernels inherit the environment and choose the inline backend only if nothing is set there,
    # so the tests' own figures are switched to Agg in this process alone.
    os.environ.pop("MPLBACKEND", None)
    matplotlib.use("Agg")


def pytest_unconfigure(config: pytest.Config) -> None:
    """Remove the temporary reader state."""
    shutil.rmtree(config.stash.get(_state, ""), ignore_errors=True)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skip the classic run where its text cannot be had; in workers put what is long first."""
    skip_without_text([item for item in items if item.path.name.startswith(CLASSIC_RUN)])
    if hasattr(config, "workerinput"):
        seconds = remembered_seconds(config)
        items.sort(key=lambda item: -expected_seconds(unit_of(item.nodeid), seconds))


def skip_without_text(classic: list[pytest.Item]) -> None:
    """Skip the classic run by name, with the reason, when its text cannot be had."""
    if not classic:
        return
    from rnnbook.datasets import TextUnavailable, time_machine

    try:
        time_machine()
    except TextUnavailable as error:
        for item in classic:
            item.add_marker(pytest.mark.skip(reason=f"{item.path.name} needs its text: {error}"))


# ---------------------------------------------------------------- parallel workers


def unit_of(nodeid: str) -> str:
    """Name what a test may not be parted from: its file, or its folder where set-up is long.

    The cells of a notebook share a kernel, and the site's tests one build of the site.
    """
    path = nodeid.split("::")[0]
    return next((folder for folder in TOGETHER if path.startswith(f"{folder}/")), path)


def remembered_seconds(config: pytest.Config) -> dict[str, float]:
    """Return how long each unit took when it last ran here; nothing of it where that is unknown."""
    cache = getattr(config, "cache", None)
    return cache.get(SECONDS, {}) if cache else {}


def expected_seconds(unit: str, seconds: dict[str, float]) -> float:
    """Guess how long a unit will take: what it took last time, or what such units usually take."""
    if unit in seconds:
        return seconds[unit]
    if Path(unit).name.startswith(CLASSIC_RUN):
        return 1000.0
    return 100.0 if unit.endswith(".ipynb") or unit in TOGETHER else 1.0


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> object:
    """Deal out whole units, in the order in which the workers sorted them."""
    from xdist.scheduler import LoadScopeScheduling

    class Units(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return unit_of(nodeid)

    config.option.loadscopereorder = False
    return Units(config, log)


# ---------------------------------------------------------------- the browser


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


# ---------------------------------------------------------------- seconds per part


def part_of(nodeid: str) -> str:
    """Name the part of the suite that a test belongs to.

    Args:
        nodeid: pytest's name of the test, a path relative to the repository first.
    Returns:
        One of PARTS.
    """
    path = nodeid.split("::")[0]
    if path in LINT:
        return "lint"
    if path.endswith(".ipynb"):
        return "notebooks"
    folder = path.split("/")[1]
    return folder if folder in PARTS else "package"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print how long each part took, workers added up, and how its tests ended."""
    seconds: dict[str, float] = defaultdict(float)
    units: dict[str, float] = defaultdict(float)
    ran: set[str] = set()
    counts: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for outcome, reports in terminalreporter.stats.items():
        for report in reports:
            if not isinstance(report, pytest.TestReport):
                continue
            part = part_of(report.nodeid)
            seconds[part] += report.duration
            units[unit_of(report.nodeid)] += report.duration
            # The empty outcome holds set-up and tear-down: time, but no test of its own.
            if outcome not in ("", "skipped"):
                ran.add(unit_of(report.nodeid))
            if outcome:
                counts[part][outcome] += 1
    if not seconds:
        return
    config = terminalreporter.config
    if cache := getattr(config, "cache", None):
        # What was skipped has taken no time, and will when it runs.
        cache.set(SECONDS, remembered_seconds(config) | {unit: units[unit] for unit in ran})
    terminalreporter.section("seconds per part")
    for part in filter(seconds.__contains__, PARTS):
        ended = ", ".join(f"{n} {outcome}" for outcome, n in sorted(counts[part].items()))
        terminalreporter.write_line(f"{part:<12}{seconds[part]:8.1f} s   {ended}")
