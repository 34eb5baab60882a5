"""Models that count: of the next token, and of a string's class."""

import math
import random
from collections import Counter
from collections.abc import Sequence

import torch
from torch import Tensor

from rnnbook import arguments
from rnnbook.arguments import kind_of, real, strings, whole
from rnnbook.history import exp

CONCENTRATION = 5.0  # chosen in chapter 2 on the validation part


class NGram:
    """Predict a token from the n - 1 before it, by counting.

    Counts are mixed with the model of one token less, down to the uniform distribution::

        p_n(w | c) = (count(c, w) + concentration * p_{n-1}(w | c')) / (count(c) + concentration)
        p_0(w)     = 1 / V

    where c' is the context c without its first token. With ``concentration`` 0 these are plain
    relative frequencies.

    Args:
        n: the order: 0 uniform, 1 unigram, 2 bigram, and so on.
        vocab_size: V, the number of tokens that may come.
        concentration: how many imagined observations the shorter context is worth.
    Raises:
        ValueError: if n is negative, there is no token, or the concentration is negative.
    Source: MacKay and Peto (1995), equation for a hierarchical Dirichlet prior with one
        concentration. Chapter 2.
    Example:
        >>> NGram(2, vocab_size=3, concentration=0).fit("abacab").probability("c", "a")
        0.3333333333333333
    """

    def __init__(self, n: int, vocab_size: int, concentration: float = CONCENTRATION) -> None:
        whole("n", n, least=0)
        whole("vocab_size", vocab_size, least=1)
        if not 0 <= real("concentration", concentration) < math.inf:
            raise ValueError(f"expected a concentration of at least 0, got {concentration}")
        self.n, self.vocab_size, self.concentration = n, vocab_size, concentration
        self.seen: set = set()
        self.counts: Counter[tuple] = Counter()  # of a context and the token after it
        self.totals: Counter[tuple] = Counter()  # of a context, whatever comes after it

    def fit(self, tokens: Sequence) -> "NGram":
        """Count a text: a string (its characters) or a list of tokens. Return the model.

        A second text is counted on top of the first.

        Raises:
            TypeError: if it is neither.
            ValueError: if there are more different tokens than ``vocab_size``.
        """
        tokens = tuple(_sequence(tokens))
        self.seen.update(tokens)
        if self.n and len(self.seen) > self.vocab_size:
            raise ValueError(
                f"there are {len(self.seen)} different tokens, and vocab_size is "
                f"{self.vocab_size}: the probabilities would add up to more than 1"
            )
        for length in range(self.n):  # of the context
            for start in range(len(tokens) - length):
                context, token = tokens[start : start + length], tokens[start + length]
                self.counts[context, token] += 1
                self.totals[context] += 1
        return self

    def probability(self, token: object, context: Sequence = ()) -> float:
        """Return p(token | context); of a longer context only the last n - 1 tokens count.

        Raises:
            TypeError: if the token is a tensor, or the context no string or list.
        """
        _sequence([token])
        return self._probability(token, _sequence(context))

    def _probability(self, token: object, context: Sequence) -> float:
        context = tuple(context[max(0, len(context) - self.n + 1) :]) if self.n else ()
        p = 1 / self.vocab_size
        for length in range(min(self.n, len(context) + 1)):
            shorter = context[len(context) - length :]
            total = self.totals[shorter] + self.concentration
            # Without a count, and with concentration 0, nothing is known of this context.
            p = (self.counts[shorter, token] + self.concentration * p) / total if total else 0.0
        return p

    def nats(self, tokens: Sequence) -> float:
        """Return the mean of -log p(token | those before it), in nats, without the first token.

        Args:
            tokens: at least two tokens.
        Returns:
            The cross-entropy; infinite if the model holds something impossible that came.
        Raises:
            ValueError: if there are fewer than two tokens: the first is not predicted.
        """
        if len(_sequence(tokens)) < 2:
            raise ValueError(f"expected at least 2 tokens, of which one is predicted: {tokens!r}")
        total = 0.0
        for t in range(1, len(tokens)):
            p = self._probability(tokens[t], tokens[max(0, t - self.n + 1) : t])
            if not p:
                return math.inf
            total -= math.log(p)
        return total / (len(tokens) - 1)

    def perplexity(self, tokens: Sequence) -> float:
        """Return exp of the cross-entropy of a text: 1 for certainty, V for blind guessing."""
        return exp(self.nats(tokens))

    def sample(self, length: int, alphabet: Sequence[str], rng: random.Random) -> str:
        """Write a text, each token drawn from its probability given those before it.

        Args:
            length: the number of tokens.
            alphabet: the tokens that may come, in the order in which they are drawn.
            rng: the source of chance.
        Returns:
            The tokens, joined.
        Raises:
            TypeError: if the length is no whole number.
            ValueError: if it is negative, the alphabet is empty, or nothing of it can come next.
        """
        whole("length", length, least=0)
        if not len(alphabet):
            raise ValueError("expected an alphabet of at least one token, got an empty one")
        written: list[str] = []
        for _ in range(length):
            context = written[max(0, len(written) - self.n) :]
            weights = [self._probability(token, context) for token in alphabet]
            if not any(weights):
                raise ValueError(
                    f"after {context!r} none of the alphabet can come: nothing was counted there, "
                    "and the concentration is 0"
                )
            written += rng.choices(alphabet, weights)
        return "".join(map(str, written))


