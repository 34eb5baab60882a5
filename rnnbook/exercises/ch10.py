"""Checks of chapter 10: deep and bidirectional recurrent networks."""

from itertools import pairwise

import torch
from torch import nn

from rnnbook.datasets import story
from rnnbook.exercises.kit import (
    Wrong,
    attempted,
    built,
    call,
    choice,
    close,
    default_dtype,
    exercise,
    learns,
    number,
    numbers,
    run,
    same_gradients,
    short,
    sizes,
    tensor,
    whole,
)
from rnnbook.recurrent import GRU, LSTM, RNN

RECURRENT = (nn.RNN, nn.LSTM, nn.GRU, RNN, LSTM, GRU)


@exercise("10.1", "What is dropped, and when", "what-is-dropped-and-when")
def exercise_10_1(answer):
    choice(
        answer,
        "abcd",
        "c",
        {
            "a": "rebuilt by hand in section 10.3, with weights that nobody touched, it is equal",
            "b": "look at the picture of the mask: are its rows alike?",
            "d": "a single layer is left as it is, with a warning: whose outputs are spared?",
        },
    )


@exercise("10.2", "Where the last states are", "where-the-last-states-are")
def exercise_10_2(last_states):
    cases = ((nn.RNN, 2, 3, 1), (nn.GRU, 4, 7, 5), (nn.LSTM, 3, 1, 4), (nn.GRU, 2, 2, 2))
    for kind, B, T, H in cases:
        layer = kind(3, H, batch_first=True, bidirectional=True)
        output, h_n = layer(torch.randn(B, T, 3))
        h_n = h_n[0] if isinstance(h_n, tuple) else h_n
        hints = {
            (B, 2, H): "the directions come first, then the batch: torch.stack, along axis 0",
            (B, 2 * H): "the two are stacked, not put side by side: torch.stack",
            (2 * B, H): "the two are stacked, not put one below the other: torch.stack",
        }
        got = tensor("the states (2, B, H)", call(last_states, output, H), (2, B, H), hints)
        if close(got, h_n, 1e-9):
            right = torch.stack([output[:, -1, :H], output[:, 0, H:]])
            same_gradients(got, right, [output], "the result")
            continue
        where = f"nn.{kind.__name__}, B = {B}, T = {T}, H = {H}: "
        forward, backward = output[..., :H], output[..., H:]
        for reason, wrong in {
            "the backward network's last state stands at its last step: which time is that?": (
                forward[:, -1], backward[:, -1]
            ),
            "the forward network ends at the last time step, the backward one at the first": (
                forward[:, 0], backward[:, 0]
            ),
            "each network's state after its FIRST step": (forward[:, 0], backward[:, -1]),
            "the two directions are swapped": (backward[:, 0], forward[:, -1]),
            "the halves are swapped: the forward one is output[..., :H]": (
                backward[:, -1], forward[:, 0]
            ),
        }.items():  # fmt: skip
            if close(got, torch.stack(wrong), 1e-9):
                raise Wrong(where + reason)
        raise Wrong(where + "it differs from h_n: which half, and at which time?")


@exercise("10.3", "Count before you run", "count-before-you-run")
def exercise_10_3(output_shape, h_n_shape, num_parameters):
    attempted(output_shape, h_n_shape, num_parameters)
    B, T, V, H = 32, 50, 28, 64
    slips = {
        (T, B, 2 * H): "batch_first=True: the batch comes first in output",
        (B, T, H): "both directions stand side by side in output",
        (B, T, 4 * H): "output holds the top layer only",
    }
    _shape("output", output_shape, (B, T, 2 * H), slips)
    slips = {
        (B, 4, H): "batch_first turns inputs and outputs, never the states",
        (2, B, H): "one row for each layer AND each direction",
        (2, B, 2 * H): "the directions have rows of their own in h_n",
        (4, B, 2 * H): "a row of h_n belongs to one direction",
        (4, T, H): "the states are those after the last step: there is no time in h_n",
    }
    _shape("h_n", h_n_shape, (4, B, H), slips)
    first, second, biases = 4 * H * (V + H), 4 * H * (2 * H + H), 8 * H
    right = 2 * (first + biases) + 2 * (second + biases)
    slips = {
        right // 2: "there are two directions",
        2 * (first + biases) + 2 * (4 * H * 2 * H + biases): "the second layer reads 2H features",
        right - 4 * 4 * H: "PyTorch has two biases for each gate",
        right - 4 * biases: "the biases are missing",
        right // 4: "an LSTM has four blocks of rows, one for each gate and one for the candidate",
        4 * (first + biases): "the second layer does not read one-hot characters",
    }
    count = number("num_parameters", num_parameters)
    if count != right:
        reason = slips.get(count, "add up four networks, each 4H(inputs + H) + 8H")
        raise Wrong(f"{count:g} parameters is not it: {reason}")


