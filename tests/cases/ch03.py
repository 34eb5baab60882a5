"""Right and wrong answers to the exercises of chapter 3."""

import torch
from torch import nn

from rnnbook.exercises.ch03 import _rnn


def latch(w_x=5.0, w_h=3.0, b=0.0, letter="x"):
    def remember(vocab):
        W_xh = torch.zeros(len(vocab), 1)
        W_xh[vocab[letter]] = w_x
        return W_xh, torch.tensor([[w_h]]), torch.tensor([b])

    return remember


class Deep(nn.Module):
    """The chapter's DeepRNN without a constructor of its own."""

    def forward(self, inputs, state):
        state, outputs = list(state), []
        for x in inputs:
            for layer in range(len(state)):
                x = torch.tanh(
                    x @ self.W_xh[layer] + state[layer] @ self.W_hh[layer] + self.b_h[layer]
                )
                state[layer] = x
            outputs.append(x)
        return torch.stack(outputs), torch.stack(state)


def deep(hold=nn.ParameterList, biases=True, first=None, shared=False, grad=True):
    class Model(Deep):
        def __init__(self, V, H, L):
            super().__init__()
            sizes = [V] + [H] * (L - 1)
            one = nn.Parameter(torch.randn(H, H))
            self.W_xh = hold(nn.Parameter(torch.randn(size, H)) for size in (first or sizes))
            self.W_hh = hold(one if shared else nn.Parameter(torch.randn(H, H)) for _ in sizes)
            self.b_h = hold(nn.Parameter(torch.zeros(H), requires_grad=grad) for _ in sizes)
            if not biases:
                self.b_h = [torch.zeros(H).double() for _ in sizes]

    return Model


class Appended(Deep):
    def __init__(self, V, H, L):
        super().__init__()
        self.W_xh, self.W_hh, self.b_h = (nn.ParameterList() for _ in range(3))
        for layer in range(L):
            self.W_xh.append(torch.randn(H if layer else V, H) / 10)
            self.W_hh.append(torch.randn(H, H) / 10)
            self.b_h.append(torch.randn(H))


def allowed_by_position(order, T, L):
    place = {cell: n for n, cell in enumerate(order)}
    cells = {(t, n) for t in range(T) for n in range(L)}
    if set(order) != cells or len(order) != len(cells):
        return False
    return all(place.get((t - 1, n), -1) < i and place.get((t, n - 1), -1) < i
               for (t, n), i in place.items())  # fmt: skip


def allowed_without(*checks):
    """A right examiner of orders with some of its checks left out."""

    def is_allowed(order, T, L):
        done = set()
        for t, n in order:
            if "time" not in checks and t > 0 and (t - 1, n) not in done:
                return False
            if "layer" not in checks and n > 0 and (t, n - 1) not in done:
                return False
            done.add((t, n))
        cells = {(t, n) for t in range(T) for n in range(L)}
        return "complete" in checks or (len(order) == T * L and done == cells)

    return is_allowed


def loader(ih=lambda W: W.T, hh=lambda W: W.T, b_ih=1.0, b_hh=0.0):
    def load_into(builtin, W_xh, W_hh, b_h):
        with torch.no_grad():
            builtin.weight_ih_l0.copy_(ih(W_xh))
            builtin.weight_hh_l0.copy_(hh(W_hh))
            builtin.bias_ih_l0.copy_(b_ih * b_h)
            if b_hh is not None:
                builtin.bias_hh_l0.copy_(b_hh * b_h)
        return builtin

    return load_into


def anywhere(order, T, L):
    """The right number of cells in a right order, and never a look at the grid."""
    right = allowed_without("complete")(order, T, L)
    return right and len(order) == len(set(order)) == T * L


def by_rows(inputs, h, params):
    """One matrix instead of two, and the head after the loop."""
    W_xh, W_hh, b_h, W_hq, b_q = params
    W, states = torch.cat([W_xh, W_hh]), []
    for t in range(len(inputs)):
        h = (torch.cat([inputs[t], h], dim=1) @ W + b_h).tanh()
        states.append(h)
    return torch.stack(states) @ W_hq + b_q, h


