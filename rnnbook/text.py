"""Text as numbers: cleaning, vocabulary, one-hot vectors, three parts. Built in chapter 1."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from rnnbook.arguments import is_whole, kind_of, real, strings, tensor, whole, within

UNKNOWN = "<unk>"


def clean(text: str, separator: str = " ") -> str:
    """Reduce a text to lower-case letters and single spaces, line by line.

    Args:
        text: any text.
        separator: what stands between two lines. The default keeps the last word of a line and the
            first of the next apart; ``""`` glues them together, as d2l's corpus does.
    Returns:
        The cleaned text, of the 26 letters and the space only; empty for a text in another
        alphabet.
    Raises:
        TypeError: if either is no string.
    Source: chapter 1; with ``separator=""``, the characters of d2l 0.17's ``read_time_machine``.
    """
    for name, value in {"text": text, "separator": separator}.items():
        if not isinstance(value, str):
            raise TypeError(f"expected {name} as a string, got {kind_of(value)}")
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
        TypeError: if tokens are not strings: a list of lists, for one, must be flattened first.
    Source: chapter 1.
    Example:
        >>> vocab = Vocab("abracadabra")
        >>> vocab.encode("bar").tolist(), vocab.decode([2, 1, 3])
        ([2, 1, 3], 'bar')
    """

    def __init__(
        self, tokens: Sequence[str] = (), min_freq: int = 0, reserved_tokens: Sequence[str] = ()
    ) -> None:
        tokens = strings("tokens", tokens, "flatten lines into one list of tokens first")
        if isinstance(reserved_tokens, str):
            raise TypeError(
                f"expected reserved_tokens as a sequence of strings, got the string "
                f"{reserved_tokens!r}, whose characters would each be one: [{reserved_tokens!r}]"
            )
        strings("reserved_tokens", reserved_tokens, "one string a token")
        whole("min_freq", min_freq, least=0)
        self.token_freqs = Counter(tokens).most_common()
        kept = [token for token, count in self.token_freqs if count >= min_freq]
        self.idx_to_token = list(dict.fromkeys([UNKNOWN, *reserved_tokens, *kept]))
        self.token_to_idx = {token: index for index, token in enumerate(self.idx_to_token)}

    @classmethod
    def of_tokens(cls, tokens: Sequence[str]) -> "Vocab":
        """Return the table with these tokens in this order, as ``list(vocab)`` gave them.

        Args:
            tokens: every token once, ``<unk>`` first. How often they came is not known any more.
        Raises:
            ValueError: if ``<unk>`` is not the first, or a token comes twice.
        """
        vocab = cls(reserved_tokens=list(tokens)[1:])
        if list(vocab) != list(tokens):
            raise ValueError(f"expected every token once and {UNKNOWN} first, got {list(tokens)}")
        return vocab

    def __len__(self) -> int:
        return len(self.idx_to_token)

    def __iter__(self) -> Iterator[str]:
        """Go through the tokens in the order of their indices."""
        return iter(self.idx_to_token)

    def __contains__(self, token: str) -> bool:
        return token in self.token_to_idx

    def __getitem__(self, token: str) -> int:
        """Return the index of one token; 0, the index of ``<unk>``, if it is not in the table.

        Raises:
            TypeError: if it is no string.
        """
        if not isinstance(token, str):
            raise TypeError(
                f"expected one token, a string, got {kind_of(token)}: decode goes from indices to "
                "tokens, and encode takes several tokens"
            )
        return self.token_to_idx.get(token, 0)

    def encode(self, tokens: Sequence[str]) -> Tensor:
        """Look up the indices of tokens.

        Args:
            tokens: N tokens: a string (its characters) or a sequence of strings.
        Returns:
            (N,) int64.
        Raises:
            TypeError: if they are no strings.
        """
        found = strings("tokens", tokens, "decode goes from indices to tokens")
        return torch.tensor([self[token] for token in found], dtype=torch.long)

    def decode(self, indices: Tensor | Sequence[int]) -> str:
        """Join the tokens at the given indices into a string.

        Args:
            indices: (N,) integers from 0 to ``len(self) - 1``.
        Returns:
            The tokens, joined without a separator.
        Raises:
            IndexError: if an index is not in the table.
            TypeError: if they are not a vector of whole numbers.
        """
        numbers = indices.tolist() if hasattr(indices, "tolist") else indices
        if not isinstance(numbers, Sequence) or isinstance(numbers, str):
            raise TypeError(
                f"expected indices as a vector (N,) or a list, got {kind_of(indices)}"
                + (f" of shape {tuple(indices.shape)}" if isinstance(indices, Tensor) else "")
            )
        for number in numbers:
            whole("every index", number)
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
        TypeError: if ``indices`` are no tensor.
        ValueError: if an index is outside the vocabulary, or ``indices`` are not integers.
    Source: chapter 1.
    """
    tensor("indices", indices, "vocab.encode(text) gives one, torch.tensor(list) makes one")
    whole("num_classes", num_classes, least=1)
    if not is_whole(indices):
        raise ValueError(f"expected integer indices, got {indices.dtype}: one-hot encoded twice?")
    hint = "is num_classes the size of the vocabulary that encoded them?"
    within("indices", indices, num_classes, hint)
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
    if not (hasattr(text, "__len__") and hasattr(text, "__getitem__")) or isinstance(text, dict):
        raise TypeError(f"expected a text, a string or another sequence, got {kind_of(text)}")
    validation, test = real("validation", validation), real("test", test)
    if not (min(validation, test) > 0 and validation + test < 1):
        raise ValueError(
            f"expected fractions above 0 that leave some text to train on, got {validation} and "
            f"{test}"
        )
    first, second = round(len(text) * (1 - validation - test)), round(len(text) * (1 - test))
    if not 0 < first < second < len(text):
        raise ValueError(
            f"a text of {len(text)} characters is too short for three parts, two of them "
            f"{validation:g} and {test:g} of it: one would be empty"
        )
    return text[:first], text[first:second], text[second:]
