"""Checks of chapter 3: a recurrent network written by hand."""

import math
import random

import torch
from torch import nn

from rnnbook.exercises.kit import (
    Wrong,
    attempted,
    boolean,
    built,
    call,
    choice,
    close,
    exercise,
    learns,
    number,
    pair,
    run,
    same_gradients,
    short,
    tensor,
)
from rnnbook.text import Vocab, one_hot


def _count(V, H):
    return V * H + H * H + H + H * V + V


@exercise("3.1", "Count the parameters", "count-the-parameters")
def exercise_3_1(count_256, count_512):
    for H, answer in ((256, count_256), (512, count_512)):
        count = number(f"the count for H = {H}", answer)
        right = _count(28, H)
        slips = {
            right - H - 28: "the two biases are missing",
            right - H: "the state's bias is missing",
            right - 28: "the head's bias is missing",
            right - H * 28 - 28: "the head, W_hq and b_q, is missing",
            right + H: "that has two biases for the state, as PyTorch does; ours has one",
            2
            * _count(28, H // 2): "twice the units is not twice the parameters: how large is W_hh?",
            4 * _count(28, H // 2): "not everything grows with the square of H: only W_hh does",
        }
        if count != right:
            raise Wrong(
                f"H = {H}: {count:g} is not it; {slips.get(count, 'add up the five sizes')}"
            )
    return f"{_count(28, 512) / _count(28, 256):.1f} times as many for twice the units"


@exercise("3.2", "Remember an x", "remember-an-x")
def exercise_3_2(remember_x):
    vocab = Vocab("abcdefghijklmnopqrstuvwxyz ")
    W_xh, W_hh, b_h = _three_tensors(call(remember_x, vocab))
    for part, shape in ((W_xh, (len(vocab), 1)), (W_hh, (1, 1)), (b_h, (1,))):
        if tuple(part.shape) != shape or not torch.isfinite(part).all():
            raise Wrong(
                "expected finite numbers in the shapes (V, 1), (1, 1), (1,); one is "
                f"{tuple(part.shape)}"
            )
    rng = random.Random(0)
    others = "abcdefghijklmnopqrstuvwyz "
    for length in (1, 2, 10, 250):
        for _ in range(5):
            without = "".join(rng.choices(others, k=length))
            _examine_latch(without, False, vocab, W_xh, W_hh, b_h)
            at = rng.randrange(length)
            _examine_latch(without[:at] + "x" + without[at + 1 :], True, vocab, W_xh, W_hh, b_h)
    _examine_latch("x" + 200 * "a", True, vocab, W_xh, W_hh, b_h)
    _examine_latch("xx" + 200 * "e", True, vocab, W_xh, W_hh, b_h)


def _three_tensors(returned):
    names = ("W_xh", "W_hh", "b_h")
    parts = pair(returned, names)
    try:
        parts = [torch.as_tensor(part).detach().double() for part in parts]
    except (TypeError, ValueError, RuntimeError):
        raise Wrong(f"expected three tensors {', '.join(names)}, got {short(returned)}") from None
    return parts


def _examine_latch(text, seen, vocab, W_xh, W_hh, b_h):
    h, after_x = torch.zeros(1, 1), None
    for letter, x in zip(text, one_hot(vocab.encode(text), len(vocab)).double(), strict=True):
        h = torch.tanh(x.unsqueeze(0) @ W_xh + h @ W_hh + b_h)
        after_x = h.item() if letter == "x" else after_x
    if (h.item() > 0.5) == seen and h.item() != 0.5:
        return
    shown = text if len(text) <= 20 else f"a text of {len(text)} characters"
    if seen:
        lifted = after_x > 0.5
        raise Wrong(
            f"{shown!r}: h was {after_x:.3f} right after the last x and is {h.item():.3f} at the"
            " end, not above 0.5: "
            + (
                "what holds it up? Without an input, h = tanh(w * h) settles where it meets itself:"
                f" with w = {W_hh.item():g} at {_settled(W_hh.item()):.3f}"
                if lifted
                else "does x lift it, whatever the state was before?"
            )
        )
    raise Wrong(
        f"{shown!r}: no x has occurred, yet h is {h.item():.3f}: what else moves the state?"
    )


def _settled(w):
    """Return where h = tanh(w * h) ends when it starts at 1."""
    h = 1.0
    for _ in range(100_000):
        h = math.tanh(w * h)
    return h


@exercise("3.3", "The recurrence, from a blank cell", "the-recurrence-from-a-blank-cell")
def exercise_3_3(rnn):
    one = [torch.tensor([[value]]) for value in (0.5, 0.8, 0.1, 2.0, 1.0)]
    params = [p.flatten() if n in (2, 4) else p for n, p in enumerate(one)]
    inputs = torch.tensor([1.0, 0.0, 0.0]).reshape(3, 1, 1)
    _examine_rnn(rnn, inputs, torch.zeros(1, 1), params, "one unit, inputs 1, 0, 0")
    for T, B, V, H in ((6, 4, 5, 3), (1, 2, 3, 4), (4, 1, 2, 6)):
        params = [torch.randn(size) for size in ((V, H), (H, H), (H,), (H, V), (V,))]
        inputs, h = torch.randn(T, B, V), torch.randn(B, H)
        _examine_rnn(rnn, inputs, h, params, f"T = {T}, B = {B}, V = {V}, H = {H}")


def _examine_rnn(rnn, inputs, h, params, where):
    (T, B, V), H = inputs.shape, h.shape[1]
    params = [p.requires_grad_() for p in params]
    outputs, state = pair(call(rnn, inputs, h, params), ("the logits", "the last state"))
    if isinstance(outputs, list):
        raise Wrong("the logits of all steps are a list: torch.stack makes one tensor of them")
    shapes = {
        (T, B, H): "those are the states of all steps: the head makes logits of them",
        (B, V): "those are the logits of one step: keep those of every step",
        (T * B, V): "cat joins along an axis that is there; a new one is made by stack",
        (B, T, V): "time comes first",
    }
    got = tensor("the logits (T, B, V)", outputs, (T, B, V), shapes)
    last = tensor("the last state (B, H)", state, (B, H), {(T, B, H): "only the last state"})
    right, right_last = _rnn(inputs, h, params)
    if not close(got, right):
        for slip, reason in {
            "tanh": "the tanh is missing: that is a linear network",
            "b_h": "the state's bias is missing",
            "outside": "the state's bias belongs inside the tanh",
            "b_q": "the head's bias is missing",
            "carry": "every step starts from the first state: the new one is not carried on",
            "zeros": "the state that was given is not used: it starts from zeros",
            "before": "the head reads the state from before the step",
            "squashed": "the logits are squashed: the tanh belongs to the state",
            "transposed": "W_hh is transposed: here it is h @ W_hh",
        }.items():
            if close(got, _rnn(inputs, h, params, slip)[0]):
                raise Wrong(f"{where}: {reason}")
        first = int((~torch.isclose(got, right.double()).flatten(1).all(dim=1)).nonzero()[0]) + 1
        raise Wrong(f"{where}: the logits differ from step {first} on")
    if not close(last, right_last):
        raise Wrong(f"{where}: the logits are right, and the second value is not the last state")
    same_gradients(got, right, params, "the logits")


def _rnn(inputs, h, params, slip=None):
    """The right answer, or one with a slip, to recognise what a wrong one did."""
    W_xh, W_hh, b_h, W_hq, b_q = params
    W_hh = W_hh.T if slip == "transposed" else W_hh
    h = torch.zeros_like(h) if slip == "zeros" else h
    start, outputs = h, []
    for x in inputs:
        before = h
        new = x @ W_xh + (start if slip == "carry" else h) @ W_hh + (0 if slip == "b_h" else b_h)
        h = new if slip == "tanh" else torch.tanh(new)
        if slip == "outside":
            h = torch.tanh(new - b_h) + b_h
        o = (before if slip == "before" else h) @ W_hq + (0 if slip == "b_q" else b_q)
        outputs.append(torch.tanh(o) if slip == "squashed" else o)
    return torch.stack(outputs), h


@exercise("3.4", "Neither forget nor explode", "neither-forget-nor-explode")
def exercise_3_4(critical_scale):
    scale, right = number("s", critical_scale), 1 / 400**0.5
    if scale <= 0:
        raise Wrong(f"expected a factor above 0, got {scale}")
    if abs(scale - right) <= 0.1 * right:
        return
    if abs(scale - 1 / 400) < 1e-4:
        raise Wrong("1/H is too small: the radius grows with the square root of H")
    if abs(scale - right / 3**0.5) < 1e-3 or abs(scale - right * 3**0.5) < 1e-3:
        raise Wrong("the square root of 3 belongs to uniform entries; these are normal")
    radius = scale / right
    reason = "" if abs(radius - 1) > 0.2 else ": take the mean over a few matrices"
    raise Wrong(f"s = {scale:g} gives a spectral radius of about {radius:.3g} for H = 400{reason}")


@exercise("3.5", "A square trap", "a-square-trap")
def exercise_3_5(load_into):
    V, H, B, T = 5, 4, 3, 6
    x = torch.randn(T, B, V)
    W_xh, W_hh, b_h = (torch.randn(shape) for shape in ((V, H), (H, H), (H,)))
    builtin = nn.RNN(V, H)
    start = builtin.bias_hh_l0.detach().clone()
    loaded = call(load_into, builtin, W_xh, W_hh, b_h)
    expected = _states(x, W_xh, W_hh, b_h)
    if loaded is not builtin:
        raise Wrong(f"expected the layer itself back, changed in place, got {short(loaded)}")
    if not all(isinstance(p, nn.Parameter) and p.requires_grad for p in builtin.parameters()):
        raise Wrong("a weight of the layer can no longer be trained: copy into it, under no_grad")
    if close(builtin(x)[0], expected, 1e-10):
        builtin(x)[0].sum().backward()
        return
    for reason, states in {
        "W_hh still lacks its transpose": _states(x, W_xh, W_hh.T, b_h),
        "the bias is counted twice": _states(x, W_xh, W_hh, 2 * b_h),
        "the bias is missing": _states(x, W_xh, W_hh, 0 * b_h),
        "bias_hh keeps its random start: nn.RNN adds it": _states(x, W_xh, W_hh, b_h + start),
        "W_hh lacks its transpose and the bias is counted twice": _states(x, W_xh, W_hh.T, 2 * b_h),
    }.items():
        if close(builtin(x)[0], states, 1e-10):
            raise Wrong(reason)
    raise Wrong("the outputs differ from h = tanh(x @ W_xh + h @ W_hh + b_h)")


def _states(x, W_xh, W_hh, b_h):
    h, hs = torch.zeros(x.shape[1], len(W_hh)), []
    for step in x:
        h = torch.tanh(step @ W_xh + h @ W_hh + b_h)
        hs.append(h)
    return torch.stack(hs)


@exercise("3.6", "The optimiser that sees nothing", "the-optimiser-that-sees-nothing")
def exercise_3_6(mended):
    V, H, L, B = 5, 4, 3, 2
    model = built(mended, V, H, L)
    names = ("W_xh", "W_hh", "b_h")
    if not any(hasattr(model, name) for name in names):
        attempted(None)  # the stub's constructor makes nothing
    for name in names:
        if not hasattr(model, name):
            raise Wrong(f"the model has no {name}, which forward uses")
        held = getattr(model, name)
        if not hasattr(held, "__iter__") or not all(isinstance(p, torch.Tensor) for p in held):
            raise Wrong(f"expected {name} to hold a tensor for each layer, got {short(held)}")
    parameters = list(model.parameters())
    registered = {id(p) for p in parameters}
    used = [*model.W_xh, *model.W_hh, *model.b_h]
    if parameters and any(id(p) not in registered for p in used):
        raise Wrong("some of W_xh, W_hh and b_h, which forward uses, are not registered themselves")
    if not parameters:
        raise Wrong("model.parameters() is still empty: an optimiser has nothing to update")
    if len(parameters) != 3 * L:
        raise Wrong(
            f"expected {3 * L} registered parameters for {L} layers, found {len(parameters)}"
        )
    shapes = [tuple(p.shape) for p in model.W_xh]
    if shapes != [(V, H)] + [(H, H)] * (L - 1):
        raise Wrong(f"W_xh has the shapes {shapes}: layer 0 reads V features, the others H")
    outputs, _ = pair(run(model, torch.randn(6, B, V), torch.zeros(L, B, H)), ("outputs", "state"))
    tensor("outputs", outputs, (6, B, H))
    learns(outputs, "the outputs")
    before = [p.detach().clone() for p in model.parameters()]
    outputs.square().sum().backward()
    torch.optim.SGD(model.parameters(), 0.1).step()
    if any(not torch.isfinite(p).all() for p in before):
        raise Wrong("a parameter holds entries that are infinite or not a number")
    if any(torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True)):
        raise Wrong("a step of SGD leaves a parameter as it was: does every one get a gradient?")
    if len({id(p) for p in model.W_hh}) != L or torch.equal(model.W_hh[0], model.W_hh[1]):
        raise Wrong("the layers share a recurrent weight: each needs its own")


@exercise("3.7", "Which orders are allowed", "which-orders-are-allowed")
def exercise_3_7(is_allowed):
    for T, L in ((4, 3), (2, 5), (1, 1)):
        for name, order, right in _orders(T, L):
            got = boolean("the answer", call(is_allowed, list(order), T, L))
            if got != right:
                raise Wrong(
                    f"T = {T}, L = {L}: {name} is {'' if right else 'not '}allowed, and yours says "
                    f"{got}: {order}"
                )


def _orders(T, L):
    """Name orders of the cells, the right ones and the wrong, and say which they are."""
    time_outside = [(t, layer) for t in range(T) for layer in range(L)]
    layers_outside = [(t, layer) for layer in range(L) for t in range(T)]
    yield "time outside", time_outside, True
    yield "layers outside", layers_outside, True
    yield "along the diagonals", sorted(time_outside, key=sum), True
    yield "time outside without its last cell", time_outside[:-1], False
    yield "time outside with its last cell twice", time_outside + time_outside[-1:], False
    if T * L > 1:
        twice = [*time_outside[:-1], time_outside[0]]
        yield "time outside with its first cell twice and its last missing", twice, False
    yield "a cell outside the grid at the end", [*time_outside, (T, 0)], False
    for cell in ((T, 0), (0, L), (-1, 0), (0, -1)):  # as many cells as there should be
        yield f"time outside with {cell} for its last cell", [*time_outside[:-1], cell], False
    yield "the empty order", [], False
    if T > 1 and L > 1:
        yield "the reverse of time outside", time_outside[::-1], False
        yield "layers from the top down", [(t, L - 1 - n) for t, n in time_outside], False
        yield "time backwards", [(T - 1 - t, n) for t, n in time_outside], False
    # In each of these one single cell comes before the one that it needs.
    for at in range(1, T * L):
        for name, order in (("time outside", time_outside), ("layers outside", layers_outside)):
            swapped = order.copy()
            swapped[at - 1 : at + 1] = swapped[at - 1 : at + 1][::-1]
            said = f"{name} with cells {at} and {at + 1} swapped"
            yield said, swapped, _allowed(swapped)
    rng = random.Random(0)
    for draw in range(40):
        order = rng.sample(time_outside, T * L)
        yield f"a random order, number {draw}", order, _allowed(order)
        yield f"a random allowed order, number {draw}", _random_allowed(rng, T, L), True


def _allowed(order):
    place = {cell: number for number, cell in enumerate(order)}
    return all(
        (t == 0 or place[t - 1, layer] < number) and (layer == 0 or place[t, layer - 1] < number)
        for (t, layer), number in place.items()
    )


def _random_allowed(rng, T, L):
    """Return a random topological order: no layer is ahead of the one below."""
    reached, order = [0] * L, []
    while len(order) < T * L:
        ready = [n for n in range(L) if reached[n] < (reached[n - 1] if n else T)]
        layer = rng.choice(ready)
        order.append((reached[layer], layer))
        reached[layer] += 1
    return order


@exercise("3.8", "Outputs and states", "outputs-and-states")
def exercise_3_8(answer):
    choice(
        answer,
        "abcd",
        "b",
        {
            "a": "nn.RNN has no head: look at the last axis of output, H and not V",
            "c": "which layer's states does output hold, the first or the last?",
            "d": "output is (T, B, H), room for one layer only",
        },
    )
