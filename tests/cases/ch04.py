"""Right and wrong answers to the exercises of chapter 4."""

import math

import torch


def backward(bug="", dtype=torch.float64, as_list=False):
    """A backward pass that collects all d first, with one bug or none."""

    def mended(inputs, hs, h0, do, W_hh, W_hq):
        T = len(hs)
        g, ds = do @ W_hq.T, [None] * T
        for t in range(T - 1, -1, -1):
            arrived = g[t]
            if t < T - 1 and bug != "recursion":
                arrived = arrived + ds[t + 1] @ (W_hh if bug == "transpose" else W_hh.T)
            h = torch.tanh(hs[t]) if bug == "slope" else hs[t]
            ds[t] = arrived * ((1 - h) if bug == "square" else (1 - h * h))
        d = torch.stack(ds).to(dtype)
        first = torch.zeros_like(h0) if bug == "h0" else hs[-1] if bug == "last" else h0
        before = hs if bug == "state" else torch.cat([first[None], hs[:-1]])
        dW_hh = before.flatten(0, 1).T @ d.flatten(0, 1)
        db = d.mean((0, 1)) if bug == "mean" else d[0].sum(0) if bug == "sum" else d.sum((0, 1))
        if bug == "keepdim":
            db = d.sum((0, 1)).unsqueeze(0)
        all_three = inputs.flatten(0, 1).T @ d.flatten(0, 1), dW_hh, db
        return list(all_three) if as_list else all_three

    return mended


def forwards(inputs, hs, h0, do, W_hh, W_hq, last_alone=False, carried="d", slope=True):
    """A loop with a slip of its own: from the first step on, or one of the others."""
    before, T = torch.cat([h0[None], hs[:-1]]), len(hs)
    d, sums = torch.zeros_like(h0), [0, 0, 0]
    for t in range(T) if carried == "forwards" else reversed(range(T)):
        dh = do[t] @ W_hq.T + d @ W_hh.T
        now = dh * (1 - hs[t] ** 2) if slope else dh
        d = dh if carried == "dh" else now
        parts = inputs[t].T @ now, before[t].T @ now, now.sum(0)
        sums = [p if last_alone else s + p for s, p in zip(sums, parts, strict=True)]
    return tuple(sums)


def all_four(inputs, hs, h0, do, W_hh, W_hq):
    d, dW_xh, dW_hh, db_h = torch.zeros_like(h0), 0, 0, 0
    for t in reversed(range(len(hs))):
        dh = do[t] @ W_hq.T + d @ W_hh
        d = dh * (1 - torch.tanh(hs[t]) ** 2)
        dW_xh = dW_xh + inputs[t].T @ d
        dW_hh = dW_hh + hs[t].T @ d
        db_h = d.sum(dim=0)
    return dW_xh, dW_hh, db_h


def relu(slope=lambda h: (h > 0).to(h.dtype), back=lambda d, W: d @ W.T, shift=True, dh0=True):
    def backward(g, hs, h0, W):
        ds, arrived = [], 0
        for t in range(len(g) - 1, -1, -1):
            d = slope(hs[t]) * (g[t] + arrived)
            ds.append(d)
            arrived = back(d, W)
        d = torch.stack(ds[::-1])
        states = torch.cat([h0[None], hs])[: len(g)] if shift else hs
        dW = torch.stack([h.T @ e for h, e in zip(states, d, strict=True)]).sum(0)
        return d, arrived if dh0 else d[0], dW

    return backward


def relu_without_h0(g, hs, h0, W):
    """The product leaves out the first step, whose state before is h0."""
    d, dh0, _ = relu()(g, hs, h0, W)
    return d, dh0, hs[:-1].flatten(0, 1).T @ d[1:].flatten(0, 1)


