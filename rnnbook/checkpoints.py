"""Checkpoints: what training needs to go on, and what a text needs to be generated, in one file."""

import io
import pickle
import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn

from rnnbook.arguments import kind_of
from rnnbook.atomic import write_atomically
from rnnbook.history import History
from rnnbook.models import CharLM, device_of
from rnnbook.text import Vocab


@dataclass
class Checkpoint:
    """What a file of ``save`` holds beside the parameters.

    Attributes:
        history: of the epochs that were made.
        vocab: of the text, or None if none was given.
        sizes: what a ``CharLM`` is built from, as its ``sizes``; empty for another model.
    Example:
        >>> Checkpoint(History({"loss": [2.0]})).history.epochs
        1
    """

    history: History = field(default_factory=History)
    vocab: Vocab | None = None
    sizes: dict[str, Any] = field(default_factory=dict)


def save(
    model: nn.Module,
    path: str | Path,
    optimizer: torch.optim.Optimizer | None = None,
    scheduler: torch.optim.lr_scheduler.LRScheduler | None = None,
    history: History | None = None,
    vocab: Vocab | None = None,
    generator: torch.Generator | None = None,
) -> None:
    """Write all that training needs to go on, and that a text needs to be generated.

    The file holds plain values and tensors only: ``torch.load(path, weights_only=True)`` reads it.

    Args:
        model: its state dict is written; of a compiled model that of the plain one.
        path: the file; an older checkpoint there stays whole until the new one is complete.
        optimizer: its state is written too.
        scheduler: its state is written too.
        history: of the epochs so far.
        vocab: of the text.
        generator: of the minibatches' random order, where they have one of their own.
    Raises:
        TypeError: if the vocabulary is none.
        ValueError: if something that belongs to it cannot be stored as plain values.
    """
    if vocab is not None and not isinstance(vocab, Vocab):
        raise TypeError(f"expected vocab as a Vocab, got {kind_of(vocab)}")
    history = History() if history is None else history
    kept = {
        "model": {_plain(name): value for name, value in model.state_dict().items()},
        "sizes": inner.sizes if isinstance(inner := _inner(model), CharLM) else {},
        "kinds": {"optimizer": type(optimizer).__name__, "scheduler": type(scheduler).__name__},
        "vocab": None if vocab is None else list(vocab),
        "metrics": history.metrics,
        "optimizer": None if optimizer is None else optimizer.state_dict(),
        "scheduler": None if scheduler is None else scheduler.state_dict(),
        "random": {
            "python": random.getstate(),
            "torch": torch.get_rng_state(),
            "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
            "own": None if generator is None else generator.get_state(),
        },
    }
    content = io.BytesIO()
    torch.save(_simple(kept), content)
    content.seek(0)
    try:  # what cannot be read must not take the place of what can
        torch.load(content, weights_only=True)
    except pickle.UnpicklingError as error:
        raise ValueError(f"this could be written and never read again: {error}") from error
    write_atomically(Path(path), content.getvalue())


def load(model: nn.Module, path: str | Path) -> Checkpoint:
    """Read the parameters written by ``save`` into a model of the same sizes.

    Args:
        model: the model to fill, plain or compiled.
        path: the file.
    Returns:
        What else is known of it.
    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is no checkpoint of this book.
        RuntimeError: if the sizes differ; PyTorch names both.
    """
    kept = _read(path, device_of(model))
    _fill(model, kept)
    return _described(kept)