def _shape(name, given, right, slips):
    given = sizes(name, given)
    if given != right:
        raise Wrong(f"{given} is not the shape of {name}: {slips.get(given, 'which axes has it?')}")


@exercise("10.4", "Who has seen what", "who-has-seen-what")
def exercise_10_4(one_layer, two_layers, one_direction):
    attempted(one_layer, two_layers, one_direction)
    pairs = {"one_layer_sees": (one_layer, (7, 14)), "two_layers_see": (two_layers, (20, 20))}
    slips = {
        (7, 13): "does the state at step 7 include the input of step 7, read from the right too?",
        (6, 13): "the state at step 7 includes the input of step 7, in both directions",
        (8, 13): "step 7 counts from 1",
        (7, 7): "the backward network comes from step 20 and has walked further",
        (14, 7): "the forward half comes first",
        (14, 28): "more layers do not add inputs: there are 20",
        (14, 14): "what has each of the two states of layer 0 seen, and who reads both of them?",
    }
    for name, (given, right) in pairs.items():
        given = tuple(whole(name, count) for count in numbers(name, given, 2))
        if given == right:
            continue
        hint = slips.get(given, "follow the arrows of the drawing backwards from the output")
        if name == "two_layers_see" and given == (7, 14):
            hint = "that is one layer's answer: which of the lower states does each direction read?"
        elif name == "one_layer_sees" and given == (20, 20):
            hint = "that takes a second layer: with one, each direction knows its own side only"
        raise Wrong(f"{name} = {given} is not it: {hint}")
    if (count := number("one_direction_sees", one_direction)) != 7:
        raise Wrong(
            f"one_direction_sees = {count:g} is not it: does any layer here read from the right?"
        )


@exercise("10.5", "Two wrong summaries", "two-wrong-summaries")
def exercise_10_5(summary):
    for kind, layers, B, T, H in (
        (nn.GRU, 1, 3, 6, 4), (nn.GRU, 2, 5, 4, 3), (nn.RNN, 3, 1, 2, 2), (nn.GRU, 1, 2, 3, 1),
    ):  # fmt: skip
        layer = kind(3, H, layers, batch_first=True, bidirectional=True)
        output, h_n = layer(torch.randn(B, T, 3))
        got = tensor("the summary (B, 2H)", call(summary, output, h_n), (B, 2 * H))
        right = torch.cat([h_n[-2], h_n[-1]], dim=1)
        if close(got, right, 1e-9):
            same_gradients(got, right, list(layer.parameters()), "the summary")
            continue
        where = f"{layers} layer(s), B = {B}: "
        for reason, wrong in {
            "that is still output[:, -1], whose backward half has read one symbol": output[:, -1],
            "that is output[:, 0], whose forward half has read one symbol": output[:, 0],
            "the rows mix sequences: h_n is (2, B, H), and a reshape does not move the batch axis "
            "to the front": h_n[-2:].reshape(B, 2 * H),
            "those are the states of the lowest layer": torch.cat([h_n[0], h_n[1]], dim=1),
            "the forward half comes first": torch.cat([h_n[-1], h_n[-2]], dim=1),
            "that is one direction twice": torch.cat([h_n[-1], h_n[-1]], dim=1),
            "that is a mean over time; what is asked for are the two last states": output.mean(1),
        }.items():
            if close(got, wrong, 1e-9):
                raise Wrong(where + reason)
        raise Wrong(where + "it is not the two last states of the top layer, side by side")


ENOUGH = 0.915  # above what one side alone gives, whether it is counted or learnt


