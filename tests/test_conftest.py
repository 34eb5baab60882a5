"""The shared settings: what is skipped, by name and with its reason, and what may not be."""

from __future__ import annotations

import os
import runpy
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

HERE = Path(__file__).resolve().parent
# By its path: the folders below have a conftest.py of their own, under the same module name.
SHARED = runpy.run_path(str(HERE / "conftest.py"))
PARTS, part_of = SHARED["PARTS"], SHARED["part_of"]
OPTIONS = ["-q", "-rsfE", "--color=no", "-p", "no:cacheprovider", "-c", "/dev/null"]


def run(folder: Path, **environment: str) -> str:
    """Run the tests of a folder that holds a copy of our conftest.py; return what is printed."""
    (folder / "tests").mkdir()
    (folder / "tests" / "conftest.py").write_bytes((HERE / "conftest.py").read_bytes())
    (folder / "tests" / "test_it.py").write_text("def test_page(browser_path):\n    pass\n")
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1 / 0")])
    nbformat.write(notebook, folder / "05b_classic_run.ipynb")
    # Nobody answers at the proxy, so that no text can be downloaded.
    nobody = {"http_proxy": "http://127.0.0.1:9", "HTTP_PROXY": "http://127.0.0.1:9"}
    nobody |= {"XDG_CACHE_HOME": str(folder), "RNNBOOK_DATA_DIR": str(folder), "no_proxy": ""}
    nobody |= {"HOME": str(folder), "LOCALAPPDATA": str(folder)}
    command = [sys.executable, "-m", "pytest", *OPTIONS, "--nbval", "--nbval-current-env"]
    command += [f"--rootdir={folder}", "tests", "05b_classic_run.ipynb"]
    result = subprocess.run(
        command, cwd=folder, env=os.environ | nobody | environment, capture_output=True, text=True
    )
    return result.stdout + result.stderr


def test_without_browser_and_text_both_are_skipped_by_name(tmp_path: Path) -> None:
    said = run(tmp_path, PATH="", CHROME="", RNNBOOK_BROWSER="")
    assert "2 skipped" in said, said
    assert "no browser found: looked at $CHROME, chromium" in said
    assert "05b_classic_run.ipynb needs its text: " in said
    assert "RNNBOOK_DATA_DIR" in said


def test_a_required_browser_is_not_skipped(tmp_path: Path) -> None:
    said = run(tmp_path, PATH="", CHROME="", RNNBOOK_BROWSER="required")
    assert "1 skipped, 1 error" in said, said
    assert "RNNBOOK_BROWSER=required does not let this be skipped" in said


@pytest.mark.parametrize(
    ("nodeid", "part"),
    [
        ("tests/test_text.py::test_one_hot", "package"),
        ("tests/exercises/test_ch01.py::test_right", "package"),
        ("tests/test_notebooks.py::test_rules", "lint"),
        ("chapters/03_rnn_from_scratch.ipynb::Cell 4", "notebooks"),
        ("tests/test_nbval.py::test_tampered", "notebooks"),
        ("tests/site/test_pages.py::test_dark", "site"),
        ("tests/lab/test_lab.py::test_opens", "lab"),
        ("tests/benchmarks/test_speed.py::test_fast", "benchmarks"),
    ],
)
def test_every_test_belongs_to_one_part(nodeid: str, part: str) -> None:
    assert part_of(nodeid) == part in PARTS
