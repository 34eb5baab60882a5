"""The numbers to beat: what models that count reach on the book's story."""

import math
from functools import cache

from rnnbook.datasets import story
from rnnbook.ngram import NGram

NAMES = ("uniform", "unigram", "bigram", "trigram")


@cache
def baselines(part: str = "validation") -> dict[str, float]:
    """Measure the perplexity per character of the models that count, on a part of the story.

    Each is counted on the training part: the same characters as those from which the chapters'
    networks learn.

    Args:
        part: ``validation`` or ``test``.
    Returns:
        By name (uniform, unigram, bigram, trigram) the perplexity.
    Raises:
        ValueError: if there is no such part.
    Source: chapter 2.
    """
    corpus = story()
    if part not in ("validation", "test"):
        raise ValueError(f"expected the part validation or test, got {part!r}")
    text, V = getattr(corpus, part).text, len(corpus.vocab)
    return {
        name: NGram(n, V).fit(corpus.train.text).perplexity(text) for n, name in enumerate(NAMES)
    }


def show_baselines(part: str = "validation") -> None:
    """Print the baselines on a part of the story: perplexity, nats and bits per character.

    Args:
        part: ``validation`` or ``test``.
    """
    print(f"{part + ' part, per character':31} {'perplexity':>12} {'nats':>6} {'bits':>6}")
    for name, perplexity in baselines(part).items():
        nats, bits = math.log(perplexity), math.log2(perplexity)
        print(f"{name:31} {perplexity:12.2f} {nats:6.2f} {bits:6.2f}")
