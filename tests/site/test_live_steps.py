"""The figures of single steps: their numbers by PyTorch, by hand and keyboard, and their pace."""

from __future__ import annotations

import pytest
import torch
from playwright.sync_api import Browser, Page, expect
from site_pages import Look, Visit
from test_live import FRAMES, mounted, state_of
from torch import nn

from rnnbook.live.cells import small_weights, states_by_hand

PAGES = {
    "backward": "04_backpropagation_through_time",
    "scissors": "06_long_sequences",
    "step": "03_rnn_from_scratch",
    "lstm": "08_lstm",
    "gru": "09_gru",
}
NAMES = {
    "backward": "Gradients through time",
    "scissors": "Gradients through time",
    "step": "One step by hand",
    "lstm": "A gated unit as a tank",
    "gru": "A gated unit as a tank",
}


@pytest.fixture
def figure(visit: Visit, server: str, request: pytest.FixtureRequest) -> Page:
    """Open the page of a figure with the first figure of the page mounted."""
    tab, _ = visit(f"{server}/chapters/{PAGES[request.param]}.html")
    mounted(tab)
    return tab


def press(tab: Page, label: str, key: str, times: int = 1) -> None:
    """Move a slider by keyboard."""
    tab.get_by_label(label).focus()
    for _ in range(times):
        tab.keyboard.press(key)


def by_autograd(w: float, start: float, steps: int, cut: int = 0) -> list[float]:
    """Return the gradient of the last state by each, newest first."""
    h = torch.tensor(start, dtype=torch.float64, requires_grad=True)
    states = [h]
    for t in range(1, steps + 1):
        h = torch.tanh(w * (h.detach().requires_grad_() if t == cut else h))
        states.append(h)
    found = torch.autograd.grad(h, states, allow_unused=True)
    return [0.0 if g is None else g.item() for g in found]


@pytest.mark.parametrize("figure", ["backward"], indirect=True)
def test_the_dot_has_autograds_size(figure: Page) -> None:
    assert state_of(figure)["gradients"] == pytest.approx(by_autograd(2.0, 0.05, 8))
    press(figure, "weight w", "ArrowRight", 4)  # 0.05 each
    press(figure, "first state", "Home")
    found = state_of(figure)
    assert (found["w"], found["start"]) == (2.2, -1)
    assert found["gradients"] == pytest.approx(by_autograd(2.2, -1, 8))
    press(figure, "weight w", "Home")
    assert state_of(figure)["gradients"] == [0] * 8 + [1]
    expect(figure.locator(".live-status")).to_contain_text("vanishes")
    press(figure, "weight w", "End")
    for _ in range(20):
        press(figure, "first state", "ArrowRight")
    assert state_of(figure)["start"] == pytest.approx(0)
    expect(figure.locator(".live-status")).to_contain_text("it grows")  # 3 to the eighth
    assert state_of(figure)["gradients"][0] == pytest.approx(3**8)


@pytest.mark.parametrize("figure", ["scissors"], indirect=True)
def test_scissors_cut_the_gradient_and_not_the_state(figure: Page) -> None:
    before = state_of(figure)
    assert before["cut"] == 5
    assert before["gradients"] == pytest.approx(by_autograd(1.0, 0.3, 8, cut=5))
    press(figure, "scissors before step", "ArrowLeft", 3)
    after = state_of(figure)
    assert after["states"] == before["states"] and after["cut"] == 2
    assert after["gradients"] == pytest.approx(by_autograd(1.0, 0.3, 8, cut=2))
    press(figure, "scissors before step", "Home")
    assert all(state_of(figure)["gradients"]) and state_of(figure)["cut"] == 0


@pytest.mark.parametrize("figure", ["step"], indirect=True)
def test_a_step_by_hand_is_nn_rnns(figure: Page) -> None:
    tokens, weights = "tide", small_weights(4, 3, seed=3202)
    for letter in "ed":
        figure.get_by_role("button", name=letter, exact=True).press("Enter")
    found = state_of(figure)
    assert found["read"] == "tied"
    states = states_by_hand(
        weights, [tokens.index(letter) for letter in "tied"]
    )  # nn.RNN's: tests/live
    assert found["state"] == pytest.approx(states[-1].tolist())
    assert torch.tanh(torch.tensor(found["sums"])).tolist() == pytest.approx(found["state"])
    lit = figure.locator(".live-lit td").all_inner_texts()
    assert [float(text.replace("−", "-")) for text in lit] == weights["W_xh"][2]
    shown = figure.locator(".live-sum").first.inner_text()
    assert f"{found['sums'][0]:.2f}".replace("-", "−") in shown
    figure.get_by_role("button", name="Start over").press("Enter")
    assert state_of(figure)["read"] == "ti"


