"""What to measure of a trained model: perplexity, accuracy, confusion, recall, F1."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from rnnbook import arguments, losses
from rnnbook.batching import WholeText
from rnnbook.history import exp
from rnnbook.models import predict
from rnnbook.training import evaluate


def perplexity(
    model: nn.Module, tokens: Tensor, batch_size: int = 1, num_steps: int = 256
) -> float:
    """Measure the perplexity of a text, reading it once from its beginning.

    exp of the mean of -log p(token | all tokens before it in its strip).

    Args:
        model: a language model, called with X (B, T) and a state, returns logits (T, B, V) and the
            state.
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
    return exp(evaluate(model, WholeText(tokens, batch_size, num_steps), losses.next_token))


def accuracy(
    model: nn.Module, sequences: Sequence[Tensor], labels: Tensor, padding: int = 0
) -> float:
    """Measure the share of sequences that a classifier puts into the right class.

    Args:
        model: called with X (B, T, ...) and lengths (B,), returns logits (B, C).
        sequences: N tensors of shape (T_n, ...).
        labels: (N,) int64.
        padding: what fills the steps after a sequence's end; it must not matter.
    Returns:
        The share, from 0 to 1, measured with dropout off.
    Raises:
        ValueError: if sequences and labels are not equally many, or there are none.
    Source: chapter 12.
    """
    labels = arguments.labels(labels, len(sequences)).cpu()
    logits = predict(model, sequences, padding)
    arguments.within("labels", labels, logits.shape[1], "classes count from 0")
    return (logits.argmax(dim=1) == labels).float().mean().item()


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
    Source: chapter 12.
    """
    arguments.whole("num_classes", num_classes, least=1)
    for name, classes in {"labels": labels, "predicted": predicted}.items():
        arguments.tensor(name, classes, "torch.tensor(classes) makes one")
    if labels.shape != predicted.shape or labels.dim() != 1:
        raise ValueError(
            f"expected two vectors of the same length, got {tuple(labels.shape)} and "
            f"{tuple(predicted.shape)}: take the argmax over the classes first"
        )
    if not (arguments.is_whole(labels) and arguments.is_whole(predicted)):
        raise ValueError(
            f"expected classes as integers, got {labels.dtype} labels and {predicted.dtype} "
            "predictions"
        )
    # Smaller integers would overflow below.
    labels, predicted = labels.long().cpu(), predicted.long().cpu()
    arguments.within("classes", torch.cat([labels, predicted]), num_classes, "they count from 0")
    return torch.bincount(labels * num_classes + predicted, minlength=num_classes**2).reshape(
        num_classes, num_classes
    )


def recall(counts: Tensor) -> Tensor:
    """Return for each class the share of its members that were found, (C,), from ``confusion``.

    Raises:
        ValueError: if the counts are no square matrix.
    """
    arguments.require_square(counts)
    return counts.diagonal() / _none_is_one(counts.sum(dim=1))


def macro_f1(counts: Tensor) -> float:
    """Return the mean over the classes of F1, 2 TP / (2 TP + FP + FN), from ``confusion``.

    Every class counts the same, however many members it has. A class with no members that was never
    predicted counts 0.

    Raises:
        ValueError: if the counts are no square matrix.
    """
    arguments.require_square(counts)
    hits = counts.diagonal()
    return (2 * hits / _none_is_one(counts.sum(dim=0) + counts.sum(dim=1))).mean().item()


def _none_is_one(totals: Tensor) -> Tensor:
    """Return what may be divided by: of nothing every share is 0."""
    return torch.where(totals == 0, 1, totals)
