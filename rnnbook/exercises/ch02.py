"""Checks of chapter 2: language models and perplexity."""

import math
import random
from collections import Counter
from functools import cache

from rnnbook.datasets import story
from rnnbook.exercises.kit import Wrong, attempted, call, choice, exercise, number, short
from rnnbook.ngram import NGram


def _compare(name, answer, right, slips, tolerance=0.006, hint=""):
    """Compare a number with the right one; name the slip that leads to another, or give a hint."""
    value = number(name, answer)
    if abs(value - right) <= tolerance:
        return
    for reason, slip in slips.items():
        if abs(value - slip) <= tolerance:
            raise Wrong(f"{name}: {value:g} is not it; {reason}")
    raise Wrong(f"{name}: {value:g} is not it" + (hint and f"; {hint}"))


@exercise("2.1", "The toy language", "the-toy-language")
def exercise_2_1(p_abba, p_all):
    attempted(p_abba, p_all)
    slips = {
        "the first letter has a row of its own, at the start": 0.2 * 0.8 * 0.4 * 0.6,
        "the first letter's probability, 0.5, is missing": 0.192,
        "after the second b comes an a: which row, which column?": 0.5 * 0.8 * 0.4 * 0.4,
        "after the first b comes another b": 0.5 * 0.8 * 0.6 * 0.8,
        "it is a product, not a sum": 0.5 + 0.8 + 0.4 + 0.6,
        "these would be letters that do not depend on the one before": 0.5**4,
    }
    hint = "four factors, each from the row of the letter before it"
    _compare("p(abba)", p_abba, 0.096, slips, tolerance=0.0006, hint=hint)
    slips = {
        "each text's probability is divided between its two continuations": 2.0,
        "not every text of four letters has the same probability": 16 * 0.096,
        "that is one text's share if all sixteen had the same": 1 / 16,
    }
    hint = "begin with the texts of one letter: what do they add up to?"
    _compare("all sixteen", p_all, 1.0, slips, tolerance=1e-6, hint=hint)


def _probabilities(got):
    """Return a reader's dictionary with plain numbers."""
    if not isinstance(got, dict):
        raise Wrong(f"expected a dictionary, got {short(got)}")
    return {w: number(f"the probability of {w!r}", q) for w, q in got.items()}


def _next_probabilities(text, context):
    k = len(context)
    seen = Counter(text[t] for t in range(k, len(text)) if text[t - k : t] == context)
    return {w: n / seen.total() for w, n in seen.items()}


@exercise("2.2", "What comes next", "what-comes-next")
def exercise_2_2(next_probabilities):
    rng = random.Random(0)
    cases = [
        ("abcabd", "ab", "two characters follow"),
        ("aaab", "aa", "occurrences may overlap"),
        ("abab", "ab", "an occurrence at the end has no next character"),
        ("aab", "", "an empty context stands before every character, the first included"),
        ("abc", "x", "the context never occurs"),
        ("abc", "c", "nothing follows the context"),
        ("a b a", " ", "a space is a character"),
        ("a.b axc", "a.", "characters are to be taken literally"),
        ("ab\nab\nabc", "ab", "the end of a line is a character"),
    ]
    for _ in range(30):
        text = "".join(rng.choices("ab ", k=40))
        cases.append((text, text[: rng.randrange(4)], "a random text"))
    for text, context, why in cases:
        got, right = call(next_probabilities, text, context), _next_probabilities(text, context)
        shown = f"text {text!r}, context {context!r} ({why})"
        got = _probabilities(got)
        if not all(got.values()):
            raise Wrong(f"{shown}: a character that never follows should not be a key")
        if set(got) != set(right):
            raise Wrong(f"{shown}: expected the characters {sorted(right)}, got {sorted(got)}")
        if any(abs(got[w] - right[w]) > 1e-6 for w in right):
            hint = "" if math.isclose(sum(got.values()), 1) else "; they do not add up to 1"
            raise Wrong(f"{shown}: expected {right}, got {got}{hint}")


@exercise("2.3", "Too much of a good thing", "too-much-of-a-good-thing")
def exercise_2_3(add_alpha):
    cases = [(Counter("aab"), "abc", 1), (Counter("aab"), "abc", 0.5), (Counter(), "ab", 2)]
    cases += [(Counter("abba"), "ab", 3), (Counter("zzy"), "vwxyz", 0.01)]
    for seen, alphabet, alpha in cases:
        got = _probabilities(call(add_alpha, seen, alphabet, alpha))
        shown = f"{dict(seen)}, alphabet {alphabet!r}, alpha = {alpha}"
        if missing := sorted(set(alphabet) - set(got)):
            raise Wrong(f"{shown}: {missing} got no probability at all")
        if more := set(got) - set(alphabet):
            raise Wrong(f"{shown}: {sorted(more)} are not in the alphabet, and got a probability")
        if not math.isclose(total := sum(got.values()), 1, rel_tol=1e-6):
            raise Wrong(
                f"{shown}: the values add up to {total:.3f}, not to 1: how much was added in all?"
            )
        for w in alphabet:
            right = (seen[w] + alpha) / (seen.total() + alpha * len(alphabet))
            if not math.isclose(got[w], right, rel_tol=1e-6):
                raise Wrong(f"{shown}: p({w}) should be {right:.6g}, got {got[w]:.6g}")


