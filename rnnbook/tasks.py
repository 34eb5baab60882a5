"""A task that needs a long memory, and nothing else: recall one symbol after a delay."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from rnnbook.models import SequenceClassifier
from rnnbook.text import one_hot
from rnnbook.training import descend

NUM_SYMBOLS = 8
FEATURES = 2 * NUM_SYMBOLS  # the symbols, and as many others that mean nothing


def recall_batch(
    lag: int, batch_size: int, generator: torch.Generator | None = None
) -> tuple[Tensor, Tensor]:
    """Draw sequences whose class is their first symbol, with noise after it.

    Args:
        lag: the number of meaningless symbols between the first and the question, at least 0.
        batch_size: B.
        generator: of the random numbers, on the CPU; the global one if None.
    Returns:
        X: (B, 1 + lag, 16) float32, one-hot: symbols 0 to 7 first, noise from 8 to 15 after it.
        y: (B,) int64, the first symbol. Blind guessing is right once in 8 times.
    Raises:
        ValueError: if ``lag`` is negative.
    Source: chapter 7; a copying task with a single symbol.
    """
    if lag < 0:
        raise ValueError(f"expected a lag of at least 0, got {lag}")
    y = torch.randint(NUM_SYMBOLS, (batch_size,), generator=generator)
    noise = torch.randint(NUM_SYMBOLS, FEATURES, (batch_size, lag), generator=generator)
    return one_hot(torch.cat([y.unsqueeze(1), noise], dim=1), FEATURES), y


@dataclass(frozen=True)
class Recall:
    """How well a network learnt to recall.

    Attributes:
        accuracy: the share of 1000 fresh sequences whose first symbol it names.
        steps: the number of training steps taken.
    """

    accuracy: float
    steps: int


def learn_recall(
    recurrent: nn.Module,
    lag: int,
    *,
    max_steps: int = 600,
    batch_size: int = 32,
    lr: float = 0.003,
    generator: torch.Generator | None = None,
) -> Recall:
    """Train a recurrent layer, with a head, to recall the first symbol; measure it.

    Adam, gradients clipped at norm 1, a fresh minibatch at every step. Training stops early once
    five minibatches in a row were answered without a mistake.

    Args:
        recurrent: a layer with ``input_size=16`` and ``batch_first=True``; it is trained in place.
        lag: meaningless symbols to remember across.
        max_steps: the largest number of training steps.
        batch_size: B.
        lr: learning rate.
        generator: of the sequences.
    Returns:
        The accuracy on fresh sequences, and the steps it took.
    Source: chapter 7.
    """
    place = next(recurrent.parameters()).device
    model = SequenceClassifier(recurrent, NUM_SYMBOLS).to(place)
    optimizer, faultless, step = torch.optim.Adam(model.parameters(), lr), 0, 0
    while step < max_steps and faultless < 5:
        X, y = (part.to(place) for part in recall_batch(lag, batch_size, generator))
        logits = model(X)
        step += 1
        descend(model, F.cross_entropy(logits, y), optimizer, 1.0, step)
        faultless = faultless + 1 if bool((logits.argmax(dim=1) == y).all()) else 0
    with torch.no_grad():
        X, y = (part.to(place) for part in recall_batch(lag, 1000, generator))
        accuracy = (model(X).argmax(dim=1) == y).float().mean().item()
    return Recall(accuracy, step)