@exercise("10.6", "Set the spaces", "set-the-spaces")
def exercise_10_6(spaces):
    letters, follows = _spaceless("validation")
    with default_dtype(torch.float32):
        said = _answers(spaces, letters)
        if (reached := _f1(said, follows)) >= ENOUGH:
            others, right = _spaceless("test")
            elsewhere = _f1(_answers(spaces, others), right)
            if elsewhere < reached - 0.05:
                raise Wrong(
                    f"F1 is {reached:.2f} on the validation part and {elsewhere:.2f} on the test "
                    "part: has it been trained on the validation part?"
                )
            if not all(_sees(spaces, letters)):
                raise Wrong(
                    f"F1 is {reached:.2f}, yet your answers change with the letters of one side "
                    "only: let it read both"
                )
            return f"F1 {reached:.2f} on the validation part"
        sees_before, sees_after = _sees(spaces, letters)
    reason = "does it train long enough, on the training part?"
    share = said.double().mean().item()
    if not 0.05 < share < 0.95:
        says = "no" if share < 0.5 else "yes"
        reason = f"it says {says} nearly everywhere: has it been trained? A logit above 0 says yes"
    elif max(_f1(said.roll(1), follows), _f1(said.roll(-1), follows)) >= ENOUGH:
        reason = "your answers stand one letter beside their places"
    elif _f1(~said, follows) >= ENOUGH:
        reason = "yes and no are exchanged"
    elif not sees_before and not sees_after:
        reason = "each answer knows its own letter only: along which axis does the layer read?"
    elif not sees_after:
        reason = "your answers do not change with the letters that come after them"
    elif not sees_before:
        reason = "your answers do not change with the letters that come before them"
    raise Wrong(f"F1 is {reached:.2f}, and {ENOUGH} is asked for: {reason}")


def _spaceless(part):
    """Return the letters (N,) of a part of the story, and whether a space follows each (N,)."""
    written = getattr(story(), part).text
    follows = torch.tensor([b == " " for a, b in pairwise(written + "?") if a != " "])
    return story().vocab.encode(written.replace(" ", "")), follows


def _sees(spaces, letters):
    """Say whether answers change with the letters before, and with those after."""
    before, after = False, False
    for piece in letters[:2000].split(100):
        said, turned = _answers(spaces, piece), piece.flip(0)
        other_before = torch.cat([turned[:50], piece[50:]])
        other_after = torch.cat([piece[:50], turned[50:]])
        before |= not torch.equal(_answers(spaces, other_before)[50:], said[50:])
        after |= not torch.equal(_answers(spaces, other_after)[:50], said[:50])
    return before, after


def _answers(spaces, letters):
    said = call(spaces, letters)
    if not isinstance(said, torch.Tensor) or said.dtype != torch.bool:
        raise Wrong(f"expected a tensor of bool, a yes or no for each letter, got {short(said)}")
    if said.shape != letters.shape:
        raise Wrong(
            f"expected one answer for each letter, {tuple(letters.shape)}, got {tuple(said.shape)}"
        )
    return said.cpu()


def _f1(said, right):
    return 2 * (said & right).sum().item() / max((said.sum() + right.sum()).item(), 1)


@exercise("10.7", "Between the layers only", "between-the-layers-only")
def exercise_10_7(build):
    V, H, T, B = 3, 5, 12, 20
    layer, x = built(build, V, H), torch.randn(T, B, V)
    output, h_n = _pair(layer, x, (T, B, H))
    _pair(layer, x[:, :1], (T, 1, H))
    learns(h_n, "h_n")
    learns(output, "output")
    of_parameters = torch.autograd.grad(output.sin().sum(), layer.parameters(), allow_unused=True)
    if any(gradient is None for gradient in of_parameters):
        raise Wrong("a parameter gets no gradient from output: is something detached?")
    layers = len(h_n)
    if layers < 2:
        raise Wrong(
            "h_n has one row: it holds the last state of each layer, and with a single layer there "
            "is nothing between layers that could be dropped"
        )
    sizes = [V] + [H] * (layers - 1)
    weights = sum(3 * H * (size + H) for size in sizes)
    count = sum(p.numel() for p in layer.parameters())
    if count not in (weights, weights + 6 * H * layers):
        raise Wrong(
            f"{layers} GRU layers of {H} units on {V} features have {weights + 6 * H * layers} "
            f"parameters, this has {count}: is each layer a GRU, and one-directional?"
        )
    layer.eval()
    output, h_n = layer(x)
    if not torch.equal(output, layer(x)[0]):
        raise Wrong("two calls in evaluation differ: something is dropped after eval() too")
    changed = x.clone()
    changed[-1] += 1
    if not close(layer(changed)[0][:-1], output[:-1], 1e-9):
        raise Wrong("the last step changes earlier outputs: time is the first axis, (T, B, V)")
    layer.train()
    trained, h_n_trained = layer(x)
    if torch.equal(trained, layer(x)[0]):
        raise Wrong("two calls in training are equal: nothing is dropped")
    if (trained == 0).double().mean() > 0.05:  # without biases, a start from zero may stay there
        raise Wrong("some outputs of the top layer are zero: they are dropped too")
    if not close(h_n_trained[0], h_n[0], 1e-9):
        raise Wrong(
            "h_n[0] changes with the mask: is the first layer's input, or its state, dropped, or "
            "do the rows of h_n stand in another order?"
        )
    _examine_rate(built(build, V, 1).train(), layers)
    if layers == 2:
        _examine_scale(built(build, V, 1))
    _examine_units(built(build, V, 2).train())


