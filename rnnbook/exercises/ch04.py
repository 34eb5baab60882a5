"""Checks of chapter 4: backpropagation through time."""

import math
from itertools import combinations

import torch

from rnnbook.exercises.kit import (
    Wrong,
    attempted,
    call,
    close,
    exercise,
    hints,
    number,
    pair,
    short,
    tensor,
    whole,
)
from rnnbook.recurrent import Recurrence


@exercise("4.1", "Three terms by hand", "three-terms-by-hand")
def exercise_4_1(term_3, term_2, term_1, total):
    attempted(term_3, term_2, term_1, total)
    for name, answer, right, slips in (
        ("term_3", term_3, 2.5, {2.25: "w multiplied h2 at step 3, and not h3", 1.0: "that is "
         "the gradient that arrives; w multiplied h2 there, so what is their product?", 1.25: "that"
         " is h2 * w: between step 3 and the loss the result passes w no more"}),
        ("term_2", term_2, 0.5, {1.0: "the result of step 2 passes w once more, at step 3",
         1.25: "w multiplied h1 at step 2, and not h2", 0.25: "it passes w once more, not twice"}),
        ("term_1", term_1, 1.0, {4.0: "the result of step 1 passes w twice more", 2.0: "it passes w"
         " at step 2 and at step 3: twice, not once", 0.25: "w multiplied h0 at step 1, and not h1",
         0.5: "it passes w twice more, not three times"}),
    ):  # fmt: skip
        got = number(name, answer)
        if not _close(got, right):
            reason = slips.get(got, "a term is h[t-1] times the gradient that arrives at t")
            raise Wrong(f"{name} is {got:g}: {reason}")
    if not _close(number("the total", total), 4.0):
        raise Wrong(f"the terms are right; their sum is 4, and not {number('', total):g}")
    return "the far term has the smallest factor, and yet it is not the smallest term"


def _close(got, expected):
    return math.isclose(got, expected, rel_tol=1e-6, abs_tol=1e-9)


def _tensors(returned, names, shapes):
    """Return the reader's tensors if their number and shapes are right."""
    parts = zip(names, pair(returned, names), shapes, strict=True)
    return [tensor(name, part, shape).detach() for name, part, shape in parts]


def _same(got, expected):
    """Say whether all are equal, float32 on the way being enough."""
    return all(close(a, b, 1e-5) for a, b in zip(got, expected, strict=True))


BUGS = {
    "recursion": "nothing comes from the step to the right: h[t] also goes into h[t+1]",
    "no slope": "the slope of tanh, 1 - hs[t] ** 2, is missing",
    "carried": "what goes on to the left is d[t], inside the tanh, and not the gradient at h[t]",
    "forwards": "the recursion runs from the last step to the first",
    "mean": "the sum over the sequences, and not their mean: do is divided already",
    "divided": "do is divided by T * B already: not once more",
    "turned": "dW_hh is h[t-1].T @ d[t], and not its transpose",
    "overwritten": "each weight is used at every step: its gradient is the sum over all of them",
    "transpose": "the gradient comes back through the transpose of W_hh",
    "slope": "hs[t] is tanh(a[t]) already: its slope is read off it without another tanh",
    "state": "W_hh multiplied the state before, h[t-1], and h0 at the first step",
    "zeros": "at the first step the state before is h0, not zeros or nothing",
    "last": "at the first step the state before is h0; hs[-1] is the last state",
    "sum": "the bias is used at every step: its gradient is the sum over all of them",
}


def _before(hs, h0, slips):
    """The state before each step, or what a slip takes for it."""
    if "state" in slips:
        return hs
    first = torch.zeros_like(h0) if "zeros" in slips else hs[-1] if "last" in slips else h0
    return torch.cat([first.unsqueeze(0), hs[:-1]])


def _mended(inputs, hs, h0, do, W_hh, W_hq, bugs=()):
    """The right backward pass, or one with some of the bugs, to recognise what is left."""
    before = _before(hs, h0, bugs)
    slope = 1 - (torch.tanh(hs) if "slope" in bugs else hs) ** 2
    slope = torch.ones_like(hs) if "no slope" in bugs else slope
    W_back = 0 * W_hh if "recursion" in bugs else W_hh if "transpose" in bugs else W_hh.T
    ds, carried = torch.zeros_like(hs), torch.zeros_like(h0)
    steps = range(len(hs)) if "forwards" in bugs else reversed(range(len(hs)))
    for t in steps:
        dh = do[t] @ W_hq.T + carried @ W_back
        ds[t] = dh * slope[t]
        carried = dh if "carried" in bugs else ds[t]
    used = slice(t, t + 1) if "overwritten" in bugs else slice(None)
    db_h = ds[0].sum(0) if "sum" in bugs else ds[used].sum((0, 1))
    dW_xh, dW_hh = (torch.einsum("tbi,tbj->ij", a[used], ds[used]) for a in (inputs, before))
    dW_hh = dW_hh.T if "turned" in bugs else dW_hh
    size = ds.shape[1] if "mean" in bugs else len(ds) * ds.shape[1] if "divided" in bugs else 1
    return dW_xh / size, dW_hh / size, db_h / size


