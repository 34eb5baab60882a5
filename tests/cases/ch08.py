"""Right and wrong answers to the exercises of chapter 8."""

import math

import torch
from torch import nn

from rnnbook.recurrent import detach, set_gate_bias

HALF = 0.5 ** (1 / 50)
BIAS = math.log(HALF / (1 - HALF))


def coupled(keep=lambda f: f, write=lambda f: 1 - f, g=torch.tanh, swap=False, show=torch.tanh):
    def step(x, state, W_x, W_h, b):
        h, c = state
        a = {k: torch.addmm(x @ W_x[k] + b[k], h, W_h[k]) for k in W_x}
        f = a["f"].sigmoid()
        c = keep(f) * c + write(f) * g(a["g"])
        h = a["o"].sigmoid() * show(c)
        return (c, h) if swap else (h, c)

    return step


def lerped(x, state, W_x, W_h, b):
    """The cell as a weighted mean."""
    (h, c), a = state, {}
    for k in "ogf":
        a[k] = x @ W_x[k] + h @ W_h[k] + b[k]
    c = torch.lerp(a["g"].tanh(), c, a["f"].sigmoid())
    return a["o"].sigmoid() * c.tanh(), c


def stepper(order="ifgo", biases=2):
    def step(lstm, x, h, c):
        a = x @ lstm.weight_ih_l0.T + h @ lstm.weight_hh_l0.T
        a = a + lstm.bias_ih_l0 * (biases > 0) + lstm.bias_hh_l0 * (biases > 1)
        part = dict(zip(order, a.chunk(4, dim=1), strict=True))
        c = part["f"].sigmoid() * c + part["i"].sigmoid() * part["g"].tanh()
        return part["o"].sigmoid() * c.tanh(), c

    return step


def by_the_cell(lstm, x, h, c):
    return tuple(part[0] for part in lstm(x[None], (h[None], c[None]))[1])


def opened(lstm, value):
    set_gate_bias(lstm, value)
    return lstm


def opener(block=1, both=False, only_l0=False, other=True, weights=False, fresh=False):
    def open_forget_gates(lstm, value):
        H = lstm.hidden_size
        rows = slice(block * H, (block + 1) * H)
        with torch.no_grad():
            for name, p in lstm.named_parameters():
                if only_l0 and not name.endswith("l0"):
                    continue
                if name.startswith("bias_ih"):
                    p[rows] = value
                elif name.startswith("bias_hh") and other:
                    p[rows] = value if both else 0
                elif weights and "weight" in name:
                    p[rows] = 0
        return nn.LSTM(lstm.input_size, H) if fresh else lstm

    return open_forget_gates


def merging(lstm, x, h, c):
    """The right step, with one bias added into the other for good."""
    with torch.no_grad():
        lstm.bias_ih_l0 += lstm.bias_hh_l0
        lstm.bias_hh_l0.zero_()
    return by_the_cell(lstm, x, h, c)


def cut_at(places):
    """Read in parts and detach at some places only, counted from the end."""

    def read_in_parts(lstm, x, size):
        outputs, state, parts = [], None, x.split(size)
        for n, part in enumerate(parts, start=1):
            output, state = lstm(part, state)
            state = detach(state) if len(parts) - n in places else state
            outputs.append(output)
        return torch.cat(outputs)

    return read_in_parts


def last_part_alone(lstm, x, size):
    outputs, state, parts = [], None, x.split(size)
    for n, part in enumerate(parts):
        with torch.set_grad_enabled(n == len(parts) - 1):
            output, state = lstm(part, state)
            outputs.append(output)
    return torch.cat(outputs)


def reader(keep_c=True, cut=detach, carry=True, cut_output=False):
    def read_in_parts(lstm, x, size):
        outputs, state = [], None
        for part in x.split(size):
            output, (h, c) = lstm(part, state)
            state = cut((h, c if keep_c else torch.zeros_like(c))) if carry else None
            outputs.append(output.detach() if cut_output else output)
        return torch.cat(outputs)

    return read_in_parts


def detached_at_the_call(lstm, x, size):
    outputs, h, c = [], torch.zeros(1, x.shape[1], lstm.hidden_size), None
    c = h
    for start in range(0, len(x), size):
        output, (h, c) = lstm(x[start : start + size], (h.detach(), c.detach()))
        outputs += list(output)
    return torch.stack(outputs)


def whole(g=torch.tanh, show=torch.tanh, order="ifgo", old=False, biases=True, swap=False):
    def step(x, state, W_x, W_h, b):
        h, c = state
        a = [x @ W_x[k] + h @ W_h[k] + b[k] * biases for k in order]
        i, f, o = a[0].sigmoid(), a[1].sigmoid(), a[3].sigmoid()
        new = f * c + i * g(a[2])
        pair = o * show(c if old else new), new
        return pair[::-1] if swap else pair

    return step


