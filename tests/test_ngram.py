"""rnnbook.ngram: counted probabilities and their smoothing."""

import math
import random
from collections import Counter

import pytest
import torch

from rnnbook.datasets import story
from rnnbook.ngram import NGram, NGramClassifier

STORY = story().train.text[:3000]
ALPHABET = sorted(set(STORY))


@pytest.mark.parametrize("n", range(5))
@pytest.mark.parametrize("concentration", [0.1, 5.0])
@pytest.mark.parametrize("context", ["", "t", "th", "the w", "zzzz"])
def test_probabilities_add_up_to_one(n, concentration, context):
    model = NGram(n, len(ALPHABET), concentration).fit(STORY)
    assert math.isclose(sum(model.probability(w, context) for w in ALPHABET), 1)


def test_concentration_zero_is_the_relative_frequency():
    model = NGram(2, 3, concentration=0).fit("abacab")
    assert model.probability("b", "a") == pytest.approx(2 / 3)
    assert model.probability("a", "c") == 1
    assert model.probability("c", "c") == 0
    assert model.probability("a", "z") == 0  # a context without a count
    assert model.perplexity("cc") == math.inf


def test_a_hand_computed_bigram():
    # p0 = 1/2; p1(a) = (2 + 1/2) / (3 + 1); p2(a | b) = (1 + p1(a)) / (1 + 1)
    model = NGram(2, 2, concentration=1).fit("aba")
    assert model.probability("a") == pytest.approx(2.5 / 4)
    assert model.probability("a", "b") == pytest.approx((1 + 2.5 / 4) / 2)


def test_only_the_last_tokens_of_a_context_count():
    model = NGram(3, len(ALPHABET)).fit(STORY)
    assert model.probability("e", "qqqth") == model.probability("e", "th")
    assert NGram(1, 2).fit("aab").probability("a", "b") == NGram(1, 2).fit("aab").probability("a")


def test_words_may_be_tokens():
    words = ["the", "tide", "the", "drum"]
    model = NGram(2, 3, concentration=0).fit(words)
    assert model.probability("tide", ["the"]) == 0.5
    assert model.perplexity(["the", "drum"]) == pytest.approx(2)


def test_the_first_token_is_not_predicted():
    model = NGram(1, 2, concentration=0).fit("aaab")
    assert model.nats("ba") == pytest.approx(-math.log(0.75))
    with pytest.raises(ValueError, match="at least 2 tokens"):
        model.nats("a")


def test_samples_follow_the_probabilities():
    model = NGram(2, 2, concentration=0).fit("ab" * 50)
    assert model.sample(6, "ab", random.Random(0)) in ("ababab", "bababa")
    drawn = Counter(NGram(1, 2, concentration=0).fit("aaab").sample(4000, "ab", random.Random(0)))
    assert drawn["a"] / 4000 == pytest.approx(0.75, abs=0.03)


@pytest.mark.parametrize(
    ("arguments", "name"),
    [((-1, 3), "n"), ((2, 0), "vocab_size"), ((2, 3, -0.1), "a concentration")],
)
def test_impossible_settings_are_refused(arguments, name):
    with pytest.raises(ValueError, match=f"expected {name} of at least"):
        NGram(*arguments)


# ---------------------------------------------------------------- classes


def test_hand_computed_scores_of_two_classes():
    model = NGramClassifier(1, 2, alpha=1).fit(["ab", "b", "bb"], torch.tensor([0, 0, 1]))
    # Pieces: class 0 has a, b, b and two ends, class 1 has b, b and one end; K = 3.
    right = torch.tensor([[2 / 3 * 2 / 8 * 3 / 8, 1 / 3 * 1 / 6 * 2 / 6]]).log()
    assert torch.allclose(model.scores(["a"]), right)


def test_starts_and_ends_count():
    assert NGramClassifier(3, 2).pieces("li") == ["^^l", "^li", "li$"]
    model = NGramClassifier(2, 2).fit(["ab", "ba"], torch.tensor([0, 1]))
    assert model.scores(["ax", "bx"]).argmax(dim=1).tolist() == [0, 1]


def test_what_was_never_seen_favours_no_class_of_equally_many_pieces():
    model = NGramClassifier(3, 2).fit(["ab", "cd"], torch.tensor([0, 1]))
    assert torch.equal(*model.scores(["zzz"]).T)


def test_a_second_fit_counts_on_top():
    both = NGramClassifier(2, 2).fit(["ab", "cd"], torch.tensor([0, 1]))
    apart = NGramClassifier(2, 2).fit(["ab"], torch.tensor([0])).fit(["cd"], torch.tensor([1]))
    assert torch.equal(both.scores(["ad"]), apart.scores(["ad"]))
