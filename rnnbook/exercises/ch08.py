"""Checks of chapter 8: the LSTM."""

import copy
import math

import torch
from torch import nn

from rnnbook.diagnostics import learn_delayed_recall
from rnnbook.exercises.kit import (
    Wrong,
    call,
    close,
    default_dtype,
    exercise,
    hints,
    number,
    pair,
    run,
    same_gradients,
    short,
    tensor,
)
from rnnbook.recurrent import RNN


@exercise("8.1", "Half-life", "half-life-of-a-cell")
def exercise_8_1(f, b):
    f, b, right = number("f", f), number("b", b), 0.5 ** (1 / 50)
    if not abs(f - right) <= 0.0006:
        slips = {0.99: "0.99 to the power of 50 is 0.605", 0.98: "0.98 to the power of 50 is 0.364"}
        raise Wrong(
            f"f = {f:g}: f to the power of 50 is {f**50:.3f}, not 0.5"
            if 0 < f < 1 and f not in slips
            else slips.get(f, f"a gate lies between 0 and 1, and {f:g} does not")
        )
    if not abs(b - math.log(right / (1 - right))) <= 0.04:
        if abs(b + math.log(right / (1 - right))) < 0.02:
            raise Wrong("the sign of b is turned: a negative bias closes the gate")
        if abs(b - math.log(right)) < 0.02 or abs(b - math.exp(right)) < 0.02:
            raise Wrong("b is the inverse of the sigmoid at f, not of the exponential")
        gate = (1 + math.tanh(b / 2)) / 2  # the sigmoid, which no b is too large for
        raise Wrong(f"the sigmoid of {b:g} is {gate:.4f}, not {right:.4f}")


def _gate_weights(V, H, keys):
    return (
        {k: torch.randn(V, H) for k in keys},
        {k: torch.randn(H, H) for k in keys},
        {k: torch.randn(H) for k in keys},
    )


def _pair_of(got, shape):
    return [tensor(name, part, shape) for name, part in zip("hc", pair(got, "hc"), strict=True)]


def _examine_gradient(step, right_step, x, weights):
    """Examine that a step can be trained through: states, inputs and weights."""
    H = len(weights[1]["f"])
    x = x.clone().requires_grad_()
    state = tuple(torch.randn(len(x), H).requires_grad_() for _ in range(2))
    weights = [{k: w.clone().requires_grad_() for k, w in group.items()} for group in weights]
    leaves = [x, *state, *(w for group in weights for w in group.values())]
    got = run(step, x, state, *weights)
    for name, part, right in zip("hc", got, right_step(x, state, *weights), strict=True):
        same_gradients(part, right, leaves, name)


def _step(x, state, W_x, W_h, b, squash=torch.tanh, show=torch.tanh, shown="new", order="ifgo"):
    h, c = state
    a = {k: x @ W_x[k] + h @ W_h[k] + b[k] for k in "ifgo"}
    a = dict(zip("ifgo", (a[k] for k in order), strict=True))
    i, f, o = (torch.sigmoid(a[k]) for k in "ifo")
    new = f * c + i * squash(a["g"])
    return o * show(new if shown == "new" else c), new


@exercise("8.2", "The step, from a blank cell", "lstm-step-from-a-blank-cell")
def exercise_8_2(lstm_step):
    torch.manual_seed(0)
    for V, H, B in ((5, 4, 3), (3, 1, 2), (2, 6, 1)):
        weights = _gate_weights(V, H, "ifgo")
        x, state = torch.randn(B, V), tuple(torch.randn(2, B, H))
        h, c = _pair_of(call(lstm_step, x, state, *weights), (B, H))
        right_h, right_c = _step(x, state, *weights)
        if close(h, right_h) and close(c, right_c):
            _examine_gradient(lstm_step, _step, x, weights)
            continue
        if close(h, right_c) and close(c, right_h):
            raise Wrong("the pair is the wrong way round: return h first, then c")
        for reason, options in {
            "the candidate g has a tanh, not a sigmoid": {"squash": torch.sigmoid},
            "the tanh of the candidate is missing": {"squash": lambda a: a},
            "i and f have changed places: f keeps the old, i writes the new": {"order": "figo"},
            "g and o have changed places": {"order": "ifog"},
        }.items():
            if close(c, _step(x, state, *weights, **options)[1]):
                raise Wrong(reason)
        if close(c, right_c):
            for reason, options in {
                "c is right; h reads the old cell: h = o * tanh(the new c)": {"shown": "old"},
                "c is right; the tanh around it is missing in h": {"show": lambda c: c},
            }.items():
                if close(h, _step(x, state, *weights, **options)[0]):
                    raise Wrong(reason)
            raise Wrong("c is right and h is not: h = o * tanh(c)")
        raise Wrong("c differs from f * c + i * g: does each gate read x, the old h and its bias?")


