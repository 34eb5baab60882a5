"""tools/beside.py: the page holds what is measured beside the chapters, and they lead to it."""

from pathlib import Path

import nbformat
import pytest

import beside
from beside import EXPERIMENTS, kept, measure, rows, store

ROOT = Path(__file__).resolve().parents[2]
LABELS = [label for _, experiments in EXPERIMENTS.values() for label in experiments]


def test_the_page_has_a_row_for_every_experiment_and_no_other():
    assert list(kept()) == LABELS


@pytest.mark.parametrize("chapter", EXPERIMENTS)
def test_each_chapter_leads_to_the_page(chapter):
    cells = nbformat.read(ROOT / "chapters" / f"{chapter}.ipynb", 4).cells
    prose = " ".join(cell.source for cell in cells if cell.cell_type == "markdown")
    assert "(../book/beside.md)" in prose


def test_new_rows_replace_old_ones_and_keep_the_order(tmp_path, monkeypatch):
    monkeypatch.setattr(beside, "TABLE", tmp_path / "beside.md")
    store({LABELS[1]: [1.0, 2000.5]})
    store({LABELS[0]: [3.0], LABELS[1]: [4.0]})
    assert list(kept().values()) == rows({LABELS[0]: [3.0], LABELS[1]: [4.0]})
    assert rows({"x": [1.0, 2000.5]}) == ["| x | 1.00, 2,000.50 |"]


def test_an_experiment_sees_what_its_chapter_defines(tmp_path, monkeypatch):
    cells = [nbformat.v4.new_code_cell("three = [1, 2, 3]")]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / "99_small.ipynb")
    needed = "def doubled():\n    return [2.0 * n for n in three]"
    monkeypatch.setitem(EXPERIMENTS, "99_small", (needed, {"twice": "doubled()"}))
    assert measure(tmp_path / "99_small.ipynb") == {"twice": [2.0, 4.0, 6.0]}
