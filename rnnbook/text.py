"""Text as numbers: cleaning, vocabulary, one-hot vectors, minibatches. Built in chapter 1."""

import random
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

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


@dataclass
class SequentialBatches:
    """Cut a text into B long strips and walk along all of them at once.

    Row b of a minibatch continues row b of the minibatch before it, so a recurrent state may be
    carried from one to the next (``carries_state`` is True). Each pass over the object draws a new
    offset from 0 to ``num_steps`` unless one is given.

    Args:
        tokens: (N,) int64, the encoded text.
        batch_size: B, the number of strips.
        num_steps: T, the number of steps in one minibatch.
        offset: how many tokens to drop at the start; None draws it anew for each pass.
        rng: the source of random offsets.
    Yields:
        X, Y: (B, T) int64 each; Y is X one step later.
    Raises:
        ValueError: if a size is below 1 or the text is too short for one minibatch.
    Source: chapter 1; the windows of d2l 0.17's ``seq_data_iter_sequential``.
    """

    tokens: Tensor
    batch_size: int
    num_steps: int
    offset: int | None = None
    rng: random.Random = field(default_factory=lambda: random.Random(0))
    carries_state = True

    def __post_init__(self) -> None:
        longest = self.num_steps if self.offset is None else self.offset
        _require_room(self, longest + self.batch_size * self.num_steps + 1)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        offset = self.rng.randint(0, self.num_steps) if self.offset is None else self.offset
        length = (len(self.tokens) - offset - 1) // self.batch_size  # of one strip
        total = length * self.batch_size
        strips = self.tokens[offset : offset + total].reshape(self.batch_size, length)
        targets = self.tokens[offset + 1 : offset + 1 + total].reshape(self.batch_size, length)
        for start in range(0, length - self.num_steps + 1, self.num_steps):
            window = slice(start, start + self.num_steps)
            yield strips[:, window], targets[:, window]


@dataclass
class RandomBatches:
    """Cut a text into windows of T tokens and deal them out in random order.

    Neighbouring minibatches have nothing to do with each other, so every one starts from a fresh
    state (``carries_state`` is False). Each pass draws a new offset from 0 to ``num_steps - 1`` and
    a new order unless they are given.

    Args:
        tokens: (N,) int64, the encoded text.
        batch_size: B, the number of windows in one minibatch.
        num_steps: T, the number of steps in one window.
        offset: how many tokens to drop at the start; None draws it anew for each pass.
        order: the window numbers in the order to deal them; None shuffles them for each pass.
        rng: the source of random offsets and orders.
    Yields:
        X, Y: (B, T) int64 each; Y is X one step later.
    Raises:
        ValueError: if a size is below 1, the text is too short for one minibatch, or ``order``
            names a window that does not exist.
    Source: chapter 1; the windows of d2l 0.17's ``seq_data_iter_random``.
    """

    tokens: Tensor
    batch_size: int
    num_steps: int
    offset: int | None = None
    order: Sequence[int] | None = None
    rng: random.Random = field(default_factory=lambda: random.Random(0))
    carries_state = False

    def __post_init__(self) -> None:
        longest = self.num_steps - 1 if self.offset is None else self.offset
        _require_room(self, longest + self.batch_size * self.num_steps + 1)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        offset = self.rng.randint(0, self.num_steps - 1) if self.offset is None else self.offset
        count = (len(self.tokens) - offset - 1) // self.num_steps
        order = self._order(count)
        for first in range(0, len(order) - self.batch_size + 1, self.batch_size):
            starts = [offset + self.num_steps * w for w in order[first : first + self.batch_size]]
            windows = torch.stack([self.tokens[s : s + self.num_steps + 1] for s in starts])
            yield windows[:, :-1], windows[:, 1:]

    def _order(self, count: int) -> list[int]:
        if self.order is None:
            return self.rng.sample(range(count), count)
        if any(not 0 <= window < count for window in self.order):
            raise ValueError(f"order must name windows from 0 to {count - 1}, got {self.order}")
        return list(self.order)


def _require_room(batches: SequentialBatches | RandomBatches, needed: int) -> None:
    for name in ("batch_size", "num_steps"):
        if getattr(batches, name) < 1:
            raise ValueError(f"expected {name} of at least 1, got {getattr(batches, name)}")
    if batches.offset is not None and batches.offset < 0:
        raise ValueError(f"expected an offset of at least 0, got {batches.offset}")
    if batches.tokens.dim() != 1 or batches.tokens.is_floating_point():
        raise ValueError(
            f"expected tokens of shape (N,) and an integer type, got {tuple(batches.tokens.shape)} "
            f"{batches.tokens.dtype}: pass vocab.encode(text), not the text or its one-hot vectors"
        )
    if len(batches.tokens) < needed:
        raise ValueError(
            f"a text of {len(batches.tokens)} tokens is too short for batch_size="
            f"{batches.batch_size} and num_steps={batches.num_steps}: one minibatch needs {needed} "
            "tokens (offset, windows and one target more); make either size smaller"
        )


def split(text: str, heldout: float = 0.1) -> tuple[str, str]:
    """Split a text into a first part to train on and a last part held out.

    Args:
        text: the text, or any sequence.
        heldout: the fraction held out, above 0 and below 1.
    Returns:
        The first ``1 - heldout`` of the text, and the rest. The cut is not shuffled: neighbouring
        characters of a text are not independent, so a random choice of held-out characters would
        leak the training text.
    Raises:
        ValueError: if ``heldout`` is not a fraction between 0 and 1.
    """
    if not 0 < heldout < 1:
        raise ValueError(f"expected a held-out fraction above 0 and below 1, got {heldout}")
    cut = round(len(text) * (1 - heldout))
    return text[:cut], text[cut:]
