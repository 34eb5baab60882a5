"""The network that learns in the page: PyTorch's gradients, the book's baselines, in a worker."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from playwright.sync_api import Browser, Page
from site_pages import Visit
from test_live import mounted, state_of, under_policy
from torch import nn

from rnnbook.baselines import baselines
from rnnbook.datasets import story
from rnnbook.models import CharLM
from rnnbook.recurrent import RNN
from rnnbook.text import one_hot

pytestmark = pytest.mark.timeout(300)
NAMES = ("W_xh", "W_hh", "b_h", "W_hq", "b_q")
B, T, H, V = 4, 7, 12, 28

GRADIENTS = """
([values, X, Y, h0, B, T, H]) => {
  const { learner } = rnnbookLive;
  const net = learner.network(H, () => 0.5);
  learner.parameters(net).forEach(({ value }, n) => value.set(values[n]));
  const { loss, state } = learner.gradients(net, Uint8Array.from(X), Uint8Array.from(Y), Float32Array.from(h0), B, T);
  const grads = learner.parameters(net).map(({ grad }) => [...grad]);
  const norm = learner.descend(net, 0.5, 0.01);
  return [loss, [...state], grads, norm, learner.parameters(net).map(({ value }) => [...value])];
}
"""  # noqa: E501


@pytest.fixture
def chapter(visit: Visit, server: str) -> Page:
    """Open chapter 5 with its live figure mounted."""
    tab, _ = visit(f"{server}/chapters/05_training.html")
    mounted(tab)
    return tab


def learn(tab: Page, until: float, seconds: float) -> dict:
    """Press Start, and wait until the perplexity is low enough or the learner's time is up."""
    tab.get_by_role("button", name="Start", exact=True).click()
    tab.wait_for_function(
        """([until, seconds]) => {
          const { curve } = document.querySelector('.live-mount').liveState, last = curve.at(-1);
          return last && (last.perplexity < until || last.seconds > seconds);
        }""",
        arg=[until, seconds],
        timeout=200_000,
    )
    return state_of(tab)


def test_one_step_has_pytorchs_gradients(chapter: Page) -> None:
    generator = torch.Generator().manual_seed(3)
    shapes = {"W_xh": (V, H), "W_hh": (H, H), "b_h": (H,), "W_hq": (H, V), "b_q": (V,)}
    params = [(0.4 * torch.randn(s, generator=generator)).requires_grad_() for s in shapes.values()]
    X, Y = (torch.randint(V, (B, T), generator=generator) for _ in range(2))
    h0 = 0.5 * torch.randn(B, H, generator=generator)

    W_xh, W_hh, b_h, W_hq, b_q = params
    h, logits = h0, []
    for x in one_hot(X.T, V):
        h = torch.tanh(x @ W_xh + h @ W_hh + b_h)
        logits.append(h @ W_hq + b_q)
    loss = nn.functional.cross_entropy(torch.cat(logits), Y.T.flatten())
    loss.backward()
    grads = [p.grad.clone() for p in params]
    norm = nn.utils.clip_grad_norm_(params, 0.01)
    torch.optim.SGD(params, lr=0.5).step()

    given = [[p.detach() for p in params], X, Y, h0]
    start = [(p + 0.5 * p.grad).detach().flatten().tolist() for p in params]  # before the step
    found = chapter.evaluate(
        GRADIENTS, [start, *(v.flatten().tolist() for v in given[1:]), B, T, H]
    )
    assert abs(found[0] - loss.item()) < 1e-5
    assert torch.allclose(torch.tensor(found[1]), h.flatten(), atol=1e-5)
    for name, ours, theirs in zip(NAMES, found[2], grads, strict=True):
        difference = (torch.tensor(ours) - theirs.flatten()).norm() / theirs.norm()
        assert difference < 1e-5, name
    assert abs(found[3] / norm.item() - 1) < 1e-5
    for name, ours, p in zip(NAMES, found[4], params, strict=True):
        assert torch.allclose(torch.tensor(ours), p.detach().flatten(), atol=1e-6), name


