"""tools/ablations.py: it breaks what it says, notices what notices, and changes nothing."""

import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

import ablations
from ablations import ABLATIONS, CHAPTERS, Run, compare, examine, section, silent_bands, store

ROOT = Path(__file__).resolve().parents[2]

SETUP = """
import torch
from torch import nn
import rnnbook
from rnnbook import batching, expect, losses, training
from rnnbook.models import CharLM
from rnnbook.recurrent import RNN

rnnbook.seed(1)
tokens = torch.arange(1, 5).repeat(40)
model = CharLM(RNN(5, 8))
batches = batching.SequentialBatches(tokens, 2, 6, offset=0)
history = training.fit(model, batches, losses.next_token, epochs=12)
"""
BANDS = """
expect("loss", history["loss"][-1], 0.0, 0.2)
expect("one", 1, 0, 2)
assert history["loss"][-1] < history["loss"][0] - 1e-6, "it learns"
"""


@pytest.fixture(scope="module")
def chapter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("chapters") / "05_small.ipynb"
    nbformat.write(new_notebook(cells=[new_code_cell(SETUP), new_code_cell(BANDS)]), path)
    return path


def test_every_chapter_has_its_ablations():
    trains = {
        path.stem.split("_")[0]
        for path in (ROOT / "chapters").glob("*.ipynb")
        if "expect(" in path.read_text("utf-8")
    }
    # Chapters 2 and 3 count and compare: there is no training in them to be broken.
    assert trains - {"01", "02", "03"} == set(CHAPTERS)
    assert all(set(names) <= set(ABLATIONS) for names in CHAPTERS.values())
    assert all(len(names) >= 8 for chapter, names in CHAPTERS.items() if chapter[:2] != "04")


def test_a_whole_chapter_and_a_broken_one(chapter, capsys):
    before = chapter.read_bytes()
    whole, rows = examine(chapter, ["untrained"])
    assert whole.bands == {"loss": True, "one": True} and not whole.raised
    assert rows["untrained"].bands == ["loss"]
    assert rows["untrained"].raised == ["AssertionError: it learns"]
    assert silent_bands(whole, rows) == ["one"]
    assert "untrained: loss; AssertionError: it learns" in capsys.readouterr().out
    assert chapter.read_bytes() == before
    table = section(chapter, whole, rows)
    assert (
        "| untrained | 1 bands, 1 asserts | loss; AssertionError: it learns |" in table
        and "none of them: one." in table
    )


def test_a_chapter_that_does_not_hold_as_it_is_is_refused(tmp_path):
    path = tmp_path / "05_wrong.ipynb"
    cell = "from rnnbook import expect\nexpect('x', 3, 0, 2)"
    nbformat.write(new_notebook(cells=[new_code_cell(cell)]), path)
    with pytest.raises(RuntimeError, match="does not hold as it is: x"):
        examine(path, [])


EACH_BY_ITSELF = """
import os, sys
import torch
sys.path.insert(0, {tools!r})
from ablations import ABLATIONS

for name, lines in ABLATIONS.items():
    child = os.fork()
    if child == 0:
        exec(lines, {{}})
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0, name
"""


def test_the_lines_of_every_ablation_run():
    code = EACH_BY_ITSELF.format(tools=str(ROOT / "tools"))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_what_nothing_notices_is_said(tmp_path):
    same = Run({"a": True})
    assert compare(same, Run({"a": True})).said == "**nothing**"
    # What the whole chapter fails too is no notice, nor is a band that is not reached.
    assert compare(Run({"a": True}, {"c": "E"}), Run({}, {"c": "E"})).said == "**nothing**"


def test_the_table_keeps_the_other_chapters(tmp_path):
    table, page = tmp_path / "ablations.md", tmp_path / "page.md"
    page.write_text("before\n<!-- ablations -->\nold\n<!-- /ablations -->\nafter\n")
    rows = "| taken out | noticed by | which |\n| --- | --- | --- |\n| no clip | {} | x |\n"
    first, other = (rows.format(said) for said in ("2 bands, 1 asserts", "**nothing**"))
    store(
        {"05_a": f"## 05_a\n\nfirst\n\n{first}", "07_b": f"## 07_b\n\nsecond\n\n{other}"},
        table,
        page,
    )
    shown = "| taken out | 05 | 07 |\n| --- | --- | --- |\n| no clip | 2+1 | **nothing** |\n"
    assert page.read_text() == f"before\n<!-- ablations -->\n{shown}<!-- /ablations -->\nafter\n"
    store({"05_a": "## 05_a\n\nthird\n"}, table, page)
    text = table.read_text()
    assert "third" in text and "second" in text and "first" not in text
    assert text.index("## 05_a") < text.index("## 07_b") and text.startswith("# Networks broken")


def test_the_stored_table_is_of_the_chapters_that_there_are():
    stored = ablations.TABLE.read_text("utf-8")
    stems = {path.stem for path in (ROOT / "chapters").glob("*.ipynb")}
    titles = {line[3:] for line in stored.splitlines() if line.startswith("## ")}
    assert titles and titles <= stems
