"""Backpropagation through time by hand: the gradients, truncation, and the memory it takes."""

import weakref
from collections import Counter
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from rnnbook.arguments import is_whole, real, tensor, whole, within
from rnnbook.recurrent import Recurrence


@torch.no_grad()
def loss_and_gradients(
    params: Sequence[Tensor],
    inputs: Tensor,
    targets: Tensor,
    h0: Tensor,
    crossing: Tensor | None = None,
) -> tuple[Tensor, list[Tensor]]:
    """Compute the loss of the network of chapter 3 and its gradients, without autograd.

    With d[t] the gradient at what tanh is applied to, and c[t] the crossing factors::

        do[t] = (softmax(o[t]) - one_hot(y[t])) / (T * B)
        d[t]  = (do[t] @ W_hq.T + c[t+1] * d[t+1] @ W_hh.T) * (1 - h[t] ** 2)

    Args:
        params: W_xh (V, H), W_hh (H, H), b_h (H,), W_hq (H, V) and b_q (V,).
        inputs: x, (T, B, V).
        targets: (T, B) int64, the token to be predicted after each step.
        h0: (B, H), the state to start from; no gradient is returned for it.
        crossing: (T,), factors of the gradient on its way from each step to the one before: 1 lets
            it pass, 0 cuts it off. The first leads to h0 and changes nothing. None: all 1.
    Returns:
        The mean cross-entropy in nats, and the gradients in the order of ``params``.
    Raises:
        ValueError: if the inputs are token indices, if h0 is not (B, H), or if the targets or the
            factors do not have a value for each step.
    Source: Werbos (1990). Chapter 4.
    """
    if not isinstance(params, Sequence) or len(params) != 5:
        raise TypeError("expected params as the five tensors W_xh, W_hh, b_h, W_hq, b_q")
    W_xh, W_hh, b_h, W_hq, b_q = params
    given = {"inputs": inputs, "targets": targets, "h0": h0}
    for name, value in given.items():
        tensor(name, value, "see the shapes in the documentation")
    if inputs.dim() != 3:
        raise ValueError(
            f"expected one-hot inputs of shape (T, B, V), got {tuple(inputs.shape)}: "
            "text.one_hot turns tokens into them"
        )
    T, B, V = inputs.shape
    if tuple(h0.shape) != (B, len(W_hh)):
        raise ValueError(
            f"expected h0 of shape (B, H) = {(B, len(W_hh))}, got {tuple(h0.shape)}: each sequence "
            "starts from a state of its own"
        )
    if tuple(targets.shape) != (T, B):
        raise ValueError(
            f"expected targets of shape (T, B) = {(T, B)}, got {tuple(targets.shape)}: time comes "
            "first, so the Y of a minibatch goes in as Y.T"
        )
    if not is_whole(targets):
        raise ValueError(f"expected targets as whole numbers, got {targets.dtype}")
    within("targets", targets, V, "are they of the same vocabulary as the inputs?")
    if crossing is None:
        crossing = torch.ones(T)
    if tuple(crossing.shape) != (T,):
        raise ValueError(
            f"expected a factor for each of the {T} steps, got shape {tuple(crossing.shape)}"
        )
    hs = Recurrence.apply(inputs @ W_xh + b_h, h0, W_hh, "tanh")  # (T, B, H)
    logits = hs @ W_hq + b_q  # (T, B, V)
    loss = nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten())
    do = (logits.softmax(dim=2) - nn.functional.one_hot(targets, V)) / (T * B)
    d, slope, factors = do @ W_hq.T, 1 - hs**2, crossing.tolist()  # d, slope: (T, B, H)
    d[-1] *= slope[-1]
    for t in range(T - 2, -1, -1):
        d[t] = (d[t] + factors[t + 1] * d[t + 1] @ W_hh.T) * slope[t]
    before = torch.cat([h0.unsqueeze(0), hs[:-1]])  # (T, B, H)
    sums = [_product(inputs, d), _product(before, d), d.sum((0, 1))]
    return loss, [*sums, _product(hs, do), do.sum((0, 1))]


def _product(a: Tensor, b: Tensor) -> Tensor:
    """Sum a[t].T @ b[t] over all steps in one product; a (T, B, M), b (T, B, N) give (M, N)."""
    return a.flatten(0, 1).T @ b.flatten(0, 1)


def regular_truncation(num_steps: int, window: int, offset: int = 0) -> Tensor:
    """Return crossing factors (T,) that cut the way back every ``window`` steps.

    Args:
        num_steps: T.
        window: steps between two cuts, a whole number of at least 1.
        offset: the gradient does not leave the steps offset, offset + window, ... (counted from 0)
            backwards.
    Raises:
        TypeError: if one of them is no whole number.
        ValueError: if the window is below 1.
    """
    whole("num_steps", num_steps, least=0)
    whole("window", window, least=1)
    whole("offset", offset)
    return ((torch.arange(num_steps) - offset) % window != 0).double()


def random_truncation(
    num_steps: int, probability: float, generator: torch.Generator | None = None
) -> Tensor:
    """Draw crossing factors (T,): 0 with a probability c, else 1 / (1 - c); their mean is 1.

    Args:
        num_steps: T.
        probability: c, from 0 to below 1; the mean number of steps between two cuts is 1 / c.
        generator: where the random numbers come from; PyTorch's global one if None.
    Raises:
        ValueError: if c is not in that range.
    Source: Tallec and Ollivier (2017). Chapter 4b.
    """
    whole("num_steps", num_steps, least=0)
    if not 0 <= real("probability", probability) < 1:
        raise ValueError(f"expected a probability from 0 to below 1, got {probability}")
    passes = torch.rand(num_steps, generator=generator) >= probability
    return passes.double() / (1 - probability)


class SavedBytes:
    """Count the bytes that autograd keeps for the backward pass while the block runs.

    Each piece of memory counts once, however many operations keep it, and no longer than the last
    of them does. It sees nothing of a region that handles its saved tensors itself, as
    ``torch.utils.checkpoint`` with ``use_reentrant=False`` does.

    Args:
        excluded: tensors that are there in any case and do not count: parameters, inputs.
    Attributes:
        now: bytes kept at this moment.
        peak: the most that was ever kept.
    """

    def __init__(self, excluded: Sequence[Tensor] = ()) -> None:
        self.now = self.peak = 0
        self._free = {p.untyped_storage().data_ptr() for p in excluded}
        self._users: Counter[int] = Counter()
        self._hooks = torch.autograd.graph.saved_tensors_hooks(self._pack, lambda kept: kept.tensor)

    def __enter__(self) -> "SavedBytes":
        self._hooks.__enter__()
        return self

    def __exit__(self, *exception: object) -> None:
        self._hooks.__exit__(*exception)

    def _pack(self, tensor: Tensor) -> "_Kept":
        kept, storage = _Kept(tensor), tensor.untyped_storage()
        place, size = storage.data_ptr(), storage.nbytes()
        if place not in self._free:
            if self._users[place] == 0:
                self.now += size
                self.peak = max(self.peak, self.now)
            self._users[place] += 1
            weakref.finalize(kept, self._release, place, size)
        return kept

    def _release(self, place: int, size: int) -> None:
        self._users[place] -= 1
        if self._users[place] == 0:
            self.now -= size


class _Kept:
    """A tensor that autograd keeps; autograd drops it as soon as it needs it no more.

    Its history is left out: an output that knows the operation that keeps it would never be let go.
    """

    def __init__(self, tensor: Tensor) -> None:
        self.tensor = tensor.detach()
