"""The search finds sections: what learners type, what they should find first, and the way there."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, Page, expect
from site_pages import Visit

# What is typed, and the address of what should come first.
FIRST = {
    "learning rate": "book/learning-rates.html",
    "nn.LSTM": "chapters/08_lstm.html#sec-8-6",
    "perplexity 1.0": "chapters/05_training.html#sec-5-8",
    "exercise 3.2": "chapters/03_rnn_from_scratch.html#ex-3-2",
    "teacher forcing": "chapters/01_text_to_one_hot.html#ex-1-5",
    "gradient clipping": "chapters/05_training.html#sec-5-2",
    "vanishing gradient": "chapters/04_backpropagation_through_time.html#sec-4-5",
    "one-hot": "chapters/01_text_to_one_hot.html#sec-1-6",
    "detach": "chapters/05_training.html#sec-5-3",
    "forget gate bias": "chapters/08_lstm.html#sec-8-3",
    "batch_first": "chapters/07_nn_rnn.html#sec-7-4",
    "pack_padded_sequence": "chapters/11_forward_patterns.html#packing",
    "h_n output": "chapters/07_nn_rnn.html#sec-7-6",
    "cross entropy": "chapters/02_language_models.html#sec-2-5",
    "bits per character": "chapters/02_language_models.html#sec-2-5",
    "ignore_index": "chapters/11_forward_patterns.html#sec-11-6",
    "section 4.7": "chapters/04_backpropagation_through_time.html#sec-4-7",
    "4.5": "chapters/04_backpropagation_through_time.html#sec-4-5",
    "truncated backpropagation": "chapters/05_training.html#sec-5-3",
    "n-gram": "chapters/02_language_models.html#sec-2-3",
    "smoothing": "chapters/02_language_models.html#sec-2-4",
    "vocabulary": "chapters/01_text_to_one_hot.html#sec-1-4",
    "zero_grad": "chapters/05_training.html#sec-5-6",
    "out of memory": "chapters/06_long_sequences.html#sec-6-6",
    "macro F1": "chapters/12_naming_languages.html#sec-12-7",
    "calibrated": "chapters/12_naming_languages.html#sec-12-8",
    "greedy": "chapters/03_rnn_from_scratch.html#sec-3-6",
    "encoder decoder": "chapters/11_forward_patterns.html#sec-11-8",
    "nn.RNN": "chapters/07_nn_rnn.html",
    "latch": "chapters/04_backpropagation_through_time.html#sec-4-6",
    "spectral radius": "chapters/03_rnn_from_scratch.html#sec-3-8",
    "set_gate_bias": "chapters/08_lstm.html#sec-8-3",
    "d2l": "book/d2l-names.html",
}


@pytest.fixture(scope="module")
def searcher(browser: Browser, built: Path) -> Page:
    """Open the search page from disk, where a script may read no file."""
    tab = browser.new_context().new_page()
    tab.goto((built / "search.html").as_uri())
    return tab


def search(tab: Page, typed: str) -> None:
    """Search for something."""
    tab.goto(f"{tab.url.split('?')[0]}?q={quote(typed)}")
    tab.wait_for_selector(".search-summary")


@pytest.mark.parametrize("typed", FIRST)
def test_what_learners_type_finds_its_place_first(searcher: Page, typed: str) -> None:
    search(searcher, typed)
    href = searcher.locator(".book-search a").first.get_attribute("href")
    page, _, anchor = href.partition("#")
    found = page.split("?")[0] + (f"#{anchor}" if anchor else "")
    assert found == FIRST[typed]


def test_excerpts_are_prose_with_the_words_marked(searcher: Page) -> None:
    search(searcher, "forget gate")
    for excerpt in searcher.locator(".book-search p").all():
        words = excerpt.text_content()
        assert len(words) > 60 and "import " not in words
        assert not {"$", "\\", "^"} & set(words), "no formula in TeX"
    assert searcher.locator(".book-search mark").count() > 5


def test_what_is_not_there_is_said(searcher: Page) -> None:
    search(searcher, "xylophone quartet")
    expect(searcher.locator(".search-summary")).to_have_text(
        'Nothing was found for "xylophone quartet".'
    )


@pytest.mark.parametrize("home", ["http", "disk"])
def test_a_hit_leads_to_the_section_and_marks_the_words(
    visit: Visit, built: Path, server: str, home: str
) -> None:
    start = f"{server}/search.html" if home == "http" else (built / "search.html").as_uri()
    tab, record = visit(f"{start}?q={quote('spectral radius')}")
    tab.locator(".book-search a").first.click()
    tab.wait_for_selector("article .highlighted", state="attached")
    assert tab.url.endswith("#sec-3-8")
    top = "() => document.querySelector('#sec-3-8').getBoundingClientRect().top"
    assert -50 < tab.evaluate(top) < 400
    marked = tab.locator("article .highlighted").all_text_contents()
    assert {word.lower() for word in marked} >= {"spectral", "radius"}
    assert record.foreign == []
