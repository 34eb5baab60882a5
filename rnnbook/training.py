"""Training: one loop for every task."""

import copy
import math
import os
import sys
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from tqdm import tqdm

from rnnbook import checkpoints
from rnnbook.arguments import kind_of, real, switch, whole
from rnnbook.history import History
from rnnbook.losses import Loss
from rnnbook.models import evaluating
from rnnbook.recurrent import detach
from rnnbook.text import Vocab


class DivergedError(ArithmeticError):
    """Training left what numbers can hold; the model is as it was before the epoch began."""


def fit(
    model: nn.Module,
    batches: Iterable,
    loss: Loss,
    *,
    epochs: int,
    lr: float | None = None,
    clip: float | None = 1.0,
    optimizer: torch.optim.Optimizer | None = None,
    scheduler: torch.optim.lr_scheduler.LRScheduler | None = None,
    validation: Iterable | None = None,
    metrics: Mapping[str, Callable[[nn.Module], float]] | None = None,
    stop: Callable[[History], bool] | None = None,
    checkpoint: str | Path | None = None,
    restore_best: bool = False,
    vocab: Vocab | None = None,
    on_epoch: Sequence[Callable[[int, History], None]] = (),
    history: History | None = None,
    progress: bool = True,
) -> History:
    """Train a model.

    Where minibatches continue one another (``batches.carries_state``), the state that the loss
    returns is carried from one to the next and detached: truncated backpropagation through time.
    An epoch, and every minibatch of batches that do not, starts from a fresh state.

    An interruption (the stop button) ends the training: one line says where, and the history so far
    comes back, its ``interrupted`` True. The model is in training or evaluation mode as it was
    before.

    Args:
        model: what is trained, in place.
        batches: the minibatches; iterated once an epoch. See ``rnnbook.batching``.
        loss: called with the model, a minibatch and a state; see ``rnnbook.losses``.
        epochs: the largest number of passes over the minibatches.
        lr: learning rate of plain SGD, 1 if None; an optimiser that is given has its own.
        clip: largest norm of the gradient, dimensionless; None leaves it as it is.
        optimizer: over the model's parameters; plain SGD if None.
        scheduler: of the optimiser's learning rate; it makes a step after every epoch, a
            ``ReduceLROnPlateau`` with the validation loss (or else the loss).
        validation: minibatches whose loss is measured after every epoch, with dropout off.
        metrics: functions of the model, by name, called after every epoch with dropout off.
        stop: called after every epoch with the history; True ends the training.
        checkpoint: a file that receives what ``checkpoints.save`` writes, after each epoch with the
            lowest loss so far (the validation loss if there is one).
        restore_best: whether the model ends with the parameters of the epoch of this call that has
            the lowest validation loss, and not with those of the last. Not after an interruption.
        vocab: of the text, for the checkpoint.
        on_epoch: functions called after every epoch with its number (from 1) and the history.
        history: of the epochs before, as ``checkpoints.resume`` gives it: training goes on with the
            next. It stays as it is.
        progress: whether to show a progress bar; ``TQDM_DISABLE=1`` hides all of them.
    Returns:
        The history, a new one.
    Raises:
        TypeError: if an argument is of another kind.
        ValueError: if ``epochs`` is below 1, ``clip`` is not positive, no minibatch came, the
            optimiser has none of the model's parameters, one of these is not finite, or the best is
            to be restored and there is no validation.
        DivergedError: if the loss, the validation loss, the norm of the gradient or a parameter is
            not finite. It names the epoch and the step; model and optimiser are as they were before
            the epoch.
    Source: chapter 5.
    """
    _check_plan(model, loss, epochs, clip)
    _check_reports(metrics, stop, checkpoint, vocab, on_epoch, history)
    if switch("restore_best", restore_best) and validation is None:
        raise ValueError("restore_best=True needs validation: which epoch is the best, without it?")
    for name, passes in {"batches": batches, "validation": validation}.items():
        _check_passes(name, passes, epochs)
    optimizer = _optimizer_for(model, optimizer, lr, scheduler)
    history = History(copy.deepcopy(history.metrics) if history else {})
    best = _best(history, validation, checkpoint)
    lowest, kept = math.inf, None  # of this call
    first, where = history.epochs + 1, _Position()
    # Of text, and gone when it is done: a saved notebook cannot show a widget without its kernel.
    bar = tqdm(
        range(first, first + epochs), desc="epoch", leave=False, file=sys.stdout,
        disable=not progress or bool(os.environ.get("TQDM_DISABLE")),
    )  # fmt: skip
    with _modes_kept(model), _interruptible(where, history), bar:
        for epoch in bar:
            where.epoch, where.step = epoch, 0
            with _restoring(model, optimizer, epoch):
                measured = _train_epoch(model, batches, loss, optimizer, clip, where)
                if validation is not None:
                    measured["validation_loss"] = evaluate(model, validation, loss)
                _check_finite(measured, model)
            with evaluating(model):
                measured |= {
                    name: real(f"the metric {name}", metric(model))
                    for name, metric in (metrics or {}).items()
                }
            watched = measured.get("validation_loss", measured["loss"])
            if isinstance(scheduler, torch.optim.lr_scheduler.ReduceLROnPlateau):
                scheduler.step(watched)
            elif scheduler is not None:
                scheduler.step()
            history.record(**measured)
            if checkpoint is not None and watched < best:
                best = watched
                source = getattr(batches, "generator", None)
                checkpoints.save(model, checkpoint, optimizer, scheduler, history, vocab, source)
            if restore_best and watched < lowest:
                lowest, kept = watched, copy.deepcopy(model.state_dict())
            for report in on_epoch:
                report(epoch, history)
            if stop is not None and stop(history):
                break
    if kept is not None and not history.interrupted:
        model.load_state_dict(kept)
    return history


