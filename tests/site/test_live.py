"""The live figures in a real browser: equal to PyTorch, quick, and moved by hand and keyboard."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from headless import Record
from playwright.sync_api import Browser, Page, Route, expect
from site_pages import Look, Visit
from torch import nn

from rnnbook.generation import generate
from rnnbook.live import exported, network
from rnnbook.live.weights import LAYERS
from rnnbook.models import CharLM
from rnnbook.text import Vocab

POLICY = "default-src 'self'; style-src 'unsafe-inline'"  # no inline script, no foreign address
PROMPT = "the keeper of the drum "

# Greedy text and the logits after each character of a prompt, as the page computes them.
READ = """
([file, prompt, count]) => {
  const { load, choose } = rnnbookLive.network, net = load(file), logits = [];
  let step = { state: net.start() };
  for (const token of net.encode(prompt)) {
    step = net.step(step.state, token);
    logits.push([...step.logits]);
  }
  let written = "";
  for (let n = 0; n < count; n += 1) {
    const token = choose(step.logits, { temperature: 0 });
    written += net.tokens[token];
    step = net.step(step.state, token);
  }
  return [written, logits];
}
"""
SPEED = """
([file, count]) => {
  const net = rnnbookLive.network.load(file);
  let step = { state: net.start() };
  const before = performance.now();
  for (let n = 0; n < count; n += 1) step = net.step(step.state, n % net.V);
  return count / ((performance.now() - before) / 1000);
}
"""


# Frames a second, over so many milliseconds.
FRAMES = """
(milliseconds) => new Promise((resolve) => {
  const start = performance.now(); let count = 0;
  const frame = (now) => {
    count += 1;
    if (now - start < milliseconds) requestAnimationFrame(frame);
    else resolve(count / ((now - start) / 1000));
  };
  requestAnimationFrame(frame);
})
"""


def under_policy(tab: Page) -> None:
    """Serve the tab's pages with a policy that forbids inline scripts and foreign addresses."""

    def with_policy(route: Route) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, headers=answer.headers | {"content-security-policy": POLICY})

    tab.route("**/*.html", with_policy)


@pytest.fixture
def home(server: str) -> str:
    """Return the address of the first page, which has a live figure."""
    return f"{server}/book/intro.html"


@pytest.fixture
def home_page(visit: Visit, home: str) -> Page:
    """Open the first page with its live figure mounted."""
    tab, _ = visit(home)
    mounted(tab)
    return tab


def mounted(tab: Page) -> None:
    """Wait until the page's first live figure has taken the place of its picture."""
    tab.locator(".live-mount").first.scroll_into_view_if_needed()
    tab.wait_for_function("() => document.querySelector('.live-mount').liveState")


def state_of(tab: Page) -> dict:
    """Return what the page's first live figure reports."""
    return tab.evaluate("() => document.querySelector('.live-mount').liveState")


@pytest.mark.parametrize("kind", LAYERS)
def test_the_page_computes_what_pytorch_computes(home_page: Page, kind: str) -> None:
    model, vocab = network(kind)
    file = json.loads(exported(model, vocab))
    written, logits = home_page.evaluate(READ, [file, PROMPT, 300])
    assert PROMPT + written == generate(model, PROMPT, 300, vocab)
    with torch.no_grad():
        expected, _ = model(vocab.encode(PROMPT).unsqueeze(0))  # (T, 1, V)
    assert (torch.tensor(logits) - expected[:, 0]).abs().max() < 1e-4


def test_other_weights_are_other_logits(home_page: Page) -> None:
    vocab = Vocab("abc")
    for kind, layer in LAYERS.items():
        torch.manual_seed(1)
        model = CharLM(layer(4, 5))
        found = home_page.evaluate(READ, [json.loads(exported(model, vocab)), "abcab", 0])[1]
        half = CharLM(layer(4, 5))
        half.load_state_dict({k: v.half().float() for k, v in model.state_dict().items()})
        with torch.no_grad():
            expected, _ = half(vocab.encode("abcab").unsqueeze(0))
        assert (torch.tensor(found) - expected[:, 0]).abs().max() < 1e-5, kind


def test_it_reads_two_thousand_characters_a_second(home_page: Page) -> None:
    file = json.loads(exported(CharLM(nn.LSTM(28, 128)), network("lstm")[1]))
    assert max(home_page.evaluate(SPEED, [file, 1000]) for _ in range(3)) > 2000


