"""Set formulas when the site is built, as MathML: no script in the page, nothing to wait for.

KaTeX reads the TeX, in a JavaScript engine that runs here; browsers set MathML themselves, with a
font that has a table for mathematics. STIX Two is shipped, cut down to the characters in use.
Displayed formulas of a chapter are numbered, with anchors that stay: `#eq-3-1`.
"""

import atexit
import json
import re
import unicodedata
import xml.etree.ElementTree as ET
from functools import cache
from importlib.metadata import distribution
from pathlib import Path

from docutils import nodes
from fontTools import subset
from py_mini_racer import MiniRacer
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxTranslator

MATHML = "http://www.w3.org/1998/Math/MathML"
OPERATOR, APPLIED, THIN = f"{{{MATHML}}}mo", "\u2061", "0.17em"
FONT = "book-math.woff"
CHAPTER = re.compile(r"chapters/0*(\d+[a-z]?)_")
# Browsers read only `normal` of MathML's variants; other letters are characters of their own.
VARIANTS = {"bold": "BOLD", "double-struck": "DOUBLE-STRUCK"}
ALIGNED = {"left": "text-align: left", "right": "text-align: right", "center": ""}
ET.register_namespace("", MATHML)


@cache
def _katex() -> MiniRacer:
    engine = MiniRacer()
    atexit.register(engine.close)  # or its thread keeps Python from ending
    source = distribution("sphinxcontrib-katex").locate_file("sphinxcontrib/katex.min.js")
    engine.eval(Path(source).read_text("utf-8"))
    return engine


@cache
def mathml(tex: str, displayed: bool) -> str:
    """Return a formula as MathML.

    Args:
        tex: the formula, without dollars.
        displayed: whether it stands on a line of its own.
    Raises:
        JSEvalException: if KaTeX does not understand it; the message says where.
    """
    options = {
        "displayMode": displayed,
        "output": "mathml",
        "throwOnError": True,
        "strict": "ignore",
    }
    call = f"katex.renderToString({json.dumps(tex)}, {json.dumps(options)})"
    root = ET.fromstring(_katex().eval(call))
    formula = root.find(f".//{{{MATHML}}}math")
    assert formula is not None
    semantics = formula[0]
    formula[:] = [semantics[0]]  # without the TeX, which would be read out and found by searches
    for table in formula.iter(f"{{{MATHML}}}mtable"):
        _align(table)
    for letter in formula.iter():
        _vary(letter)
    for row in formula.iter():
        _space(row)
    return ET.tostring(formula, encoding="unicode")


def _vary(letter: ET.Element) -> None:
    """Write bold and double-struck letters as the characters that they are in Unicode.

    Raises:
        ValueError: for a variant that no formula has used so far.
    """
    variant = letter.get("mathvariant")
    if variant in (None, "normal"):
        return
    if variant not in VARIANTS:
        raise ValueError(f"the letters of variant {variant!r} are not known here")
    del letter.attrib["mathvariant"]
    letter.text = "".join(_varied(c, VARIANTS[variant]) for c in letter.text or "")


def _varied(character: str, variant: str) -> str:
    kind = unicodedata.name(character).removeprefix("LATIN ").replace(" LETTER ", " ")
    for name in (f"MATHEMATICAL {variant} {kind}", f"{variant} {kind}"):
        try:
            return unicodedata.lookup(name)
        except KeyError:
            continue
    return character


def _space(row: ET.Element) -> None:
    """Set a function off from what it is applied to, and from a factor before it: o tanh c."""
    parts = list(row)
    for n, part in enumerate(parts):
        if part.text != APPLIED:
            continue
        after = parts[n + 1] if n + 1 < len(parts) else None
        if after is not None and after.tag != OPERATOR:
            part.set("rspace", THIN)
        if n > 1 and parts[n - 2].tag != OPERATOR:
            part_before = ET.Element(f"{{{MATHML}}}mspace", width=THIN)
            row.insert(list(row).index(parts[n - 1]), part_before)


def _align(table: ET.Element) -> None:
    """Say in CSS how columns stand: browsers do not read MathML's own attributes for it."""
    columns = table.attrib.pop("columnalign", "").split()
    gaps = [*table.attrib.pop("columnspacing", "").split(), *["0em"] * len(columns)]
    table.attrib.pop("rowspacing", None)
    if not columns:
        return
    for row in table:
        for n, cell in enumerate(row):
            side = ALIGNED[columns[min(n, len(columns) - 1)]]
            left = gaps[n - 1] if n else "0em"
            cell.set("style", f"{side}; padding-left: {left}; padding-right: 0".lstrip("; "))


def visit_inline(translator: SphinxTranslator, node: nodes.math) -> None:
    """Write a formula of a sentence."""
    translator.body.append(f'<span class="math">{mathml(node.astext(), False)}</span>')
    raise nodes.SkipNode


def visit_displayed(translator: SphinxTranslator, node: nodes.math_block) -> None:
    """Write a formula on a line of its own, with its number if it has one."""
    number = node.get("shown_number")
    formula = mathml(node.astext(), True)
    if not number:
        translator.body.append(f'<div class="math">{formula}</div>\n')
        raise nodes.SkipNode
    anchor = f"eq-{number.replace('.', '-')}"
    translator.body.append(
        f'<div class="equation" id="{anchor}"><div class="math">{formula}</div>'
        f'<a class="equation-number" href="#{anchor}">({number})</a></div>\n'
    )
    raise nodes.SkipNode


def number_formulas(app: Sphinx, document: nodes.document) -> None:
    """Number the displayed formulas of a chapter, in their order."""
    if chapter := CHAPTER.match(app.env.docname):
        for count, block in enumerate(document.findall(nodes.math_block), 1):
            block["shown_number"] = f"{chapter[1]}.{count}"


def ship_font(app: Sphinx, exception: Exception | None) -> None:
    """Write the font with what the formulas of all pages need of it."""
    if exception is not None or app.builder.format != "html":
        return
    formula = re.compile(r"<math.*?</math>", re.DOTALL)
    pages = (path.read_text("utf-8") for path in Path(app.outdir).rglob("*.html"))
    used = {c for page in pages for found in formula.findall(page) for c in found}
    # A letter is set in the italic of the mathematical block, which does not stand in the text.
    italic = (
        {chr(0x1D434 + n) for n in range(52)} | {chr(0x1D6E2 + n) for n in range(58)} | {"\u210e"}
    )
    options = subset.Options(
        layout_features=["*"], flavor="woff", hinting=False, notdef_outline=True
    )
    source = distribution("ziamath").locate_file("ziamath/fonts/STIXTwoMath-Regular.ttf")
    font = subset.load_font(str(source), options)
    cutter = subset.Subsetter(options)
    cutter.populate(unicodes=sorted(map(ord, used | italic)))
    cutter.subset(font)
    subset.save_font(font, str(Path(app.outdir) / "_static" / FONT), options)


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the extension with Sphinx."""
    app.add_html_math_renderer("katex_mathml", (visit_inline, None), (visit_displayed, None))
    app.connect("doctree-read", number_formulas)
    app.connect("build-finished", ship_font)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
