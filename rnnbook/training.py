"""Training: one loop for every task, what was measured on the way, and checkpoints."""

import copy
import io
import math
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from tqdm.auto import tqdm

from rnnbook.atomic import write_atomically
from rnnbook.losses import Loss
from rnnbook.models import device_of, evaluating
from rnnbook.recurrent import detach


class DivergedError(ArithmeticError):
    """The loss became infinite or not a number; the model holds the last epoch's parameters."""


@dataclass
class History:
    """What was measured during training: named metrics, each with one entry an epoch.

    ``fit`` records ``loss`` (the mean over the epoch's predictions, in nats, as training saw it),
    ``grad_norm`` (the mean norm of the gradient before clipping), ``per_second`` (predictions a
    second) and, where it was given something to validate on, ``validation_loss``; and the metrics
    that it was given.

    Example:
        >>> history = History()
        >>> history.record(loss=0.0)
        >>> history["loss"], history.perplexity
        ([0.0], [1.0])
    """

    metrics: dict[str, list[float]] = field(default_factory=dict)

    def record(self, **values: float) -> None:
        """Append one epoch's values."""
        for name, value in values.items():
            self.metrics.setdefault(name, []).append(float(value))

    def __getitem__(self, name: str) -> list[float]:
        """Return a metric's values, one an epoch.

        Raises:
            KeyError: if it was not measured; the message lists what was.
        """
        if name not in self.metrics:
            raise KeyError(f"{name!r} was not measured; there are {', '.join(self.metrics)}")
        return self.metrics[name]

    @property
    def epochs(self) -> int:
        """Return the number of epochs recorded."""
        return max(map(len, self.metrics.values()), default=0)

    @property
    def perplexity(self) -> list[float]:
        """Return exp of each training loss."""
        return [exp(nats) for nats in self["loss"]]

    @property
    def validation_perplexity(self) -> list[float]:
        """Return exp of each validation loss."""
        return [exp(nats) for nats in self["validation_loss"]]


def fit(
    model: nn.Module,
    batches: Iterable,
    loss: Loss,
    *,
    epochs: int,
    lr: float = 1.0,
    clip: float | None = 1.0,
    optimizer: torch.optim.Optimizer | None = None,
    validation: Iterable | None = None,
    metrics: Mapping[str, Callable[[nn.Module], float]] | None = None,
    stop: Callable[[History], bool] | None = None,
    checkpoint: str | Path | None = None,
    on_epoch: Sequence[Callable[[int, History], None]] = (),
    progress: bool = True,
) -> History:
    """Train a model.

    Where minibatches continue one another (``batches.carries_state``), the state that the loss
    returns is carried from one to the next and detached: truncated backpropagation through time.
    An epoch, and every minibatch of batches that do not, starts from a fresh state.

    Args:
        model: what is trained, in place.
        batches: the minibatches; iterated once an epoch. See ``rnnbook.batching``.
        loss: called with the model, a minibatch and a state; see ``rnnbook.losses``.
        epochs: the largest number of passes over the minibatches.
        lr: learning rate of plain SGD; ignored if an optimiser is given.
        clip: largest norm of the gradient, dimensionless; None leaves it as it is.
        optimizer: over the model's parameters; plain SGD if None.
        validation: minibatches whose loss is measured after every epoch, with dropout off.
        metrics: functions of the model, by name, called after every epoch with dropout off.
        stop: called after every epoch with the history; True ends the training.
        checkpoint: a file that receives the parameters with the lowest loss so far (the validation
            loss if there is one), as a state dict.
        on_epoch: functions called after every epoch with its number (from 1) and the history.
        progress: whether to show a progress bar; ``TQDM_DISABLE=1`` hides all of them.
    Returns:
        The history.
    Raises:
        ValueError: if ``epochs`` is below 1, ``clip`` is not positive, or no minibatch came.
        DivergedError: if the loss is not finite; it names the epoch and the step, and the model
            holds the parameters it had at the end of the last epoch.
    Source: chapter 5.
    """
    _check_plan(epochs, clip)
    optimizer = optimizer or torch.optim.SGD(model.parameters(), lr)
    history, best = History(), math.inf
    # The bar goes away when it is done; stored outputs, which are compared, must never hold one.
    # In a notebook tqdm does not look at its own variable, so it is read here.
    hidden = not progress or bool(os.environ.get("TQDM_DISABLE"))
    for epoch in tqdm(range(1, epochs + 1), desc="epoch", leave=False, disable=hidden):
        with _restoring(model, epoch):
            measured = _train_epoch(model, batches, loss, optimizer, clip)
        if validation is not None:
            measured["validation_loss"] = evaluate(model, validation, loss)
        with evaluating(model):
            measured |= {name: metric(model) for name, metric in (metrics or {}).items()}
        history.record(**measured)
        watched = measured.get("validation_loss", measured["loss"])
        if checkpoint is not None and watched < best:
            best = watched
            save_checkpoint(model, checkpoint)
        for report in on_epoch:
            report(epoch, history)
        if stop is not None and stop(history):
            break
    return history


