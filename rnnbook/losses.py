"""One loss function a task, all called alike: ``loss(model, batch, state)``.

Each returns the mean loss of a minibatch in nats, a tensor of shape (); how many predictions that
is the mean of; and the state with which the next minibatch may go on, None if there is none.
``training.fit`` trains with any of them.
"""

from collections.abc import Callable
from typing import Any

from torch import Tensor, nn
from torch.nn import functional as F

from rnnbook.models import device_of
from rnnbook.recurrent import State

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
    Source: chapter 5.
    """
    X, Y = (part.to(device_of(model)) for part in batch)
    logits, state = model(X, state)
    return cross_entropy(logits, Y), Y.numel(), state


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
    Source: chapter 11.
    """
    X, lengths, y = batch
    device = device_of(model)
    return F.cross_entropy(model(X.to(device), lengths), y.to(device)), len(y), None


def cross_entropy(logits: Tensor, Y: Tensor) -> Tensor:
    """Measure the mean of -log p(target), in nats, from logits in time-major order.

    Args:
        logits: (T, B, V), unnormalised.
        Y: (B, T) int64, the targets, as the samplers give them.
    Returns:
        The loss, a tensor of shape ().
    """
    return F.cross_entropy(logits.flatten(0, 1), Y.T.flatten())