@exercise("8.3", "Half of the memory", "half-of-the-memory")
def exercise_8_3(read_in_parts):
    T, V = 7, 3
    for size, B, H in ((3, 2, 4), (1, 2, 4), (7, 2, 4), (10, 1, 4), (2, 2, 1)):
        lstm = nn.LSTM(V, H)
        x = torch.randn(T, B, V).requires_grad_()
        with hints({"'tuple' object": "an LSTM's state is the pair (h, c): detach both"}):
            got = call(read_in_parts, lstm, x, size)
        right = lstm(x)[0]
        got = tensor("the outputs", got, right.shape)
        if not close(got, right, 1e-9):
            fresh = torch.cat([lstm(part)[0] for part in x.split(size)])
            if close(got, fresh, 1e-9):
                raise Wrong(f"parts of {size}: each part starts from a fresh state")
            raise Wrong(f"parts of {size}: the outputs differ from reading in one: is c carried?")
        if not got.requires_grad:
            raise Wrong("no gradient at all is left: detach the state, not the outputs")
        for first in range(0, T, size):
            _examine_part(got, x, first, min(first + size, T), f"parts of {size}")
        if any(
            g is None for g in torch.autograd.grad(got.sum(), lstm.parameters(), allow_unused=True)
        ):
            raise Wrong("a weight of the LSTM gets no gradient: is something turned into numbers?")


def _examine_part(outputs, x, first, end, said):
    """Examine that the gradient of a part's last output reaches every step of it, and no other."""
    (gradient,) = torch.autograd.grad(
        outputs[end - 1].sum(), x, retain_graph=True, allow_unused=True
    )
    if gradient is None:
        raise Wrong("no gradient reaches the input: detach the state, and not x")
    if first and gradient[:first].abs().max() > 0:
        raise Wrong(
            f"{said}: the gradient of the output after step {end} reaches back beyond its part: "
            "are both h and c detached, after every part?"
        )
    if (gradient[first:end].abs().amax(dim=(1, 2)) == 0).any():
        raise Wrong(f"{said}: within a part, here the one up to step {end}, the gradient should "
                    "reach every step")  # fmt: skip


@exercise("8.4", "Open every gate", "open-every-gate")
def exercise_8_4(open_forget_gates):
    for layers, both, H, value in ((1, False, 4, 1.0), (2, True, 3, 2.5), (3, False, 5, -1.0)):
        lstm = nn.LSTM(4, H, layers, bidirectional=both)
        before = {name: p.detach().clone() for name, p in lstm.named_parameters()}
        with hints(
            {"leaf": "change values under torch.no_grad(): autograd would record the change"}
        ):
            returned = call(open_forget_gates, lstm, value)
        if returned is not lstm:
            raise Wrong(f"expected the LSTM itself back, changed in place, got {short(returned)}")
        _examine_biases(lstm, before, value)
        if not all(p.requires_grad and p.is_leaf for p in lstm.parameters()):
            raise Wrong("a parameter can no longer be trained: change its values, under no_grad")


def _examine_biases(lstm, before, value):
    H = lstm.hidden_size
    for name, p in lstm.named_parameters():
        if "weight" in name and not torch.equal(p, before[name]):
            raise Wrong(f"{name} has been changed")
        if not name.startswith("bias_ih"):
            continue
        other = name.replace("ih", "hh")
        total = p + getattr(lstm, other)
        blocks = total.split(H)
        was = (before[name] + before[other]).split(H)
        if close(blocks[1], torch.full((H,), 2 * value)) and value:
            raise Wrong(f"{name} and {other} add up to {2 * value:g}, not {value:g}")
        changed = [
            g for g, new, old in zip("ifgo", blocks, was, strict=True) if not close(new, old)
        ]
        if more := [gate for gate in changed if gate != "f"]:
            hint = "f alone" if "f" in changed else "f, which is the second block,"
            raise Wrong(
                f"the biases of {', '.join(more)}, {name} + {other}, have changed: {hint} should"
            )
        if not close(blocks[1], torch.full((H,), value)):
            added = close(blocks[1], was[1] + value) or close(
                p.split(H)[1], torch.full((H,), value)
            )
            raise Wrong(
                f"the forget gate's biases in {name} and {other} do not add up to {value:g}"
                + (": what of the random start that the other one has?" if added else "")
            )


