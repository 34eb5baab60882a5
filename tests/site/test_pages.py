"""Every page in a real browser: it asks nobody, renders, opens and closes, and can be read."""

from __future__ import annotations

import io
import re
from pathlib import Path

import nbformat
import pytest
from axe_playwright_python.sync_playwright import Axe
from headless import Record
from PIL import Image
from playwright.sync_api import Browser, Page
from site_pages import CHAPTERS, PAGES, ROOT, Html, Look, Visit

CONTRAST = (Path(__file__).parent / "contrast.js").read_text(encoding="utf-8")
COLOURS = "e => [...new Set([...e.querySelectorAll('span')].map(s => getComputedStyle(s).color))]"

# By how many pixels the page itself can be scrolled sideways.
SIDEWAYS = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"
# What sticks out to the right without standing in a box that scrolls.
CUT_OFF = """() => [...document.querySelectorAll("article *")].filter((e) => {
  if (e.getBoundingClientRect().right <= innerWidth + 1) return false;
  for (let box = e; box.tagName !== "ARTICLE"; box = box.parentElement)
    if (["auto", "scroll"].includes(getComputedStyle(box).overflowX)) return false;
  return true;
}).map((e) => e.outerHTML.slice(0, 120))"""
# Boxes with something out of sight that cannot take the focus.
UNREACHED = """() => [...document.querySelectorAll("article *")]
  .filter((e) => e.scrollWidth > e.clientWidth + 1 && e.clientWidth > 0 && e.tabIndex < 0)
  .filter((e) => ["auto", "scroll"].includes(getComputedStyle(e).overflowX))
  .map((e) => e.outerHTML.slice(0, 120))"""

# Formulas that begin outside their box, where no scrolling leads.
BEHEADED = """() => [...document.querySelectorAll("article div.math")].filter((box) => {
  const formula = box.querySelector("math");
  return formula && formula.getBoundingClientRect().left < box.getBoundingClientRect().left - 1;
}).map((e) => e.textContent.slice(0, 120))"""

# Click on everything that can be opened, and say of each what came of it.
CLICKED_OPEN = """() => [...document.querySelectorAll("article details")].map((box) => {
  const summary = box.querySelector(":scope > summary"), before = summary.innerText.trim();
  const shown = (e) => Boolean(e) && e.checkVisibility();
  summary.click();
  return {
    solution: box.matches("section[id^=solution-] details.hide"),
    summaries: [before, summary.innerText.trim()],
    open: box.open,
    shown: shown(box.querySelector(":scope > :not(summary)")),
    code: shown(box.querySelector(".cell_input")),
  };
})"""

# Thousands of coloured words and glyphs: axe needs minutes for them. CONTRAST and UNREACHED look
# at them too.
AXE_CONTEXT = {"exclude": [["article .highlight pre"], ["article dt.sig"], ["math"]]}
# Preloading would ask for the theme's style sheets at addresses where they are not.
AXE_OPTIONS = {"preload": False, "resultTypes": ["violations"]}
# What axe finds in markup of the theme that is not ours to change: rule -> selector -> reason.
THEME_OWNED: dict[str, dict[str, str]] = {}


def source_of(page: str) -> str:
    """Return the prose of a page's source, without code."""
    path = ROOT / f"{page}.md"
    if path.is_file():
        text = path.read_text(encoding="utf-8")
    else:
        notebook = nbformat.read(ROOT / f"{page}.ipynb", as_version=4)
        text = "\n\n".join(c.source for c in notebook.cells if c.cell_type == "markdown")
    return re.sub(r"`[^`]+`", "", re.sub(r"```.*?```", "", text, flags=re.DOTALL))


@pytest.fixture(params=["http", "file"])
def home(request: pytest.FixtureRequest) -> str:
    """Where the site is opened from: a server of this machine, or the disk."""
    if request.param == "http":
        return request.getfixturevalue("server")
    return request.getfixturevalue("built").as_uri()


