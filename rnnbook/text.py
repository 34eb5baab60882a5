"""Text as numbers: cleaning, vocabulary, one-hot vectors, three parts. Built in chapter 1."""

import re
from collections import Counter
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

UNKNOWN = "<unk>"


def clean(text: str, separator: str = " ") -> str:
    """Reduce a text to lower-case letters and single spaces, line by line.

    Args:
        text: any text.
        separator: what stands between two lines. The default keeps the last word of a line and the
            first of the next apart; ``""`` glues them together, as d2l's corpus does.
    Returns:
        The cleaned text, of the 26 letters and the space only.
    Source: chapter 1; with ``separator=""``, the characters of d2l 0.17's ``read_time_machine``.
    """
    lines = (re.sub("[^A-Za-z]+", " ", line).strip().lower() for line in text.splitlines())
    return separator.join(line for line in lines if line)


class Vocab:
    """A two-way table between tokens and indices, most frequent token first.

    Index 0 is ``<unk>``; then come the reserved tokens, then the others by falling frequency, ties
    in order of first appearance: the order of d2l 0.17's ``Vocab``.

    Args:
        tokens: the tokens to count, a string (its characters) or a sequence of strings.
        min_freq: tokens seen fewer times than this are left out.
        reserved_tokens: tokens that are given a place whether they occur or not.
    Raises:
        ValueError: if ``tokens`` is a list of lists: flatten it first.
    Source: chapter 1.
    Example:
        >>> vocab = Vocab("abracadabra")
        >>> vocab.encode("bar").tolist(), vocab.decode([2, 1, 3])
        ([2, 1, 3], 'bar')
    """

    def __init__(
        self, tokens: Sequence[str] = (), min_freq: int = 0, reserved_tokens: Sequence[str] = ()
    ) -> None:
        if len(tokens) and not isinstance(tokens[0], str):
            raise ValueError(
                f"expected a string or a flat sequence of strings, got a sequence of "
                f"{type(tokens[0]).__name__}: flatten the lines into one list of tokens first"
            )
        self.token_freqs = Counter(tokens).most_common()
        kept = [token for token, count in self.token_freqs if count >= min_freq]
        self.idx_to_token = list(dict.fromkeys([UNKNOWN, *reserved_tokens, *kept]))
        self.token_to_idx = {token: index for index, token in enumerate(self.idx_to_token)}

    def __len__(self) -> int:
        return len(self.idx_to_token)

    def __contains__(self, token: str) -> bool:
        return token in self.token_to_idx

    def __getitem__(self, token: str) -> int:
        """Return the index of one token; 0, the index of ``<unk>``, if it is not in the table."""
        return self.token_to_idx.get(token, 0)

    def encode(self, tokens: Sequence[str]) -> Tensor:
        """Look up the indices of tokens.

        Args:
            tokens: N tokens: a string (its characters) or a sequence of strings.
        Returns:
            (N,) int64.
        """
        return torch.tensor([self[token] for token in tokens], dtype=torch.long)

    def decode(self, indices: Tensor | Sequence[int]) -> str:
        """Join the tokens at the given indices into a string.

        Args:
            indices: (N,) integers from 0 to ``len(self) - 1``.
        Returns:
            The tokens, joined without a separator.
        Raises:
            IndexError: if an index is not in the table.
        """
        numbers = indices.tolist() if isinstance(indices, Tensor) else indices
        for number in numbers:
            if not 0 <= number < len(self):
                raise IndexError(
                    f"index {number} is not in a vocabulary of {len(self)} tokens (0 to "
                    f"{len(self) - 1}): was the text encoded with another vocabulary?"
                )
        return "".join(self.idx_to_token[number] for number in numbers)


def one_hot(indices: Tensor, num_classes: int) -> Tensor:
    """Turn indices into one-hot vectors.

    Args:
        indices: integers of any shape (...), each from 0 to ``num_classes - 1``.
        num_classes: V, the length of each vector.
    Returns:
        (..., V) float32: a 1 at the index, 0 elsewhere.
    Raises:
        ValueError: if an index is outside the vocabulary, or ``indices`` are not integers.
    Source: chapter 1.
    """
    if indices.is_floating_point():
        raise ValueError(f"expected integer indices, got {indices.dtype}: one-hot encoded twice?")
    if indices.numel() and not 0 <= int(indices.min()) <= int(indices.max()) < num_classes:
        raise ValueError(
            f"expected indices from 0 to {num_classes - 1}, got {int(indices.min())} to "
            f"{int(indices.max())}: is num_classes the size of the vocabulary that encoded them?"
        )
    return F.one_hot(indices.long(), num_classes).float()


def split(text: str, validation: float = 0.1, test: float = 0.1) -> tuple[str, str, str]:
    """Split a text into a first part to train on, then one to validate and one to test with.

    Args:
        text: the text, or any sequence.
        validation: the fraction to validate with, above 0.
        test: the fraction to test with, above 0.
    Returns:
        The three parts, in the text's order. The cuts are not shuffled: neighbouring characters of
        a text are not independent, so a random choice of test characters would leak the training
        text.
    Raises:
        ValueError: if a fraction is not above 0, or nothing is left to train on.
    """
    if min(validation, test) <= 0 or validation + test >= 1:
        raise ValueError(
            f"expected fractions above 0 that leave some text to train on, got {validation} and "
            f"{test}"
        )
    first, second = round(len(text) * (1 - validation - test)), round(len(text) * (1 - test))
    return text[:first], text[first:second], text[second:]
