"""Language models that count, and the baselines which every network of the book must beat."""

import math
import random
from collections import Counter
from collections.abc import Sequence
from functools import cache

from rnnbook.data import load_text
from rnnbook.text import Vocab, clean, split

NAMES = ("uniform", "unigram", "bigram", "trigram")
STRENGTH = 5.0  # chosen in chapter 2 on a part of the training text


class NGram:
    """Predict a token from the n - 1 before it, by counting.

    Counts are mixed with the model of one token less, down to the uniform distribution::

        p_n(w | c) = (count(c, w) + strength * p_{n-1}(w | c')) / (count(c) + strength)
        p_0(w)     = 1 / V

    where c' is the context c without its first token. With ``strength`` 0 these are plain relative
    frequencies.

    Args:
        n: the order: 0 uniform, 1 unigram, 2 bigram, and so on.
        vocab_size: V, the number of tokens that may come.
        strength: how many imagined observations the shorter context is worth.
    Raises:
        ValueError: if n is negative, there is no token, or the strength is negative.
    Source: MacKay and Peto (1995), equation for a hierarchical Dirichlet prior with one strength.
        Chapter 2.
    """

    def __init__(self, n: int, vocab_size: int, strength: float = STRENGTH) -> None:
        if n < 0 or vocab_size < 1 or strength < 0:
            raise ValueError(
                "expected n of at least 0, vocab_size of at least 1 and strength of at least 0, "
                f"got {n}, {vocab_size} and {strength}"
            )
        self.n, self.vocab_size, self.strength = n, vocab_size, strength
        self.counts: Counter[tuple] = Counter()  # of a context and the token after it
        self.totals: Counter[tuple] = Counter()  # of a context, whatever comes after it

    def fit(self, tokens: Sequence) -> "NGram":
        """Count a text: a string (its characters) or a list of tokens. Return the model."""
        tokens = tuple(tokens)
        for length in range(self.n):  # of the context
            for start in range(len(tokens) - length):
                context, token = tokens[start : start + length], tokens[start + length]
                self.counts[context, token] += 1
                self.totals[context] += 1
        return self

    def probability(self, token: object, context: Sequence = ()) -> float:
        """Return p(token | context); of a longer context only the last n - 1 tokens count."""
        context = tuple(context[max(0, len(context) - self.n + 1) :]) if self.n else ()
        p = 1 / self.vocab_size
        for length in range(min(self.n, len(context) + 1)):
            shorter = context[len(context) - length :]
            total = self.totals[shorter] + self.strength
            # Without a count, and with strength 0, nothing is known of this context.
            p = (self.counts[shorter, token] + self.strength * p) / total if total else 0.0
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
        if len(tokens) < 2:
            raise ValueError(f"expected at least 2 tokens, of which one is predicted: {tokens!r}")
        total = 0.0
        for t in range(1, len(tokens)):
            p = self.probability(tokens[t], tokens[max(0, t - self.n + 1) : t])
            if not p:
                return math.inf
            total -= math.log(p)
        return total / (len(tokens) - 1)

    def perplexity(self, tokens: Sequence) -> float:
        """Return exp of the cross-entropy of a text: 1 for certainty, V for blind guessing."""
        return math.exp(self.nats(tokens))

    def sample(self, length: int, alphabet: Sequence[str], rng: random.Random) -> str:
        """Write a text, each token drawn from its probability given those before it.

        Args:
            length: the number of tokens.
            alphabet: the tokens that may come, in the order in which they are drawn.
            rng: the source of chance.
        Returns:
            The tokens, joined.
        """
        written: list[str] = []
        for _ in range(length):
            weights = [self.probability(token, written[-self.n :]) for token in alphabet]
            written += rng.choices(alphabet, weights)
        return "".join(written)


@cache
def baselines() -> dict[str, float]:
    """Measure the held-out perplexity per character of the models that count.

    Each is counted on the first nine tenths of the bundled story, cleaned, and measured on the
    last tenth: the same split, and the same characters, as in the chapters that train networks.

    Returns:
        By name (uniform, unigram, bigram, trigram) the perplexity.
    Source: chapter 2.
    """
    train, heldout = split(clean(load_text("story")))
    V = len(Vocab(train))
    return {name: NGram(n, V).fit(train).perplexity(heldout) for n, name in enumerate(NAMES)}


def show_baselines() -> None:
    """Print the baselines: perplexity, nats and bits per held-out character of the story."""
    print("held-out story, per character   perplexity   nats   bits")
    for name, perplexity in baselines().items():
        nats, bits = math.log(perplexity), math.log2(perplexity)
        print(f"{name:29} {perplexity:12.2f} {nats:6.2f} {bits:6.2f}")