def _pair(layer, x, shape):
    """Return output and h_n of a one-directional layer that should give both."""
    returned = run(layer, x)
    if not isinstance(returned, tuple) or len(returned) != 2:
        raise Wrong("calling it should return the pair (output, h_n), as nn.GRU does")
    output, h_n = returned
    if not isinstance(h_n, torch.Tensor):
        raise Wrong("h_n is not a tensor: an LSTM returns (h_n, c_n), a GRU h_n alone")
    tensor("output", output, shape)
    if h_n.dim() != 3 or tuple(h_n.shape[1:]) != shape[1:]:
        raise Wrong(
            f"expected h_n of shape (L, {shape[1]}, {shape[2]}), got {tuple(h_n.shape)}: time is "
            "the first axis here, batch_first=False"
        )
    return output, h_n


def _examine_rate(layer, layers, samples=20_000):
    """Measure the dropout with one unit a layer and one step: a dropped unit hides the input."""
    seen = []
    for value in (0.5, -1.0):
        output, _ = layer(torch.full((1, samples, 3), value))
        seen.append([round(o, 12) for o in output.flatten().tolist()])
    hidden = set(seen[0]) & set(seen[1])
    share = sum(o in hidden for o in seen[0]) / samples
    right = 1 - 0.7 ** (layers - 1)
    if abs(share - right) > 0.02:
        swapped = 1 - 0.3 ** (layers - 1)
        hint = "0.3 is the probability of being dropped" if abs(share - swapped) < 0.02 else (
            f"with {layers} layers it should be {right:.0%}"
        )  # fmt: skip
        raise Wrong(f"with one unit a layer, {share:.0%} of the inputs were cut off; {hint}")


def _examine_scale(layer, samples=400):
    """Examine what the top layer reads where nothing was dropped, with one unit and one step.

    Without dropout, its output is a function f of the one number h that the layer below gives it.
    It is read off inputs of all strengths, and compared with what comes out in training: f(0) where
    h was dropped, else f(h / 0.7).
    """
    with torch.no_grad():
        strengths = torch.linspace(-4, 4, 40_001).reshape(1, -1, 1).expand(1, -1, 3)
        output, h_n = layer.eval()(strengths)
        below, order = h_n[0].flatten().sort()
        above = output.flatten()[order]

        def f(h):
            return above[torch.searchsorted(below, h).clamp(max=len(below) - 1)]

        # An h for which the three possible results are far apart.
        candidates = torch.linspace(-0.65, 0.65, 201) * below.abs().max()
        candidates = candidates[(candidates / 0.7 > below[0]) & (candidates / 0.7 < below[-1])]
        dropped, scaled, plain = f(torch.zeros(1)), f(candidates / 0.7), f(candidates)
        apart = torch.minimum((scaled - dropped).abs(), (scaled - plain).abs())
        h = candidates[apart.argmax()]
        at = int(torch.searchsorted(below, h))
        chosen = strengths[:, order[at]].unsqueeze(1).expand(1, samples, 3)
        seen = layer.train()(chosen)[0].flatten()
    room = apart.max() / 4
    kept = seen[(seen - dropped).abs() > room]
    if kept.numel() and bool(((kept - f(h / 0.7)).abs() < room).all()):
        return
    raise Wrong(
        "what is kept is to be multiplied by 1 / (1 - 0.3), so that the mean stays as it was: "
        "nn.Dropout does that"
    )


def _examine_units(layer, samples=2000):
    """Examine that units are dropped one by one: of two units there are four possible rests."""
    output, _ = layer(torch.full((1, samples, 3), 0.5))
    found = {tuple(round(o, 10) for o in row) for row in output[0].tolist()}
    if len(found) < 4:
        raise Wrong("all units of a sequence are dropped together; each is dropped by itself")


