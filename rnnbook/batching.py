"""Minibatches: windows of a text in order or at random, sequences of like length, padding."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader, Sampler

from rnnbook import arguments


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
        generator: the source of random offsets; PyTorch's global one if None.
    Yields:
        X, Y: (B, T) int64 each; Y is X one step later.
    Raises:
        ValueError: if a size is below 1 or the text is too short for one minibatch.
    Source: chapter 1; the windows of d2l 0.17's ``seq_data_iter_sequential``.
    Example:
        >>> batches = SequentialBatches(torch.arange(9), batch_size=2, num_steps=2, offset=0)
        >>> [X.tolist() for X, Y in batches]
        [[[0, 1], [4, 5]], [[2, 3], [6, 7]]]
    """

    tokens: Tensor
    batch_size: int
    num_steps: int
    offset: int | None = None
    generator: torch.Generator | None = None
    carries_state = True

    def __post_init__(self) -> None:
        _check_sizes(self)
        longest = self.num_steps if self.offset is None else self.offset
        _require_room(self, longest + self.batch_size * self.num_steps + 1)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        offset = _offset(self, self.num_steps)
        length = (len(self.tokens) - offset - 1) // self.batch_size  # of one strip
        inputs, targets = _strips(self.tokens[offset:], self.batch_size, length)
        for start in range(0, length - self.num_steps + 1, self.num_steps):
            window = slice(start, start + self.num_steps)
            yield inputs[:, window], targets[:, window]


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
        generator: the source of random offsets and orders; PyTorch's global one if None.
    Yields:
        X, Y: (B, T) int64 each; Y is X one step later.
    Raises:
        ValueError: if a size is below 1, the text is too short for one minibatch, or ``order``
            names a window that does not exist.
    Source: chapter 1; the windows of d2l 0.17's ``seq_data_iter_random``.
    Example:
        >>> batches = RandomBatches(torch.arange(9), 2, num_steps=2, offset=0, order=[3, 0, 1, 2])
        >>> [X.tolist() for X, Y in batches]
        [[[6, 7], [0, 1]], [[2, 3], [4, 5]]]
    """

    tokens: Tensor
    batch_size: int
    num_steps: int
    offset: int | None = None
    order: Sequence[int] | None = None
    generator: torch.Generator | None = None
    carries_state = False

    def __post_init__(self) -> None:
        _check_sizes(self)
        longest = self.num_steps - 1 if self.offset is None else self.offset
        _require_room(self, longest + self.batch_size * self.num_steps + 1)
        self._check_order(longest)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        offset = _offset(self, self.num_steps - 1)
        count = (len(self.tokens) - offset - 1) // self.num_steps
        order = self._order(count)
        for first in range(0, len(order) - self.batch_size + 1, self.batch_size):
            starts = [offset + self.num_steps * w for w in order[first : first + self.batch_size]]
            windows = torch.stack([self.tokens[s : s + self.num_steps + 1] for s in starts])
            yield windows[:, :-1], windows[:, 1:]

    def _order(self, count: int) -> list[int]:
        if self.order is None:
            return torch.randperm(count, generator=self.generator).tolist()
        return list(self.order)

    def _check_order(self, longest: int) -> None:
        """Examine the order for the largest offset that may be drawn, which leaves the fewest."""
        if self.order is None:
            return
        self.order = [arguments.whole("every window in order", window) for window in self.order]
        count = (len(self.tokens) - longest - 1) // self.num_steps
        if any(not 0 <= window < count for window in self.order):
            raise ValueError(
                f"order must name windows from 0 to {count - 1}, whatever offset is drawn, got "
                f"{self.order}: give an offset too"
            )
        if len(self.order) < self.batch_size:
            raise ValueError(
                f"order names {len(self.order)} windows, and a minibatch needs batch_size="
                f"{self.batch_size}"
            )


@dataclass
class WholeText:
    """Read a text once from its beginning to its end, to measure and not to train.

    Like ``SequentialBatches`` with offset 0, but the last window may be shorter, so that nothing
    is left out: with ``batch_size=1`` every token but the first is predicted.

    Args:
        tokens: (N,) int64, the encoded text.
        batch_size: B, the number of strips the text is cut into; every strip starts from a zero
            state, so 1 is exact and more is faster.
        num_steps: tokens read at a time; it changes the memory used, not the result.
    Yields:
        X, Y: (B, T) int64 each; Y is X one step later.
    Raises:
        ValueError: if a size is below 1, or the text has fewer than two tokens a strip.
    Source: chapter 5.
    Example:
        >>> [X.tolist() for X, Y in WholeText(torch.arange(6), num_steps=3)]
        [[[0, 1, 2]], [[3, 4]]]
    """

    tokens: Tensor
    batch_size: int = 1
    num_steps: int = 256
    carries_state = True
    offset = 0

    def __post_init__(self) -> None:
        _check_sizes(self)
        _require_room(self, self.batch_size + 1)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        length = (len(self.tokens) - 1) // self.batch_size
        inputs, targets = _strips(self.tokens, self.batch_size, length)
        yield from zip(
            inputs.split(self.num_steps, 1), targets.split(self.num_steps, 1), strict=True
        )


def _strips(tokens: Tensor, batch_size: int, length: int) -> tuple[Tensor, Tensor]:
    """Return inputs and targets as B strips of the given length, (B, length) each."""
    total = batch_size * length
    return (
        tokens[:total].reshape(batch_size, length),
        tokens[1 : total + 1].reshape(batch_size, length),
    )


def _offset(batches: SequentialBatches | RandomBatches, largest: int) -> int:
    """Return the given offset, or draw one from 0 to the largest."""
    if batches.offset is not None:
        return batches.offset
    return int(torch.randint(0, largest + 1, (1,), generator=batches.generator))


def _check_sizes(batches: SequentialBatches | RandomBatches | WholeText) -> None:
    for name in ("batch_size", "num_steps"):
        arguments.whole(name, getattr(batches, name), least=1)
    if batches.offset is not None:
        arguments.whole("offset", batches.offset, least=0)
    arguments.generator(getattr(batches, "generator", None))
    batches.tokens = arguments.tokens(batches.tokens)


def _require_room(batches: SequentialBatches | RandomBatches | WholeText, needed: int) -> None:
    if len(batches.tokens) < needed:
        raise ValueError(
            f"a text of {len(batches.tokens)} tokens is too short for batch_size="
            f"{batches.batch_size} and num_steps={batches.num_steps}: one minibatch needs {needed} "
            "tokens (offset, windows and one target more); make either size smaller"
        )


class LengthBuckets(Sampler[list[int]]):
    """Deal out the numbers of sequences in minibatches, near equals in length together.

    Each pass shuffles all sequences, takes ``pool`` minibatches' worth of them at a time, sorts
    these by length, cuts them into minibatches, and deals the minibatches out in random order. With
    a pool of 1 the minibatches are plain random ones. It is a ``batch_sampler`` for PyTorch's
    ``DataLoader``; ``padded_batches`` puts the two together.

    Args:
        lengths: N numbers of steps.
        batch_size: B; the last minibatch of a pass may be smaller.
        pool: how many minibatches are sorted together.
        generator: the source of the random orders; PyTorch's global one if None.
    Yields:
        For each minibatch the numbers, from 0, of its sequences.
    Raises:
        ValueError: if there is no sequence, a sequence is empty, or a size is below 1.
    Source: chapter 11.
    Example:
        >>> lengths = [9, 1, 8, 2]
        >>> minibatches = list(LengthBuckets(lengths, batch_size=2, pool=2))
        >>> sorted([lengths[number] for number in minibatch] for minibatch in minibatches)
        [[1, 2], [8, 9]]
    """

    def __init__(
        self,
        lengths: Sequence[int],
        batch_size: int,
        pool: int = 1,
        generator: torch.Generator | None = None,
    ) -> None:
        for name, size in {"batch_size": batch_size, "pool": pool}.items():
            arguments.whole(name, size, least=1)
        arguments.generator(generator)
        if not len(lengths):
            raise ValueError("expected at least one sequence")
        # An empty sequence has no step to read, and so no state of its own.
        self.lengths = [arguments.whole("every length", length, least=1) for length in lengths]
        self.batch_size, self.pool = batch_size, pool
        self.generator = generator

    def __len__(self) -> int:
        """Return the number of minibatches of a pass."""
        return -(-len(self.lengths) // self.batch_size)  # each pool but the last is full

    def __iter__(self) -> Iterator[list[int]]:
        shuffled = torch.randperm(len(self.lengths), generator=self.generator).tolist()
        minibatches = list(self._cut(shuffled))
        for number in torch.randperm(len(minibatches), generator=self.generator).tolist():
            yield minibatches[number]

    def _cut(self, order: Sequence[int]) -> Iterator[list[int]]:
        """Sort the sequences pool by pool, and cut each pool into minibatches."""
        size = self.pool * self.batch_size
        for start in range(0, len(order), size):
            pool = sorted(order[start : start + size], key=lambda n: self.lengths[n])
            for first in range(0, len(pool), self.batch_size):
                yield pool[first : first + self.batch_size]


def padded_batches(
    sequences: Sequence[Tensor],
    labels: Tensor,
    batch_size: int,
    padding: int = 0,
    pool: int = 1,
    generator: torch.Generator | None = None,
) -> DataLoader:
    """Return a loader of labelled sequences of unequal lengths, padded minibatch by minibatch.

    Args:
        sequences: N tensors of shape (T_n, ...), with the lengths in front.
        labels: (N,) int64.
        batch_size: B; the last minibatch of a pass may be smaller.
        padding: what fills the steps after a sequence's end.
        pool: how many minibatches are sorted by length together, see ``LengthBuckets``.
        generator: the source of the random orders; PyTorch's global one if None.
    Returns:
        A loader. It yields X (B, T, ...), padded to the longest of the minibatch, the lengths (B,)
        int64, and y (B,) int64.
    Raises:
        ValueError: if there is no sequence, a sequence is empty, the labels are no tensor with one
            for each sequence, or a size is below 1.
    Source: chapter 11.
    Example:
        >>> sequences = [torch.tensor([1, 2, 3]), torch.tensor([4])]
        >>> loader = padded_batches(sequences, torch.tensor([1, 0]), batch_size=2)
        >>> [(X.shape, sorted(lengths.tolist())) for X, lengths, y in loader]
        [(torch.Size([2, 3]), [1, 3])]
    """
    _check_sequences(sequences)
    labels = arguments.labels(labels, len(sequences))

    def collate(members: list[tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor, Tensor]:
        chosen, their_labels = zip(*members, strict=True)
        X, lengths = pad(chosen, padding)
        return X, lengths, torch.stack(their_labels)

    return DataLoader(
        list(zip(sequences, labels, strict=True)),  # type: ignore[arg-type]  # a list is a dataset
        batch_sampler=LengthBuckets([len(s) for s in sequences], batch_size, pool, generator),
        collate_fn=collate,
        generator=generator,  # of a seed for workers, drawn at each pass even if there are none
    )


def _check_sequences(sequences: Sequence[Tensor]) -> None:
    """Examine that there are tensors of one type, which differ in length alone."""
    if isinstance(sequences, Tensor):
        raise TypeError(
            f"expected a list of tensors, one a sequence, got one tensor of shape "
            f"{tuple(sequences.shape)}: list(X) takes it apart, if no row is padded"
        )
    if isinstance(sequences, str) or not isinstance(sequences, Sequence):
        kind = arguments.kind_of(sequences)
        raise TypeError(f"expected a list of tensors, one a sequence, got {kind}")
    if not sequences:
        raise ValueError("expected at least one sequence")
    for sequence in sequences:
        arguments.tensor("every sequence", sequence, "vocab.encode(text) makes one")
        if sequence.dim() == 0:
            raise ValueError("expected every sequence of shape (T, ...), got a single number")
    # One type for all: padding would cut the decimals off where it meets whole numbers first.
    types = {str(sequence.dtype) for sequence in sequences}
    features = {str(tuple(sequence.shape[1:])) for sequence in sequences}
    for name, found in {"type": types, "number of features": features}.items():
        if len(found) > 1:
            raise ValueError(f"expected sequences of one {name}, got {', '.join(sorted(found))}")


def pad(sequences: Sequence[Tensor], padding: int = 0) -> tuple[Tensor, Tensor]:
    """Put sequences of unequal lengths into one tensor.

    Args:
        sequences: B tensors of shape (T_b, ...).
        padding: what fills the steps after a sequence's end.
    Returns:
        X: (B, T, ...), T being the longest; lengths: (B,) int64.
    Raises:
        TypeError: if the sequences are no list of tensors.
        ValueError: if there is none, or their types or features differ.
    """
    _check_sequences(sequences)
    if arguments.is_whole(sequences[0]):
        arguments.whole("padding of whole numbers", padding)
    lengths = torch.tensor([len(sequence) for sequence in sequences])
    return pad_sequence(list(sequences), batch_first=True, padding_value=padding), lengths


def window_positions(
    kind: str, length: int, batch_size: int, num_steps: int, offset: int
) -> list[list[tuple[int, int]]]:
    """Find where a sampler's windows lie in a text.

    Args:
        kind: ``"sequential"`` or ``"random"``.
        length: N, characters in the text.
        batch_size: B, windows in a minibatch.
        num_steps: T, characters in a window.
        offset: characters dropped at the start.
    Returns:
        For each minibatch its B windows as (start, stop) positions.
    Raises:
        ValueError: if the text is too short for one minibatch.
    """
    samplers = {"sequential": SequentialBatches, "random": RandomBatches}
    if kind not in samplers:
        raise ValueError(f"expected the kind sequential or random, got {kind!r}")
    sampler = samplers[kind]
    # A text of 0, 1, 2, ...: each token is its own position.
    batches = sampler(torch.arange(length), batch_size, num_steps, offset=offset)
    return [[(int(row[0]), int(row[-1]) + 1) for row in X] for X, _ in batches]