@exercise("2.4", "By hand, in three units", "by-hand-in-three-units")
def exercise_2_4(bits, nats, perplexity):
    attempted(bits, nats, perplexity)
    right = 14 / 8
    slips = {
        "divide by the number of characters": 14.0,
        "that is the mean over the three kinds; four, two and two characters came": 2.0,
        "those are nats; a probability of 1/2 costs one bit": right * math.log(2),
        "a loss is not negative: it is minus the logarithm": -right,
        "the mean is taken of the logarithms, not of the probabilities": -math.log2(2.75 / 8),
    }
    _compare("bits", bits, right, slips, hint="a probability of 1/2 costs one bit, 1/4 two")
    slips = {
        "bits are nats divided by ln 2, so nats are bits times ln 2": right / math.log(2),
        "those are bits": right,
    }
    _compare("nats", nats, right * math.log(2), slips, hint="a bit is ln 2 nats")
    slips = {
        "that is one over the mean probability": 8 / 2.75,
        "that is the mean of the inverse probabilities": 4.0,
        "e to the power of the nats, or 2 to the power of the bits: the two are mixed":
            math.exp(right),
        "2 to the power of the nats mixes the units": 2 ** (right * math.log(2)),
    }  # fmt: skip
    hint = "2 to the power of the bits, or e to the power of the nats"
    _compare("perplexity", perplexity, 2**right, slips, hint=hint)


@cache
def _concentrations():
    """Return the choice for the 5-gram, what each concentration gives on the test text, slips."""
    corpus, options = story(), (1, 2, 4, 8, 16, 32)
    train, validation, test = corpus.train.text, corpus.validation.text, corpus.test.text
    V = len(corpus.vocab)
    models = {c: NGram(5, V, c).fit(train) for c in options}
    on_validation = {c: model.perplexity(validation) for c, model in models.items()}
    on_test = {c: model.perplexity(test) for c, model in models.items()}
    chosen = min(options, key=on_validation.get)
    return chosen, on_test, {
        "that is the perplexity on the validation text": on_validation[chosen],
        "count the training text alone, the one the concentration was chosen for":
            NGram(5, V, chosen).fit(train + validation).perplexity(test),
        "that is the perplexity of the training text itself": models[chosen].perplexity(train),
    }  # fmt: skip


@exercise("2.5", "Choose honestly", "choose-honestly")
def exercise_2_5(concentration, on_test):
    attempted(concentration, on_test)
    chosen, right, slips = _concentrations()
    concentration = number("the concentration", concentration)
    if concentration not in right:
        raise Wrong(
            f"expected one of {', '.join(map(str, right))} as the concentration, got "
            f"{concentration:g}"
        )
    if concentration != chosen:
        smallest = concentration == min(right)
        raise Wrong(
            f"{concentration:g} is not the best on the validation text"
            + (": was it chosen on the text that was counted?" if smallest else "")
        )
    hint = "NGram(5, V, concentration), counted on the training text, read on the test text"
    _compare("test perplexity", on_test, right[chosen], slips, hint=hint)


@exercise("2.6", "Words against characters", "words-against-characters")
def exercise_2_6(per_character):
    for P, words, characters in ((150, 1000, 5500), (8, 10, 30), (100, 7, 7), (2.5, 3, 4)):
        got = number("the perplexity", call(per_character, P, words, characters))
        right = P ** (words / characters)
        if math.isclose(got, right, rel_tol=1e-6):
            continue
        slips = {
            "the perplexity was divided by the length of a word; perplexities multiply, and only "
            "their logarithms add up": P * words / characters,
            "words and characters have changed places": P ** (characters / words),
            "those are nats per character; the perplexity is their exponential":
                math.log(P) * words / characters,
            "those are bits per character": math.log2(P) * words / characters,
        }  # fmt: skip
        for reason, slip in slips.items():
            if math.isclose(got, slip, rel_tol=1e-6):
                raise Wrong(f"{P} per word, {words} words, {characters} characters: {reason}")
        raise Wrong(
            f"{P} per word, {words} words, {characters} characters: expected {right:.4f}, got "
            f"{got:.4f}"
        )


@exercise("2.7", "Better or not", "better-or-not")
def exercise_2_7(answer):
    choice(
        answer,
        "abcd",
        "c",
        {
            "a": "what does A predict where B has to name a rare word?",
            "b": "knowing more words is no merit by itself; how well does it predict them?",
            "d": "a difference of two numbers means something only if they count the same tokens",
        },
    )
