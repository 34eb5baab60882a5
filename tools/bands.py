"""Measure the bands that the chapters print: run a chapter with several seeds, say what came out.

    python tools/bands.py chapters/05_training.ipynb            three seeds, on the default device
    python tools/bands.py chapters/05_training.ipynb --seeds 5
    RNNBOOK_DEVICE=cuda python tools/bands.py chapters/*.ipynb  the same on a GPU

For every call of `expect`, the table shows the band in the chapter and the lowest and highest value
measured; a value outside its band is marked. A cell that fails for some seed is named. Nothing is
written: an author reads the table and sets the bands, with room on both sides.
"""

import argparse
import json
import re
import sys
from collections import Counter
from pathlib import Path

import nbformat

from notebooks import ChapterFailed, execute

MARK = "BAND "
# Runs before a chapter's own cells: it moves every seed and makes `expect` report and never raise.
PRELUDE = """
import json as _json
import rnnbook, rnnbook.reproducibility as _r

_seed = _r.seed
rnnbook.seed = _r.seed = lambda number: _seed(number + {shift})


def _expect(label, value, low, high, digits=2):
    print({mark!r} + _json.dumps([label, float(value), low, high]))


rnnbook.expect = _r.expect = _expect
"""


def measure(path: Path, shift: int) -> dict[str, tuple[float, float, float]]:
    """Run a chapter with all its seeds moved.

    Args:
        path: the notebook; it is not changed.
        shift: what is added to every seed.
    Returns:
        For each label the value, and the low and high end of the band in the chapter; a label that
        comes again is numbered.
    """
    notebook = nbformat.read(path, as_version=4)
    prelude = nbformat.v4.new_code_cell(PRELUDE.format(shift=shift, mark=MARK))
    notebook.cells.insert(0, prelude)
    try:
        execute(notebook, path.parent)
    except ChapterFailed as error:
        print(f"{path.name}, seeds moved by {shift}: a cell failed\n{error}", file=sys.stderr)
    printed = "".join(
        output.text
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if output.output_type == "stream"
    )
    lines = re.findall(f"^{MARK}(.*)$", printed, flags=re.MULTILINE)
    measured, seen = {}, Counter()
    for label, value, low, high in map(json.loads, lines):
        seen[label] += 1
        name = label if seen[label] == 1 else f"{label} ({seen[label]})"
        measured[name] = (value, low, high)
    return measured


def report(path: Path, seeds: int) -> None:
    """Print the table of one chapter."""
    runs = [measure(path, 100 * number) for number in range(seeds)]
    print(f"{path.name}, {seeds} seeds")
    for label, (_, low, high) in runs[0].items():
        values = [run[label][0] for run in runs if label in run]
        inside = all(low <= value <= high for value in values)
        shown = ", ".join(f"{value:.4g}" for value in values)
        print(f"{'  ' if inside else '! '}{label:60} book {low:g} to {high:g}; measured {shown}")


def main() -> None:
    """Read the command line and measure every chapter named there."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("chapters", nargs="+", type=Path)
    parser.add_argument("--seeds", type=int, default=3, help="number of seeds (3)")
    arguments = parser.parse_args()
    for path in arguments.chapters:
        report(path, arguments.seeds)


if __name__ == "__main__":
    main()
