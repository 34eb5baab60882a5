"""Checks of chapter 6: long sequences."""

import torch
from torch import nn

from rnnbook.exercises.kit import (
    Wrong,
    attempted,
    call,
    choice,
    close,
    exercise,
    number,
    ordered,
    run,
    short,
    tensor,
)


@exercise("6.1", "What clipping leaves alone", "what-clipping-leaves-alone")
def exercise_6_1(answer):
    choice(
        answer,
        "abcd",
        "c",
        {
            "a": "that would be clipping by value; by norm, all are multiplied by one number",
            "b": "the norm was 50, far from vanishing; the terms that vanish are the far ones",
            "d": "a vector times a positive number keeps its direction",
        },
    )


@exercise("6.2", "Detach in the right place", "detach-in-the-right-place")
def exercise_6_2(truncated_states):
    for T, window in ((6, 3), (7, 3), (4, 1), (5, 9)):
        generator = torch.Generator().manual_seed(T)
        B, V, H = 2, 3, 4
        # Positive weights and small inputs: no gradient is 0 by accident.
        W_xh, W_hh = (torch.rand(n, H, generator=generator) / H for n in (V, H))
        inputs = torch.rand(T, B, V, generator=generator).requires_grad_()
        h0 = torch.rand(B, H, generator=generator).requires_grad_()
        given = []

        def step(x, h, W_xh=W_xh, W_hh=W_hh, given=given):
            given.append(torch.tanh(x @ W_xh + h @ W_hh))
            return given[-1]

        hs = call(truncated_states, step, inputs, h0, window)
        if given and not all(h.requires_grad for h in given):
            raise Wrong(
                "a state that step returned has no history any more: detach_() takes it from the "
                "tensor itself, where h = h.detach() makes another; or is there a no_grad, or is x "
                "detached?"
            )
        _examine_values(hs, step, inputs, h0, window)
        _examine_reach(hs, inputs, h0, window)


def _examine_values(hs, step, inputs, h0, window):
    T, shape = len(inputs), (len(inputs), *h0.shape)
    left_out = {
        (T // window * window, *h0.shape): "the last window may be shorter; is it left out?"
    }
    tensor("the states (T, B, H)", hs, shape, left_out)

    def read(first_too=False, zeros=True):
        h, states = h0, []
        for t, x in enumerate(inputs):
            h = step(x, 0 * h if zeros and t % window == 0 and (t or first_too) else h)
            states.append(h)
        return torch.stack(states)

    if close(hs, read(zeros=False)):
        return
    if close(hs, read()) or close(hs, read(first_too=True)):
        raise Wrong("at a cut the state's numbers go on; yours start again from zeros")
    raise Wrong(f"for T = {T} and a window of {window} the states are not those without truncation")


def _examine_reach(hs, inputs, h0, window):
    """Find from which steps a loss at each step gets a gradient, and from which it should."""
    to_h0 = []
    for t in range(len(inputs)):
        where = f"T = {len(inputs)}, window {window}: the state after step {t} (counted from 0)"
        if not hs[t].requires_grad:
            raise Wrong(f"{where} has no history at all: nothing learns from a loss there")
        reached = torch.autograd.grad(
            hs[t].sum(), [inputs, h0], retain_graph=True, allow_unused=True
        )
        of_inputs, of_h0 = reached
        if of_inputs is None:
            of_inputs = torch.zeros_like(inputs)
        steps = [s for s in range(len(inputs)) if of_inputs[s].abs().sum() > 0]
        start = t - t % window
        wanted = list(range(start, t + 1))
        if steps != wanted:
            got = f"steps {steps[0]} to {steps[-1]}" if steps else "no step at all"
            more = bool(steps) and steps[0] < start
            hint = (
                "a cut is missing or comes late" if more else "a cut comes too early or too often"
            )
            if not steps:
                hint = "detach before the step, not after it"
            raise Wrong(f"{where} gets a gradient from {got}, not from {start} to {t}: {hint}")
        to_h0.append(of_h0 is not None and bool(of_h0.abs().sum() > 0))
    if any(to_h0):
        raise Wrong("a gradient reaches the h that was given: detach that too")


@exercise("6.3", "Reach back twenty steps", "reach-back-twenty-steps")
def exercise_6_3(rnn, head):
    attempted(rnn, head)
    for name, module in (("rnn", rnn), ("head", head)):
        if not isinstance(module, nn.Module):
            raise Wrong(f"expected {name} as a module, got {short(module)}")
    lag, letters, count, sequences = 20, 4, 500, 32
    generator = torch.Generator().manual_seed(2016)
    drawn = torch.randint(letters, (count + lag, sequences), generator=generator)
    x = nn.functional.one_hot(drawn, letters).to(next(rnn.parameters()).dtype)
    with torch.no_grad():
        logits = run(lambda: head(rnn(x)[0]))
    tensor("head(output)", logits, (count + lag, sequences, letters))
    loss = nn.functional.cross_entropy(logits[lag:].flatten(0, 1), drawn[:-lag].flatten()).item()
    if loss >= 0.3:
        almost = "it has learnt something." if loss < 1.2 else "that is as good as guessing, 1.39."
        if loss > 1.6:
            almost = "that is worse than guessing, 1.39; was it trained for twenty steps?"
        raise Wrong(
            f"on fresh letters the loss is {loss:.2f}: {almost} Does a window reach beyond "
            "twenty steps, and for more than a few of its losses?"
        )
    return "below 0.3 on letters never seen"


@exercise("6.4", "How much must be kept?", "how-much-must-be-kept")
def exercise_6_4(of_one_window, full, truncated):
    attempted(of_one_window, full, truncated)
    window, text = 35 * 32 * 512 * 4 / 1e6, 10_000 * 32 * 512 * 4 / 1e6
    for name, answer, right, slips in (
        ("one window", of_one_window, window, {window / 4: "that is millions of numbers; each has "
         "four bytes", window * 1e6: "those are bytes: divide by a million", window / 32: "B "
         "sequences are read side by side", window * 1e6 / 2**20: "a megabyte is a million bytes "
         "here, not 1024 times 1024"}),
        ("the text, full", full, text, {window: "all 10,000 steps are kept until the way back",
         text / 4: "that is millions of numbers; each has four bytes"}),
        ("the text, truncated", truncated, window, {text: "each window is let go by its own "
         "backward, before the next begins"}),
    ):  # fmt: skip
        got = number(name, answer)
        if abs(got - right) <= 0.02 * right:
            continue
        reason = next((why for slip, why in slips.items() if abs(got - slip) <= 0.02 * slip), "")
        raise Wrong(f"{name}: {got:g} megabytes is not it{': ' if reason else ''}{reason}")


@exercise("6.5", "Put the loop in order", "put-the-loop-in-order")
def exercise_6_5(order):
    letters = ordered(
        order,
        "abdefgh",
        {
            "c": "zeros in the state's place forget what was read; detach keeps the numbers",
            "i": "a loss without a history has nothing to go back through",
            "j": "retain_graph keeps the old graph, whose weights b has changed: without e it "
            "fails all the same, and with e there is nothing to keep it for",
        },
        {
            "fh": "the loss needs the output",
            "ha": "there must be a loss to go back from",
            "ad": "before backward there is nothing to clip",
            "db": "clip before the step uses the gradient",
        },
    )
    if letters.index("a") < letters.index("g") < letters.index("b"):
        raise Wrong("line g between a and b empties the gradient that the step is to use")
