"""Right and wrong answers to the exercises of chapter 6."""

import torch
from torch import nn

from rnnbook.recurrent import RNN


def truncated(where="before", first=True, shift=0, every=False, zeros=False, stack=torch.stack):
    def states(step, inputs, h, window):
        hs = []
        for t in range(len(inputs)):
            if (every or (t + shift) % window == 0) and (first or t) and where == "before":
                h = torch.zeros_like(h) if zeros else h.detach()
            h = step(inputs[t], h)
            if where == "after" and (t + 1) % window == 0:
                h = h.detach()
            hs.append(h)
        return stack(hs)

    return states


def detached_in_place(step, inputs, h, window):
    hs = []
    for t, x in enumerate(inputs):
        if t % window == 0:
            h.detach_()
        h = step(x, h)
        hs.append(h)
    return torch.stack(hs)


def by_windows(step, inputs, h, window):
    """Detach once for each piece of the split inputs."""
    hs = []
    for piece in torch.split(inputs, window):
        h = h.detach().clone()
        for x in piece:
            h = step(x, h)
            hs.append(h.unsqueeze(0))
    return torch.cat(hs)


def detached_copy(step, inputs, h, window):
    """Store each state before it is cut, and go on with the cut one."""
    hs, h = [], h.detach()
    for t, x in enumerate(inputs, start=1):
        hs.append(step(x, h))
        h = hs[-1].detach() if t % window == 0 else hs[-1]
    return torch.stack(hs)


def delay_line(lag=20, layer=RNN, sharp=30.0, shuffled=False):
    """A network that nobody trained: four units for each of the last letters, handed on."""
    rnn, head = layer(4, 4 * (lag + 1)), nn.Linear(4 * (lag + 1), 4)
    with torch.no_grad():
        for parameter in [*rnn.parameters(), *head.parameters()]:
            parameter.zero_()
        rnn.weight_ih_l0[:4] = torch.eye(4)
        rnn.weight_hh_l0[4:, :-4] = torch.eye(4 * lag)
        head.weight[:, -4:] = sharp * torch.eye(4)[[1, 0, 2, 3] if shuffled else [0, 1, 2, 3]]
    return rnn, head


CASES = {
    "6.1": ([("C",), (" c ",)], [("a",), ("b",), ("d",), ("e",), (3,)]),
    "6.2": (
        [(truncated(),), (by_windows,), (detached_copy,)],
        [
            (truncated(where="after"),),
            (truncated(where="never"),),
            (detached_in_place,),
            (truncated(first=False),),
            (truncated(shift=1),),
            (truncated(every=True),),
            (truncated(zeros=True),),
            (truncated(stack=list),),
            (truncated(stack=torch.cat),),
        ],
    ),
    "6.3": (
        [delay_line(), delay_line(layer=nn.RNN)],
        [
            delay_line(lag=19),
            delay_line(lag=21),
            delay_line(shuffled=True),
            delay_line(sharp=0.0),
            (nn.RNN(4, 8), nn.Linear(8, 4)),
            (nn.RNN(5, 8), nn.Linear(8, 4)),
            (nn.RNN(4, 8), nn.Linear(8, 5)),
            (nn.RNN(4, 8), 0.4),
        ],
    ),
    "6.4": (
        [(2.3, 655, 2.3), (torch.tensor(2.29376), 655.36, 2.29)],
        [
            (0.57344, 655.36, 2.29),
            (2_293_760, 655.36, 2.29),
            (0.07168, 655.36, 2.29),
            (2.1875, 655.36, 2.29),
            (2.29, 2.29, 2.29),
            (2.29, 163.84, 2.29),
            (2.29, 655, 655),
            (4.6, 655, 2.3),
            ("2.3 MB", 655, 2.3),
        ],
    ),
    "6.5": (
        [
            ("efhgadb",),
            ("gefhadb",),
            ("e, f, g, h, a, d, b",),
            ("fhgadbe",),
            ("fehgadb",),
            ("fhadbge",),
            ("e-f-h-g-a-d-b\n",),
            ("EGFHADB",),
        ],
        [
            ("hefgadb",),
            ("efhgabd",),
            ("efhgdab",),
            ("efhagdb",),
            ("efhadgb",),
            ("efhadb",),
            ("cfhgadb",),
            ("efhgjdb",),
            ("efhigadb",),
            ("efhgaadb",),
            ("efhgadbz",),
            ("",),
            (7,),
        ],
    ),
}
