"""Classifiers of whole sequences: read one, sum it up in a vector, score the classes."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from rnnbook.arguments import is_whole, tensor, whole
from rnnbook.batching import pad
from rnnbook.models.modes import device_of, evaluating
from rnnbook.recurrent import output_size, require_layer

POOLING = ("last", "mean", "max")


class SequenceClassifier(nn.Module):
    """Read a whole sequence, sum it up in one vector, and score the classes.

    An optional embedding, a recurrent layer, a summary of its states, and a linear head::

        logits = summary @ head.weight.T + head.bias

    Args:
        recurrent: a recurrent layer with ``batch_first=True``, of one direction or two.
        num_classes: C; 1 for a binary task with ``binary_cross_entropy_with_logits``, whose logits
            are then (B, 1): ``squeeze(1)`` gives them the shape (B,) of the targets.
        embedding: applied to the input first, such as ``nn.Embedding``; None if the input already
            holds vectors.
        pooling: the summary. ``"last"`` is the top layer's ``h_n``: each direction's state after
            the last symbol that *it* reads. ``"mean"`` and ``"max"`` go over the valid steps of the
            output.
        batch_norm: whether the summary passes through ``nn.BatchNorm1d`` before the head.
        dropout: probability of zeroing an entry of the summary, while training.
    Raises:
        TypeError: if it is no recurrent layer.
        ValueError: if the layer is time-major, the pooling is unknown, or there is no class.
    Source: chapters 10 and 11.
    Example:
        >>> model = SequenceClassifier(nn.GRU(3, 5, batch_first=True), num_classes=2)
        >>> model(torch.zeros(4, 6, 3), lengths=torch.tensor([6, 2, 1, 4])).shape
        torch.Size([4, 2])
    """

    def __init__(
        self,
        recurrent: nn.Module,
        num_classes: int,
        *,
        embedding: nn.Module | None = None,
        pooling: str = "last",
        batch_norm: bool = False,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        require_layer(recurrent)
        if not recurrent.batch_first:
            raise ValueError("expected a recurrent layer with batch_first=True, as examples come")
        if pooling not in POOLING:
            raise ValueError(f"expected pooling 'last', 'mean' or 'max', got {pooling!r}")
        whole("num_classes", num_classes, least=1)
        self.embedding = nn.Identity() if embedding is None else embedding
        self.recurrent, self.pooling = recurrent, pooling
        self.directions = 2 if recurrent.bidirectional else 1
        features = self.directions * output_size(recurrent)
        self.norm = nn.BatchNorm1d(features) if batch_norm else nn.Identity()
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(features, num_classes)

    def forward(self, X: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Score the classes of each sequence.

        Args:
            X: (B, T) int64 with an embedding, else (B, T, F).
            lengths: (B,) int64, the number of valid steps of each sequence, from 1 to T; what comes
                after them is padding and is never looked at. None if all are T long.
        Returns:
            logits: (B, C).
        Raises:
            ValueError: if the batch axis is missing, the batch is empty, or the lengths do not fit
                the input.
        """
        return self.head(self.dropout(self.norm(self.summary(X, lengths))))

    def summary(self, X: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Return the vector (B, D * H) that stands for each sequence; arguments as in forward."""
        tensor("X", X, "batching.pad puts sequences into one")
        x = self.embedding(X)  # (B, T, F)
        if x.dim() != 3:
            raise ValueError(
                f"expected features of shape (B, T, F), got {tuple(x.shape)}: for a single "
                "sequence, add the batch axis with unsqueeze(0); for indices, give an embedding"
            )
        if lengths is not None:
            lengths = _checked_lengths(lengths, X)
            x = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
        output, h_n = self.recurrent(x)
        if self.pooling == "last":
            h_n = h_n[0] if isinstance(h_n, tuple) else h_n  # an LSTM's state is (h, c)
            return torch.cat(h_n[-self.directions :].unbind(), dim=1)  # (B, D * H)
        if lengths is None:
            return output.mean(dim=1) if self.pooling == "mean" else output.amax(dim=1)
        output, _ = pad_packed_sequence(output, batch_first=True)  # (B, T, D * H)
        padding = torch.arange(output.shape[1]) >= lengths.unsqueeze(1)  # (B, T)
        padding = padding.unsqueeze(2).to(output.device)
        if self.pooling == "max":
            return output.masked_fill(padding, -torch.inf).amax(dim=1)
        return output.masked_fill(padding, 0).sum(dim=1) / lengths.unsqueeze(1).to(output)


def _checked_lengths(lengths: Tensor, X: Tensor) -> Tensor:
    """Return the lengths of X's sequences as integers on the CPU, where packing wants them."""
    lengths, (B, T) = torch.as_tensor(lengths).cpu(), X.shape[:2]
    if B == 0:
        raise ValueError("expected at least one sequence, got an empty batch")
    if tuple(lengths.shape) != (B,):
        raise ValueError(
            f"expected lengths of shape ({B},), one for each of the {B} sequences, got "
            f"{tuple(lengths.shape)}: is the batch the first axis of X?"
        )
    if not is_whole(lengths):
        raise ValueError(f"expected lengths as whole numbers, got {lengths.dtype}")
    if not 1 <= int(lengths.min()) <= int(lengths.max()) <= T:
        raise ValueError(
            f"expected lengths from 1 to T = {T}, got {int(lengths.min())} to {int(lengths.max())}"
        )
    return lengths.long()


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
        ValueError: if there is no sequence, ``batch_size`` is below 1, or a logit is not a number.
    Source: chapter 11.
    """
    whole("batch_size", batch_size, least=1)
    if not len(sequences):
        raise ValueError("expected at least one sequence")
    device, logits = device_of(model), []
    with evaluating(model):
        for start in range(0, len(sequences), batch_size):
            X, lengths = pad(sequences[start : start + batch_size], padding)
            logits.append(model(X.to(device), lengths).cpu())
    scores = torch.cat(logits)
    if scores.isnan().any():
        raise ValueError("the model's logits are not a number: has its training diverged?")
    return scores
