"""One loss function a task, all called alike: ``loss(model, batch, state)``.

Each returns the mean loss of a minibatch in nats, a tensor of shape (); how many predictions that
is the mean of; and the state with which the next minibatch may go on, None if there is none.
``training.fit`` trains with any of them.
"""

import copy
from collections.abc import Callable
from typing import Any
from weakref import WeakSet

from torch import Tensor, nn
from torch.nn import functional as F

from rnnbook.arguments import is_whole, kind_of, labels, tensor, within
from rnnbook.models import device_of, evaluating
from rnnbook.recurrent import State

BATCH_FIRST = (
    "The model's logits are batch-first, (B, T, V), and the loss expects (T, B, V). If its layer "
    "has batch_first=True, return logits.transpose(0, 1); if not, it reads along the batch: give "
    "it X.T"
)
_time_major: WeakSet[nn.Module] = WeakSet()  # models that were asked
Loss = Callable[[nn.Module, Any, State | None], tuple[Tensor, int, State | None]]


def next_token(
    model: nn.Module, batch: tuple[Tensor, Tensor], state: State | None = None
) -> tuple[Tensor, int, State]:
    """Measure -log p(next token), for a language model.

    Args:
        model: called with X (B, T) and a state, returns logits (T, B, V) and the state.
        batch: X, Y, (B, T) int64 each, the targets Y being X one step later.
        state: the state to start from; the model's own start if None.
    Returns:
        The mean loss in nats, T * B, and the state after the last step.
    Raises:
        TypeError: if the minibatch is no pair of tensors, or the model does not return a pair.
        ValueError: if X and Y differ in shape, or the logits are not time-major.
    Source: chapter 5.
    """
    X, Y = (part.to(device_of(model)) for part in _pair(batch))
    answer = model(X, state)
    if not isinstance(answer, tuple) or len(answer) != 2:
        raise TypeError(
            f"expected the model to return the pair (logits, state), got {kind_of(answer)}"
        )
    logits, state = answer
    loss = cross_entropy(logits, Y)
    if len(X) == X.shape[1] > 1 and model not in _time_major:
        _refuse_batch_first(model, X)
    return loss, Y.numel(), state


def _pair(batch: Any) -> tuple[Tensor, Tensor]:
    """Return a minibatch's inputs and targets, (B, T) each, or say what is off."""
    if not isinstance(batch, tuple | list) or len(batch) != 2:
        raise TypeError(f"expected a minibatch as the pair X, Y, got {kind_of(batch)}")
    X, Y = (
        tensor(name, part, "see rnnbook.batching") for name, part in zip("XY", batch, strict=True)
    )
    if X.dim() != 2 or X.shape != Y.shape:
        raise ValueError(
            f"expected X and Y of one shape (B, T), got {tuple(X.shape)} and {tuple(Y.shape)}"
        )
    return X, Y


def _refuse_batch_first(model: nn.Module, X: Tensor) -> None:
    """Refuse a batch-first model where B = T, so that the shapes of a minibatch do not tell.

    Trained on targets in another order than its logits, it would learn nothing, without a word.
    A copy is asked, once: a call may change a model. One that cannot read a single sequence of two
    steps cannot be asked.
    """
    try:
        with evaluating(other := copy.deepcopy(model)):
            shape = tuple(other(X[:1, :2], None)[0].shape[:2])  # B = 1, T = 2: now they do
    except (RuntimeError, ValueError, TypeError):
        shape = (2, 1)
    if shape == (1, 2):
        raise ValueError(BATCH_FIRST)
    _time_major.add(model)


def classification(
    model: nn.Module, batch: tuple[Tensor, Tensor | None, Tensor], state: State | None = None
) -> tuple[Tensor, int, None]:
    """Measure -log p(class), for a classifier of whole sequences.

    Args:
        model: called with X (B, T, ...) and the lengths, returns logits (B, C).
        batch: X, the lengths (B,) or None if all are T long, and the classes y (B,) int64.
        state: not used: every sequence starts anew.
    Returns:
        The mean loss in nats, B, and None.
    Raises:
        TypeError: if the minibatch is no such triple of tensors.
        ValueError: if the model has a single class, or there is not one class from 0 to C - 1 for
            each sequence.
    Source: chapter 11.
    """
    if not isinstance(batch, tuple | list) or len(batch) != 3:
        raise TypeError(f"expected a minibatch as X, lengths, y, got {kind_of(batch)}")
    X, lengths, y = batch
    logits = model(tensor("X", X, "see batching.padded_batches").to(device_of(model)), lengths)
    if logits.dim() != 2 or logits.shape[1] < 2:
        raise ValueError(
            f"expected logits of shape (B, C) with at least two classes, got {tuple(logits.shape)}:"
            " the cross-entropy of one class is 0 whatever the model does; for yes or no, take "
            "two, or F.binary_cross_entropy_with_logits"
        )
    y = labels(y, len(logits), logits.shape[1])
    return F.cross_entropy(logits, y.to(logits.device)), len(y), None


def cross_entropy(logits: Tensor, Y: Tensor) -> Tensor:
    """Measure the mean of -log p(target), in nats, from logits in time-major order.

    Args:
        logits: (T, B, V), unnormalised.
        Y: (B, T) int64, the targets, as the samplers give them.
    Returns:
        The loss, a tensor of shape ().
    Raises:
        TypeError: if either is no tensor.
        ValueError: if the shapes are others, or a target is no token. Where B = T, the shapes do
            not say which axis is which: ``next_token`` asks the model.
    """
    tensor("logits", logits, "the model returns them")
    tensor("targets", Y, "the samplers give them")
    if logits.dim() != 3:
        raise ValueError(f"expected logits of shape (T, B, V), got {tuple(logits.shape)}")
    T, B, V = logits.shape
    if tuple(Y.shape) != (B, T):
        turned = tuple(Y.shape) == (T, B)
        raise ValueError(
            f"expected targets of shape (B, T) = {(B, T)} with logits {(T, B, V)}, got "
            f"{tuple(Y.shape)}" + (f". {BATCH_FIRST}, or the targets turned already" * turned)
        )
    if not is_whole(Y):
        raise ValueError(f"expected targets as whole numbers, got {Y.dtype}")
    within("targets", Y, V, "are they of the model's vocabulary?")
    return F.cross_entropy(logits.flatten(0, 1), Y.T.flatten().long())