def resume(
    model: nn.Module,
    path: str | Path,
    optimizer: torch.optim.Optimizer,
    scheduler: torch.optim.lr_scheduler.LRScheduler | None = None,
    generator: torch.Generator | None = None,
) -> Checkpoint:
    """Put everything back as it was when a checkpoint was written, to go on as if never stopped.

    Args:
        model: the model to fill, plain or compiled.
        path: the file.
        optimizer: of the same kind as then, over the model's parameters.
        scheduler: of the same kind as then, if there was one.
        generator: of the minibatches' random order, if they had one of their own.
    Returns:
        What else is known of it; ``fit(..., history=checkpoint.history)`` makes the next epoch.
        Python's and PyTorch's random numbers go on from where they were.
    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is no checkpoint of this book, or the optimiser, the scheduler or the
            generator is of another kind than in it, or missing there or here.
        RuntimeError: if the sizes differ; PyTorch names both.
    """
    kept = _read(path, device_of(model))
    states = {"optimizer": optimizer, "scheduler": scheduler}
    for name, one in states.items():
        if type(one).__name__ != kept["kinds"][name]:
            raise ValueError(
                f"the {name} in {path} is {kept['kinds'][name]}, and the one given is "
                f"{type(one).__name__}: training could not go on as it was"
            )
    if (generator is None) != (kept["random"]["own"] is None):
        raise ValueError(
            f"a generator of the minibatches' own is {'' if generator is None else 'not '}in {path}"
            f", and {'not ' if generator is None else ''}given"
        )
    # The optimiser first: it refuses other groups before anything has changed.
    for name, one in states.items():
        if one is not None:
            one.load_state_dict(kept[name])
    _fill(model, kept)
    if generator is not None:
        generator.set_state(kept["random"]["own"].cpu())
    random.setstate(kept["random"]["python"])
    torch.set_rng_state(kept["random"]["torch"].cpu())
    if torch.cuda.is_available() and kept["random"]["cuda"]:
        torch.cuda.set_rng_state_all([state.cpu() for state in kept["random"]["cuda"]])
    return _described(kept)


def load_language_model(path: str | Path) -> tuple[CharLM, Vocab]:
    """Build the language model that a checkpoint was made of, ready to generate with.

    Args:
        path: the file.
    Returns:
        The model, on PyTorch's own layer, in evaluation mode and on the CPU; and its vocabulary.
    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is no checkpoint of this book, or lacks the sizes or the vocabulary.
    """
    kept = _read(path, torch.device("cpu"))
    if not kept["sizes"] or kept["vocab"] is None:
        raise ValueError(
            f"{path} lacks the vocabulary, or is not of a CharLM: fit(..., vocab=vocab) stores it"
        )
    model = CharLM.of_sizes(kept["sizes"])
    _fill(model, kept)
    return model.eval(), Vocab.of_tokens(kept["vocab"])


def _read(path: str | Path, device: torch.device) -> dict[str, Any]:
    content = io.BytesIO(Path(path).read_bytes())
    try:
        kept = torch.load(content, map_location=device, weights_only=True)
    except Exception as error:  # of broken bytes anything can come
        raise ValueError(
            f"{path} is no checkpoint of this book, or only a part of one: {type(error).__name__}"
        ) from error
    if not isinstance(kept, dict) or not {"model", "optimizer", "random", "kinds"} <= set(kept):
        raise ValueError(f"{path} is no checkpoint of this book: is it a bare state dict?")
    return kept


def _fill(model: nn.Module, kept: Mapping[str, Any]) -> None:
    own = {_plain(name): name for name in model.state_dict()}
    model.load_state_dict({own.get(name, name): v for name, v in kept["model"].items()})


def _described(kept: Mapping[str, Any]) -> Checkpoint:
    vocab = None if kept["vocab"] is None else Vocab.of_tokens(kept["vocab"])
    return Checkpoint(History(kept["metrics"]), vocab, kept["sizes"])


def _plain(name: str) -> str:
    """Return a parameter's name without what ``torch.compile`` puts into it."""
    return name.replace("_orig_mod.", "")


def _inner(model: nn.Module) -> nn.Module:
    """Return the model that a compiled one is made of, or the model itself."""
    return getattr(model, "_orig_mod", model)


def _simple(value: Any) -> Any:
    """Return a value with numpy's numbers and strings as Python's."""
    if isinstance(value, dict):
        return {_simple(key): _simple(member) for key, member in value.items()}
    if type(value) in (list, tuple):
        return type(value)(map(_simple, value))
    if type(value).__module__ == "numpy" and getattr(value, "shape", None) == ():
        return value.item()
    return str(value) if isinstance(value, str) else value