def test_a_foreign_request_is_caught(visit: Visit, tmp_path: Path) -> None:
    """The watch itself works: a picture, a script and a fetch from elsewhere are all noticed."""
    page = tmp_path / "leaky.html"
    page.write_text(
        "<img src='https://example.org/a'><script src='https://example.org/b'></script>"
        "<script>fetch('https://example.org/c').catch(() => 0)</script>",
        encoding="utf-8",
    )
    tab, record = visit(page.as_uri())
    tab.wait_for_load_state("networkidle")
    assert sorted(record.foreign) == [f"https://example.org/{name}" for name in "abc"]
    assert record.errors


@pytest.mark.parametrize("page", CHAPTERS)
def test_exercises_open_on_a_click(look: Look, page: str) -> None:
    """Hints and solutions are closed at first; a click opens each, with what the code printed.

    The kind and the minutes of an exercise stand in a badge, and not in the contents.
    """
    tab, _ = look(page, opening=False)
    headings = tab.locator('section[id^="exercise-"] > h3').all()
    exercises = len(headings)
    for heading in headings:
        assert re.fullmatch(r"\w+ · \d+ min", heading.locator(".exercise-kind").inner_text())
    for text in tab.locator(".page-toc a").all_text_contents():
        assert "min]" not in text
        assert "Solution" not in text

    solutions = tab.locator("section[id^='solution-'] details.hide")
    assert solutions.count() >= exercises
    assert tab.locator("article details[open]").count() == 0
    assert tab.locator("section[id^='solution-'] .cell_input:visible").count() == 0

    for kind in ("section[id^='solution-'] details.hide", "details:not(.hide)"):
        box = tab.locator(f"article {kind}").first
        if box.count():  # one of each kind by the mouse; it takes its time
            box.locator("> summary").click()
            assert box.get_attribute("open") is not None
            box.locator("> summary").click()
    for box in tab.evaluate(CLICKED_OPEN):
        assert box["open"] and box["shown"], box
        if box["solution"]:
            assert box["summaries"] == ["Show solution", "Hide solution"]
            assert box["code"]

    outputs = tab.locator("section[id^='solution-'] details .cell_output")
    assert outputs.count() == tab.locator("section[id^='solution-'] .cell_output:visible").count()
    if exercises:
        assert outputs.count() >= exercises


def serious_findings(tab: Page) -> list[str]:
    """Run axe on a page and return what is moderate or worse and not excused."""
    found = []
    result = Axe().run(tab, context=AXE_CONTEXT, options=AXE_OPTIONS).response
    for violation in result["violations"]:
        excused = THEME_OWNED.get(violation["id"], {})
        for node in violation["nodes"]:
            target = " ".join(map(str, node["target"]))
            if violation["impact"] != "minor" and target not in excused:
                found.append(f"{violation['id']}: {target}: {node['failureSummary']}")
    return found


@pytest.mark.parametrize("page", PAGES)
def test_page_is_accessible_and_legible_by_day(look: Look, page: str) -> None:
    """All text has a contrast of 4.5 or more, and axe finds nothing moderate or worse."""
    tab, _ = look(page)
    texts = tab.evaluate(CONTRAST)
    assert len(texts) > 10
    assert [text for text in texts if text["ratio"] < 4.5] == []
    assert serious_findings(tab) == []


@pytest.mark.parametrize("page", PAGES)
def test_page_is_legible_by_night(look: Look, page: str) -> None:
    """The same contrast in the dark."""
    tab, _ = look(page, mode="dark")
    assert [text for text in tab.evaluate(CONTRAST) if text["ratio"] < 4.5] == []


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_a_figure_stands_on_the_ground_of_the_page(look: Look, mode: str) -> None:
    """No slab: a plot's own ground is the page's, and its ink is read on it."""
    tab, _ = look("chapters/10_deep_and_bidirectional", mode=mode)
    picture = tab.locator(".book-figure img").nth(1)
    picture.scroll_into_view_if_needed()
    tab.wait_for_function("(p) => p.complete && p.naturalWidth", arg=picture.element_handle())
    seen = Image.open(io.BytesIO(picture.screenshot())).convert("L")
    ground = tab.evaluate("getComputedStyle(document.body).backgroundColor")
    red, green, blue = map(int, re.findall(r"\d+", ground)[:3])
    page = round(0.299 * red + 0.587 * green + 0.114 * blue)
    assert abs(seen.getpixel((2, 2)) - page) <= 3
    darkest, lightest = seen.getextrema()
    ink = darkest if mode == "light" else lightest
    luminance = [((v / 255 + 0.055) / 1.055) ** 2.4 if v > 10 else v / 3294.6 for v in (ink, page)]
    assert (max(luminance) + 0.05) / (min(luminance) + 0.05) > 4.5