@pytest.mark.parametrize("figure", ["lstm"], indirect=True)
def test_the_tank_is_an_lstm_cell(figure: Page) -> None:
    """With weights of zero and the gates as biases, PyTorch's cell has the same levels."""
    figure.get_by_role("button", name="half open").press("Enter")
    press(figure, "forget gate f", "ArrowRight", 4)  # 0.7
    for _ in range(5):
        figure.get_by_role("button", name="Step", exact=True).press("Enter")
    gates = torch.tensor([0.5, 0.7, 0.8, 0.5], dtype=torch.float64)  # i, f, g, o
    cell = nn.LSTMCell(1, 1).double()
    with torch.no_grad():
        for p in cell.parameters():
            p.zero_()
        cell.bias_ih.copy_(torch.logit(gates))
        cell.bias_ih[2] = torch.atanh(gates[2])
    c = start = torch.ones(1, 1, dtype=torch.float64, requires_grad=True)
    h, levels = torch.zeros(1, 1, dtype=torch.float64), [1.0]
    for _ in range(5):
        h, c = cell(torch.zeros(1, 1, dtype=torch.float64), (h, c))
        levels.append(c.item())
    found = state_of(figure)
    assert found["levels"] == pytest.approx(levels) and found["shown"] == pytest.approx(h.item())
    (left,) = torch.autograd.grad(c, start)
    assert found["gradients"][-1] == pytest.approx(left.item())


@pytest.mark.parametrize("figure", ["lstm"], indirect=True)
def test_a_closed_drain_keeps_level_and_gradient(figure: Page) -> None:
    figure.get_by_role("button", name="keep").press("Enter")
    for _ in range(4):
        figure.get_by_role("button", name="Step", exact=True).press("Enter")
    assert state_of(figure)["levels"] == [1] * 5 and state_of(figure)["gradients"] == [1] * 5
    figure.get_by_role("button", name="forget").press("Enter")
    figure.get_by_role("button", name="Step", exact=True).press("Enter")
    assert state_of(figure)["levels"][-1] == 0 and state_of(figure)["gradients"][-1] == 0
    figure.get_by_role("button", name="Start over").press("Enter")
    assert state_of(figure)["levels"] == [1]


@pytest.mark.parametrize("figure", ["gru"], indirect=True)
def test_the_grus_tank_is_a_mean(figure: Page) -> None:
    press(figure, "update gate z", "ArrowRight", 6)  # 0.8
    press(figure, "candidate n", "Home")
    for _ in range(3):
        figure.get_by_role("button", name="Step", exact=True).press("Enter")
    level, levels = 1.0, [1.0]
    for _ in range(3):
        level = 0.8 * level + 0.2 * -1
        levels.append(level)
    assert state_of(figure)["levels"] == pytest.approx(levels)
    assert state_of(figure)["gradients"][-1] == pytest.approx(0.8**3)


@pytest.mark.parametrize("kind", PAGES)
def test_it_reads_well_by_day_and_by_night_and_on_a_phone(look: Look, kind: str) -> None:
    for width, theme in ((1280, "light"), (390, "dark")):
        tab, _ = look(f"chapters/{PAGES[kind]}", theme, width)
        mounted(tab)
        assert tab.get_by_role("group", name=NAMES[kind]).count() == 1
        wide = tab.evaluate("() => document.documentElement.scrollWidth")
        box = tab.locator(".live-figure").first.bounding_box()
        assert wide <= width and box["x"] >= 0 and box["x"] + box["width"] <= width


@pytest.mark.parametrize("kind", ["backward", "gru"])
def test_it_moves_at_thirty_frames_a_second(browser: Browser, server: str, kind: str) -> None:
    tab = browser.new_context(reduced_motion="no-preference").new_page()
    tab.goto(f"{server}/chapters/{PAGES[kind]}.html")
    mounted(tab)
    tab.get_by_role("button", name="Step" if kind == "gru" else "Send it back", exact=True).click()
    frames = tab.evaluate(FRAMES, 1000)
    tab.context.close()
    assert frames > 30