@exercise("4.2", "The way back, from a blank cell", "the-way-back")
def exercise_4_2(backward):
    generator = torch.Generator().manual_seed(0)
    T, B, V, H = 5, 3, 4, 6

    def normal(*shape):
        return torch.randn(shape, generator=generator).double()

    arguments = (
        normal(T, B, V), torch.tanh(normal(T, B, H)), torch.tanh(normal(B, H)),
        normal(T, B, V), normal(H, H), normal(H, V),
    )  # fmt: skip
    names, shapes = ("dW_xh", "dW_hh", "db_h"), ((V, H), (H, H), (H,))
    returned = call(backward, *arguments)
    got = _tensors(returned, names, shapes)
    if _same(got, _mended(*arguments)):
        return
    for count in (1, 2, 3):
        for bugs in combinations(BUGS, count):
            if _same(got, _mended(*arguments, bugs)):
                raise Wrong("; and ".join(BUGS[bug] for bug in bugs))
    right = _mended(*arguments)
    wrong = [n for n, a, b in zip(names, got, right, strict=True) if not _same([a], [b])]
    raise Wrong(f"not what the equations of section 4.3 give: {', '.join(wrong)}")


@exercise("4.3", "The same for relu", "the-same-for-relu")
def exercise_4_3(relu_backward):
    one = torch.ones(1, 1).double()
    # Two steps of one unit: h0 = 1, states 2 and 3, W = 0.5, a gradient of 1 at each.
    tiny = (torch.ones(2, 1, 1).double(), torch.tensor([2.0, 3.0]).double().reshape(2, 1, 1))
    _examine_relu(relu_backward, *tiny, one, 0.5 * one)
    generator = torch.Generator().manual_seed(0)
    for T, B, H in ((1, 2, 3), (6, 4, 5), (9, 1, 7), (4, 3, 1)):
        input_projection, g = (torch.randn(T, B, H, generator=generator).double() for _ in range(2))
        h0 = torch.randn(B, H, generator=generator).double()
        W = torch.randn(H, H, generator=generator).double() / 2
        _examine_relu(relu_backward, g, Recurrence.apply(input_projection, h0, W, "relu"), h0, W)


def _relu(g, hs, h0, W, slip=""):
    """The right gradients, or those with a slip, to name what a wrong answer did."""
    slope = 1 - hs**2 if slip == "tanh" else (hs >= 0 if slip == "zero" else hs > 0).double()
    d, back = torch.zeros_like(g), torch.zeros_like(h0)
    for t in reversed(range(len(g))):
        d[t] = g[t] * slope[t] + back if slip == "order" else (g[t] + back) * slope[t]
        back = d[t] @ (W if slip == "transpose" else W.T)
        if slip == "recursion":
            back = torch.zeros_like(back)
    before = _before(hs, h0, {slip})
    dh0 = d[0] if slip == "h0" else d[0] @ (W if slip == "transpose" else W.T)
    return d.flip(0) if slip == "reversed" else d, dh0, torch.einsum("tbi,tbj->ij", before, d)


RELU_SLIPS = {
    "reversed": "the d_t stand in the order in which they were found: the first step comes first",
    "tanh": "1 - h ** 2 is the slope of tanh, not of relu",
    "zero": "where the state is 0, take the slope 0",
    "order": "the slope multiplies what comes from the right too, not only g[t]",
    "transpose": "the gradient comes back through the transpose of W_hh",
    "recursion": BUGS["recursion"],
    "state": "W_hh multiplied the state before: h0 at the first step, then hs[0], ...",
    "zeros": BUGS["zeros"],
    "last": BUGS["last"],
    "h0": "h0 lies one more product with W_hh.T back than the first step's d",
}


# hs begins with the state after the first step, as in exercise 4.2.
BEGINS = "hs has T states, the first of them h_1, and h0 is by itself: what stands before hs[0]?"
RELU_HINTS = {"out of bounds": BEGINS, "cannot be multiplied": BEGINS, "size mismatch": BEGINS}


