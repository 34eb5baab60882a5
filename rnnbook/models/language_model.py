"""A character language model: one-hot, a recurrent layer, a head on every state."""

from typing import cast

from torch import Tensor, nn

from rnnbook.recurrent import output_size
from rnnbook.text import one_hot


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
    Example:
        >>> logits, state = CharLM(nn.RNN(28, 16))(torch.zeros(2, 5, dtype=torch.long))
        >>> logits.shape, state.shape
        (torch.Size([5, 2, 28]), torch.Size([1, 2, 16]))
    """

    def __init__(self, recurrent: nn.Module) -> None:
        super().__init__()
        if recurrent.bidirectional:
            raise ValueError("a bidirectional layer reads the characters it is asked to predict")
        if recurrent.batch_first:
            raise ValueError("expected a recurrent layer with batch_first=False, as the text is")
        self.recurrent = recurrent
        self.head = nn.Linear(output_size(recurrent), self.vocab_size)

    @property
    def vocab_size(self) -> int:
        """Return V, the number of characters the model knows."""
        return cast(int, self.recurrent.input_size)

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
