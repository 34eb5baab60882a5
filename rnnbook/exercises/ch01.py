"""Checks of chapter 1: from text to one-hot vectors."""

import random
from collections import Counter
from collections.abc import Iterable
from itertools import accumulate, islice

import torch

from rnnbook.batching import SequentialBatches
from rnnbook.datasets import story
from rnnbook.exercises.kit import (
    Wrong,
    attempted,
    boolean,
    call,
    choice,
    exercise,
    number,
    pair,
    short,
)
from rnnbook.text import clean, one_hot


@exercise("1.1", "What is left", "what-is-left")
def exercise_1_1(answer):
    attempted(answer)
    right = "it s o clock high water bring a lamp"
    if not isinstance(answer, str):
        raise Wrong(f"expected a string, got {short(answer)}")
    if answer == right:
        return None
    if "\n" in answer:
        raise Wrong("the lines are put together with a space: no line break is left")
    if answer != answer.lower():
        raise Wrong("the text is put in lower case")
    if set(answer) - set("abcdefghijklmnopqrstuvwxyz "):
        raise Wrong("only letters and spaces are left: apostrophes and digits are neither")
    if answer != answer.strip():
        raise Wrong("strip() takes away the spaces at both ends of a line")
    if "  " in answer:
        raise Wrong("a run of several other characters becomes one single space")
    if answer.replace(" ", "") == right.replace(" ", ""):
        raise Wrong(
            "the letters are right and the spaces are not: every run of other characters leaves "
            "one space, an apostrophe too, and so does a line end"
        )
    raise Wrong("compare letter by letter: which letters does the text have?")


@exercise("1.2", "How much is unknown", "how-much-is-unknown")
def exercise_1_2(share_unknown):
    train, test = ["a", "b"], ["a", "c", "c", "b"]
    share = number("the share", call(share_unknown, train, test))
    if not 0 <= share <= 1:
        raise Wrong(f"expected a fraction from 0 to 1, got {share:g}")
    if abs(share - 1 / 3) < 1e-9:
        raise Wrong("you counted different tokens; count occurrences: 'c' stands there two times")
    _same_share(share, 0.5, train, test)
    rng = random.Random(0)
    for _ in range(20):
        train = rng.choices("abcdefgh", k=rng.randint(1, 12))
        test = rng.choices("abcdefgh", k=rng.randint(1, 12))
        share = sum(token not in train for token in test) / len(test)
        _same_share(call(share_unknown, train, test), share, train, test)
    words = ["tide", "ebb"]
    _same_share(call(share_unknown, words, ["ti", "tide"]), 0.5, words, ["ti", "tide"])


def _same_share(got, expected, train, test):
    got = number("the share", got)
    if abs(got - expected) > 1e-6:
        raise Wrong(
            f"for training {train} and test tokens {test} expected {expected:.4g}, got {got:.4g}:"
            " which tokens are counted, and what is the count divided by?"
        )


@exercise("1.3", "The long tail", "the-long-tail")
def exercise_1_3(once, half):
    once, half = number("once", once), number("half", half)
    counts = [n for _, n in Counter(clean(story().raw).split()).most_common()]
    if once != (right := counts.count(1)):
        reason = ""
        if half == right:
            raise Wrong("the two are the wrong way round: check takes once first, then half")
        if once == sum(n <= 2 for n in counts) or once == counts.count(2):
            reason = "; count only those that occur exactly once"
        elif 0 < once < 1:
            reason = "; the number of words, not their share"
        raise Wrong(
            f"once is {once:g}, {'more' if once > right else 'fewer'} than there are{reason}"
        )
    need = 1 + next(i for i, total in enumerate(accumulate(counts)) if 2 * total >= sum(counts))
    if half == need - 1:
        raise Wrong(f"with {half:g} words the sum does not reach half of the text yet: one off")
    if half == len(counts) // 2 or half == (len(counts) + 1) // 2:
        raise Wrong("that is half of the different words; half of the running words is asked for")
    if half != need:
        raise Wrong(
            f"half is {half:g}: add the counts from the largest on until they reach half the sum"
        )


@exercise("1.4", "And back again", "and-back-again")
def exercise_1_4(from_one_hot):
    for shape in [(4,), (3, 5), (2, 3, 4), (), (1,), (3, 1), (1, 1, 2)]:
        indices = torch.randint(0, 7, shape)
        got = call(from_one_hot, one_hot(indices, 7))
        if not isinstance(got, torch.Tensor):
            raise Wrong(f"expected a tensor of indices, got {short(got)}")
        if got.shape != indices.shape:
            raise Wrong(
                f"for x of shape {(*shape, 7)} expected indices of shape {shape}, got "
                f"{tuple(got.shape)}: does the last axis go, whatever stands before it?"
            )
        if got.is_floating_point() or got.dtype == torch.bool:
            raise Wrong(f"expected integers, as an embedding lookup needs them, got {got.dtype}")
        if not torch.equal(got.long(), indices):
            raise Wrong(f"the vectors of {indices.tolist()} came back as {got.tolist()}")