@pytest.mark.parametrize("page", CHAPTERS)
def test_figures_and_formulas_have_numbers_and_places(look: Look, page: str) -> None:
    tab, _ = look(page)
    for selector, prefix in ((".book-figure", "fig"), (".equation", "eq")):
        ids = tab.locator(selector).evaluate_all("(all) => all.map((e) => e.id)")
        start = ids[0].rsplit("-", 1)[0] if ids else ""
        assert ids == [f"{start}-{n}" for n in range(1, len(ids) + 1)]
        assert not ids or re.fullmatch(rf"{prefix}-\d+[a-z]?", start)
    for caption in tab.locator(".book-figure figcaption").all_inner_texts():
        assert re.fullmatch(r"Figure \d+[a-z]?\.\d+ .{20,}\.", caption, re.DOTALL)
    source = (ROOT / f"{page}.ipynb").read_text("utf-8")
    with_controls = source.count("in JupyterLab it has controls for")
    assert (
        tab.locator("figcaption", has_text="In JupyterLab you can change").count() == with_controls
    )
    for picture in tab.locator(".book-figure img").all():
        assert picture.get_attribute("loading") == "lazy"
        width, height = (int(picture.get_attribute(name)) for name in ("width", "height"))
        assert 300 < width < 900 and 100 < height < 900


def test_the_eyes_of_these_tests_work(visit: Visit, server: str) -> None:
    """Pale words, a picture without words and a page too wide are all noticed."""
    tab, _ = visit(f"{server}/{PAGES[0]}.html")
    tab.set_viewport_size({"width": 360, "height": 800})
    tab.evaluate(
        """() => document.querySelector("article").insertAdjacentHTML("beforeend",
          `<p style="color: #999; background: #fff; width: 500px">pale</p>
           <img src="../_static/logo.svg" width="9">`)"""
    )
    pale = [text["words"] for text in tab.evaluate(CONTRAST) if text["ratio"] < 4.5]
    assert pale == ["pale"]
    assert {finding.split(":")[0] for finding in serious_findings(tab)} == {
        "color-contrast",
        "image-alt",
    }
    assert tab.evaluate(SIDEWAYS) > 0
    assert len(tab.evaluate(CUT_OFF)) == 1


@pytest.mark.parametrize("page", PAGES)
def test_a_phone_scrolls_boxes_not_the_page(look: Look, page: str) -> None:
    """At 360 pixels, with everything opened, only boxes that a keyboard reaches go sideways."""
    tab, _ = look(page, width=360)
    assert tab.evaluate(SIDEWAYS) == 0
    assert tab.evaluate(CUT_OFF) == []
    assert tab.evaluate(UNREACHED) == []
    assert tab.evaluate(BEHEADED) == []


def renders(tab: Page, record: Record) -> None:
    """Assert that no request left, nothing failed, mathematics is set and code is coloured."""
    tab.wait_for_load_state("networkidle")
    assert record.foreign == []
    assert record.failed == []
    assert record.errors == []

    formulas = tab.locator("article .math").count()
    assert formulas == tab.locator("article .math > math").count()
    assert tab.locator("article merror").count() == 0

    for block in tab.locator("article .highlight-ipython3, article .highlight-python").all()[:3]:
        assert len(block.evaluate(COLOURS)) > 1