def by_nn_lstm(x, state, W_x, W_h, b):
    """The functional form: one product for all gates, in another order of its own."""
    h, c = state
    joined = [torch.cat([part[k] for k in "ogfi"], dim=-1) for part in (W_x, W_h, b)]
    o, g, f, i = (x @ joined[0] + h @ joined[1] + joined[2]).chunk(4, dim=1)
    c = c * torch.sigmoid(f) + torch.tanh(g) * torch.sigmoid(i)
    return torch.tanh(c) * torch.sigmoid(o), c


def start(H=64, kind=nn.RNN, features=16, **options):
    """A layer that keeps lengths: an orthogonal recurrence and no biases."""

    def make():
        layer = kind(features, H, **({"batch_first": True} | options))
        with torch.no_grad():
            if kind is nn.RNN:
                nn.init.orthogonal_(layer.weight_hh_l0)
            for name, p in layer.named_parameters():
                if "bias" in name:
                    p.zero_()
        return layer

    return make


ONE = start()()


def without_biases():
    layer = nn.RNN(16, 60, bias=False, batch_first=True)
    torch.nn.init.orthogonal_(layer.weight_hh_l0)
    return layer


CASES = {
    "8.1": (
        [(0.986, 4.27), (torch.tensor(HALF), torch.tensor(BIAS))],
        [
            (0.5, 0.0),
            (0.99, 4.6),
            (HALF, -BIAS),
            (HALF, math.log(HALF)),
            (1.014, 4.27),
            (0.98, 3.9),
            (HALF, 5.0),
        ],
    ),
    "8.2": (
        [(whole(),), (by_nn_lstm,)],
        [
            (whole(g=torch.sigmoid),),
            (whole(g=lambda a: a),),
            (whole(order="figo"),),
            (whole(order="ifog"),),
            (whole(old=True),),
            (whole(show=lambda c: c),),
            (whole(show=torch.sigmoid),),
            (whole(biases=False),),
            (whole(swap=True),),
            (lambda x, s, *w: [part.detach() for part in whole()(x, s, *w)],),
            (lambda x, s, *w: whole()(x, s, *w)[0],),
        ],
    ),
    "8.3": (
        [(reader(),), (detached_at_the_call,)],
        [
            (reader(keep_c=False),),
            (reader(cut=lambda s: s),),
            (reader(carry=False),),
            (reader(cut=lambda s: (s[0].detach(), s[1])),),
            (reader(cut=lambda s: (s[0], s[1].detach())),),
            (reader(cut_output=True),),
            (cut_at({1}),),
            (cut_at(range(2, 9)),),
            (last_part_alone,),
            (lambda lstm, x, size: lstm(x)[0],),
            (lambda lstm, x, size: lstm(x)[1][0],),
        ],
    ),
    "8.4": (
        [(opened,), (opener(),)],
        [
            (opener(both=True),),
            (opener(block=0),),
            (opener(block=2),),
            (opener(only_l0=True),),
            (opener(other=False),),
            (opener(weights=True),),
            (opener(fresh=True),),
        ],
    ),
    "8.5": (
        [(start(),), (without_biases,)],
        [
            (lambda: nn.RNN(16, 64, batch_first=True),),
            (start(H=65),),
            (start(kind=nn.LSTM),),
            (start(batch_first=False),),
            (start(features=8),),
            (start(num_layers=2),),
            (lambda: ONE,),
        ],
    ),
    "8.6": (
        [(coupled(),), (lerped,)],
        [
            (coupled(write=lambda f: f),),
            (coupled(keep=lambda f: 1 - f, write=lambda f: f),),
            (coupled(write=lambda f: 1),),
            (coupled(g=torch.sigmoid),),
            (coupled(g=lambda a: a),),
            (coupled(swap=True),),
            (lambda x, s, *w: [part.detach() for part in coupled()(x, s, *w)],),
            (coupled(show=lambda c: c),),
            (lambda x, s, *w: coupled()(x, s, *w)[0],),
        ],
    ),
    "8.7": (
        [(72_000.0, 254.0)],
        [
            (71_520, 254),
            (18_000, 120),
            (54_000, 220),
            (71_040, 254),
            (72_000, 240),
            (72_000, 480),
            (72_000, 253),
        ],
    ),
    "8.8": (
        [(stepper(),), (by_the_cell,)],
        [
            (stepper("ifog", 1),),
            (stepper("ifog"),),
            (stepper(biases=1),),
            (stepper("figo"),),
            (stepper(biases=0),),
            (merging,),
            (lambda *a: by_the_cell(*a)[::-1],),
            (lambda *a: by_the_cell(*a)[0],),
        ],
    ),
}
