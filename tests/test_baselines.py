"""rnnbook.baselines: what models that count reach on the story, against a plain count."""

import math
from collections import Counter

import pytest

from rnnbook.baselines import NAMES, baselines, show_baselines
from rnnbook.datasets import story


@pytest.mark.parametrize("part", ["validation", "test"])
def test_the_baselines_are_what_a_plain_count_of_the_training_part_gives(part):
    corpus = story()
    train, measured = corpus.train.text, getattr(corpus, part).text
    counts, V, kappa = Counter(train), len(corpus.vocab), 5
    nats = [-math.log((counts[w] + kappa / V) / (len(train) + kappa)) for w in measured[1:]]
    assert baselines(part)["unigram"] == pytest.approx(math.exp(sum(nats) / len(nats)))
    assert baselines(part)["uniform"] == pytest.approx(28)
    values = list(baselines(part).values())
    assert values == sorted(values, reverse=True) and list(baselines(part)) == list(NAMES)


def test_the_table_names_the_part_and_shows_the_same_number_in_three_units(capsys):
    show_baselines("test")
    head, *rows = capsys.readouterr().out.splitlines()
    assert head.startswith("test part, per character") and len(rows) == len(NAMES)
    for name, row in zip(NAMES, rows, strict=True):
        perplexity = baselines("test")[name]
        assert row.split() == [
            name, f"{perplexity:.2f}", f"{math.log(perplexity):.2f}", f"{math.log2(perplexity):.2f}"
        ]  # fmt: skip


def test_another_part_is_refused():
    with pytest.raises(ValueError, match="the part validation or test, got 'train'"):
        baselines("train")
