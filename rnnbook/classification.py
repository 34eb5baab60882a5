"""Classifying sequences: batches of unequal lengths, the training loop, and what to measure."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pad_sequence

from rnnbook.models import evaluating
from rnnbook.text import Vocab
from rnnbook.training import check_plan, count_epochs, descend, restoring


@dataclass
class LengthBuckets:
    """Deal labelled sequences out in padded minibatches, near equals in length together.

    Each pass shuffles all sequences, takes ``pool`` minibatches' worth of them at a time, sorts
    these by length, cuts them into minibatches, and deals the minibatches out in random order. With
    a pool of 1 the minibatches are plain random ones.

    Args:
        sequences: N tensors of shape (T_n, ...), with the lengths in front.
        labels: (N,) int64.
        batch_size: B; the last minibatch of a pass may be smaller.
        padding: what fills the steps after a sequence's end.
        pool: how many minibatches are sorted together.
        rng: the source of the random orders.
    Yields:
        X: (B, T, ...) padded to the longest of the minibatch; lengths: (B,) int64; y: (B,) int64.
    Raises:
        ValueError: if there is no sequence, a sequence is empty, the labels are no tensor with one
            for each sequence, or a size is below 1.
    Source: chapter 10.
    """

    sequences: Sequence[Tensor]
    labels: Tensor
    batch_size: int
    padding: int = 0
    pool: int = 1
    rng: random.Random = field(default_factory=lambda: random.Random(0))

    def __post_init__(self) -> None:
        if isinstance(self.sequences, Tensor):
            raise ValueError(
                f"expected a list of tensors, one a sequence, got one tensor of shape "
                f"{tuple(self.sequences.shape)}: list(X) takes it apart, if no row is padded"
            )
        if not isinstance(self.labels, Tensor):
            raise ValueError(
                f"expected the labels as one tensor (N,), got {type(self.labels).__name__}"
            )
        if len(self.sequences) != len(self.labels):
            raise ValueError(
                f"expected a label for each sequence, got {len(self.sequences)} sequences and "
                f"{len(self.labels)} labels"
            )
        for name in ("batch_size", "pool"):
            if getattr(self, name) < 1:
                raise ValueError(f"expected {name} of at least 1, got {getattr(self, name)}")
        if not self.sequences or not all(map(len, self.sequences)):
            raise ValueError("expected at least one sequence, and every one of at least one step")

    def order(self) -> list[list[int]]:
        """Draw one pass: for each minibatch the numbers of its sequences."""
        shuffled = self.rng.sample(range(len(self.sequences)), len(self.sequences))
        size, minibatches = self.pool * self.batch_size, []
        for start in range(0, len(shuffled), size):
            pool = sorted(shuffled[start : start + size], key=lambda n: len(self.sequences[n]))
            minibatches += [
                pool[first : first + self.batch_size]
                for first in range(0, len(pool), self.batch_size)
            ]
        self.rng.shuffle(minibatches)
        return minibatches

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        for members in self.order():
            X, lengths = pad([self.sequences[n] for n in members], self.padding)
            yield X, lengths, self.labels[members]


def pad(sequences: Sequence[Tensor], padding: int = 0) -> tuple[Tensor, Tensor]:
    """Put sequences of unequal lengths into one tensor.

    Args:
        sequences: B tensors of shape (T_b, ...).
        padding: what fills the steps after a sequence's end.
    Returns:
        X: (B, T, ...), T being the longest; lengths: (B,) int64.
    """
    lengths = torch.tensor([len(sequence) for sequence in sequences])
    return pad_sequence(list(sequences), batch_first=True, padding_value=padding), lengths


@dataclass
class History:
    """What was measured during training, one entry an epoch.

    Attributes:
        loss: mean cross-entropy of a sequence over the epoch, in nats, with dropout at work.
        accuracy: share of the validation sequences classified rightly after the epoch; empty
            without any.
    """

    loss: list[float] = field(default_factory=list)
    accuracy: list[float] = field(default_factory=list)


def fit(
    model: nn.Module,
    batches: LengthBuckets,
    *,
    epochs: int,
    optimizer: torch.optim.Optimizer,
    clip: float | None = 1.0,
    validation: tuple[Sequence[Tensor], Tensor] | None = None,
    progress: bool = True,
) -> History:
    """Train a classifier of sequences.

    Args:
        model: called with X (B, T, ...) and lengths (B,), returns logits (B, C).
        batches: yields X, lengths, y; iterated once an epoch.
        epochs: passes over the batches.
        optimizer: over the model's parameters.
        clip: largest norm of the gradient, dimensionless; None leaves it as it is.
        validation: sequences and labels on which the accuracy is measured after every epoch.
        progress: whether to show a progress bar; ``RNNBOOK_PROGRESS=off`` hides all of them.
    Returns:
        The history. The model is trained in place.
    Raises:
        ValueError: if ``epochs`` is below 1, ``clip`` is not positive, the validation sequences and
            labels are not equally many, or no minibatch came.
        DivergedError: if the loss is not finite; it names the epoch and the step, and the model
            holds the parameters it had at the end of the last epoch.
    Source: chapter 10.
    """
    check_plan(epochs, clip)
    if validation is not None and len(validation[0]) != len(validation[1]):
        raise ValueError(
            f"expected a label for each validation sequence, got {len(validation[0])} sequences "
            f"and {len(validation[1])} labels"
        )
    history = History()
    for epoch in count_epochs(epochs, progress):
        with restoring(model, epoch):
            history.loss.append(_train_epoch(model, batches, optimizer, clip))
        if validation is not None:
            sequences, labels = validation
            predicted = predict(model, sequences, batches.padding).argmax(dim=1)
            history.accuracy.append((predicted == labels).float().mean().item())
    return history


def _train_epoch(
    model: nn.Module,
    batches: LengthBuckets,
    optimizer: torch.optim.Optimizer,
    clip: float | None,
) -> float:
    """Make one pass over the minibatches; return the mean loss of a sequence."""
    place, nats, count = next(model.parameters()).device, 0.0, 0
    model.train()
    for step, (X, lengths, y) in enumerate(batches, start=1):
        loss = F.cross_entropy(model(X.to(place), lengths), y.to(place))
        descend(model, loss, optimizer, clip, step)
        nats += loss.item() * len(y)
        count += len(y)
    if not count:
        raise ValueError("there was no minibatch: a generator is used up after one epoch")
    return nats / count


def predict(
    model: nn.Module, sequences: Sequence[Tensor], padding: int = 0, batch_size: int = 256
) -> Tensor:
    """Score the classes of every sequence, with dropout off.

    Args:
        model: called with X (B, T, ...) and lengths (B,), returns logits (B, C).
        sequences: N tensors of shape (T_n, ...).
        padding: what fills the steps after a sequence's end; it must not matter.
        batch_size: sequences scored at a time; it must not matter either.
    Returns:
        logits: (N, C), on the CPU.
    Raises:
        ValueError: if there is no sequence, or ``batch_size`` is below 1.
    Source: chapter 10.
    """
    if not len(sequences) or batch_size < 1:
        raise ValueError(
            f"expected at least one sequence, and a batch_size of at least 1, got "
            f"{len(sequences)} sequences and a batch_size of {batch_size}"
        )
    place, logits = next(model.parameters()).device, []
    with evaluating(model):
        for start in range(0, len(sequences), batch_size):
            X, lengths = pad(sequences[start : start + batch_size], padding)
            logits.append(model(X.to(place), lengths).cpu())
    return torch.cat(logits)


def confusion(labels: Tensor, predicted: Tensor, num_classes: int) -> Tensor:
    """Count how often each class was taken for which.

    Args:
        labels: (N,) int64, the right classes.
        predicted: (N,) int64.
        num_classes: C.
    Returns:
        (C, C) int64: entry [i, j] counts the members of class i that were taken for class j.
    Raises:
        ValueError: if the shapes differ, a class is no integer, or it is outside 0 to C - 1.
    Source: chapter 10.
    """
    if labels.shape != predicted.shape or labels.dim() != 1:
        raise ValueError(
            f"expected two vectors of the same length, got {tuple(labels.shape)} and "
            f"{tuple(predicted.shape)}: take the argmax over the classes first"
        )
    if labels.is_floating_point() or predicted.is_floating_point():
        raise ValueError(
            f"expected classes as integers, got {labels.dtype} labels and {predicted.dtype} "
            "predictions"
        )
    labels, predicted = labels.long(), predicted.long()  # smaller integers would overflow below
    both = torch.cat([labels, predicted])
    if both.numel() and not 0 <= int(both.min()) <= int(both.max()) < num_classes:
        raise ValueError(
            f"expected classes from 0 to {num_classes - 1}, got {int(both.min())} to "
            f"{int(both.max())}"
        )
    return torch.bincount(labels * num_classes + predicted, minlength=num_classes**2).reshape(
        num_classes, num_classes
    )


def recall(counts: Tensor) -> Tensor:
    """Return for each class the share of its members that were found, (C,), from ``confusion``."""
    return counts.diagonal() / counts.sum(dim=1).clamp(min=1)


def macro_f1(counts: Tensor) -> float:
    """Return the mean over the classes of F1, 2 TP / (2 TP + FP + FN), from ``confusion``.

    Every class counts the same, however many members it has. A class with no members that was never
    predicted counts 0.
    """
    hits = counts.diagonal()
    return (2 * hits / (counts.sum(dim=0) + counts.sum(dim=1)).clamp(min=1)).mean().item()


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
    Source: chapter 10.
    """
    if not name or any(letter not in vocab for letter in name):
        raise ValueError(f"{name!r}: expected at least one letter, all of them in the vocabulary")
    place, lengths = next(model.parameters()).device, torch.arange(1, len(name) + 1)
    X = vocab.encode(name).repeat(len(name), 1).to(place)  # row t is read up to letter t only
    with evaluating(model):
        return model(X, lengths).softmax(dim=1).cpu()