def evaluate(model: nn.Module, batches: Iterable, loss: Loss) -> float:
    """Measure the mean loss of a model, with dropout and gradients off.

    Args:
        model: it is left as it was.
        batches: the minibatches, iterated once; the state is carried as in ``fit``.
        loss: see ``rnnbook.losses``.
    Returns:
        The mean over all predictions, in nats.
    Raises:
        ValueError: if no minibatch came.
    """
    nats, count = 0.0, 0
    with evaluating(model):
        for value, number in _losses(model, batches, loss):
            nats += value.item() * number
            count += number
    if not count:
        raise ValueError("there was no minibatch to measure: a generator is used up after one pass")
    return nats / count


def _losses(model: nn.Module, batches: Iterable, loss: Loss) -> Iterator[tuple[Tensor, int]]:
    """Yield the loss and the count of each minibatch, handing the state on where it belongs."""
    carries_state, state = getattr(batches, "carries_state", False), None
    for batch in batches:
        value, number, state = loss(model, batch, detach(state) if carries_state else None)
        yield value, number


def _train_epoch(
    model: nn.Module,
    batches: Iterable,
    loss: Loss,
    optimizer: torch.optim.Optimizer,
    clip: float | None,
) -> dict[str, float]:
    """Make one pass over the minibatches and return what was measured."""
    nats, count, norms, started = 0.0, 0, [], time.perf_counter()
    model.train()
    for step, (value, number) in enumerate(_losses(model, batches, loss), start=1):
        norms.append(optimizer_step(model, value, optimizer, clip, step))
        nats += value.item() * number
        count += number
    if not count:
        raise ValueError("there was no minibatch: a generator is used up after one epoch")
    return {
        "loss": nats / count,
        "grad_norm": torch.stack(norms).mean().item(),
        "per_second": count / (time.perf_counter() - started),
    }


def optimizer_step(
    model: nn.Module,
    loss: Tensor,
    optimizer: torch.optim.Optimizer,
    clip: float | None,
    step: int,
) -> Tensor:
    """Make one step of an optimiser: zero the gradients, backward, clip, step.

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


def _check_plan(epochs: int, clip: float | None) -> None:
    if epochs < 1:
        raise ValueError(f"expected epochs of at least 1, got {epochs}")
    if clip is not None and not clip > 0:
        raise ValueError(f"expected clip above 0, or None for no clipping, got {clip}")


@contextmanager
def _restoring(model: nn.Module, epoch: int) -> Iterator[None]:
    """Within ``with``, let a loss that diverges leave the model as it was before the epoch."""
    good = copy.deepcopy(model.state_dict())
    try:
        yield
    except DivergedError as error:
        model.load_state_dict(good)
        raise DivergedError(f"epoch {epoch}, {error}") from None


def exp(nats: float) -> float:
    """Return exp(nats), the perplexity; infinity where a float cannot hold it."""
    return math.exp(nats) if nats < 700 else math.inf


def save_checkpoint(model: nn.Module, path: str | Path) -> None:
    """Write a model's state dict, whole or not at all.

    Args:
        model: the model.
        path: the file; an older checkpoint there stays whole until the new one is complete.
    """
    content = io.BytesIO()
    torch.save(model.state_dict(), content)
    write_atomically(Path(path), content.getvalue())


def load_checkpoint(model: nn.Module, path: str | Path) -> None:
    """Read a state dict written by ``save_checkpoint`` into a model of the same sizes.

    Args:
        model: the model to fill.
        path: the file.
    Raises:
        FileNotFoundError: if there is no such file.
        RuntimeError: if the sizes differ; PyTorch names both.
    """
    state: dict[str, Any] = torch.load(path, map_location=device_of(model), weights_only=True)
    model.load_state_dict(state)