@exercise("8.5", "Sixty steps with a plain RNN", "sixty-steps-with-a-plain-rnn", seconds=300)
def exercise_8_5(make_rnn_60):
    if isinstance(make_rnn_60, nn.Module):
        raise Wrong("hand over the function, without calling it: a layer is made from each seed")
    with default_dtype(torch.float32):
        layers = [call(make_rnn_60) for _ in range(2)]
        for rnn in layers:
            _examine_plain(rnn)
        if layers[0] is layers[1]:
            raise Wrong("each call should make a new layer: this one comes twice")
        reached = []
        for seed in (1, 2, 3):
            generator = torch.manual_seed(seed)  # before the layer draws its weights
            recalled = learn_delayed_recall(call(make_rnn_60), 60, generator=generator)
            reached.append(recalled.accuracy)
            if sum(accuracy > 0.9 for accuracy in reached) == 2:
                return "over sixty steps, from two seeds of three, without a gate"
            if len(reached) == 2 and max(reached) <= 0.9:
                break
    shown = " and ".join(f"{accuracy:.2f}" for accuracy in reached)
    hint = "it is on its way. What else moves the state, at every step alike?"
    if max(reached) < 0.2:
        hint = (
            "that is guessing. Sixty products with W_hh should neither shrink a state nor leave it "
            "where it is"
        )
    elif not any(bias.any() for name, bias in layers[0].named_parameters() if "bias" in name):
        hint = "it is on its way, and its biases are 0. By how much does W_hh change a length?"
    raise Wrong(f"from the seeds tried it recalls {shown}: {hint}")


def _examine_plain(rnn):
    """Examine that a layer is a plain RNN within the limits."""
    if not isinstance(rnn, nn.RNN | RNN):
        raise Wrong(f"expected a plain RNN, an nn.RNN, got {short(rnn)}")
    for name, right in {
        "input_size": 16, "num_layers": 1, "bidirectional": False, "batch_first": True
    }.items():  # fmt: skip
        if (got := getattr(rnn, name)) != right:
            raise Wrong(f"expected {name} = {right}, got {got}")
    if rnn.hidden_size > 64:
        raise Wrong(f"at most 64 units, got {rnn.hidden_size}")


def _coupled(x, state, W_x, W_h, b, written=lambda f: 1 - f, squash=torch.tanh):
    h, c = state
    a = {k: x @ W_x[k] + h @ W_h[k] + b[k] for k in "fgo"}
    f = torch.sigmoid(a["f"])
    c = f * c + written(f) * squash(a["g"])
    return torch.sigmoid(a["o"]) * torch.tanh(c), c


@exercise("8.6", "Tie two gates", "tie-two-gates")
def exercise_8_6(coupled_step):
    torch.manual_seed(0)
    for V, H, B in ((5, 4, 3), (3, 1, 2), (2, 6, 1)):
        weights = _gate_weights(V, H, "fgo")
        x, state = torch.randn(B, V), tuple(torch.randn(2, B, H))
        with hints({"KeyError: 'i'": "there is no input gate of its own: i is 1 - f"}):
            h, c = _pair_of(call(coupled_step, x, state, *weights), (B, H))
        right_h, right_c = _coupled(x, state, *weights)
        if close(h, right_h) and close(c, right_c):
            _examine_gradient(coupled_step, _coupled, x, weights)
            continue
        if close(h, right_c) and close(c, right_h):
            raise Wrong("the pair is the wrong way round: return h first, then c")
        for reason, other in {
            "f and 1 - f have changed places": _swapped(x, state, *weights),
            "the new is written with f; i is 1 - f": _coupled(x, state, *weights, lambda f: f),
            "the new is written whole: its factor 1 - f is missing": _coupled(
                x, state, *weights, torch.ones_like
            ),
            "the candidate g has a tanh, not a sigmoid": _coupled(
                x, state, *weights, squash=torch.sigmoid
            ),
            "the tanh of the candidate is missing": _coupled(
                x, state, *weights, squash=lambda a: a
            ),
        }.items():
            if close(c, other[1]):
                raise Wrong(reason)
        if close(c, right_c):
            raise Wrong("c is right and h is not: h = sigmoid(...) * tanh(c)")
        raise Wrong("c differs from f * c + (1 - f) * g")


