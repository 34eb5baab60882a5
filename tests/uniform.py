"""A model whose perplexity is known beforehand, for the tests of training and of metrics."""

import torch
from torch import Tensor, nn


class Uniform(nn.Module):
    """A model that finds all V tokens equally likely, whatever it reads."""

    def __init__(self, V: int) -> None:
        super().__init__()
        self.logits = nn.Parameter(torch.zeros(V))

    def forward(self, X: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        """Return logits (T, B, V), all equal before training, and the state as it came."""
        return self.logits.expand(X.shape[1], X.shape[0], -1), state