@exercise("1.5", "Why not the index", "why-not-the-index")
def exercise_1_5(answer):
    choice(
        answer,
        "abc",
        "b",
        {
            "a": "no information is missing, but can a straight line give any value to each?",
            "c": "the gradient is taken with respect to w and b, and i is a constant in it",
        },
    )


# Length, batch size, steps, offset. In the last two a strip ends one token short of a window.
CORPORA = [(45, 2, 5, 3), (101, 4, 6, 0), (64, 3, 4, 1), (50, 2, 5, 0), (48, 7, 4, 1)]


@exercise("1.6", "Strips, from a blank cell", "strips-from-a-blank-cell")
def exercise_1_6(sequential_batches):
    for length, batch_size, num_steps, offset in CORPORA:
        corpus = torch.arange(length)  # each token is its own position in the text
        batches = _listed(call(sequential_batches, corpus, batch_size, num_steps, offset))
        _examine_windows(batches, batch_size, num_steps)
        expected = list(SequentialBatches(corpus, batch_size, num_steps, offset=offset))
        if len(batches) != len(expected):
            raise Wrong(
                f"{length} tokens with B={batch_size}, T={num_steps} and offset={offset}"
                f" make {len(expected)} minibatches, got {len(batches)}"
            )
        if not torch.equal(batches[0][0].long(), expected[0][0]):
            raise Wrong(
                "the strips do not start where they should: check the offset and the length"
            )
        for got, wanted in zip(batches, expected, strict=True):
            if not all(torch.equal(a.long(), b) for a, b in zip(got, wanted, strict=True)):
                raise Wrong("a minibatch is not the one that is due: are the strips in order?")


def _listed(returned):
    """Return the minibatches that a reader's function yields or returns, as pairs of tensors."""
    if not isinstance(returned, Iterable) or isinstance(returned, torch.Tensor | str):
        raise Wrong(f"expected the function to yield pairs X, Y, got {short(returned)}")
    batches = list(islice(returned, 10_000))
    if len(batches) == 10_000:
        raise Wrong("it yields minibatches without end: where does the text stop?")
    for batch in batches:
        for part in pair(batch, ("X", "Y")):
            if not isinstance(part, torch.Tensor) or part.dim() != 2:
                raise Wrong(f"expected X and Y as tensors of shape (B, T), got {short(part)}")
    return batches


def _examine_windows(batches, batch_size, num_steps):
    if not batches:
        raise Wrong("no minibatch came out: does your function yield X, Y?")
    previous = None
    for X, Y in batches:
        if tuple(X.shape) != (batch_size, num_steps) or X.shape != Y.shape:
            short_one = len(X) == batch_size and X.shape[1] < num_steps
            raise Wrong(
                f"expected X and Y of shape ({batch_size}, {num_steps}), got {tuple(X.shape)} and "
                f"{tuple(Y.shape)}"
                + (": steps at a strip's end that do not fill a window are left out" * short_one)
            )
        if not torch.equal(X[:, 1:], X[:, :-1] + 1):
            raise Wrong(
                "the tokens of a row are not neighbours in the text: how are the strips cut? A row "
                "is one piece of the text, so the shape is (B, length), and not (length, B)"
            )
        if not torch.equal(Y[:, :-1], X[:, 1:]):
            raise Wrong("the targets are not the inputs one place later")
        if not torch.equal(Y[:, -1], X[:, -1] + 1):
            raise Wrong(
                "the last target of a window is not the character that follows it in the text: it "
                "cannot be found in X"
            )
        if previous is not None and not torch.equal(X[:, 0], previous[:, -1] + 1):
            raise Wrong("a row does not go on where it stopped in the minibatch before")
        previous = X


@exercise("1.7", "Count the minibatches", "count-the-minibatches")
def exercise_1_7(sequential_count, random_count, can_differ):
    attempted(sequential_count, random_count, can_differ)
    inputs = 1000 - 3 - 1
    for name, answer in {"sequential": sequential_count, "random": random_count}.items():
        count = number(name, answer)
        if count in (inputs // 8, inputs // 12):
            raise Wrong(
                f"{name}: {count:g} strips' or windows' worth; there is one more division to do"
            )
        if count == -(-inputs // (8 * 12)):
            raise Wrong(
                f"{name}: what is left over at the end is not a whole minibatch; round down"
            )
        if count != inputs // (8 * 12):
            raise Wrong(
                f"{name}: {count:g} is not it; how many tokens can be inputs, and in what units?"
            )
    if boolean("can_differ", can_differ):
        raise Wrong("try a few sizes: both count how many whole blocks of B * T tokens fit")
