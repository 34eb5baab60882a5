"""Models put together from a recurrent layer and a head."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from rnnbook.text import one_hot

POOLING = ("last", "mean", "max")


class CharLM(nn.Module):
    """Predict the next character from all those before it.

    One-hot characters, a recurrent layer, and a linear head on its every output::

        logits[t] = h[t] @ head.weight.T + head.bias

    Args:
        recurrent: a recurrent layer with ``input_size`` equal to the vocabulary's size and
            ``batch_first=False``: rnnbook's or ``torch.nn``'s.
    Raises:
        ValueError: if the layer is bidirectional (it would see the answer) or batch-first.
    Source: chapter 3; Zhang et al., Dive into Deep Learning, section 9.5.
    """

    def __init__(self, recurrent: nn.Module) -> None:
        super().__init__()
        if recurrent.bidirectional:
            raise ValueError("a bidirectional layer reads the characters it is asked to predict")
        if recurrent.batch_first:
            raise ValueError("expected a recurrent layer with batch_first=False, as the text is")
        self.recurrent = recurrent
        self.head = nn.Linear(_state_size(recurrent), recurrent.input_size)

    @property
    def vocab_size(self) -> int:
        """Return V, the number of characters the model knows."""
        return self.recurrent.input_size

    def forward(self, X: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Score the next character after every position.

        Args:
            X: (B, T) int64, token indices.
            state: the recurrent layer's state to start from; zeros if None.
        Returns:
            logits: (T, B, V), unnormalised log-probabilities of the next token.
            state: the layer's state after the last step.
        Raises:
            ValueError: if X is not two-dimensional or holds an index outside the vocabulary.
        """
        if X.dim() != 2:
            raise ValueError(
                f"expected token indices of shape (B, T), got {tuple(X.shape)}: for a single text, "
                "add the batch axis with unsqueeze(0)"
            )
        x = one_hot(X.T, self.vocab_size).to(next(self.parameters()).dtype)  # (T, B, V)
        output, state = self.recurrent(x, state)  # (T, B, H)
        return self.head(output), state


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
        ValueError: if the layer is time-major, the pooling is unknown, or there is no class.
    Source: chapters 9 and 10.
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
        if not getattr(recurrent, "batch_first", False):
            raise ValueError("expected a recurrent layer with batch_first=True, as examples come")
        if pooling not in POOLING:
            raise ValueError(f"expected pooling 'last', 'mean' or 'max', got {pooling!r}")
        if num_classes < 1:
            raise ValueError(f"expected num_classes of at least 1, got {num_classes}")
        self.embedding = nn.Identity() if embedding is None else embedding
        self.recurrent, self.pooling = recurrent, pooling
        self.directions = 2 if recurrent.bidirectional else 1
        features = self.directions * _state_size(recurrent)
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
    if lengths.is_floating_point():
        raise ValueError(f"expected lengths as whole numbers, got {lengths.dtype}")
    if not 1 <= int(lengths.min()) <= int(lengths.max()) <= T:
        raise ValueError(
            f"expected lengths from 1 to T = {T}, got {int(lengths.min())} to {int(lengths.max())}"
        )
    return lengths.long()


def _state_size(recurrent: nn.Module) -> int:
    """Return the size of an output: H, or the projection's size where an LSTM has one."""
    return getattr(recurrent, "proj_size", 0) or recurrent.hidden_size


def count_parameters(model: nn.Module) -> int:
    """Count the trainable numbers of a model."""
    return sum(p.numel() for p in model.parameters() if p.requires_grad)


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Within ``with``, switch dropout and gradients off; afterwards every module is as it was.

    Args:
        model: the model that is only used, not trained.
    """
    modes = {module: module.training for module in model.modules()}
    model.eval()
    try:
        with torch.no_grad():
            yield
    finally:  # also when the model stops with an error
        for module, training in modes.items():
            module.training = training


def detach(state: Tensor | tuple | None) -> Tensor | tuple | None:
    """Cut a recurrent state off the graph that computed it.

    Args:
        state: a tensor, a tuple of tensors (as an LSTM's), or None.
    Returns:
        The same numbers, without their history.
    """
    if isinstance(state, tuple):
        return tuple(detach(part) for part in state)
    return state if state is None else state.detach()
