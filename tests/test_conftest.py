"""The shared settings: what is skipped, by name and with its reason, and what may not be."""

from __future__ import annotations

import json
import os
import re
import runpy
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

HERE = Path(__file__).resolve().parent
# By its path: the folders below have a conftest.py of their own, under the same module name.
SHARED = runpy.run_path(str(HERE / "conftest.py"))
PARTS, part_of, unit_of = SHARED["PARTS"], SHARED["part_of"], SHARED["unit_of"]
expected_seconds = SHARED["expected_seconds"]
OPTIONS = ["-q", "-rsfE", "--color=no", "-p", "no:cacheprovider", "-c", "/dev/null"]


def run(folder: Path, *paths: str, **environment: str) -> str:
    """Run paths of a folder that holds a copy of our conftest.py; return what is printed."""
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
    command += [f"--rootdir={folder}", *paths]
    result = subprocess.run(
        command, cwd=folder, env=os.environ | nobody | environment, capture_output=True, text=True
    )
    return result.stdout + result.stderr


def test_without_browser_and_text_both_are_skipped_by_name(tmp_path: Path) -> None:
    paths = ("tests", "05b_classic_run.ipynb")
    said = run(tmp_path, *paths, PATH="", CHROME="", RNNBOOK_BROWSER="")
    assert "2 skipped" in said, said
    assert "no browser found: looked at $CHROME, chromium" in said
    assert "05b_classic_run.ipynb needs its text: " in said
    assert "RNNBOOK_DATA_DIR" in said


def test_a_required_browser_is_not_skipped(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"PATH": "", "CHROME": "", "RNNBOOK_BROWSER": "required"}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(pytest.fail.Exception, match="does not let this be skipped"):
        SHARED["browser_path"].__wrapped__()


CELLS = [
    "import os\nassert os.environ['OMP_NUM_THREADS'] == os.environ['TQDM_DISABLE'] == '1'",
    "x = 1",
    "x += 1",
    "assert x == 2",
]


def test_workers_keep_a_notebook_together_and_the_parts_add_up(tmp_path: Path) -> None:
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "conftest.py").write_bytes((HERE / "conftest.py").read_bytes())
    many = "import pytest\n@pytest.mark.parametrize('n', range(9))\ndef test_it(n):\n    pass\n"
    (tmp_path / "tests" / "test_it.py").write_text(many)
    for name in ("01_a", "02_b"):
        cells = [nbformat.v4.new_code_cell(source) for source in CELLS]
        nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / f"{name}.ipynb")
    command = [sys.executable, "-m", "pytest", "-n", "2", "-q", "--color=no", "-c", "/dev/null"]
    command += ["--nbval", "--nbval-current-env", f"--rootdir={tmp_path}", "."]
    outside = {key: value for key, value in os.environ.items() if key != "OMP_NUM_THREADS"}
    done = subprocess.run(command, cwd=tmp_path, env=outside, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"^package +\d+\.\d s   9 passed$", done.stdout, re.MULTILINE)
    assert re.search(r"^notebooks +\d+\.\d s   8 passed$", done.stdout, re.MULTILINE)
    remembered = json.loads((tmp_path / ".pytest_cache/v/rnnbook/seconds").read_text())
    assert set(remembered) == {"01_a.ipynb", "02_b.ipynb", "tests/test_it.py"}


def test_what_may_not_be_parted_is_one_unit() -> None:
    cell = "chapters/03_rnn.ipynb::Cell 4"
    assert unit_of(cell) == "chapters/03_rnn.ipynb"
    assert unit_of("tests/test_text.py::test_one_hot[a::b]") == "tests/test_text.py"
    assert unit_of("tests/site/test_pages.py::test_dark") == "tests/site"
    assert unit_of("tests/site/test_build.py::test_links") == "tests/site"
    assert unit_of("tests/lab/test_lab.py::test_opens") == "tests/lab"


def test_what_is_long_starts_first() -> None:
    names = [
        "tests/test_text.py",
        "chapters/01_a.ipynb",
        "tests/site",
        "chapters/05b_classic.ipynb",
    ]
    first = sorted(names, key=lambda name: -expected_seconds(name, {}))
    assert first == [names[3], names[1], names[2], names[0]]
    measured = {names[0]: 50.0, names[1]: 9.0, names[2]: 200.0, names[3]: 30.0}
    again = sorted(names, key=lambda name: -expected_seconds(name, measured))
    assert again == [names[2], names[0], names[3], names[1]]


@pytest.mark.parametrize(
    ("nodeid", "part"),
    [
        ("tests/test_text.py::test_one_hot", "package"),
        ("tests/exercises/test_kit.py::test_right", "package"),
        ("tests/notebooks/test_lint.py::test_rules", "lint"),
        ("tests/test_quality.py::test_types", "lint"),
        ("chapters/03_rnn_from_scratch.ipynb::Cell 4", "notebooks"),
        ("tests/notebooks/test_nbval.py::test_tampered", "notebooks"),
        ("tests/site/test_pages.py::test_dark", "site"),
        ("tests/lab/test_lab.py::test_opens", "lab"),
        ("tests/benchmarks/test_speed.py::test_fast", "benchmarks"),
    ],
)
def test_every_test_belongs_to_one_part(nodeid: str, part: str) -> None:
    assert part_of(nodeid) == part in PARTS