def test_by_keyboard_alone(home_page: Page) -> None:
    home_page.get_by_label("Type, and watch its state follow").focus()
    home_page.keyboard.press("End")
    home_page.keyboard.type("Waves!")
    assert state_of(home_page)["text"] == "the tide waves "
    home_page.get_by_role("radio", name="LSTM").focus()
    home_page.keyboard.press("ArrowLeft")
    assert state_of(home_page)["kind"] == "gru"
    slider = home_page.get_by_label("temperature")
    slider.focus()
    home_page.keyboard.press("Home")
    assert state_of(home_page)["temperature"] == 0
    home_page.get_by_role("button", name="Write on").focus()
    home_page.keyboard.press("Enter")  # no motion is wanted here: a line at once
    model, vocab = network("gru")
    assert state_of(home_page)["text"] == generate(model, "the tide waves ", 60, vocab)
    home_page.get_by_role("button", name="Start over").focus()
    home_page.keyboard.press("Space")
    assert state_of(home_page)["text"] == "the tide "
    expect(home_page.locator(".live-status")).to_contain_text("It expects")


def test_only_the_likeliest_are_chosen(home_page: Page) -> None:
    choose = """([p, topK, r]) => rnnbookLive.network.choose(
      p.map(Math.log), { temperature: 1, topK, random: () => r })"""
    p = [0.1, 0.4, 0.2, 0.3]
    chosen = [home_page.evaluate(choose, [p, 4, r]) for r in (0, 0.39, 0.41, 0.69, 0.71, 0.99)]
    assert chosen == [1, 1, 3, 3, 2, 0]
    assert [home_page.evaluate(choose, [p, 2, r]) for r in (0, 0.56, 0.58, 0.99)] == [1, 1, 3, 3]


def test_it_writes_at_thirty_frames_a_second(browser: Browser, home: str) -> None:
    tab = browser.new_context(reduced_motion="no-preference").new_page()
    tab.goto(home)
    mounted(tab)
    tab.get_by_role("button", name="Write on").click()
    frames = tab.evaluate(FRAMES, 2000)
    text = state_of(tab)["text"]
    tab.get_by_role("button", name="Pause").click()
    tab.context.close()
    assert frames > 30 and len(text) > len("the tide ") + 20


def test_it_works_under_a_strict_policy(browser: Browser, home: str) -> None:
    tab, record = browser.new_context().new_page(), Record()

    under_policy(tab)
    record.watch(tab)
    tab.goto(home)
    mounted(tab)
    refused = tab.evaluate("async () => (await fetch('data:,x').catch(() => 'refused'))")
    assert refused == "refused" and state_of(tab)["text"] == "the tide "
    assert record.foreign == []
    tab.context.close()


def test_it_works_from_the_disk(visit: Visit, built: Path) -> None:
    tab, record = visit((built / "book" / "intro.html").as_uri())
    mounted(tab)
    assert len(state_of(tab)["logits"]) == 28 and record.errors == []


def test_without_scripts_there_is_a_picture(browser: Browser, home: str) -> None:
    tab = browser.new_context(java_script_enabled=False).new_page()
    tab.goto(home)
    picture = tab.locator(".live-mount img")
    assert picture.count() == 1 and "reads what is typed" in picture.get_attribute("alt")
    assert picture.bounding_box()["width"] > 200
    tab.context.close()


def test_a_figure_that_fails_leaves_its_picture(browser: Browser, home: str) -> None:
    tab = browser.new_context().new_page()
    tab.route("**/asset-lstm.js", lambda route: route.abort())
    said = []
    tab.on("console", lambda message: said.append(message.text))
    tab.goto(home)
    tab.locator(".live-mount").scroll_into_view_if_needed()
    tab.wait_for_timeout(500)
    assert tab.locator(".live-mount img").count() == 1
    assert any("stays a picture" in words for words in said)
    tab.context.close()


@pytest.mark.parametrize("mode", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_it_fits_by_day_and_night_on_any_width(look: Look, mode: str, width: int) -> None:
    tab, _ = look("book/intro", mode, width)
    mounted(tab)
    box = tab.locator(".live-figure").bounding_box()
    assert box["width"] <= width and tab.evaluate("document.documentElement.scrollWidth") <= width
    ink = """() => {
      const c = document.querySelector('.live-canvas');
      const { data } = c.getContext('2d').getImageData(0, 0, c.width, c.height);
      return data.filter((value, n) => n % 4 === 3 && value > 40).length;
    }"""
    assert tab.evaluate(ink) > 500, "the state is drawn"