def relu_by_autograd(g, hs, h0, W):
    """Build the graph anew from the states, and let autograd find the gradients."""
    h0, W = h0.requires_grad_(), W.requires_grad_()
    with torch.no_grad():
        before = torch.cat([h0[None], hs[:-1]])
        # Where a unit is off, any share below its threshold gives the same state.
        shares = torch.where(hs > 0, hs - before @ W, -before @ W - 1)
    shares.requires_grad_()
    h, out = h0, []
    for share in shares:
        h = torch.relu(share + h @ W)
        out.append(h)
    return torch.autograd.grad(torch.stack(out), (shares, h0, W), g)


def reach(start=1.0, repeats=3000, factor=lambda w, h: w * (1 - h * h), base=0, limit=1e-3):
    def latch_reach(w):
        h = start
        for _ in range(repeats):
            h = math.tanh(w * h)
        return math.ceil(math.log(limit) / math.log(factor(w, h))) + base

    return latch_reach


CASES = {
    "4.1": (
        [(2.5, 0.5, 1.0, 4.0), (torch.tensor(2.5), 1 / 2, 1, 4)],
        [
            (2.25, 1.25, 0.25, 3.75),
            (2.5, 1.0, 4.0, 7.5),
            (2.5, 0.5, 2.0, 5.0),
            (2.5, 0.5, 0.5, 3.5),
            (1.25, 0.25, 0.5, 2.0),
            (2.5, 0.5, 1.0, 3.0),
            (1.0, 0.5, 2.5, 4.0),
        ],
    ),
    "4.2": (
        [(backward(),), (backward(as_list=True),)],
        [
            *((backward(bug),) for bug in ("transpose", "slope", "state", "sum", "mean")),
            *((backward(bug),) for bug in ("recursion", "h0", "last", "square", "keepdim")),
            (all_four,),
            (lambda *a: forwards(*a, carried="forwards"),),
            (lambda *a: forwards(*a, carried="dh"),),
            (lambda *a: forwards(*a, slope=False),),
            (lambda *a: forwards(*a, last_alone=True),),
            (lambda *a: backward()(*a)[1],),
        ],
    ),
    "4.3": (
        [(relu(),), (relu_by_autograd,), (relu(slope=lambda h: torch.sign(h)),)],
        [
            (relu(slope=lambda h: 1 - h**2),),
            (relu(slope=lambda h: (h >= 0).double()),),
            (relu(slope=lambda h: h),),
            (relu(back=lambda d, W: d @ W),),
            (relu(back=lambda d, W: 0 * d),),
            (relu(shift=False),),
            (relu(dh0=False),),
            (relu_without_h0,),
            (lambda *a: relu()(*a)[0],),
            (lambda *a: (relu()(*a)[0].flip(0), *relu()(*a)[1:]),),
            (lambda g, *a: tuple(t.sum(0) for t in relu()(g, *a)),),
        ],
    ),
    "4.4": (
        [(reach(),), (lambda w: float(reach(start=0.5)(w)),)],
        [
            (reach(factor=lambda w, h: 1 - h * h),),
            (reach(factor=lambda w, h: w * (1 - math.tanh(h) ** 2)),),
            (reach(factor=lambda w, h: 1 - math.tanh(h) ** 2),),
            (reach(repeats=1),),
            (reach(repeats=20),),
            (reach(base=-1),),
            (reach(base=1),),
            (reach(limit=1e-2),),
            (reach(factor=lambda w, h: w * (1 - h)),),
            (lambda w: (reach()(w), 0.9),),
            (lambda w: 7 * w,),
        ],
    ),
    "4.5": (
        [("vanishes", "cannot tell", "cannot tell", "vanishes"),
         (" Vanishes", "CANNOT TELL", "can't  tell ", "vanishes.")],
        [
            ("cannot tell", "cannot tell", "cannot tell", "vanishes"),
            ("vanishes", "vanishes", "cannot tell", "vanishes"),
            ("vanishes", "cannot tell", "vanishes", "vanishes"),
            ("vanishes", "cannot tell", "cannot tell", "cannot tell"),
            ("vanishes", "explodes", "cannot tell", "vanishes"),
            (True, False, False, True),
        ],
    ),
}  # fmt: skip
