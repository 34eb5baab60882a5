"""tools/bands.py: it measures what a chapter's bands are made of, and changes nothing."""

from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from bands import measure, report

CELL = """
import rnnbook, torch
from rnnbook import expect

rnnbook.seed(1)
expect("a random number", torch.rand(1).item(), 2, 3)
"""


@pytest.fixture
def chapter(tmp_path: Path) -> Path:
    path = tmp_path / "09_random.ipynb"
    nbformat.write(new_notebook(cells=[new_code_cell(CELL)]), path)
    return path


def test_seeds_move_the_values_and_a_value_outside_its_band_is_marked(chapter, capsys):
    before = chapter.read_bytes()
    runs = [measure(chapter, shift) for shift in (0, 100)]
    values = [run["a random number"][0] for run in runs]
    assert values[0] != values[1]
    assert runs[0]["a random number"][1:] == (2, 3)
    report(chapter, 1)  # the first seed again: the same value
    assert (
        f"! a random number{'':45} book 2 to 3; measured {values[0]:.4g}" in capsys.readouterr().out
    )
    assert chapter.read_bytes() == before


def test_a_label_that_comes_again_is_numbered(chapter):
    notebook = nbformat.read(chapter, 4)
    notebook.cells.append(new_code_cell("expect('a random number', 2.5, 2, 3)"))
    nbformat.write(notebook, chapter)
    assert list(measure(chapter, 0)) == ["a random number", "a random number (2)"]


def test_a_cell_that_fails_is_named(chapter, capsys):
    notebook = nbformat.read(chapter, 4)
    notebook.cells.append(new_code_cell("assert 1 > 2, 'the claim'"))
    nbformat.write(notebook, chapter)
    assert "a random number" in measure(chapter, 0)  # what came before is still reported
    assert "the claim" in capsys.readouterr().err
