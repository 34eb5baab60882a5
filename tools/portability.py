"""Run the chapters as other machines would: fewer instructions, one thread or two.

    python tools/portability.py                                 every chapter, all six settings
    python tools/portability.py chapters/04*                    one chapter: only its row is renewed
    python tools/portability.py --settings avx2-1 default-2 ...  these settings
    python tools/portability.py --jobs 2 ...                    one-thread settings two at a time

Another processor adds in another order, and the outputs of a chapter must hold there too. Each
chapter is compared with its stored outputs, as `make test` does, under every setting: PyTorch's
kernels for plain instructions (`default`), for AVX2 (`avx2`) and for the best that this processor
has (`native`), each with one thread and with two. oneDNN and MKL are held to the same instructions;
MKL obeys on Intel's processors only, and elsewhere chooses by itself. Before a chapter runs, the
setting is read back from PyTorch: one that did not take effect is an error, and not a result.

What came out is printed, and stored as a table in tools/portability.md and in README.md.
"""

import argparse
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from importlib.metadata import version
from pathlib import Path

from notebooks import (
    ANSI_COLOUR,
    CELL_TIMEOUT,
    CHAPTERS,
    ROOT,
    SANITIZER,
    inserted,
    kernel_environment,
)
from rnnbook.atomic import write_atomically

TABLE = ROOT / "tools" / "portability.md"
README = ROOT / "README.md"
PART = "portability"
NOT_RUN = "-"
LIMITS = {  # PyTorch's, oneDNN's and MKL's names for the same instructions
    "default": ("default", "SSE41", "SSE4_2"),
    "avx2": ("avx2", "AVX2", "AVX2"),
    "native": None,
}
LIMIT_VARIABLES = ("ATEN_CPU_CAPABILITY", "ONEDNN_MAX_CPU_ISA", "MKL_ENABLE_INSTRUCTIONS")
THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
PROBE = """
import json, torch
print(json.dumps([torch.backends.cpu.get_cpu_capability().lower(), torch.get_num_threads()]))
"""


class NoEffect(Exception):
    """A setting that PyTorch did not follow; nothing was measured."""


@dataclass(frozen=True)
class Setting:
    """Instructions (a key of LIMITS) and a number of threads."""

    instructions: str
    threads: int

    def __str__(self) -> str:
        return f"{self.instructions}-{self.threads}"

    def environment(self, state: str) -> dict[str, str]:
        """Return the environment of a run.

        Args:
            state: folder where the exercises of this run may remember progress.
        """
        environment = kernel_environment(state)
        for name in LIMIT_VARIABLES:
            environment.pop(name, None)
        if limits := LIMITS[self.instructions]:
            environment |= dict(zip(LIMIT_VARIABLES, limits, strict=True))
        return environment | dict.fromkeys(THREAD_VARIABLES, str(self.threads))


SETTINGS = {str(s): s for s in (Setting(kind, n) for n in (1, 2) for kind in LIMITS)}


def verify(setting: Setting, environment: dict[str, str]) -> None:
    """Ask PyTorch in a new process whether it follows a setting.

    Args:
        setting: what was wanted.
        environment: the environment that should bring it about.
    Raises:
        NoEffect: if the instructions or the number of threads are others.
    """
    answer = subprocess.run(
        [sys.executable, "-c", PROBE], env=environment, capture_output=True, text=True, check=True
    )
    instructions, threads = json.loads(answer.stdout)
    limited = LIMITS[setting.instructions] is not None
    if threads != setting.threads or (limited and instructions != setting.instructions):
        raise NoEffect(
            f"{setting}: PyTorch answers {instructions} with {threads} thread(s). Does this "
            "processor have these instructions, and this machine as many cores?"
        )