@dataclass
class _Position:
    """Where training is: the epoch, and the steps of it that are made."""

    epoch: int = 0
    step: int = 0


@contextmanager
def _interruptible(where: _Position, history: History) -> Iterator[None]:
    """Within ``with``, let an interruption end the block with one line instead of a traceback."""
    try:
        yield
    except KeyboardInterrupt:
        history.interrupted = True
        print(
            f"interrupted in epoch {where.epoch}, after step {where.step}: the model holds the "
            f"parameters of that moment; the history has {history.epochs} whole epochs"
        )


@contextmanager
def _modes_kept(model: nn.Module) -> Iterator[None]:
    """Within ``with``, modules may be switched between training and evaluation."""
    modes = {module: module.training for module in model.modules()}
    try:
        yield
    finally:
        for module, training in modes.items():
            module.training = training


def evaluate(model: nn.Module, batches: Iterable, loss: Loss) -> float:
    """Measure the mean loss of a model, with dropout and gradients off.

    Args:
        model: it is left as it was.
        batches: the minibatches, iterated once; the state is carried as in ``fit``.
        loss: see ``rnnbook.losses``.
    Returns:
        The mean over all predictions, in nats.
    Raises:
        TypeError: if the batches are no iterable, or the loss does not return a triple.
        ValueError: if no minibatch came.
    """
    _check_passes("batches", batches, 1)
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
        found = loss(model, batch, detach(state) if carries_state else None)
        is_triple = isinstance(found, tuple | list) and len(found) == 3
        if not is_triple or not isinstance(found[0], Tensor):
            raise TypeError(
                f"expected loss(model, batch, state) to return a loss, its count and a state, got "
                f"{kind_of(found)}"
            )
        value, number, state = found
        if value.dim() != 0:
            raise ValueError(
                f"expected the loss as one number, a tensor of shape (), got {tuple(value.shape)}: "
                "take the mean"
            )
        yield value, number