def through_pytorch(inputs, h, params):
    W_xh, W_hh, b_h, W_hq, b_q = params
    weights = {"weight_ih_l0": W_xh.T, "weight_hh_l0": W_hh.T, "bias_ih_l0": b_h,
               "bias_hh_l0": torch.zeros_like(b_h)}  # fmt: skip
    layer = nn.RNN(*W_xh.shape)
    output, h_n = torch.func.functional_call(layer, weights, (inputs, h.unsqueeze(0)))
    return output @ W_hq + b_q, h_n[0]


CASES = {
    "3.1": (
        [(80156.0, 291356)],
        [
            (80156 - 256, 291356),
            (80156 - 28, 291356),
            (80156, 291356 + 512),
            (80156 - 256 - 28, 291356 - 512 - 28),
            (72960, 277504),
            (80156, 2 * 80156),
        ],
    ),
    "3.2": (
        [(latch(10.0, 1.5),), (lambda v: [p.double() for p in latch(2.0, 2.0)(v)],)],
        [
            (latch(w_h=1.0),),
            (latch(w_h=0.0),),
            (latch(w_h=1.05),),
            (latch(w_x=-5.0),),
            (latch(letter="y"),),
            (latch(b=1.0),),
            (latch(w_x=0.0),),
            (lambda v: latch()(v)[::-1],),
            (lambda v: latch()(v)[0],),
        ],
    ),
    "3.3": (
        [(by_rows,), (through_pytorch,)],
        [
            *(
                (lambda *given, slip=slip: _rnn(*given, slip),)
                for slip in (
                    "tanh",
                    "b_h",
                    "outside",
                    "b_q",
                    "carry",
                    "zeros",
                    "before",
                    "squashed",
                    "transposed",
                )
            ),
            (lambda *given: _rnn(*given)[0],),
            (lambda *given: (list(_rnn(*given)[0]), _rnn(*given)[1]),),
            (lambda *given: (torch.cat(list(_rnn(*given)[0])), _rnn(*given)[1]),),
            (lambda *given: (_rnn(*given)[0].transpose(0, 1), _rnn(*given)[1]),),
            (lambda *given: (_rnn(*given)[0], given[1]),),
            (lambda *given: (_rnn(*given)[0].detach(), _rnn(*given)[1]),),
        ],
    ),
    "3.4": (
        [(0.05,), (0.0455,), (torch.tensor(0.0545),)],
        [(0.01,), (1 / 400,), (1.0,), (0.0289,), (-0.05,), (0.0866,)],
    ),
    "3.6": (
        [(deep(),), (Appended,)],
        [
            (deep(hold=list),),
            (deep(biases=False),),
            (deep(first=[5, 5, 5]),),
            (deep(shared=True),),
            (deep(grad=False),),
            (deep()(5, 4, 3),),
        ],
    ),
    "3.7": (
        [(allowed_by_position,)],
        [
            (allowed_without("time"),),
            (allowed_without("layer"),),
            (allowed_without("complete"),),
            (lambda order, T, L: allowed_by_position(order, 4, 3),),
            (lambda order, T, L: order == sorted(order),),
            (anywhere,),
            (lambda order, T, L: True,),
            (lambda order, T, L: 1,),
        ],
    ),
    "3.5": (
        [(loader(b_ih=0.5, b_hh=0.5),), (loader(b_ih=0.0, b_hh=1.0),)],
        [
            (loader(hh=lambda W: W),),
            (loader(b_hh=1.0),),
            (loader(b_ih=0.0),),
            (loader(hh=lambda W: W, b_hh=1.0),),
            (loader(ih=lambda W: W),),
            (loader(b_hh=None),),
            (loader(hh=lambda W: -W.T),),
        ],
    ),
    "3.8": ([("B",)], [("a",), ("c",), ("d",), ("e",), (1,)]),
}