def examine(chapter: Path, setting: Setting) -> str:
    """Compare one chapter with its stored outputs under a setting.

    Args:
        chapter: the notebook; it is not changed.
        setting: the instructions and threads of its kernel.
    Returns:
        "ok", or the cells that failed, each with the first line of its error.
    Raises:
        NoEffect: if the setting does not take effect.
    """
    with tempfile.TemporaryDirectory(prefix="rnnbook-") as state:
        environment = setting.environment(state)
        verify(setting, environment)
        done = subprocess.run(
            [
                *(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--color=no"),
                *("-c", os.devnull, f"--rootdir={chapter.parent.resolve()}"),
                *("--nbval", "--nbval-current-env", f"--nbval-sanitize-with={SANITIZER}"),
                *(f"--nbval-cell-timeout={CELL_TIMEOUT}", chapter.resolve()),
            ],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
    return "ok" if done.returncode == 0 else "; ".join(failures(done.stdout))


def failures(log: str) -> list[str]:
    """Name the cells that failed.

    Args:
        log: what pytest printed.
    Returns:
        For each cell its number among the code cells, from 0, and the first line that says why.
    """
    log = ANSI_COLOUR.sub("", log)
    parts = re.split(r"^_+ .*?::Cell (\d+) _+$", log.split("short test summary")[0], flags=re.M)
    found = [
        f"cell {cell}: {_first_error(text)}"
        for cell, text in zip(parts[1::2], parts[2::2], strict=True)
    ]
    return found or [(log.strip().splitlines() or ["pytest printed nothing"])[-1]]


def _first_error(text: str) -> str:
    """Find the line that names an exception, or else that which says how an output differs."""
    _, _, after = text.partition("Traceback:")
    lines = [line.strip() for line in (after or text).splitlines() if line.strip("- \t")]
    wanted = (
        r"[\w.]*(Error|Exception|Timeout|Interrupt)\b(?!.*Traceback \(most recent)",
        r"['\"].*['\"] == ['\"]",  # what is stored, and what came out
        r"mismatch|dissimilar|unexpected",
    )
    for pattern in wanted:
        if found := next((line for line in lines if re.match(pattern, line)), None):
            return found
    return lines[0] if lines else "no reason given"


def run(chapters: list[Path], settings: list[Setting], jobs: int) -> dict[str, dict[str, str]]:
    """Examine chapters under settings; those of one thread side by side.

    Args:
        chapters: the notebooks.
        settings: the settings.
        jobs: how many one-thread runs may go on at the same time.
    Returns:
        For each chapter's name and each setting "ok" or what failed.
    Raises:
        NoEffect: if a setting does not take effect.
    """
    results: dict[str, dict[str, str]] = {chapter.stem: {} for chapter in chapters}

    def measure(chapter: Path, setting: Setting) -> None:
        results[chapter.stem][str(setting)] = found = examine(chapter, setting)
        print(f"{chapter.stem}, {setting}: {found}", flush=True)

    for alone, workers in ((False, jobs), (True, 1)):
        with ThreadPoolExecutor(workers) as pool:
            tasks = [
                pool.submit(measure, chapter, setting)
                for setting in settings
                if (setting.threads > 1) == alone
                for chapter in chapters
            ]
            try:
                for task in tasks:
                    task.result()
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise
    return results


def machine() -> str:
    """Describe date, processor and versions in one line."""
    versions = ", ".join(f"{name} {version(name)}" for name in ("torch", "numpy"))
    return f"{date.today()}, {_processor()}, Python {platform.python_version()}, {versions}"


def _processor() -> str:
    information = Path("/proc/cpuinfo")
    text = information.read_text("utf-8") if information.exists() else ""
    found = re.search(r"^model name\s*: (.*)$", text, flags=re.MULTILINE)
    return found[1].strip() if found else platform.processor() or platform.machine()


def read_table(text: str) -> dict[str, dict[str, str]]:
    """Read the rows of a stored table: for each chapter, setting to what came out."""
    rows = [line for line in text.splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]
    if not cells:
        return {}
    _, *settings = cells[0]
    return {
        name: dict(zip([*settings[:-1], "measured"], found, strict=True))
        for name, *found in cells[2:]
    }


def merged(
    stored: dict[str, dict[str, str]], new: dict[str, dict[str, str]], measured: str
) -> dict[str, dict[str, str]]:
    """Put new results into the rows of a table.

    Args:
        stored: the table's rows; those of other chapters stay as they are.
        new: for each chapter, setting to what came out; settings not run keep what was stored.
        measured: date, processor and versions, for the rows that are renewed.
    Returns:
        The rows, sorted by chapter.
    """
    rows = dict(stored)
    for name, found in new.items():
        rows[name] = {**rows.get(name, {}), **found, "measured": measured}
    return dict(sorted(rows.items()))


def write_table(rows: dict[str, dict[str, str]]) -> str:
    """Return rows as a Markdown table."""
    lines = [["chapter", *SETTINGS, "measured on"], ["---"] * (len(SETTINGS) + 2)]
    for name, row in rows.items():
        found = [row.get(column, NOT_RUN) for column in (*SETTINGS, "measured")]
        lines.append([name, *(_in_a_cell(text) for text in found)])
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def summary(rows: dict[str, dict[str, str]]) -> str:
    """Return rows as a short Markdown table: chapters by number, and once where it was measured."""
    lines = [["chapter", *SETTINGS], ["---"] * (len(SETTINGS) + 1)]
    for name, row in rows.items():
        found = [row.get(setting, NOT_RUN) for setting in SETTINGS]
        lines.append([name.split("_")[0], *(_in_a_cell(text) for text in found)])
    table = "".join(f"| {' | '.join(line)} |\n" for line in lines)
    return (
        table + "\nMeasured: " + "; ".join(sorted({r["measured"] for r in rows.values()})) + ".\n"
    )


def _in_a_cell(text: str) -> str:
    # A bar would end the cell, and an angle bracket begin a tag.
    short = text if len(text) <= 160 else f"{text[:157]}..."
    return short.replace("|", "/").replace("<", "&lt;").replace("\n", " ")


def store(
    new: dict[str, dict[str, str]],
    table: Path = TABLE,
    readme: Path = README,
    complete: bool = False,
) -> None:
    """Bring the table's file and the README up to date.

    Args:
        new: for each chapter, setting to what came out.
        table: the file of the table.
        readme: the file with the two markers.
        complete: whether these are all chapters there are; rows of others, renamed since, then go.
    Raises:
        ValueError: if the README lacks a marker; then nothing is written.
    """
    stored = read_table(table.read_text("utf-8")) if table.exists() else {}
    if complete:
        stored = {name: row for name, row in stored.items() if name in new}
    rows = merged(stored, new, machine())
    text = write_table(rows)
    page = inserted(readme.read_text("utf-8"), PART, summary(rows))
    head = "# Where the chapters' outputs hold\n\nWritten by `tools/portability.py`.\n\n"
    write_atomically(table, (head + text).encode())
    write_atomically(readme, page.encode())


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; return the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("chapters", nargs="*", type=Path, help="default: all of chapters/")
    parser.add_argument("--settings", nargs="+", choices=SETTINGS, default=list(SETTINGS))
    parser.add_argument("--jobs", type=int, default=1, help="one-thread runs side by side (1)")
    given = parser.parse_args(arguments)
    chapters = given.chapters or sorted(CHAPTERS.glob("*.ipynb"))
    try:
        results = run(chapters, [SETTINGS[name] for name in given.settings], given.jobs)
    except NoEffect as error:
        print(f"{error}\nNothing was stored.", file=sys.stderr)
        return 2
    store(results, complete=not given.chapters)
    return 0 if all(found == "ok" for row in results.values() for found in row.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