def _train_epoch(
    model: nn.Module,
    batches: Iterable,
    loss: Loss,
    optimizer: torch.optim.Optimizer,
    clip: float | None,
    where: _Position,
) -> dict[str, float]:
    """Make one pass over the minibatches and return what was measured."""
    nats, count, norms, started = 0.0, 0, [], time.perf_counter()
    model.train()
    for step, (value, number) in enumerate(_losses(model, batches, loss), start=1):
        norms.append(optimizer_step(model, value, optimizer, clip, step))
        where.step = step
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
        model: the model; the gradient is clipped of those parameters that the optimiser holds.
        loss: a tensor of shape (), connected to the model's parameters.
        optimizer: over the model's parameters.
        clip: largest norm of the gradient, dimensionless; None leaves it as it is.
        step: the number of the step, for the message of the error.
    Returns:
        The norm of the gradient before clipping.
    Raises:
        ValueError: if the loss does not depend on a parameter.
        DivergedError: if the loss, or the norm of its gradient, is not finite: before the step, so
            that the parameters are still good, and with the gradients emptied.
    """
    if not torch.isfinite(loss):
        raise DivergedError(f"step {step}: the loss is {loss.item()}, before the optimiser's step")
    if not loss.requires_grad:
        raise ValueError(
            "the loss does not depend on any parameter: was it computed under no_grad, or from "
            "something that is detached?"
        )
    # Those that the optimiser does not hold would else add up, from step to step.
    model.zero_grad()
    optimizer.zero_grad()
    loss.backward()
    held = [p for group in optimizer.param_groups for p in group["params"]]
    if all(p.grad is None for p in held):
        raise ValueError(
            "the loss does not depend on any parameter that the optimiser holds: does it use "
            "another model than the one that it is given?"
        )
    # An infinite bound clips nothing, and the norm before clipping comes back all the same.
    norm = nn.utils.clip_grad_norm_(held, clip or math.inf)
    if not torch.isfinite(norm):
        # Clipped, such a gradient would be all zeros, or not a number.
        model.zero_grad()
        optimizer.zero_grad()
        raise DivergedError(
            f"step {step}: the loss is {loss.item():.4g}, and the norm of its gradient is "
            f"{norm.item()}, before the optimiser's step"
        )
    optimizer.step()
    return norm


def _check_plan(model: object, loss: object, epochs: int, clip: float | None) -> None:
    if not isinstance(model, nn.Module):
        raise TypeError(f"expected a model, an nn.Module, got {kind_of(model)}")
    if not callable(loss) or isinstance(loss, nn.Module):
        raise TypeError(
            f"expected loss as a function of model, batch and state, got {kind_of(loss)}: "
            "rnnbook.losses has some"
        )
    whole("epochs", epochs, least=1)
    if clip is not None and not real("clip", clip) > 0:
        raise ValueError(f"expected clip above 0, or None for no clipping, got {clip}")


def _check_reports(
    metrics: object, stop: object, checkpoint: object, vocab: object, on_epoch: object,
    history: object,
) -> None:  # fmt: skip
    """Examine what is used after an epoch, before one is trained."""
    if metrics is not None and not isinstance(metrics, Mapping):
        raise TypeError(
            f"expected metrics as a dictionary, functions by name, got {kind_of(metrics)}"
        )
    if taken := {"loss", "grad_norm", "per_second", "validation_loss"} & set(metrics or {}):
        raise ValueError(f"the name {taken.pop()!r} of a metric is taken: fit measures it itself")
    if not isinstance(on_epoch, Sequence):
        raise TypeError(f"expected on_epoch as a list of functions, got {kind_of(on_epoch)}")
    named = {f"the metric {name}": metric for name, metric in (metrics or {}).items()}
    for name, function in [*named.items(), ("stop", stop), *(("on_epoch", f) for f in on_epoch)]:
        if not callable(function) and not (name == "stop" and stop is None):
            raise TypeError(f"expected {name} as a function, got {kind_of(function)}")
    if vocab is not None and not isinstance(vocab, Vocab):
        raise TypeError(f"expected vocab as a Vocab, got {kind_of(vocab)}")
    if history is not None and not isinstance(history, History):
        raise TypeError(f"expected history as a History, got {kind_of(history)}")
    if checkpoint is not None and Path(str(checkpoint)).is_dir():
        raise ValueError(f"expected checkpoint as a file, and {checkpoint} is a folder")


def _check_passes(name: str, batches: object, epochs: int) -> None:
    """Examine that something can be gone through, once an epoch."""
    if batches is None and name == "validation":
        return
    goes_through = hasattr(batches, "__iter__") or hasattr(batches, "__getitem__")
    if not goes_through or isinstance(batches, str | Tensor | Mapping):
        raise TypeError(
            f"expected {name} as minibatches to iterate over, got {kind_of(batches)}: "
            "rnnbook.batching makes them from tokens"
        )
    # Of iterators of a reader's own nobody knows: they may begin anew.
    used_up = isinstance(batches, Iterator) and type(batches).__module__ == "builtins"
    if used_up and epochs > 1:
        raise ValueError(
            f"{name} is a generator, used up after one pass, and there are {epochs} epochs: give a "
            "sampler, or list(...) of it"
        )


def _best(history: History, validation: object, checkpoint: str | Path | None) -> float:
    """Return the lowest loss so far; a file that is not there yet is always written."""
    watched = history.metrics.get("loss" if validation is None else "validation_loss", [])
    if checkpoint is None or not Path(checkpoint).exists():
        return math.inf
    return min((value for value in watched if not math.isnan(value)), default=math.inf)


def _optimizer_for(
    model: nn.Module,
    optimizer: torch.optim.Optimizer | None,
    lr: float | None,
    scheduler: torch.optim.lr_scheduler.LRScheduler | None,
) -> torch.optim.Optimizer:
    """Return the optimiser, plain SGD if none is given, once it can train this model."""
    trained = {name: p for name, p in model.named_parameters() if p.requires_grad}
    if not trained:
        raise ValueError("the model has no parameter that could be trained")
    for name, parameter in model.named_parameters():
        if not torch.isfinite(parameter).all():
            raise ValueError(f"before training, an entry of {name} is infinite or not a number")
    if scheduler is not None and scheduler.optimizer is not optimizer:
        raise ValueError("the scheduler is of another optimiser: give fit the two together")
    if optimizer is None:
        return torch.optim.SGD(model.parameters(), 1.0 if lr is None else real("lr", lr))
    if not isinstance(optimizer, torch.optim.Optimizer) or isinstance(optimizer, torch.optim.LBFGS):
        raise TypeError(
            f"expected an optimiser that makes a step by itself, such as "
            f"torch.optim.SGD(model.parameters(), 1.0), got {kind_of(optimizer)}"
        )
    if lr is not None:
        raise ValueError("lr is that of plain SGD: the optimiser that was given has its own")
    held = {id(p) for group in optimizer.param_groups for p in group["params"]}
    left_out = [name for name, p in trained.items() if id(p) not in held]
    if len(left_out) == len(trained):
        raise ValueError(
            "the optimiser holds none of this model's parameters and would train nothing: was it "
            "made for another model, or before this one was copied?"
        )
    if left_out:
        warnings.warn(
            f"the optimiser does not hold {', '.join(left_out)}: not trained. If that is meant, "
            "requires_grad_(False) says so",
            stacklevel=3,
        )
    return optimizer


def _check_finite(measured: Mapping[str, float], model: nn.Module) -> None:
    """Examine what an epoch has led to."""
    if not math.isfinite(measured.get("validation_loss", 0.0)):
        raise DivergedError(f"the validation loss is {measured['validation_loss']}")
    for name, value in model.named_parameters():
        if not torch.isfinite(value).all():
            raise DivergedError(f"after its last step, an entry of {name} is not finite")


@contextmanager
def _restoring(model: nn.Module, optimizer: torch.optim.Optimizer, epoch: int) -> Iterator[None]:
    """Within ``with``, let training that diverges leave all as it was before the epoch."""
    good, remembered = copy.deepcopy(model.state_dict()), copy.deepcopy(optimizer.state_dict())
    try:
        yield
    except DivergedError as error:
        model.load_state_dict(good)
        optimizer.load_state_dict(remembered)
        raise DivergedError(
            f"epoch {epoch}, {error}. Model and optimiser are as they were before this epoch; try "
            "a smaller learning rate, or clip the gradient"
        ) from None
