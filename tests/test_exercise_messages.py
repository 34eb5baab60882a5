"""Wrong answers are refused with a reason: every message is stored, so that none changes unseen.

python -m tests.test_exercise_messages    stores them anew; then read the difference
"""

import json
import math
import re
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence

from rnnbook.exercises import NOT_YET, grade
from tests.exercises.test_exercises import CASES

STORED = Path(__file__).parent / "cases" / "messages.json"


def said(number, answers):
    """Return the message to a wrong answer, without what another machine may say otherwise."""
    verdict = grade(number, *answers)
    assert verdict.status == NOT_YET
    assert len(verdict.message) > 15
    message = re.sub(r" at 0x[0-9a-f]+", "", verdict.message)
    return re.sub(r"\d+\.\d+(e-?\d+)?", "#.#", message)


def messages():
    """Return every exercise's messages to its wrong answers, in their order."""
    return {n: [said(n, answers) for answers in wrong] for n, (_, wrong) in CASES.items()}


@pytest.mark.parametrize("number", sorted(CASES))
def test_messages_are_the_stored_ones(number):
    stored = json.loads(STORED.read_text("utf-8"))
    assert set(stored) == set(CASES)
    assert [said(number, answers) for answers in CASES[number][1]] == stored[number]


# ---------------------------------------------------------------- slips that readers made


def strips_as_columns(corpus, B, T, offset):
    length = (len(corpus) - offset) // B
    strips = corpus[offset : offset + B * length].reshape(length, B).T
    for t in range(0, length - T, T):
        yield strips[:, t : t + T], strips[:, t + 1 : t + T + 1]


def weak_latch(vocab):
    W_xh = torch.zeros(len(vocab), 1)
    W_xh[vocab["x"]] = 5.0
    return W_xh, torch.tensor([[1.0]]), torch.zeros(1)


def relu_backward(shift=0, before=lambda hs, h0: hs[:-1]):
    def backward(g, hs, h0, W):
        d, from_right = torch.zeros_like(g), torch.zeros_like(h0)
        for t in reversed(range(len(g))):
            d[t] = (g[t] + from_right) * (hs[t + shift] > 0)
            from_right = d[t] @ W.T
        return d, from_right, before(hs, h0).flatten(0, 1).T @ d.flatten(0, 1)

    return backward


def reach_from_zero(w):
    h = 0.0
    for _ in range(1000):
        h = math.tanh(w * h)
    return math.log(1e-3) / math.log(w * (1 - h * h))


def with_an_input_gate(x, state, W_x, W_h, b):
    i = torch.sigmoid(x @ W_x["i"])
    return i, i


def with_gradients_on(lstm, value):
    H = lstm.hidden_size
    for name, parameter in lstm.named_parameters():
        if "bias" in name:
            parameter[H : 2 * H] = value / 2
    return lstm


def pair_detached(lstm, x, size):
    outputs, state = [], None
    for part in x.split(size):
        output, state = lstm(part, state)
        state = state.detach()
        outputs.append(output)
    return torch.cat(outputs)


def one_too_far(output, lengths):
    return output[torch.arange(len(lengths)), lengths]


def mask_of_one_axis(output, lengths):
    mask = torch.arange(output.shape[1]) < lengths
    return output.masked_fill(~mask.unsqueeze(2), 0).sum(1) / lengths.unsqueeze(1)


class PairAsState(nn.Module):
    def __init__(self, F):
        super().__init__()
        self.lstm, self.head = nn.LSTM(F, 256, 2, batch_first=True), nn.Linear(256, 1)

    def forward(self, x, lengths):
        packed = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
        _, h = self.lstm(packed)
        return self.head(h[-1]).squeeze(1)


@pytest.mark.parametrize(
    ("number", "answer", "words"),
    [
        ("1.1", "it s o clock high water\nbring a lamp", "put together with a space"),
        ("1.6", strips_as_columns, r"\(B, length\), and not \(length, B\)"),
        ("3.2", weak_latch, r"settles where it meets itself: with w = 1 at 0\.0"),
        ("4.3", relu_backward(shift=1), "hs has T states, the first of them h_1"),
        ("4.3", relu_backward(), r"what stands before hs\[0\]"),
        ("4.4", reach_from_zero, "a state that starts at 0 stays there: start at 1"),
        ("8.6", with_an_input_gate, "KeyError: 'i'.*i is 1 - f"),
        ("8.4", with_gradients_on, r"under torch.no_grad\(\)"),
        ("8.3", pair_detached, r"the pair \(h, c\): detach both"),
        ("11.2", one_too_far, "a sequence of 3 steps ends at index 2"),
        ("11.3", mask_of_one_axis, "gives the axis that is missing"),
        ("11.8", PairAsState, r"your h is the pair, and h\[-1\] is c_n"),
    ],
)
def test_slips_that_readers_made_are_named(number, answer, words):
    verdict = grade(number, answer)
    assert verdict.status == NOT_YET and re.search(words, verdict.message), verdict.message


if __name__ == "__main__":
    STORED.write_text(json.dumps(messages(), indent=1, ensure_ascii=False) + "\n", "utf-8")
