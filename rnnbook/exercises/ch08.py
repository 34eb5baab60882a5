"""Checks of chapter 8: the LSTM."""

import math

import torch
from torch import nn

from rnnbook.exercises.kit import Wrong, attempted, call, exercise


@exercise("8.1", "Half-life", "half-life-of-a-cell")
def _(f, b):
    attempted(f, b)
    f, b, right = float(f), float(b), 0.5 ** (1 / 50)
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
        gate = torch.tensor(b).sigmoid().item()
        raise Wrong(f"the sigmoid of {b:g} is {gate:.4f}, not {right:.4f}")


def _gate_weights(V, H, keys):
    return (
        {k: torch.randn(V, H).double() for k in keys},
        {k: torch.randn(H, H).double() for k in keys},
        {k: torch.randn(H).double() for k in keys},
    )


def _coupled(x, state, W_x, W_h, b, written=lambda f: 1 - f, squash=torch.tanh):
    h, c = state
    a = {k: x @ W_x[k] + h @ W_h[k] + b[k] for k in "fgo"}
    f = torch.sigmoid(a["f"])
    c = f * c + written(f) * squash(a["g"])
    return torch.sigmoid(a["o"]) * torch.tanh(c), c


@exercise("8.2", "Tie two gates", "tie-two-gates")
def _(coupled_step):
    torch.manual_seed(0)
    for V, H, B in ((5, 4, 3), (3, 1, 2), (2, 6, 1)):
        weights = _gate_weights(V, H, "fgo")
        x, state = torch.randn(B, V).double(), tuple(torch.randn(2, B, H).double())
        before = [part.clone() for part in state]
        got = call(coupled_step, x, state, *weights)
        h, c = _pair_of(got, (B, H))
        if any(not torch.equal(a, b) for a, b in zip(before, state, strict=True)):
            raise Wrong("the state that was handed over has been changed in place")
        right_h, right_c = _coupled(x, state, *weights)
        if torch.allclose(h, right_h, atol=1e-6) and torch.allclose(c, right_c, atol=1e-6):
            _examine_gradient(coupled_step, x, weights)
            continue
        if torch.allclose(h, right_c, atol=1e-6) and torch.allclose(c, right_h, atol=1e-6):
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
            if torch.allclose(c, other[1], atol=1e-6):
                raise Wrong(reason)
        if torch.allclose(c, right_c, atol=1e-6):
            raise Wrong("c is right and h is not: h = sigmoid(...) * tanh(c)")
        raise Wrong("c differs from f * c + (1 - f) * g")


def _examine_gradient(coupled_step, x, weights):
    """Examine that the step can be trained through: both states reach both results."""
    H = len(weights[1]["f"])
    state = tuple(torch.zeros(len(x), H).double().requires_grad_() for _ in range(2))
    for part in coupled_step(x, state, *weights):
        if not part.requires_grad:
            raise Wrong("no gradient passes: is something detached?")
        found = torch.autograd.grad(part.sum(), state, retain_graph=True, allow_unused=True)
        if any(gradient is None for gradient in found):
            raise Wrong("the gradient of h or of c is missing: is something detached?")


def _swapped(x, state, W_x, W_h, b):
    h, c = state
    a = {k: x @ W_x[k] + h @ W_h[k] + b[k] for k in "fgo"}
    f = torch.sigmoid(a["f"])
    c = (1 - f) * c + f * torch.tanh(a["g"])
    return torch.sigmoid(a["o"]) * torch.tanh(c), c


def _pair_of(got, shape):
    if not isinstance(got, tuple | list) or len(got) != 2:
        raise Wrong(f"expected a pair h, c, got {type(got).__name__}")
    for name, part in zip("hc", got, strict=True):
        if not isinstance(part, torch.Tensor) or tuple(part.shape) != shape:
            raise Wrong(
                f"expected {name} of shape {shape}, got {tuple(getattr(part, 'shape', ()))}"
            )
    return got


@exercise("8.3", "Four times as many", "four-times-as-many")
def _(parameters, hidden_size):
    attempted(parameters, hidden_size)
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
        raise Wrong(f"{parameters} is not it; {slips.get(parameters, 'add up the four tensors')}")
    if hidden_size == 2 * H:
        raise Wrong("240 is close, but a slightly larger one comes closer: V counts too")
    if hidden_size == 4 * H:
        raise Wrong("four times the units have far more than four times the parameters")
    if hidden_size != int(hidden_size):
        raise Wrong(f"hidden_size is a whole number, got {hidden_size}")
    if hidden_size != 254:
        count = hidden_size**2 + (V + 2) * hidden_size
        raise Wrong(f"an RNN with {hidden_size} units has {count:,.0f} parameters")


