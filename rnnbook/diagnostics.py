"""Looking into networks: Jacobians, sensitivity, gates, states, and what they remember."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from rnnbook import losses
from rnnbook.arguments import real, tensor, whole
from rnnbook.datasets.delayed_recall import FEATURES, NUM_SYMBOLS, DelayedRecall, delayed_recall
from rnnbook.models import SequenceClassifier, device_of, evaluating
from rnnbook.recurrent import (
    GRU,
    LSTM,
    NONLINEARITIES,
    Recurrence,
    require_layer,
    require_nonlinearity,
)
from rnnbook.text import Vocab, one_hot
from rnnbook.training import fit


def spectral_radius(W: Tensor) -> float:
    """Return the largest magnitude of an eigenvalue of a square matrix.

    Raises:
        ValueError: if it is not square, or an entry is infinite or not a number.
    """
    tensor("W", W, "torch.tensor makes one")
    if W.dim() != 2 or W.shape[0] != W.shape[1]:
        raise ValueError(f"expected a square matrix, got shape {tuple(W.shape)}")
    if not torch.isfinite(W).all():
        raise ValueError("a matrix with an entry that is infinite or not a number has no radius")
    return torch.linalg.eigvals(W).abs().max().item()


def with_radius(W: Tensor, radius: float) -> Tensor:
    """Return a square matrix scaled so that its spectral radius is the one given.

    Raises:
        ValueError: if the matrix's own radius is 0, or an entry is not finite.
    """
    if not 0 <= real("radius", radius) < torch.inf:
        raise ValueError(f"expected a radius of at least 0, got {radius}")
    if (own := spectral_radius(W)) == 0:
        raise ValueError("all eigenvalues of this matrix are 0: no factor gives it another radius")
    return W * (radius / own)


def jacobian_norms(W_hh: Tensor, hs: Tensor, nonlinearity: str = "tanh") -> Tensor:
    """Measure how strongly the last state depends on each state before it.

    Multiply the Jacobians of single steps, with f' at the states that were reached::

        dh[T] / dh[T-k] = J[T] @ J[T-1] @ ... @ J[T-k+1],   J[t] = diag(f'(h[t])) @ W_hh.T

    Args:
        W_hh: (H, H), state to state.
        hs: (T, H), the states of one sequence after each step.
        nonlinearity: ``"tanh"`` or ``"relu"``.
    Returns:
        (T,), the largest singular value of dh[T] / dh[T-k] for k = 0, 1, ..., T-1. No gradient
        that travels over k steps is multiplied by more than that.
    Raises:
        ValueError: if the states are not (T, H), or the nonlinearity is another.
    Source: Pascanu et al. (2013). Chapter 4.
    """
    for name, value in {"W_hh": W_hh, "hs": hs}.items():
        tensor(name, value, "torch.stack puts states into one")
    if hs.dim() != 2 or hs.shape[1] != len(W_hh):
        raise ValueError(
            f"expected the states (T, {len(W_hh)}) of one sequence, got {tuple(hs.shape)}"
        )
    require_nonlinearity(nonlinearity)
    slopes = NONLINEARITIES[nonlinearity][1](hs.detach())  # (T, H)
    product = torch.eye(len(W_hh), dtype=hs.dtype, device=hs.device)
    norms = [torch.linalg.matrix_norm(product, 2)]
    for slope in slopes[1:].flip(0):
        product = product * slope @ W_hh.detach().T
        norms.append(torch.linalg.matrix_norm(product, 2))
    return torch.stack(norms)


def random_layer_norms(
    kind: str, nonlinearity: str, radius: float, steps: int, input_scale: float
) -> tuple[Tensor, Tensor]:
    """Drive a random recurrent layer of 64 units with noise; measure its Jacobians' products.

    Args:
        kind: of the recurrent matrix, ``"random"`` (normal entries) or ``"orthogonal"``.
        nonlinearity: ``"tanh"`` or ``"relu"``.
        radius: the matrix's spectral radius.
        steps: the longest distance measured.
        input_scale: standard deviation of each unit's input.
    Returns:
        W_hh: (64, 64) float64; norms: (steps + 1,), those of dh[T] / dh[T-k] for k = 0, 1, ...
    Raises:
        ValueError: if there is no such kind of matrix.
    """
    if kind not in ("random", "orthogonal"):
        raise ValueError(f"expected a random or orthogonal matrix, got {kind!r}")
    require_nonlinearity(nonlinearity)
    whole("steps", steps, least=0)
    real("input_scale", input_scale)
    units = 64
    generator = torch.Generator().manual_seed(0)
    W = torch.randn(units, units, generator=generator).double()
    noise = torch.randn(steps + 1, 1, units, generator=generator).double()
    W = with_radius(torch.linalg.qr(W).Q if kind == "orthogonal" else W, radius)
    h0 = torch.zeros(1, units).double()
    hs = Recurrence.apply(input_scale * noise, h0, W, nonlinearity).squeeze(1)
    return W, jacobian_norms(W, hs, nonlinearity)


def input_sensitivity(layer: nn.Module, x: Tensor, step: int) -> Tensor:
    """Measure how strongly each direction's output at one step depends on each input.

    Args:
        layer: a time-major recurrent layer, of one direction or two, without active dropout.
        x: (T, V), one sequence.
        step: the output's step, from 0.
    Returns:
        (D, T), the Euclidean norm of the derivatives of all H outputs by all V features of x[s].
        It is exactly zero where nothing leads from x[s] to that output.
    Raises:
        ValueError: if there is no such step, if the layer is batch-first, or if its dropout is on.
    Source: chapter 10.
    """
    require_layer(layer)
    if tensor("x", x, "text.one_hot gives one").dim() != 2:
        raise ValueError(f"expected x of shape (T, V), one sequence, got {tuple(x.shape)}")
    whole("step", step)
    if layer.batch_first:
        raise ValueError(
            "expected a time-major layer: with batch_first=True each step of x would "
            "be read as a sequence of its own"
        )
    if layer.training and layer.dropout > 0 and layer.num_layers > 1:
        raise ValueError("dropout is on, so each call would give other numbers: layer.eval() first")
    if not 0 <= step < len(x):
        raise ValueError(f"expected a step from 0 to {len(x) - 1}, got {step}")
    x = x.detach().requires_grad_()
    output = layer(x.unsqueeze(1))[0][step, 0]  # (D * H,)
    halves = output.chunk(2) if layer.bidirectional else (output,)
    norms = []
    for half in halves:
        rows = [torch.autograd.grad(unit, x, retain_graph=True)[0] for unit in half]
        norms.append(torch.stack(rows).square().sum((0, 2)).sqrt())
    return torch.stack(norms)


def gates(layer: nn.Module, x: Tensor) -> dict[str, Tensor]:
    """Run a one-layer LSTM or GRU and return what its gates did at every step.

    Args:
        layer: an LSTM or a GRU of one layer and one direction, time-major, without projection,
            rnnbook's or ``torch.nn``'s.
        x: (T, B, V), the input.
    Returns:
        By name, (T, B, H) each: of an LSTM the gates i, f, o, the candidate g, and the states c and
        h; of a GRU the gates r and z, the candidate n, and the state h.
    Raises:
        TypeError: if the layer is neither an LSTM nor a GRU.
        ValueError: if it has several layers or directions, or another layout.
    Source: chapters 8 and 9.
    """
    if not isinstance(layer, LSTM | GRU | nn.LSTM | nn.GRU):
        raise TypeError(f"expected an LSTM or a GRU, got {type(layer).__name__}, without gates")
    if layer.num_layers > 1 or layer.bidirectional or layer.batch_first or layer.proj_size:
        raise ValueError("expected one layer, one direction, time-major, and no projection")
    if tensor("x", x, "text.one_hot gives one").dim() != 3:
        raise ValueError(f"expected x of shape (T, B, V), got {tuple(x.shape)}")
    state, seen = None, []
    for step in x.split(1):
        _, state = layer(step, state)
        seen.append(torch.stack(state) if isinstance(state, tuple) else state.unsqueeze(0))
    states = torch.stack(seen).squeeze(2)  # (T, 1 or 2, B, H): h, and an LSTM's c
    hs = states[:, 0]
    before = torch.cat([torch.zeros_like(hs[:1]), hs[:-1]])
    from_input = nn.functional.linear(x, layer.weight_ih_l0, getattr(layer, "bias_ih_l0", None))
    from_state = nn.functional.linear(
        before, layer.weight_hh_l0, getattr(layer, "bias_hh_l0", None)
    )
    if isinstance(layer, LSTM | nn.LSTM):
        i, f, g, o = (from_input + from_state).chunk(4, dim=2)
        i, f, o = (torch.sigmoid(gate) for gate in (i, f, o))
        return {"i": i, "f": f, "o": o, "g": torch.tanh(g), "c": states[:, 1], "h": hs}
    (r, z, n), (r_h, z_h, n_h) = from_input.chunk(3, dim=2), from_state.chunk(3, dim=2)
    r, z = torch.sigmoid(r + r_h), torch.sigmoid(z + z_h)
    return {"r": r, "z": z, "n": torch.tanh(n + r * n_h), "h": hs}


def encoded(recurrent: nn.Module, vocab: Vocab, text: str) -> Tensor:
    """Return a text as one-hot vectors (T, 1, V) beside the layer's weights."""
    if not isinstance(text, str) or not text or any(letter not in vocab for letter in text):
        raise ValueError(
            f"{text!r}: expected at least one character, all of them in the vocabulary"
        )
    weight = next(recurrent.parameters())
    return one_hot(vocab.encode(text), len(vocab)).to(weight).unsqueeze(1)


def states(recurrent: nn.Module, vocab: Vocab, text: str) -> Tensor:
    """Return the states (T, H) after each character of a text."""
    with torch.no_grad():
        output, _ = recurrent(encoded(recurrent, vocab, text))
    return output[:, 0].cpu()


def prefix_probabilities(model: nn.Module, vocab: Vocab, name: str) -> Tensor:
    """Read a classifier's opinion after each letter of a name.

    Args:
        model: called with X (B, T) int64 and lengths (B,), returns logits (B, C).
        vocab: the letters' indices.
        name: T letters, all of them in the vocabulary.
    Returns:
        (T, C), the class probabilities when only the letters so far are read.
    Raises:
        ValueError: if there is no letter, or one that is not in the vocabulary.
    Source: chapter 12.
    """
    if not isinstance(name, str) or not name or any(letter not in vocab for letter in name):
        raise ValueError(f"{name!r}: expected at least one letter, all of them in the vocabulary")
    device, lengths = device_of(model), torch.arange(1, len(name) + 1)
    X = vocab.encode(name).repeat(len(name), 1).to(device)  # row t is read up to letter t only
    with evaluating(model):
        return model(X, lengths).softmax(dim=1).cpu()


def linear_probe(
    states: Tensor, labels: Tensor, new_states: Tensor, new_labels: Tensor, ridge: float = 0.0
) -> Tensor:
    """Measure what a linear map finds in states: fit it to some, and count its hits on others.

    The map from a state and a 1 to one-hot labels is found by least squares, in float64::

        M = argmin mean |[s, 1] M - onehot(y)|**2 + ridge |M|**2

    Args:
        states: (N, H), one state a row, to fit the map to.
        labels: (N,) int64, what each state is asked for, or (N, K) for K questions at once.
        new_states: (M, H), states that the map has not been fitted to.
        new_labels: (M,) or (M, K).
        ridge: how much large entries of the map are held back.
    Returns:
        The share of new labels that are found: a scalar, or (K,).
    Raises:
        ValueError: if the shapes do not belong together, or the ridge is negative.
    Source: Alain and Bengio, "Understanding intermediate layers using linear classifier probes",
        ICLR workshop, 2017; chapters 6, 8 and 9.
    """
    given = {"states": states, "new_states": new_states, "labels": labels, "new_labels": new_labels}
    for name, value in given.items():
        tensor(name, value, "torch.tensor makes one")
    for s, y in ((states, labels), (new_states, new_labels)):
        if s.dim() != 2 or len(s) != len(y) or s.shape[1:] != states.shape[1:]:
            raise ValueError(
                f"expected states (N, H) and as many labels, got {tuple(s.shape)} and "
                f"{tuple(y.shape)}: are the steps or the layers still an axis of their own?"
            )
    if labels.shape[1:] != new_labels.shape[1:]:
        raise ValueError(
            f"expected the same questions of old and new states, got labels of shapes "
            f"{tuple(labels.shape)} and {tuple(new_labels.shape)}"
        )
    if real("ridge", ridge) < 0:
        raise ValueError(f"expected a ridge of at least 0, got {ridge}")
    X, new_X = (
        nn.functional.pad(s.detach().double(), (0, 1), value=1) for s in (states, new_states)
    )
    num_classes = int(max(labels.max(), new_labels.max())) + 1
    wanted = one_hot(labels, num_classes).double().flatten(1)
    if ridge:
        eye = torch.eye(X.shape[1], dtype=X.dtype, device=X.device)
        linear = torch.linalg.solve(X.T @ X + ridge * len(X) * eye, X.T @ wanted)
    else:
        linear = torch.linalg.lstsq(X, wanted).solution
    found = (new_X @ linear).reshape(*new_labels.shape, num_classes).argmax(dim=-1)
    return (found == new_labels).double().mean(dim=0)


@dataclass(frozen=True)
class Recall:
    """How well a network learnt to recall.

    Attributes:
        accuracy: the share of 1000 fresh sequences whose first symbol it names.
        steps: the number of training steps taken.
        model: the layer with its head: called with X (B, T, 16), it returns logits (B, 8).
    """

    accuracy: float
    steps: int
    model: nn.Module


def learn_delayed_recall(
    recurrent: nn.Module,
    lag: int,
    *,
    max_steps: int = 600,
    batch_size: int = 32,
    lr: float = 0.003,
    generator: torch.Generator | None = None,
) -> Recall:
    """Train a recurrent layer, with a head, to recall a symbol after a delay; measure it.

    Adam, gradients clipped at norm 1, a fresh minibatch at every step. After every 25 steps the
    layer is tried on 256 sequences that it is never trained on; training stops early once it names
    all their first symbols. The accuracy that is returned is measured on 1000 other sequences.

    Args:
        recurrent: a layer with ``input_size=16`` and ``batch_first=True``; it is trained in place.
        lag: meaningless symbols to remember across.
        max_steps: the largest number of training steps, a multiple of 25.
        batch_size: B.
        lr: learning rate.
        generator: of the sequences; PyTorch's global one if None.
    Returns:
        The accuracy on fresh sequences, the steps it took, and the layer with its head.
    Raises:
        ValueError: if ``max_steps`` is no multiple of 25, or the layer reads other features.
    Source: chapter 8.
    """
    steps = 25
    whole("max_steps", max_steps)
    if max_steps < steps or max_steps % steps:
        raise ValueError(f"expected max_steps as a multiple of {steps}, got {max_steps}")
    require_layer(recurrent)
    if recurrent.input_size != FEATURES:
        raise ValueError(
            f"expected a layer with input_size = {FEATURES}, got {recurrent.input_size}: the task "
            "has so many one-hot symbols"
        )
    model = SequenceClassifier(recurrent, NUM_SYMBOLS).to(device_of(recurrent))
    X, y = delayed_recall(lag, 256, generator)
    history = fit(
        model,
        DelayedRecall(lag, batch_size, steps, generator),
        losses.classification,
        epochs=max_steps // steps,
        optimizer=torch.optim.Adam(model.parameters(), lr),
        metrics={"validation_accuracy": lambda model: _share_right(model, X, y)},
        stop=lambda history: history["validation_accuracy"][-1] == 1,
        progress=False,
    )
    if history.interrupted:
        raise KeyboardInterrupt  # half a training has no result
    with evaluating(model):
        accuracy = _share_right(model, *delayed_recall(lag, 1000, generator))
    return Recall(accuracy, steps * history.epochs, model)


def _share_right(model: nn.Module, X: Tensor, y: Tensor) -> float:
    """Return the share of sequences (N, T, F), all equally long, that are classified rightly."""
    predicted = model(X.to(device_of(model))).argmax(dim=1).cpu()
    return (predicted == y).float().mean().item()
