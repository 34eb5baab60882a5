"""Checks of chapter 10: deep and bidirectional recurrent networks."""

import torch
from torch import nn

from rnnbook.exercises.kit import Wrong, attempted, call, choice, exercise
from rnnbook.recurrent import GRU, LSTM, RNN

RECURRENT = (nn.RNN, nn.LSTM, nn.GRU, RNN, LSTM, GRU)


@exercise("10.1", "What is dropped, and when", "what-is-dropped-and-when")
def _(answer):
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


@exercise("10.2", "Between the layers only", "between-the-layers-only")
def _(build):
    V, H, T, B = 3, 5, 12, 20
    layer = call(build, V, H)
    if not isinstance(layer, nn.Module):
        raise Wrong(f"expected an nn.Module, got {type(layer).__name__}")
    layer, x = layer.double(), torch.randn(T, B, V).double()
    output, h_n = _pair(layer, x, (T, B, H))
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
    if not torch.allclose(layer(changed)[0][:-1], output[:-1], rtol=1e-10):
        raise Wrong("the last step changes earlier outputs: time is the first axis, (T, B, V)")
    layer.train()
    trained, h_n_trained = layer(x)
    if torch.equal(trained, layer(x)[0]):
        raise Wrong("two calls in training are equal: nothing is dropped")
    if (trained == 0).double().mean() > 0.05:  # without biases, a start from zero may stay there
        raise Wrong("some outputs of the top layer are zero: they are dropped too")
    if not torch.allclose(h_n_trained[0], h_n[0], rtol=1e-10):
        raise Wrong("the first layer's state changes with the mask: is its input, or it, dropped?")
    _examine_rate(call(build, V, 1).double().train(), layers)


def _pair(layer, x, shape):
    """Return output and h_n of a one-directional layer that should give both."""
    returned = layer(x)
    if not isinstance(returned, tuple) or len(returned) != 2:
        raise Wrong("calling it should return the pair (output, h_n), as nn.GRU does")
    output, h_n = returned
    if not isinstance(h_n, torch.Tensor):
        raise Wrong("h_n is not a tensor: an LSTM returns (h_n, c_n), a GRU h_n alone")
    if tuple(output.shape) != shape:
        raise Wrong(f"expected output of shape {shape}, got {tuple(output.shape)}")
    if h_n.dim() != 3 or tuple(h_n.shape[1:]) != shape[1:]:
        raise Wrong(f"expected h_n of shape (L, {shape[1]}, {shape[2]}), got {tuple(h_n.shape)}")
    return output, h_n


def _examine_rate(layer, layers, samples=20_000):
    """Measure the dropout with one unit a layer and one step: a dropped unit hides the input."""
    seen = []
    for value in (0.5, -1.0):
        output, _ = layer(torch.full((1, samples, 3), value).double())
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


@exercise("10.3", "Where the last states are", "where-the-last-states-are")
def _(last_states):
    cases = ((nn.RNN, 2, 3, 1), (nn.GRU, 4, 7, 5), (nn.LSTM, 3, 1, 4), (nn.GRU, 2, 2, 2))
    for kind, B, T, H in cases:
        layer = kind(3, H, batch_first=True, bidirectional=True).double()
        output, h_n = layer(torch.randn(B, T, 3).double())
        h_n = h_n[0] if isinstance(h_n, tuple) else h_n
        got = call(last_states, output.detach(), H)
        if not isinstance(got, torch.Tensor):
            raise Wrong(f"expected a tensor, got {type(got).__name__}: torch.stack makes one")
        if tuple(got.shape) != (2, B, H):
            raise Wrong(f"expected shape (2, B, H) = {(2, B, H)}, got {tuple(got.shape)}")
        if torch.allclose(got, h_n):
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
            if torch.allclose(got, torch.stack(wrong)):
                raise Wrong(where + reason)
        raise Wrong(where + "it differs from h_n: which half, and at which time?")


@exercise("10.4", "Count before you run", "count-before-you-run")
def _(output_shape, h_n_shape, num_parameters):
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
    if num_parameters != right:
        reason = slips.get(num_parameters, "add up four networks, each 4H(inputs + H) + 8H")
        raise Wrong(f"{num_parameters!r} parameters is not it: {reason}")


def _shape(name, given, right, slips):
    try:
        given = tuple(int(size) for size in given)
    except TypeError as error:
        raise Wrong(f"expected three sizes for {name}, such as (1, 2, 3), got {given!r}") from error
    if given != right:
        raise Wrong(f"{given} is not the shape of {name}: {slips.get(given, 'which axes has it?')}")


