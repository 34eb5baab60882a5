"""Right answers that checks once refused: lazy modules, and zeros of the default type."""

import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence

from rnnbook.exercises import PASSED, grade


class LazyBoth(nn.Module):
    def __init__(self, V, H, C):
        super().__init__()
        self.recurrent = nn.GRU(V, H, batch_first=True, bidirectional=True)
        self.norm, self.head = nn.LazyBatchNorm1d(), nn.LazyLinear(C)

    def forward(self, x):
        _, h_n = self.recurrent(x)
        return self.head(self.norm(torch.cat([h_n[0], h_n[1]], dim=1)))


class LazyHead(nn.Module):
    def __init__(self, F):
        super().__init__()
        self.lstm, self.head = nn.LSTM(F, 256, 2, batch_first=True), nn.LazyLinear(1)

    def forward(self, x, lengths):
        packed = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
        return self.head(self.lstm(packed)[1][0][-1]).squeeze(1)


class LazyClasses(nn.Module):
    def __init__(self, F, H, L, C):
        super().__init__()
        self.rnn, self.fc = nn.RNN(F, H, L, batch_first=True), nn.LazyLinear(C)

    def forward(self, x):
        return self.fc(self.rnn(x)[1][-1])


def backward_with_zeros(inputs, hs, h0, do, W_hh, W_hq):
    before, d = torch.cat([h0[None], hs[:-1]]), torch.zeros(h0.shape)
    dW_xh, dW_hh = torch.zeros(inputs.shape[2], h0.shape[1]), torch.zeros(W_hh.shape)
    db_h = torch.zeros(h0.shape[1])
    for t in reversed(range(len(hs))):
        d = (do[t] @ W_hq.T + d @ W_hh.T) * (1 - hs[t] ** 2)
        dW_xh += inputs[t].T @ d
        dW_hh += before[t].T @ d
        db_h += d.sum(0)
    return dW_xh, dW_hh, db_h


def relu_backward_with_zeros(g, hs, h0, W_hh):
    d, from_right = torch.zeros(g.shape), torch.zeros(h0.shape)
    for t in reversed(range(len(g))):
        d[t] = (g[t] + from_right) * (hs[t] > 0)
        from_right = d[t] @ W_hh.T
    before = torch.cat([h0[None], hs[:-1]])
    return d, from_right, before.flatten(0, 1).T @ d.flatten(0, 1)


def states_from_zeros(step, inputs, h, window):
    hs = torch.zeros(len(inputs), *h.shape)
    for t, x in enumerate(inputs):
        h = step(x, h.detach() if t % window == 0 else h)
        hs = hs + torch.eye(len(inputs))[t].reshape(-1, *[1] * h.dim()) * h
    return hs


def parts_from_zeros(lstm, x, size):
    state, outputs = (torch.zeros(1, x.shape[1], lstm.hidden_size),) * 2, []
    for part in x.split(size):
        output, state = lstm(part, tuple(s.detach() for s in state))
        outputs.append(output)
    return torch.cat(outputs)


def both_into_zeros(gru, head, x):
    states = torch.zeros(len(x), 2 * gru.hidden_size)
    _, h_n = gru(x)
    states = states + torch.cat([h_n[0], h_n[1]], dim=1)
    return head(states)


def last_into_zeros(output, H):
    last = torch.zeros(2, len(output), H)
    return last + torch.stack([output[:, -1, :H], output[:, 0, H:]])


@pytest.mark.filterwarnings("ignore:Lazy modules")
@pytest.mark.parametrize(
    ("number", "answer"),
    [
        ("7.6", LazyClasses),
        ("10.8", LazyBoth),
        ("11.8", LazyHead),
        ("4.2", backward_with_zeros),
        ("4.3", relu_backward_with_zeros),
        ("6.2", states_from_zeros),
        ("8.3", parts_from_zeros),
        ("9.8", both_into_zeros),
        ("10.2", last_into_zeros),
    ],
)
def test_they_pass(number, answer):
    verdict = grade(number, answer)
    assert verdict.status == PASSED, verdict.message
