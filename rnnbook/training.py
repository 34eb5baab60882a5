"""Training a character language model: the loop, and what to measure on the way."""

import copy
import math
import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from tqdm.auto import tqdm

from rnnbook.models import detach, evaluating


class DivergedError(ArithmeticError):
    """The loss became infinite or not a number; the model holds the last epoch's parameters."""


@dataclass
class History:
    """What was measured during training, one entry an epoch.

    Attributes:
        perplexity: exp of the mean cross-entropy per token over the epoch's minibatches.
        heldout_perplexity: the same on the held-out tokens, after the epoch; empty without any.
        grad_norm: mean norm of the gradient before clipping.
        tokens_per_second: training speed.
    """

    perplexity: list[float] = field(default_factory=list)
    heldout_perplexity: list[float] = field(default_factory=list)
    grad_norm: list[float] = field(default_factory=list)
    tokens_per_second: list[float] = field(default_factory=list)

    @property
    def epochs(self) -> int:
        """Return the number of epochs recorded."""
        return len(self.perplexity)

    @property
    def bits_per_char(self) -> list[float]:
        """Return the training perplexities in bits per character, log2 of each."""
        return [math.log2(value) for value in self.perplexity]


def evaluate(model: nn.Module, tokens: Tensor, batch_size: int = 1, num_steps: int = 256) -> float:
    """Measure the perplexity of a text, reading it once from its beginning.

    exp of the mean of -log p(token | all tokens before it in its strip).

    Args:
        model: called with X (B, T) and a state, returns logits (T, B, V) and the state.
        tokens: (N,) int64, the text.
        batch_size: B, the number of strips the text is cut into; every strip starts from a zero
            state, so 1 is exact and more is faster.
        num_steps: tokens read at a time; it changes the memory used, not the result.
    Returns:
        The perplexity, at least 1. The text's first token is not predicted, and that of every other
        strip is predicted by the strip before.
    Raises:
        ValueError: if the text has fewer than two tokens a strip.
    Source: chapter 5.
    """
    length = (len(tokens) - 1) // batch_size
    if length < 1:
        raise ValueError(
            f"a text of {len(tokens)} tokens is too short for {batch_size} strips: each needs at "
            "least one token to read and one to predict"
        )
    total = length * batch_size
    X = tokens[:total].reshape(batch_size, length)
    Y = tokens[1 : total + 1].reshape(batch_size, length)
    place = next(model.parameters()).device
    state, nats = None, 0.0
    with evaluating(model):
        for x, y in zip(X.split(num_steps, 1), Y.split(num_steps, 1), strict=True):
            logits, state = model(x.to(place), state)
            nats += cross_entropy(logits, y.to(place), reduction="sum").item()
    return _exp(nats / total)


def cross_entropy(logits: Tensor, Y: Tensor, reduction: str = "mean") -> Tensor:
    """Measure -log p(target), in nats, from logits in time-major order.

    Args:
        logits: (T, B, V), unnormalised.
        Y: (B, T) int64, the targets, as the samplers give them.
        reduction: ``"mean"`` or ``"sum"`` over the T * B targets.
    Returns:
        The loss, a tensor of shape ().
    """
    return F.cross_entropy(logits.flatten(0, 1), Y.T.flatten(), reduction=reduction)


def fit(
    model: nn.Module,
    batches: Iterable[tuple[Tensor, Tensor]],
    *,
    epochs: int,
    lr: float = 1.0,
    clip: float | None = 1.0,
    optimizer: torch.optim.Optimizer | None = None,
    heldout: Tensor | None = None,
    checkpoint: str | Path | None = None,
    on_epoch: Sequence[Callable[[int, History], None]] = (),
    progress: bool = True,
) -> History:
    """Train a character language model by truncated backpropagation through time.

    Where the sampler's minibatches continue one another (``batches.carries_state``), the state is
    carried from one to the next and detached; an epoch, and every minibatch of a sampler whose
    minibatches do not, starts from a fresh state.

    Args:
        model: called with X (B, T) and a state, returns logits (T, B, V) and the state.
        batches: yields X, Y (B, T) int64 each; iterated once an epoch. See ``rnnbook.text``.
        epochs: passes over the minibatches.
        lr: learning rate of plain SGD; ignored if an optimiser is given.
        clip: largest norm of the gradient, dimensionless; None leaves it as it is.
        optimizer: over the model's parameters; plain SGD if None.
        heldout: (N,) int64, a text whose perplexity is measured after every epoch.
        checkpoint: a file that receives the parameters with the lowest perplexity so far (held-out
            if there is such a text), as a state dict.
        on_epoch: functions called after every epoch with its number (from 1) and the history.
        progress: whether to show a progress bar; the environment variable ``RNNBOOK_PROGRESS=off``
            hides all of them.
    Returns:
        The history. The model is trained in place.
    Raises:
        ValueError: if ``epochs`` is below 1, ``clip`` is not positive, or no minibatch came.
        DivergedError: if the loss is not finite; it names the epoch and the step, and the model
            holds the parameters it had at the end of the last epoch.
    Source: chapter 5.
    """
    check_plan(epochs, clip)
    optimizer = optimizer or torch.optim.SGD(model.parameters(), lr)
    history, best = History(), math.inf
    for epoch in count_epochs(epochs, progress):
        with restoring(model, epoch):
            _train_epoch(model, batches, optimizer, clip, history)
        if heldout is not None:
            history.heldout_perplexity.append(evaluate(model, heldout))
        measured = (history.heldout_perplexity or history.perplexity)[-1]
        if checkpoint is not None and measured < best:
            best = measured
            save_checkpoint(model, checkpoint)
        for report in on_epoch:
            report(epoch, history)
    return history


