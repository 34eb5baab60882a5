"""A task that needs a long memory, and nothing else: recall one symbol after a delay."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from rnnbook.arguments import whole
from rnnbook.text import one_hot

NUM_SYMBOLS = 8
FEATURES = 2 * NUM_SYMBOLS  # the symbols, and as many others that mean nothing


def delayed_recall(
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
    Source: chapter 8; a copying task with a single symbol.
    """
    whole("lag", lag, least=0)
    whole("batch_size", batch_size, least=1)
    y = torch.randint(NUM_SYMBOLS, (batch_size,), generator=generator)
    noise = torch.randint(NUM_SYMBOLS, FEATURES, (batch_size, lag), generator=generator)
    return one_hot(torch.cat([y.unsqueeze(1), noise], dim=1), FEATURES), y


@dataclass
class DelayedRecall:
    """Deal out fresh minibatches of the task, a number of them a pass.

    Args:
        lag: the number of meaningless symbols between the first and the question, at least 0.
        batch_size: B.
        steps: the number of minibatches of a pass.
        generator: of the random numbers, on the CPU; the global one if None.
    Yields:
        X: (B, 1 + lag, 16) float32; None, since all lengths are equal; y: (B,) int64. See
        ``delayed_recall``.
    Source: chapter 8.
    Example:
        >>> for X, _, y in DelayedRecall(lag=3, batch_size=5, steps=1):
        ...     print(X.shape, torch.equal(X[:, 0].argmax(dim=1), y))
        torch.Size([5, 4, 16]) True
    """

    lag: int
    batch_size: int
    steps: int
    generator: torch.Generator | None = None

    def __post_init__(self) -> None:
        whole("lag", self.lag, least=0)
        whole("batch_size", self.batch_size, least=1)
        whole("steps", self.steps, least=1)

    def __iter__(self) -> Iterator[tuple[Tensor, None, Tensor]]:
        for _ in range(self.steps):
            X, y = delayed_recall(self.lag, self.batch_size, self.generator)
            yield X, None, y