@exercise("10.8", "Normalise before the head", "normalise-before-the-head")
def exercise_10_8(model_class):
    V, H, C, B, T = 3, 6, 4, 16, 7
    model = built(model_class, V, H, C)
    attempted(next(model.children(), None))
    run(model, torch.randn(B, T, V))  # lazy modules find their sizes now
    readers = [m for m in model.modules() if isinstance(m, RECURRENT)]
    if not any(m.bidirectional for m in readers) and len(readers) < 2:
        raise Wrong("no bidirectional layer is in it: bidirectional=True?")
    norms = [m for m in model.modules() if isinstance(m, nn.BatchNorm1d)]
    if len(norms) != 1:
        raise Wrong(f"expected one nn.BatchNorm1d among its modules, found {len(norms)}")
    if norms[0].num_features != 2 * H:
        raise Wrong(f"the normalisation has {norms[0].num_features} features, the summary 2H")
    heads = [m for m in model.modules() if isinstance(m, nn.Linear) and m.out_features == C]
    if len(heads) != 1 or heads[0].in_features != 2 * H:
        raise Wrong("expected one linear head from 2H features to C classes")
    summary, normed, headed, scores, states = [], [], [], [], []
    readers[-1].register_forward_hook(_keep([], states))
    norms[0].register_forward_hook(_keep(summary, normed))
    heads[0].register_forward_hook(_keep(headed, scores))

    X = torch.randn(B, T, V).requires_grad_()
    model.eval()
    logits = tensor("the logits (B, C)", run(model, X), (B, C))
    tensor("the logits of a batch of one", run(model, X[:1]), (1, C))
    logits = model(X)
    if not summary or not scores:
        raise Wrong("the normalisation or the head is built and never called")
    learns(logits, "the logits")
    for name, gradient in zip(
        (name for name, _ in model.named_parameters()),
        torch.autograd.grad(
            logits.sin().sum(), list(model.parameters()), retain_graph=True, allow_unused=True
        ),
        strict=True,
    ):
        if gradient is None:
            raise Wrong(f"{name} gets no gradient from the logits: is something detached?")
    if tuple(summary[-1].shape) != (B, 2 * H):
        raise Wrong(f"the normalisation got {tuple(summary[-1].shape)}, expected {(B, 2 * H)}")
    if not close(headed[-1], normed[-1], 1e-9):
        raise Wrong("in evaluation, the head should read exactly what the normalisation puts out")
    if not close(logits, scores[-1], 1e-9):
        raise Wrong("the logits are not what the head puts out: is there a softmax behind it?")
    _examine_ends(summary[-1], X, H)
    if close(summary[-1][:, :H], summary[-1][:, H:], 1e-9):
        raise Wrong("both halves of the summary are the same direction's")
    if readers[-1].num_layers > 1:
        last = states[-1][1][0] if isinstance(states[-1][1], tuple) else states[-1][1]
        if close(summary[-1], torch.cat([last[0], last[1]], dim=1), 1e-9):
            raise Wrong("h_n[0] and h_n[1] are the lowest layer's; the top one's rows come last")
    output = states[-1][0]  # with two layers, derivatives do not tell these from the right ones
    for name, at in (("output[:, -1]", -1), ("output[:, 0]", 0)):
        one_step = output[:, at]
        if close(one_step, summary[-1], 1e-9):
            raise Wrong(f"the summary is {name}: one of its halves has made one step only")
    if not close(model(X[:3]), logits[:3], 1e-9):
        raise Wrong("in evaluation, a sequence's logits change with the others in its minibatch")
    model.train()
    model(X)
    bias = torch.zeros(2 * H) if norms[0].bias is None else norms[0].bias
    if not close(normed[-1].mean(dim=0), bias, 1e-7):
        raise Wrong("in training, each feature's mean over the minibatch should be the bias, 0")
    if close(model(X[:5]), model(X)[:5], 1e-9):
        raise Wrong("training and evaluation do the same: is the normalisation ever in training?")


def _keep(inputs, outputs):
    def hook(module, args, output):
        inputs.append(args[0])
        outputs.append(output)

    return hook


def _examine_ends(summary, X, H):
    """Examine that each direction's half of the summary depends on both ends of its sequence."""
    for half, columns in (("first", summary[:, :H]), ("second", summary[:, H:])):
        (gradient,) = torch.autograd.grad(columns.sin().sum(), X, retain_graph=True)
        for end, at in (("first", 0), ("last", -1)):
            if not gradient[:, at].any():
                raise Wrong(
                    f"the {half} half of the summary does not depend on the {end} symbol: is it "
                    "a state after one step of reading?"
                )
    (gradient,) = torch.autograd.grad(summary[0].sin().sum(), X, retain_graph=True)
    if gradient[1:].any():
        raise Wrong("a row of the summary depends on other sequences: a reshape that mixes them?")