def _examine_relu(relu_backward, g, hs, h0, W):
    with hints(RELU_HINTS):
        returned = call(relu_backward, g, hs, h0, W)
    shapes = (tuple(g.shape), tuple(h0.shape), tuple(W.shape))
    got, right = _tensors(returned, ("d", "dh0", "dW_hh"), shapes), _relu(g, hs, h0, W)
    if _same(got, right):
        return
    # A slip must explain an answer that it makes different from the right one.
    for slip, reason in RELU_SLIPS.items():
        if _same(got, _relu(g, hs, h0, W, slip)):
            raise Wrong(reason)
    names = ("d, the gradients of the inputs' shares s_t", "dh0", "dW_hh")
    wrong = [n for n, a, b in zip(names, got, right, strict=True) if not _same([a], [b])]
    raise Wrong(f"for T, B, H = {tuple(g.shape)}, not what autograd finds: {', '.join(wrong)}")


@exercise("4.4", "How far back does a latch see?", "how-far-back-does-a-latch-see")
def exercise_4_4(latch_reach):
    got, held = {}, {}
    for w in (3, 2, 1.5, 1.1, 1.05):
        held[w] = 1.0
        for _ in range(10_000):
            held[w] = math.tanh(w * held[w])
        steps = number("the number of steps", call(latch_reach, w))
        if not 0 <= steps <= 10_000:
            raise Wrong(
                f"w = {w}: {steps:g} steps? The product does not fall if the state is 0, and a "
                "state that starts at 0 stays there: start at 1, as after an x"
            )
        got[w] = whole("the number of steps", steps)
    slope = {w: w * (1 - h**2) for w, h in held.items()}
    right = {w: _steps(factor) for w, factor in slope.items()}
    if _fits(got, right):
        return
    # A slip explains an answer only if it gives that answer's number for every w.
    slips = {
        "count the step that takes the product below 0.001 as well": {
            w: k - 1 for w, k in right.items()
        },
        "that is one step too many: the product is below 0.001 already before it": {
            w: k + 1 for w, k in right.items()
        },
        "the factor of a step is w * (1 - h*^2); w is missing": {
            w: _steps(1 - h**2) for w, h in held.items()
        },
        "h* is the tanh already: the slope is 1 - h*^2": {
            w: _steps(w * (1 - math.tanh(h) ** 2)) for w, h in held.items()
        },
        "that is the slope after one step from 1; let h settle first": {
            w: _steps(w * (1 - math.tanh(w) ** 2)) for w in held
        },
        "has h come to rest? near w = 1 it takes hundreds of repetitions": {
            w: _steps(w * (1 - _after(w, 20) ** 2)) for w in held
        },
        "the product is to fall below 0.001, a thousandth, and not another number": {
            w: _steps(factor, below=0.01) for w, factor in slope.items()
        },
    }
    wrong = next(w for w in got if not _fits({w: got[w]}, right))
    reason = f"the factor of each step is {slope[wrong]:.4f}"
    reason = next((why for why, steps in slips.items() if _fits(got, steps)), reason)
    raise Wrong(f"w = {wrong}: {got[wrong]:g} is not it; {reason}")


def _after(w, repetitions):
    """The state after some repetitions from 1, which may not be at rest."""
    h = 1.0
    for _ in range(repetitions):
        h = math.tanh(w * h)
    return h


def _fits(got, expected):
    """Whether all counts agree: none of the products is within rounding of the bound."""
    return all(expected[w] == k for w, k in got.items())


def _steps(slope, below=1e-3):
    return math.floor(math.log(below) / math.log(slope)) + 1 if 0 < slope != 1 else None


@exercise("4.5", "What the weights say beforehand", "what-the-weights-say-beforehand")
def exercise_4_5(a, b, c, d):
    answers = dict(zip("abcd", (a, b, c, d), strict=True))
    attempted(*answers.values())
    rights = {
        "a": (VANISHES, "0.8 bounds every step, whatever the network reads: 0.8 ** k goes to 0"),
        "b": (OPEN, "the largest singular value is above 1, so the bound grows; that the spectral "
              "radius is below 1 speaks of a network at rest, in the end"),
        "c": (OPEN, "the bound grows; but a unit of relu that is off passes nothing"),
        "d": (VANISHES, "strong inputs only make the slopes smaller: 0.5 bounds every step"),
    }  # fmt: skip
    for name, answer in answers.items():
        said = _plainly(answer) if isinstance(answer, str) else answer
        if not isinstance(said, str) or said not in (VANISHES, OPEN):
            raise Wrong(f"expected {name} as {VANISHES!r} or {OPEN!r}, got {short(answer)}")
        right, why = rights[name]
        if said != right:
            raise Wrong(f"{name} is not {said!r}: {why}")


def _plainly(answer):
    """Return an answer without what is only a way of writing it."""
    words = answer.lower().replace("_", " ").replace("can't", "cannot").strip(" .\n").split()
    return " ".join(words)


VANISHES, OPEN = "vanishes", "cannot tell"