def test_perplexity_is_the_books(chapter: Page) -> None:
    from rnnbook import metrics

    torch.manual_seed(1)
    model, text = CharLM(RNN(V, H)), story().validation.text[:500]
    state = model.recurrent.state_dict()
    bias = state["bias_ih_l0"] + state["bias_hh_l0"]
    parts = [state["weight_ih_l0"].T, state["weight_hh_l0"].T, bias]
    parts += [model.head.weight.detach().T, model.head.bias.detach()]
    tokens = story().vocab.idx_to_token
    order = chapter.evaluate("() => rnnbookLive.learner.TOKENS")
    assert sorted(order) == sorted(tokens)
    rows = [tokens.index(token) for token in order]  # the page keeps the alphabet's order
    parts[0], parts[3], parts[4] = parts[0][rows], parts[3][:, rows], parts[4][rows]
    perplexity = chapter.evaluate(
        """([values, H, text]) => {
          const { learner } = rnnbookLive, net = learner.network(H, () => 0.5);
          learner.parameters(net).forEach(({ value }, n) => value.set(values[n]));
          return learner.perplexity(net, learner.encode(text));
        }""",
        [[p.flatten().tolist() for p in parts], H, text],
    )
    expected = metrics.perplexity(model, story().vocab.encode(text))
    assert abs(perplexity / expected - 1) < 1e-5


def test_it_learns_below_the_baselines_of_the_book(chapter: Page) -> None:
    of_the_book = baselines()
    learnt = learn(chapter, of_the_book["trigram"], seconds=60)
    assert learnt["baselines"] == pytest.approx(list(of_the_book.values()), rel=1e-6)
    curve = learnt["curve"]
    below = {
        name: next((p["seconds"] for p in curve if p["perplexity"] < of_the_book[name]), None)
        for name in ("bigram", "trigram")
    }
    assert below["bigram"] is not None and below["bigram"] < 10, below
    assert below["trigram"] is not None and below["trigram"] < 60, below


def test_it_pauses_goes_on_and_begins_again(chapter: Page) -> None:
    first = learn(chapter, 0, seconds=0.5)["curve"]
    chapter.get_by_role("button", name="Pause").click()
    chapter.wait_for_timeout(300)
    paused = state_of(chapter)["curve"]
    chapter.wait_for_timeout(1200)
    assert state_of(chapter)["curve"] == paused and state_of(chapter)["state"] == "paused"
    chapter.get_by_role("button", name="Go on").click()
    chapter.wait_for_function(
        "n => document.querySelector('.live-mount').liveState.curve.length > n", arg=len(paused)
    )
    chapter.get_by_role("button", name="Reset").click()
    assert state_of(chapter)["curve"] == [] and state_of(chapter)["state"] == "new"
    again = learn(chapter, 0, seconds=0.5)["curve"]
    assert abs(again[0]["perplexity"] / first[0]["perplexity"] - 1) < 0.5  # the same start


def test_a_rate_too_large_throws_it_out_and_says_so(chapter: Page) -> None:
    for label, key in (("learning rate", "End"), ("clip the gradient to", "End")):
        chapter.get_by_label(label).focus()
        chapter.keyboard.press(key)
    chapter.get_by_role("button", name="Start", exact=True).click()
    chapter.wait_for_function(
        """() => document.querySelector('.live-status').textContent.includes('fell apart')
          || document.querySelector('.live-mount').liveState.curve.at(-1)?.perplexity > 50"""
    )
    assert state_of(chapter)["lr"] > 30 and state_of(chapter)["clip"] in (None, float("inf"))


def test_it_learns_from_a_text_of_the_readers_own(chapter: Page) -> None:
    chapter.get_by_text("Learn from a text of your own").click()
    box = chapter.get_by_label("Paste 2,000 characters or more")
    box.fill("Too short.")
    chapter.get_by_role("button", name="Learn from this").click()
    assert "2000 are needed" in chapter.locator(".live-status").text_content()
    box.fill("Abba, baba! " * 400)
    chapter.get_by_role("button", name="Learn from this").click()
    chapter.wait_for_function(
        "() => document.querySelector('.live-mount').liveState.curve.at(-1)?.perplexity < 1.5"
    )
    assert state_of(chapter)["baselines"][0] == pytest.approx(28)


def test_it_learns_from_the_disk(browser: Browser, built: Path) -> None:
    tab = browser.new_context().new_page()
    tab.goto((built / "chapters" / "05_training.html").as_uri())
    mounted(tab)
    assert learn(tab, 0, seconds=0.5)["curve"]
    tab.context.close()


def test_it_learns_under_a_strict_policy(browser: Browser, server: str) -> None:
    tab = browser.new_context().new_page()
    under_policy(tab)
    tab.goto(f"{server}/chapters/05_training.html")
    mounted(tab)
    assert learn(tab, 0, seconds=0.5)["curve"]
    tab.context.close()
