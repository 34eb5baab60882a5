"""Formulas, set when the site is built: MathML that browsers set, and a font cut to size."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from fontTools.ttLib import TTFont
from mathematics import FONT, mathml
from playwright.sync_api import Page
from py_mini_racer import JSEvalException
from site_pages import Visit

CHAPTER = "chapters/08_lstm"


def test_a_formula_holds_no_tex_and_no_second_reading() -> None:
    found = mathml(r"h_t = \tanh(x_t W_{xh})", False)
    assert found.startswith("<math ") and "annotation" not in found and "\\" not in found
    assert "<msub><mi>h</mi><mi>t</mi></msub>" in found and "tanh" in found
    assert 'display="block"' in mathml("a", True) and "display=" not in mathml("a", False)


def test_columns_are_aligned_by_css_which_browsers_read() -> None:
    found = mathml(r"\begin{aligned} a &= b && \text{c} \\ d &= e && f \end{aligned}", True)
    assert "columnalign" not in found and "columnspacing" not in found
    sides = re.findall(r'<mtd style="(text-align: \w+)', found)
    assert sides == ["text-align: right", "text-align: left"] * 4
    matrix = mathml(r"\begin{pmatrix} 1 & 2 \\ 3 & 4 \end{pmatrix}", True)
    assert "text-align" not in matrix and matrix.count("<mtd") == 4


def test_functions_stand_off_from_their_neighbours() -> None:
    found = mathml(r"o \tanh c", False)
    assert '<mi>o</mi><mspace width="0.17em" /><mi>tanh</mi><mo rspace="0.17em">' in found
    for tight in (r"\tanh(x)", r"-\operatorname{diag}(x)"):
        assert "mspace" not in mathml(tight, False) and "rspace" not in mathml(tight, False)


def test_bold_letters_are_characters_of_their_own() -> None:
    """Browsers would show the attribute's letters thin."""
    found = mathml(r"\mathbf{h}_t \mathbf{W}^{\mathbf{2}}", False)
    assert "mathvariant" not in found and all(c in found for c in "\U0001d421\U0001d416\U0001d7d0")
    assert 'mathvariant="normal"' in mathml(r"\mathrm{d}", False)
    assert "\u211d" in mathml(r"\mathbb{R}", False) and "\U0001d538" in mathml(r"\mathbb{A}", False)
    with pytest.raises(ValueError, match="fraktur"):
        mathml(r"\mathfrak{R}", False)


def test_tex_that_is_none_stops_the_build() -> None:
    with pytest.raises(JSEvalException, match="KaTeX parse error"):
        mathml(r"\frac{1}", False)


def test_the_font_has_every_character_in_use(built: Path) -> None:
    characters = TTFont(built / "_static" / FONT).getBestCmap()
    for path in sorted((built / "chapters").glob("*.html")):
        for formula in re.findall(r"<math.*?</math>", path.read_text("utf-8"), re.DOTALL):
            text = re.sub(r"<[^>]*>|&\w+;|\s", "", formula)
            missing = {c for c in text if ord(c) not in characters and ord(c) > 0x20}
            assert missing <= {"\u2061", "\u200b"}, (path.name, missing)  # signs without a picture
    assert (built / "_static" / FONT).stat().st_size < 120_000


def italics(tab: Page) -> str:
    """Return the family of a formula's letters, as the browser was told."""
    return tab.evaluate("getComputedStyle(document.querySelector('article math')).fontFamily")


def test_the_font_is_the_one_that_is_used(visit: Visit, server: str) -> None:
    tab, record = visit(f"{server}/{CHAPTER}.html")
    assert italics(tab).startswith('"Book Math"')
    assert tab.evaluate(
        "document.fonts.ready.then(() => document.fonts.check('16px \"Book Math\"'))"
    )
    assert record.failed == []


def test_a_number_beside_a_formula_leads_to_it(visit: Visit, server: str) -> None:
    tab, _ = visit(f"{server}/{CHAPTER}.html#eq-8-2")
    assert tab.locator("#eq-8-2 .equation-number").inner_text() == "(8.2)"
    assert tab.locator("#eq-8-2").bounding_box()["y"] < 400
