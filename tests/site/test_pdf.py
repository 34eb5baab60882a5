"""The book as a PDF: all chapters, an outline, links within, pictures, and solutions at the end."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from pypdf import PdfReader
from site_pages import CHAPTERS, ROOT

pytestmark = pytest.mark.timeout(400)


@pytest.fixture(scope="module")
def pdf(tmp_path_factory: pytest.TempPathFactory, browser_path: str) -> PdfReader:
    """Print the book as `make pdf` does, into a folder of the tests' own."""
    target = tmp_path_factory.mktemp("pdf") / "book.pdf"
    command = [sys.executable, str(ROOT / "tools" / "build_pdf.py"), "--output", str(target)]
    done = subprocess.run([*command, "--chromium", browser_path], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    return PdfReader(target)


def outline(pdf: PdfReader) -> list[str]:
    """Return all titles of the outline."""
    titles, todo = [], list(pdf.outline)
    while todo:
        entry = todo.pop(0)
        if isinstance(entry, list):
            todo = entry + todo
        else:
            titles.append(" ".join(entry.title.split()))
    return titles


def test_every_chapter_is_in_the_outline(pdf: PdfReader) -> None:
    assert 350 < len(pdf.pages) < 700
    assert "the code of plots and proofs is left out" in " ".join(
        pdf.pages[0].extract_text().split()
    )
    titles = outline(pdf)
    joined = {title.replace(" ", "") for title in titles}  # a broken line loses its space
    for page in CHAPTERS:
        first = nbformat.read(ROOT / f"{page}.ipynb", as_version=4).cells[0].source.splitlines()[0]
        words = first.removeprefix("# ").replace("'", "’").replace(" ", "")
        assert words in joined or words.replace("’", "'") in joined, first
    assert titles[-1] != "Contents" and "Hints and solutions" in titles


def test_links_lead_within_the_book(pdf: PdfReader) -> None:
    names, inner = set(pdf.named_destinations), 0
    for page in pdf.pages:
        for annotation in page.get("/Annots") or ():
            link = annotation.get_object()
            if (wanted := link.get("/Dest")) is not None:
                assert str(wanted) in names, wanted
                inner += 1
    assert inner > 1000


def test_pictures_are_there_and_no_page_is_empty(pdf: PdfReader) -> None:
    pictures = sum(len(page.images) for page in pdf.pages[:300])
    assert pictures >= 85
    empty = [
        number
        for number, page in enumerate(pdf.pages, 1)
        if len(page.extract_text().strip()) < 20 and not page.images and number > 1
    ]
    assert empty == []


def test_solutions_stand_at_the_end_alone(pdf: PdfReader) -> None:
    titles = outline(pdf)
    start = titles.index("Hints and solutions")
    exercises = [title for title in titles[start:] if title.startswith("Exercise ")]
    assert len(exercises) > 85
    texts = [page.extract_text() for page in pdf.pages]
    first = next(n for n, text in enumerate(texts) if "def solution_1_2" in text)
    last_chapter = max(
        n for n, text in enumerate(texts) if "12.10 What the parts are worth" in text
    )
    assert first > last_chapter
    assert not any("def solution_" in text for text in texts[: first - 5])


def test_another_browser_that_is_not_there_is_said(tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / "tools" / "build_pdf.py"), "--chromium", "/no/such"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 1 and "no browser at /no/such" in done.stderr