def check_plan(epochs: int, clip: float | None) -> None:
    """Raise ValueError if a loop of so many epochs with such a clipping trains nothing."""
    if epochs < 1:
        raise ValueError(f"expected epochs of at least 1, got {epochs}")
    if clip is not None and not clip > 0:
        raise ValueError(f"expected clip above 0, or None for no clipping, got {clip}")


def count_epochs(epochs: int, progress: bool) -> Iterable[int]:
    """Count the epochs from 1, behind a progress bar unless that is switched off."""
    # The bar goes away when it is done; stored outputs, which are compared, must never hold one.
    hidden = not progress or os.environ.get("RNNBOOK_PROGRESS") == "off"
    return tqdm(range(1, epochs + 1), desc="epoch", disable=hidden, leave=False)


@contextmanager
def restoring(model: nn.Module, epoch: int) -> Iterator[None]:
    """Within ``with``, let a loss that diverges leave the model as it was before the epoch."""
    good = copy.deepcopy(model.state_dict())
    try:
        yield
    except DivergedError as error:
        model.load_state_dict(good)
        raise DivergedError(f"epoch {epoch}, {error}") from None


def descend(
    model: nn.Module,
    loss: Tensor,
    optimizer: torch.optim.Optimizer,
    clip: float | None,
    step: int,
) -> Tensor:
    """Make one step of an optimiser.

    Args:
        model: the model whose gradient is clipped.
        loss: a tensor of shape (), connected to the model's parameters.
        optimizer: over the model's parameters.
        clip: largest norm of the gradient, dimensionless; None leaves it as it is.
        step: the number of the step, for the message of the error.
    Returns:
        The norm of the gradient before clipping.
    Raises:
        DivergedError: if the loss is not finite.
    """
    if not torch.isfinite(loss):
        raise DivergedError(
            f"step {step}: the loss is {loss.item()}. The parameters are those of the epoch "
            "before; try a smaller learning rate, or clip the gradient"
        )
    optimizer.zero_grad()
    loss.backward()
    # An infinite bound clips nothing, and the norm before clipping comes back all the same.
    norm = nn.utils.clip_grad_norm_(model.parameters(), clip or math.inf)
    optimizer.step()
    return norm


def _train_epoch(
    model: nn.Module,
    batches: Iterable[tuple[Tensor, Tensor]],
    optimizer: torch.optim.Optimizer,
    clip: float | None,
    history: History,
) -> None:
    """Make one pass over the minibatches and append what was measured to the history."""
    place = next(model.parameters()).device
    carries_state = getattr(batches, "carries_state", False)
    state, nats, tokens, norms, started = None, 0.0, 0, [], time.perf_counter()
    model.train()
    for step, (X, Y) in enumerate(batches, start=1):
        X, Y = X.to(place), Y.to(place)
        logits, state = model(X, detach(state) if carries_state else None)
        loss = cross_entropy(logits, Y)
        norms.append(descend(model, loss, optimizer, clip, step))
        nats += loss.item() * Y.numel()
        tokens += Y.numel()
    if not tokens:
        raise ValueError("the sampler gave no minibatch: a generator is used up after one epoch")
    history.perplexity.append(_exp(nats / tokens))
    history.grad_norm.append(torch.stack(norms).mean().item())
    history.tokens_per_second.append(tokens / (time.perf_counter() - started))


def _exp(nats: float) -> float:
    """Return exp(nats), infinity where a float cannot hold it."""
    return math.exp(nats) if nats < 700 else math.inf


def save_checkpoint(model: nn.Module, path: str | Path) -> None:
    """Write a model's state dict, whole or not at all.

    Args:
        model: the model.
        path: the file; an older checkpoint there stays whole until the new one is complete.
    """
    path = Path(path)
    partial = path.with_name(path.name + ".partial")
    torch.save(model.state_dict(), partial)
    partial.replace(path)


def load_checkpoint(model: nn.Module, path: str | Path) -> None:
    """Read a state dict written by ``save_checkpoint`` into a model of the same sizes.

    Args:
        model: the model to fill.
        path: the file.
    Raises:
        FileNotFoundError: if there is no such file.
        RuntimeError: if the sizes differ; PyTorch names both.
    """
    place = next(model.parameters()).device
    model.load_state_dict(torch.load(path, map_location=place, weights_only=True))
