"""A character language model: one-hot, a recurrent layer, a head on every state."""

from typing import Any, cast

import torch
from torch import Tensor, nn

from rnnbook.arguments import tensor
from rnnbook.recurrent import GRU, LSTM, RNN, output_size, require_layer
from rnnbook.text import one_hot

# The layers whose sizes tell all, and which arguments each has beside those they share.
KINDS = {
    RNN: "nonlinearity", nn.RNN: "nonlinearity", LSTM: "proj_size", nn.LSTM: "proj_size",
    GRU: "", nn.GRU: "",
}  # fmt: skip


class CharLM(nn.Module):
    """Predict the next character from all those before it.

    One-hot characters, a recurrent layer, and a linear head on its every output::

        logits[t] = h[t] @ head.weight.T + head.bias

    Args:
        recurrent: a recurrent layer with ``input_size`` equal to the vocabulary's size and
            ``batch_first=False``: rnnbook's or ``torch.nn``'s.
    Raises:
        TypeError: if it is no recurrent layer.
        ValueError: if the layer is bidirectional (it would see the answer) or batch-first.
    Source: chapter 3; Zhang et al., Dive into Deep Learning, section 9.5.
    Example:
        >>> logits, state = CharLM(nn.RNN(28, 16))(torch.zeros(2, 5, dtype=torch.long))
        >>> logits.shape, state.shape
        (torch.Size([5, 2, 28]), torch.Size([1, 2, 16]))
    """

    def __init__(self, recurrent: nn.Module) -> None:
        super().__init__()
        require_layer(recurrent)
        if recurrent.bidirectional:
            raise ValueError("a bidirectional layer reads the characters it is asked to predict")
        if recurrent.batch_first:
            raise ValueError("expected a recurrent layer with batch_first=False, as the text is")
        self.recurrent = recurrent
        self.head = nn.Linear(output_size(recurrent), self.vocab_size)

    @property
    def sizes(self) -> dict[str, Any]:
        """Return what the model can be built from again: the kind of layer and its arguments.

        Empty for a layer that is neither rnnbook's nor ``torch.nn``'s, and for a subclass.
        """
        kind = type(self.recurrent)
        if kind not in KINDS or type(self) is not CharLM:
            return {}
        names = ["input_size", "hidden_size", "num_layers", "bias", "dropout"]
        names += [KINDS[kind]] if KINDS[kind] else []
        dtype = str(self.head.weight.dtype).removeprefix("torch.")
        arguments = {name: getattr(self.recurrent, name) for name in names}
        return {"kind": kind.__name__, "dtype": dtype} | arguments

    @classmethod
    def of_sizes(cls, sizes: dict[str, Any]) -> "CharLM":
        """Return a model with fresh parameters, on the layer of ``torch.nn`` that ``sizes`` tells.

        Args:
            sizes: as the property of that name gives them.
        """
        arguments = {n: value for n, value in sizes.items() if n not in ("kind", "dtype")}
        return cls(getattr(nn, sizes["kind"])(**arguments)).to(getattr(torch, sizes["dtype"]))

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
            TypeError: if X is no tensor.
            ValueError: if X is not two-dimensional or holds an index outside the vocabulary.
        """
        tensor("X", X, "vocab.encode(text).unsqueeze(0) gives the tokens of one text")
        if X.dim() != 2:
            raise ValueError(
                f"expected token indices of shape (B, T), got {tuple(X.shape)}: for a single text, "
                "add the batch axis with unsqueeze(0)"
            )
        x = one_hot(X.T, self.vocab_size).to(next(self.parameters()).dtype)  # (T, B, V)
        output, state = self.recurrent(x, state)  # (T, B, H)
        return self.head(output), state