class NGramClassifier:
    """Score the classes of a string by counting its pieces of n letters: naive Bayes.

    As if the pieces g of a string s were independent of one another, given its class c::

        log p(c | s) = log p(c) + sum_g log((count(g, c) + alpha) / (count(c) + alpha * K)) + const

    where K is the number of different pieces seen. A string's start is marked by n - 1 signs and
    its end by one, which count as letters; a piece never seen anywhere has a count of 0 everywhere.

    Args:
        n: the letters of a piece, at least 1.
        num_classes: C.
        alpha: what is added to each count, above 0.
    Raises:
        ValueError: if n or C is below 1, or alpha is not above 0.
    Source: Manning, Raghavan and Schütze (2008), section 13.2. Chapter 12.
    Example:
        >>> model = NGramClassifier(1, num_classes=2).fit(["aab", "bbb"], torch.tensor([0, 1]))
        >>> model.scores(["aaa", "bb"]).argmax(dim=1).tolist()
        [0, 1]
    """

    def __init__(self, n: int, num_classes: int, alpha: float = 0.3) -> None:
        whole("n", n, least=1)
        whole("num_classes", num_classes, least=1)
        if not 0 < real("alpha", alpha) < math.inf:
            raise ValueError(
                f"expected alpha above 0, got {alpha}: with 0, a piece that a class never showed "
                "rules it out for good"
            )
        self.n, self.num_classes, self.alpha = n, num_classes, alpha
        self.counts: list[Counter[str]] = [Counter() for _ in range(num_classes)]
        self.members = torch.zeros(num_classes, dtype=torch.long)

    def pieces(self, string: str) -> list[str]:
        """Return the pieces of n letters of a string, with its start and its end marked."""
        marked = "^" * (self.n - 1) + string + "$"
        return [marked[i : i + self.n] for i in range(len(marked) - self.n + 1)]

    def fit(self, examples: Sequence[str], labels: Tensor) -> "NGramClassifier":
        """Count the pieces of N strings with their labels (N,). Return the model.

        Raises:
            TypeError: if the examples are no strings.
            ValueError: if strings and labels are not equally many, or a label is no class.
        """
        _strings(examples)
        labels = arguments.labels(labels, len(examples), self.num_classes).cpu()
        for example, label in zip(examples, labels.tolist(), strict=True):
            self.counts[label].update(self.pieces(example))
        self.members += torch.bincount(labels, minlength=self.num_classes)
        return self

    def scores(self, examples: Sequence[str]) -> Tensor:
        """Return log p(c | s) but for a constant of each row, (N, C), for N strings.

        Raises:
            TypeError: if the examples are no strings.
            ValueError: if there is none, or nothing was counted.
        """
        _strings(examples)
        if not len(examples):
            raise ValueError("expected at least one string to score, got none")
        if not self.members.sum():
            raise ValueError("nothing was counted: fit the model to labelled strings first")
        kinds = len(set().union(*self.counts))
        totals = torch.tensor([c.total() + self.alpha * kinds for c in self.counts])
        rows = []
        for example in examples:
            seen = [[c[piece] for c in self.counts] for piece in self.pieces(example)]
            rows.append(((torch.tensor(seen) + self.alpha) / totals).log().sum(dim=0))
        return torch.stack(rows) + (self.members / self.members.sum()).log()


def _strings(examples: Sequence[str]) -> None:
    if isinstance(examples, str):
        raise TypeError(f"expected several strings, got one: put it into a list, [{examples!r}]")
    strings("examples", examples, "such as a list of names")


def _sequence(tokens: Sequence) -> Sequence:
    """Return a text as it is, if it can be counted; the entries of a tensor cannot."""
    if not isinstance(tokens, Sequence):
        raise TypeError(
            f"expected a string or a list of tokens, got {kind_of(tokens)}: count the text itself, "
            "or tokens.tolist()"
        )
    if any(hasattr(token, "dim") for token in tokens):
        raise TypeError(
            "expected a string or a list of tokens, got tensors in a list, of which no two are the "
            "same: tokens.tolist()"
        )
    return tokens