@exercise("8.4", "The wrong order", "the-wrong-order")
def _(step_with):
    torch.manual_seed(0)
    V, H, B = 5, 4, 3
    lstm = nn.LSTM(V, H).double()
    x, h, c = (torch.randn(B, n).double() for n in (V, H, H))
    right_h, right_c = (part[0] for part in lstm(x[None], (h[None], c[None]))[1])
    got_h, got_c = _pair_of(call(step_with, lstm, x, h, c), (B, H))
    if torch.allclose(got_h, right_h, atol=1e-8) and torch.allclose(got_c, right_c, atol=1e-8):
        return
    ih = x @ lstm.weight_ih_l0.T + lstm.bias_ih_l0 + h @ lstm.weight_hh_l0.T
    for biases, a in (("one bias is missing", ih), ("", ih + lstm.bias_hh_l0)):
        for order in ("ifgo", "ifog", "figo", "fiog", "iofg", "gifo"):
            parts = dict(zip(order, a.chunk(4, dim=1), strict=True))
            c_new = parts["f"].sigmoid() * c + parts["i"].sigmoid() * parts["g"].tanh()
            h_new = parts["o"].sigmoid() * c_new.tanh()
            if torch.allclose(got_h, h_new, atol=1e-8) and torch.allclose(got_c, c_new, atol=1e-8):
                wrong_order = "" if order == "ifgo" else "the gates are taken in another order"
                raise Wrong(" and ".join(filter(None, (wrong_order, biases))))
    raise Wrong("h and c differ from those of nn.LSTM with the same weights")


@exercise("8.5", "Open every gate", "open-every-gate")
def _(open_forget_gates):
    torch.manual_seed(0)
    for layers, both, H, value in ((1, False, 4, 1.0), (2, True, 3, 2.5), (3, False, 5, -1.0)):
        lstm = nn.LSTM(4, H, layers, bidirectional=both)
        before = {name: p.detach().clone() for name, p in lstm.named_parameters()}
        returned = call(open_forget_gates, lstm, value)
        if returned is not lstm:
            raise Wrong("expected the LSTM itself back, changed in place")
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
        if torch.allclose(blocks[1], torch.full((H,), 2 * value)) and value:
            raise Wrong(f"{name} and {other} add up to {2 * value:g}, not {value:g}")
        for gate, new, old in zip("ifgo", blocks, was, strict=True):
            if gate != "f" and not torch.allclose(new, old):
                raise Wrong(
                    f"the bias of gate {gate}, {name} + {other}, has changed: f is the second block"
                )
        if not torch.allclose(blocks[1], torch.full((H,), float(value)), atol=1e-6):
            added = torch.allclose(blocks[1], was[1] + value, atol=1e-6) or torch.allclose(
                p.split(H)[1], torch.full((H,), float(value)), atol=1e-6
            )
            raise Wrong(
                f"the forget gate's biases in {name} and {other} do not add up to {value:g}"
                + (": what of the random start that the other one has?" if added else "")
            )


@exercise("8.6", "Half of the memory", "half-of-the-memory")
def _(read_in_parts):
    torch.manual_seed(0)
    T, B, V, H = 7, 2, 3, 4
    lstm = nn.LSTM(V, H).double()
    for size in (3, 1, 7, 10):
        x = torch.randn(T, B, V).double().requires_grad_()
        got, right = call(read_in_parts, lstm, x, size), lstm(x)[0]
        if not isinstance(got, torch.Tensor) or got.shape != right.shape:
            raise Wrong(
                f"expected outputs of shape {tuple(right.shape)}, got "
                f"{tuple(getattr(got, 'shape', ()))}"
            )
        if not torch.allclose(got, right, atol=1e-8):
            fresh = torch.cat([lstm(part)[0] for part in x.split(size)])
            if torch.allclose(got, fresh, atol=1e-8):
                raise Wrong(f"parts of {size}: each part starts from a fresh state")
            raise Wrong(f"parts of {size}: the outputs differ from reading in one: is c carried?")
        if not got.requires_grad:
            raise Wrong("no gradient at all is left: detach the state, not the outputs")
        (gradient,) = torch.autograd.grad(got[-1].sum(), x)
        first = (T - 1) // size * size  # where the last part starts
        if first and gradient[:first].abs().max() > 0:
            raise Wrong(
                f"parts of {size}: the gradient of the last output reaches back beyond its part: "
                "are both h and c detached?"
            )
        if (gradient[first:].abs().amax(dim=(1, 2)) == 0).any():
            raise Wrong(f"parts of {size}: within a part the gradient should reach every step")
