"""The story that comes with the book, in three parts, as text and as tokens."""

from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from rnnbook.text import Vocab, clean, split

STORY = Path(__file__).with_name("story.txt")


@dataclass(frozen=True)
class Part:
    """A part of a corpus.

    Attributes:
        text: N characters, cleaned.
        tokens: (N,) int64, the same as the vocabulary's indices.
    Example:
        >>> len(Part("ab", Vocab("ab").encode("ab")))
        2
    """

    text: str
    tokens: Tensor

    def __len__(self) -> int:
        """Return the number of characters."""
        return len(self.text)


@dataclass(frozen=True)
class Corpus:
    """A text to learn from, in the order train, validation, test.

    Attributes:
        raw: the text as it was published.
        vocab: the characters of the training part, and of no other.
        train: what parameters are fitted to.
        validation: what choices are made on: sizes, learning rates, when to stop.
        test: what is read once, when all is chosen.
    Example:
        >>> corpus = story()
        >>> corpus.vocab.decode(corpus.train.tokens[:9]) == corpus.train.text[:9]
        True
    """

    raw: str
    vocab: Vocab
    train: Part
    validation: Part
    test: Part


def story(validation: float = 0.1, test: float = 0.1) -> Corpus:
    """Load the bundled story, cleaned, split and encoded.

    Args:
        validation: the fraction of the characters to validate with.
        test: the fraction to test with, at the end of the story.
    Returns:
        The corpus.
    Raises:
        FileNotFoundError: if the file that comes with the package is gone: install it again.
        ValueError: if the fractions leave nothing to train on.
    Source: "The Carrying Drum", written for this book. Chapters 1 and 2.
    Example:
        >>> corpus = story()
        >>> len(corpus.train), len(corpus.validation), len(corpus.test), len(corpus.vocab)
        (59999, 7500, 7500, 28)
    """
    raw = STORY.read_text("ascii")
    texts = split(clean(raw), validation, test)
    vocab = Vocab(texts[0])
    return Corpus(raw, vocab, *(Part(text, vocab.encode(text)) for text in texts))