@pytest.mark.parametrize("page", PAGES)
def test_page_asked_nobody_and_renders(look: Look, page: str) -> None:
    """Through all that the tests above did with a page, nothing left this machine or failed."""
    tab, record = look(page)
    renders(tab, record)
    if "$" in source_of(page):
        assert tab.locator("article .math").count() > 0


def test_pages_render_from_the_disk_too(visit: Visit, built: Path) -> None:
    """Without a server: one page of every set of scripts and styles, the one with most formulas.

    That every page's files are there under relative addresses is seen without a browser.
    """
    by_files: dict[frozenset[str], list[Path]] = {}
    for page in PAGES:
        path = built / f"{page}.html"
        by_files.setdefault(frozenset(Html.read(path).scripts), []).append(path)
    assert len(by_files) >= 2  # with mathematics and without
    for paths in by_files.values():
        tab, record = visit(max(paths, key=lambda path: path.stat().st_size).as_uri())
        renders(tab, record)


def test_the_reader_can_change_the_mode(visit: Visit, server: str) -> None:
    """The button at the top overrides the system's setting, and the next page remembers."""
    tab, _ = visit(f"{server}/{PAGES[0]}.html")
    html = tab.locator("html")
    button = tab.locator("button.theme-switch-button:visible").first
    for _ in range(3):
        button.click()
        if html.get_attribute("data-theme") == "dark":
            break
    assert html.get_attribute("data-theme") == "dark"
    tab.goto(f"{server}/{PAGES[1]}.html")
    assert html.get_attribute("data-theme") == "dark"


def test_search_finds_pages(visit: Visit, home: str) -> None:
    """The search works without a server too."""
    tab, record = visit(f"{home}/search.html?q=perplexity")
    tab.wait_for_selector("#search-results li a")
    assert tab.locator("#search-results li a").count() > 0
    tab.wait_for_load_state("networkidle")
    assert record.foreign == []
    assert record.errors == []


def test_first_page_leads_into_the_book(visit: Visit, home: str) -> None:
    """The address that `make site` prints shows the welcome page."""
    tab, record = visit(f"{home}/index.html")
    tab.wait_for_url(f"**/{PAGES[0]}.html")
    assert tab.locator("article h1").inner_text().startswith("Welcome")
    assert record.errors == []


def test_a_chapter_prints_by_day_with_all_of_its_code(visit: Visit, server: str) -> None:
    """Even by night: a white ground, dark words, figures as they were drawn, no code cut off."""
    tab, _ = visit(f"{server}/chapters/10_deep_and_bidirectional.html")
    tab.evaluate("document.documentElement.dataset.theme = 'dark'")
    tab.emulate_media(media="print")
    tab.set_viewport_size({"width": 720, "height": 1000})  # about the width of a page
    look = (
        "(e) => { const s = getComputedStyle(e); return [s.backgroundColor, s.color, s.filter]; }"
    )
    assert tab.locator("html").evaluate(look)[0] == "rgb(255, 255, 255)"
    assert tab.locator("article p").first.evaluate(look)[1] == "rgb(0, 0, 0)"
    assert tab.locator(".book-figure img").first.evaluate(look)[2] == "none"
    code = tab.locator("article .highlight pre").first.evaluate(look)
    assert code[1] == "rgb(0, 0, 0)" and code[0] != "rgb(28, 33, 40)"
    cut = """() => [...document.querySelectorAll("article pre")]
      .filter((e) => e.clientWidth && e.scrollWidth > e.clientWidth + 1).length"""
    assert tab.evaluate(cut) == 0


def test_code_can_be_copied_with_a_finger(browser: Browser, server: str) -> None:
    context = browser.new_context(
        is_mobile=True, has_touch=True, viewport={"width": 390, "height": 800}
    )
    tab = context.new_page()
    tab.goto(f"{server}/chapters/03_rnn_from_scratch.html")
    button = tab.locator("button.copybtn:visible").first
    button.wait_for()
    tab.wait_for_timeout(500)  # it fades in
    assert button.evaluate("(b) => getComputedStyle(b).opacity") == "1"
    context.close()