def _swapped(x, state, W_x, W_h, b):
    h, c = state
    a = {k: x @ W_x[k] + h @ W_h[k] + b[k] for k in "fgo"}
    f = torch.sigmoid(a["f"])
    c = (1 - f) * c + f * torch.tanh(a["g"])
    return torch.sigmoid(a["o"]) * torch.tanh(c), c


@exercise("8.7", "Four times as many", "four-times-as-many")
def exercise_8_7(parameters, hidden_size):
    parameters, hidden_size = number("parameters", parameters), number("hidden_size", hidden_size)
    V, H = 28, 120
    right = 4 * (H * V + H * H + 2 * H)
    slips = {
        4 * (H * V + H * H + H): "nn.LSTM has two biases for each gate",
        H * V + H * H + 2 * H: "that is one gate's; there are four blocks",
        3 * (H * V + H * H + 2 * H): "four blocks: i, f, o and the candidate g",
        4 * (H * V + H * H): "the biases are missing",
        right + H * V + V: "nn.LSTM has no head",
    }
    if parameters != right:
        raise Wrong(f"{parameters:g} is not it; {slips.get(parameters, 'add up the four tensors')}")
    if hidden_size == 2 * H:
        raise Wrong("240 is close, but a slightly larger one comes closer: V counts too")
    if hidden_size == 4 * H:
        raise Wrong("four times the units have far more than four times the parameters")
    if hidden_size != int(hidden_size):
        raise Wrong(f"hidden_size is a whole number, got {hidden_size:g}")
    if hidden_size != 254:
        count = hidden_size**2 + (V + 2) * hidden_size
        raise Wrong(f"an RNN with {hidden_size:g} units has {count:,.0f} parameters")


@exercise("8.8", "The wrong order", "the-wrong-order")
def exercise_8_8(step_with):
    for V, H, B in ((5, 4, 3), (3, 1, 2), (2, 8, 1)):
        lstm = nn.LSTM(V, H)
        x, h, c = (torch.randn(B, n).requires_grad_() for n in (V, H, H))
        before = copy.deepcopy(lstm.state_dict())
        _examine_step(_pair_of(call(step_with, lstm, x, h, c), (B, H)), lstm, x, h, c)
        if any(not torch.equal(p, before[name]) for name, p in lstm.named_parameters()):
            raise Wrong("the LSTM that was handed over has other weights than before")


def _examine_step(got, lstm, x, h, c):
    got_h, got_c = got
    right_h, right_c = (part[0] for part in lstm(x[None], (h[None], c[None]))[1])
    if close(got_h, right_h) and close(got_c, right_c):
        for name, part, right in (("h", got_h, right_h), ("c", got_c, right_c)):
            same_gradients(part, right, [x, h, c, *lstm.parameters()], name)
        return
    if close(got_h, right_c) and close(got_c, right_h):
        raise Wrong("the pair is the wrong way round: return h first, then c")
    ih = x @ lstm.weight_ih_l0.T + lstm.bias_ih_l0 + h @ lstm.weight_hh_l0.T
    for biases, a in (("one bias is missing", ih), ("", ih + lstm.bias_hh_l0)):
        for order in ("ifgo", "ifog", "figo", "fiog", "iofg", "gifo"):
            parts = dict(zip(order, a.chunk(4, dim=1), strict=True))
            c_new = parts["f"].sigmoid() * c + parts["i"].sigmoid() * parts["g"].tanh()
            h_new = parts["o"].sigmoid() * c_new.tanh()
            if close(got_h, h_new) and close(got_c, c_new):
                wrong_order = "" if order == "ifgo" else "the gates are taken in another order"
                raise Wrong(" and ".join(filter(None, (wrong_order, biases))))
    raise Wrong("h and c differ from those of nn.LSTM with the same weights")
