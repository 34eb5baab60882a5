"""What a network looks at, in the page: PyTorch's gradients, its states, and the reader's moves."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from playwright.sync_api import Browser, Locator, Page, expect
from site_pages import Look, Visit
from test_live import under_policy

from rnnbook.diagnostics import states
from rnnbook.live import exported, network, story_asset
from rnnbook.live.looking import PROMPT, UNITS
from rnnbook.live.weights import LAYERS, model_file
from rnnbook.models import CharLM
from rnnbook.text import Vocab, clean, one_hot

PAGE = "chapters/08_lstm"
PLACE = """.live-mount[data-live*='"looks"']"""
BUDGET = 50  # milliseconds for the answer to a key, with 300 characters read
GRADIENTS = """
([file, text, token]) => {
  const { network, lookback } = rnnbookLive, net = network.load(file), steps = [];
  for (const read of net.encode(text)) {
    const { state } = steps.at(-1) ?? { state: net.start() };
    steps.push({ token: read, ...net.step(state, read) });
  }
  return lookback.gradients(net, steps, token).map((row) => [...row]);
}
"""


@pytest.fixture
def chapter(visit: Visit, server: str) -> Page:
    """Open chapter 8 with this figure mounted."""
    tab, _ = visit(f"{server}/{PAGE}.html")
    mounted(tab)
    return tab


def mounted(tab: Page) -> Locator:
    """Wait until the figure has taken the place of its picture, and return it."""
    tab.locator(PLACE).scroll_into_view_if_needed()
    tab.wait_for_function("place => document.querySelector(place).liveState", arg=PLACE)
    return tab.locator(PLACE)


def state_of(tab: Page) -> dict:
    """Return what the figure reports."""
    return tab.evaluate("place => document.querySelector(place).liveState", PLACE)


def gradient(model: CharLM, tokens: torch.Tensor, token: int | None = None) -> torch.Tensor:
    """Return the gradient (T, V) of a logit after a text, the highest if none is named."""
    x = one_hot(tokens, model.head.out_features).unsqueeze(1).requires_grad_()
    logits = model.head(model.recurrent(x)[0][-1, 0])
    (found,) = torch.autograd.grad(logits.max() if token is None else logits[token], x)
    return found[:, 0]


def distance(found: object, expected: torch.Tensor) -> float:
    """Return how far numbers of the page are from those of PyTorch, relative to the latter."""
    return float((torch.tensor(found) - expected).norm() / expected.norm())


@pytest.mark.parametrize("kind", LAYERS)
def test_the_gradients_are_pytorchs(chapter: Page, kind: str) -> None:
    model, vocab = network(kind)
    text = story_asset()["validation"][:200]
    for token in (0, 3, len(vocab) - 1):
        found = chapter.evaluate(GRADIENTS, [model_file(kind), text, token])
        assert distance(found, gradient(model, vocab.encode(text), token)) < 1e-4


@pytest.mark.parametrize("kind", LAYERS)
def test_the_gradients_of_random_networks_are_pytorchs(chapter: Page, kind: str) -> None:
    vocab, text = Vocab("abcde"), "abcabedacbdeabcdaaeb"
    for seed, units in enumerate((1, 5, 12)):
        torch.manual_seed(seed)
        model = CharLM(LAYERS[kind](len(vocab), units))
        for p in model.parameters():  # as strong as trained ones, and in half precision
            p.data = (2 * p.data).half().float()
        for token in range(len(vocab)):
            found = chapter.evaluate(GRADIENTS, [json.loads(exported(model, vocab)), text, token])
            expected = gradient(model, vocab.encode(text), token)
            assert distance(found, expected) < 1e-4
            last = torch.tensor(found[0])  # the first character: through all the steps
            assert torch.allclose(last, expected[0], rtol=1e-3, atol=1e-7)


@pytest.mark.parametrize("kind", LAYERS)
def test_the_first_state_says_what_pytorch_says(chapter: Page, kind: str) -> None:
    chapter.locator(PLACE).locator(f"input[value={kind}]").check(force=True)
    model, vocab = network(kind)
    norms = gradient(model, vocab.encode(PROMPT)).norm(dim=1)
    told = state_of(chapter)
    assert told["text"] == PROMPT and told["at"] == len(PROMPT) and told["expected"] == "r"
    assert distance(told["norms"], norms) < 1e-4
    tail = norms.flip(0).cumsum(0)
    assert tail[told["half"] - 1] >= norms.sum() / 2 > tail[told["half"] - 2]
    status = chapter.locator(PLACE).locator(".live-status")
    expect(status).to_contain_text(f"in the last {told['half']} characters")


def test_the_colour_is_the_share_of_the_largest(chapter: Page) -> None:
    norms = torch.tensor(state_of(chapter)["norms"])
    shown = chapter.locator(PLACE).locator(".live-painted > span[style]")
    percent = shown.evaluate_all(
        "all => all.map(e => Number(/ (\\d+)%/.exec(e.style.background)[1]))"
    )
    assert percent == pytest.approx((100 * norms / norms.max()).tolist(), abs=0.51)
    assert max(percent) == 100 and sum(p > 20 for p in percent) < 20  # the last word or two


def test_by_keyboard_alone(chapter: Page) -> None:
    figure, keys = chapter.locator(PLACE), chapter.keyboard
    box = figure.get_by_label("Type, or click anywhere")
    box.focus()
    keys.press("Control+End")
    for _ in range(13):
        keys.press("ArrowLeft")
    model, vocab = network("lstm")
    told, before = state_of(chapter), PROMPT[:-13]
    assert told["at"] == len(before) and told["text"] == PROMPT
    assert distance(told["norms"], gradient(model, vocab.encode(before)).norm(dim=1)) < 1e-4
    keys.press("Control+Home")
    expect(figure.locator(".live-status")).to_have_text("It has read nothing yet.")
    keys.press("Control+End")
    keys.type("RS, said  Judith!\n")
    told = state_of(chapter)
    assert told["text"] == PROMPT + "rs said judith " and told["at"] == len(told["text"])
    figure.get_by_role("radio", name="LSTM").focus()
    keys.press("ArrowLeft")
    assert state_of(chapter)["kind"] == "gru"
    figure.get_by_role("radio", name="what it looks at").focus()
    keys.press("ArrowRight")
    slider = figure.get_by_label("unit", exact=True)
    slider.focus()
    keys.press("End")
    assert state_of(chapter)["mode"] == "unit" and state_of(chapter)["unit"] == 111
    figure.get_by_role("button", name="Reset").focus()
    keys.press("Enter")
    assert state_of(chapter)["text"] == PROMPT


def test_a_click_asks_there(chapter: Page) -> None:
    figure = chapter.locator(PLACE)
    letter = figure.locator(".live-painted > span[style]").nth(30).bounding_box()
    box = figure.locator("textarea").bounding_box()
    chapter.mouse.click(letter["x"] + letter["width"] - 2, letter["y"] + letter["height"] / 2)
    assert state_of(chapter)["at"] == 31 and box["y"] < letter["y"]
    flag = figure.locator(".live-flag").bounding_box()
    assert abs(flag["x"] - (letter["x"] + letter["width"])) < 1.5


def test_what_is_typed_lies_over_what_is_coloured(chapter: Page) -> None:
    figure = chapter.locator(PLACE)
    long = "A long-winded text: wordslongerthanalineofthisboxcouldeverholdandstillgoonandon, "
    for width in (1280, 390, 320):
        chapter.set_viewport_size({"width": width, "height": 900})
        figure.locator("textarea").fill((long + "and then, 1-2-3, on.\n") * 3)
        inner = "e => [e.clientWidth, e.scrollHeight, e.clientHeight, e.scrollWidth]"
        over, under = (
            figure.locator(f".live-{name}").evaluate(inner)
            for name in ("stack > textarea", "painted")
        )
        assert over[0] == under[0] and abs(over[1] - under[1]) <= 1, width
        assert over[1] <= over[2] + 1 and over[3] <= over[0], "nothing scrolls"


@pytest.mark.parametrize("kind", LAYERS)
def test_a_key_is_answered_in_time(chapter: Page, kind: str) -> None:
    figure = chapter.locator(PLACE)
    figure.locator(f"input[value={kind}]").check(force=True)
    figure.locator("textarea").fill(story_asset()["validation"][:299])
    took = chapter.evaluate(
        """place => {
          const box = document.querySelector(place + " textarea"), took = [];
          for (const letter of "waves and") {
            const before = performance.now();
            box.value += letter;
            box.dispatchEvent(new Event("input"));
            box.getBoundingClientRect(); // the colours are laid out too
            took.push(performance.now() - before);
          }
          return took;
        }""",
        PLACE,
    )
    assert len(state_of(chapter)["norms"]) == 308
    assert sorted(took)[2] < BUDGET, took  # others may be at work on this machine


@pytest.mark.parametrize(("kind", "unit"), [("lstm", UNITS["lstm"]), ("lstm", 32), ("gru", 22)])
def test_the_passages_are_those_where_the_unit_is_highest(
    chapter: Page, kind: str, unit: int
) -> None:
    figure = chapter.locator(PLACE)
    figure.locator(f"input[value={kind}]").check(force=True)
    figure.locator("input[value=unit]").check(force=True)
    slider = figure.get_by_label("unit", exact=True)
    slider.fill(str(unit))
    chapter.wait_for_function(
        "place => document.querySelector(place).liveState.passages.length", arg=PLACE
    )
    told = state_of(chapter)
    model, vocab = network(kind)
    text = story_asset()["validation"][:8000]
    hs = states(model.recurrent, vocab, text)[:, unit]
    places: list[int] = []
    for t in hs.argsort(descending=True, stable=True).tolist():
        if all(abs(t - place) >= 30 for place in places):
            places.append(t)
        if len(places) == 5:
            break
    assert told["unit"] == unit and [p["at"] for p in told["passages"]] == places
    assert [p["state"] for p in told["passages"]] == pytest.approx(hs[places].tolist(), abs=1e-4)
    shown = figure.locator(".live-passage").all_text_contents()
    assert shown == [text[max(0, t - 22) : t + 8] for t in places]
    assert figure.locator(".live-passage strong").all_text_contents() == [text[t] for t in places]
    prompt = states(model.recurrent, vocab, PROMPT)[:, unit]
    assert distance(told["states"], prompt) < 1e-4


def test_reading_the_story_never_holds_the_page(chapter: Page) -> None:
    longest = []
    for kind in LAYERS:
        chapter.locator(PLACE).locator(f"input[value={kind}]").check(force=True)
        chapter.locator(PLACE).locator("input[value=looks]").check(force=True)
        said, tasks = chapter.evaluate(
            """place => new Promise((resolve) => {
              const root = document.querySelector(place), tasks = [];
              new PerformanceObserver((list) =>
                tasks.push(...list.getEntries().map((entry) => entry.duration))
              ).observe({ entryTypes: ["longtask"] });
              root.querySelector("input[value=unit]").click();
              const said = root.textContent.includes("reading the story");
              const wait = () => {
                if (root.liveState.passages.length) setTimeout(() => resolve([said, tasks]), 100);
                else setTimeout(wait, 20);
              };
              wait();
            })""",
            PLACE,
        )
        assert said
        longest.append(max(tasks, default=0))  # of those that took more than 50 ms
    assert min(longest) < BUDGET and max(longest) < 4 * BUDGET, longest  # others may be at work


def test_a_unit_is_picked_in_the_strip(chapter: Page) -> None:
    figure = chapter.locator(PLACE)
    figure.locator("input[value=unit]").check(force=True)
    strip = figure.locator("canvas")
    box = strip.bounding_box()
    strip.click(position={"x": box["width"] * 2.5 / 32, "y": box["height"] * 1.5 / 3})
    assert state_of(chapter)["unit"] == 34
    expect(figure.get_by_label("unit", exact=True)).to_have_value("34")
    figure.locator("input[value=rnn]").check(force=True)
    assert state_of(chapter)["unit"] == UNITS["rnn"]
    figure.locator("input[value=lstm]").check(force=True)
    assert state_of(chapter)["unit"] == 34


def test_python_can_change_everything(chapter: Page) -> None:
    told = chapter.evaluate(
        """() => {
          const { figures, assets } = rnnbookLive, root = document.createElement("div");
          document.body.append(root);
          let told;
          const units = { rnn: 1, gru: 2, lstm: 3 };
          const options = { kind: "lstm", mode: "looks", text: "the tide ", units };
          const figure = figures.looks(root, options, assets, (state) => { told = state; });
          figure.update({ kind: "gru", mode: "unit", text: "she " });
          const before = told;
          figure.destroy();
          return [before.kind, before.mode, before.text, before.unit, root.childElementCount];
        }"""
    )
    assert told == ["gru", "unit", "she ", 2, 0]


def test_it_works_from_the_disk_and_under_a_strict_policy(
    browser: Browser, visit: Visit, built: Path, server: str
) -> None:
    tab, record = visit((built / f"{PAGE}.html").as_uri())
    mounted(tab)
    assert state_of(tab)["text"] == PROMPT and record.errors == []
    tab = browser.new_context().new_page()
    under_policy(tab)
    tab.goto(f"{server}/{PAGE}.html")
    mounted(tab)
    backgrounds = (
        tab.locator(PLACE)
        .locator(".live-painted > span[style]")
        .evaluate_all("all => new Set(all.map(e => getComputedStyle(e).backgroundColor)).size")
    )
    assert backgrounds > 10
    tab.context.close()


@pytest.mark.parametrize("mode", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_it_can_be_read_by_day_and_night_on_any_width(look: Look, mode: str, width: int) -> None:
    tab, _ = look(PAGE, mode, width)
    figure = mounted(tab)
    figure.locator("input[value=unit]").check(force=True)
    figure.locator("input[value=looks]").check(force=True)
    contrast = (Path(__file__).parent / "contrast.js").read_text("utf-8")
    for shown in ("looks", "unit"):
        figure.locator(f"input[value={shown}]").check(force=True)
        tab.wait_for_timeout(100)
        box = figure.locator(".live-figure").bounding_box()
        assert box["width"] <= width
        assert tab.evaluate("document.documentElement.scrollWidth") <= width
        texts = [t for t in tab.evaluate(contrast) if "color-mix" in t["tag"]]
        assert len(texts) > 50 and min(t["ratio"] for t in texts) >= 4.5
        sizes = figure.locator("*").evaluate_all(
            "all => Math.min(...all.map(e => parseFloat(getComputedStyle(e).fontSize)))"
        )
        assert sizes >= 12


def test_what_is_cleaned_is_what_the_book_cleans(chapter: Page) -> None:
    typed = "  The SEA, the sea — 3 miles off;\n\nIt's  there."
    chapter.locator(PLACE).locator("textarea").fill(typed)
    assert state_of(chapter)["text"] == clean(typed.replace("\n", " ")) + " "