@exercise("10.5", "Who has seen what", "who-has-seen-what")
def _(one_layer, two_layers, one_direction):
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
        try:
            given = tuple(int(number) for number in given)
        except TypeError as error:
            raise Wrong(f"expected a pair (forward, backward) for {name}, got {given!r}") from error
        if given == right:
            continue
        hint = slips.get(given, "follow the arrows of the drawing backwards from the output")
        if name == "two_layers_see" and given == (7, 14):
            hint = "that is one layer's answer: which of the lower states does each direction read?"
        elif name == "one_layer_sees" and given == (20, 20):
            hint = "that takes a second layer: with one, each direction knows its own side only"
        raise Wrong(f"{name} = {given} is not it: {hint}")
    if not isinstance(one_direction, int | float):
        raise Wrong(f"expected a number for one_direction_sees, got {one_direction!r}")
    if one_direction != 7:
        raise Wrong(
            f"one_direction_sees = {one_direction!r} is not it: does any layer here read from the "
            "right?"
        )


@exercise("10.6", "Two wrong summaries", "two-wrong-summaries")
def _(summary):
    for kind, layers, B, T, H in ((nn.GRU, 1, 3, 6, 4), (nn.GRU, 2, 5, 4, 3), (nn.RNN, 3, 1, 2, 2)):
        layer = kind(3, H, layers, batch_first=True, bidirectional=True).double()
        output, h_n = (tensor.detach() for tensor in layer(torch.randn(B, T, 3).double()))
        got = call(summary, output, h_n)
        if not isinstance(got, torch.Tensor) or tuple(got.shape) != (B, 2 * H):
            said = tuple(got.shape) if isinstance(got, torch.Tensor) else type(got).__name__
            raise Wrong(f"expected a tensor of shape (B, 2H) = {(B, 2 * H)}, got {said}")
        if torch.allclose(got, torch.cat([h_n[-2], h_n[-1]], dim=1)):
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
            if torch.allclose(got, wrong):
                raise Wrong(where + reason)
        raise Wrong(where + "it is not the two last states of the top layer, side by side")


@exercise("10.7", "Normalise before the head", "normalise-before-the-head")
def _(model_class):
    V, H, C, B, T = 3, 6, 4, 16, 7
    model = call(model_class, V, H, C)
    if not isinstance(model, nn.Module):
        raise Wrong(f"expected an nn.Module, got {type(model).__name__}")
    attempted(next(model.children(), None))
    model = model.double()
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

    X = torch.randn(B, T, V).double().requires_grad_()
    model.eval()
    logits = model(X)
    if not isinstance(logits, torch.Tensor) or tuple(logits.shape) != (B, C):
        raise Wrong(
            f"expected logits of shape (B, C) = {(B, C)}, got {getattr(logits, 'shape', 0)}"
        )
    if not summary or not scores:
        raise Wrong("the normalisation or the head is built and never called")
    if tuple(summary[-1].shape) != (B, 2 * H):
        raise Wrong(f"the normalisation got {tuple(summary[-1].shape)}, expected {(B, 2 * H)}")
    if not torch.allclose(headed[-1], normed[-1]):
        raise Wrong("in evaluation, the head should read exactly what the normalisation puts out")
    if not torch.allclose(logits, scores[-1]):
        raise Wrong("the logits are not what the head puts out: is there a softmax behind it?")
    _examine_ends(summary[-1], X, H)
    if torch.allclose(summary[-1][:, :H], summary[-1][:, H:]):
        raise Wrong("both halves of the summary are the same direction's")
    output = states[-1][0]  # with two layers, derivatives do not tell these from the right ones
    for name, at in (("output[:, -1]", -1), ("output[:, 0]", 0)):
        one_step = output[:, at]
        if one_step.shape == summary[-1].shape and torch.allclose(one_step, summary[-1]):
            raise Wrong(f"the summary is {name}: one of its halves has made one step only")
    if not torch.allclose(model(X[:3]), logits[:3], rtol=1e-8, atol=1e-10):
        raise Wrong("in evaluation, a sequence's logits change with the others in its minibatch")
    model.train()
    model(X)
    if not torch.allclose(normed[-1].mean(dim=0), norms[0].bias, atol=1e-8):
        raise Wrong("in training, each feature's mean over the minibatch should be the bias, 0")
    if torch.allclose(model(X[:5]), model(X)[:5]):
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
