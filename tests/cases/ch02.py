"""Right and wrong answers to the exercises of chapter 2."""

import math
import re
from collections import Counter

import numpy as np

from rnnbook.datasets import story
from rnnbook.exercises.ch02 import _concentrations
from rnnbook.ngram import NGram

CHOSEN, ON_TEST, _ = _concentrations()
corpus = story()
train, validation, test = corpus.train.text, corpus.validation.text, corpus.test.text
V = len(corpus.vocab)


def by_lookahead(text, context):
    seen = Counter(re.findall(f"(?<={re.escape(context)})(?s:.)", text))
    return {w: n / sum(seen.values()) for w, n in seen.items()}


def with_all_characters(text, context):
    return dict.fromkeys(text, 0.0) | by_lookahead(text, context)


def without_overlap(text, context):
    seen = Counter(m[-1] for m in re.findall(re.escape(context) + "(?s:.)", text))
    return {w: n / seen.total() for w, n in seen.items()}


def over_occurrences(text, context):
    k = len(context)
    places = [t for t in range(k, len(text) + 1) if text[t - k : t] == context]
    seen = Counter(text[t] for t in places if t < len(text))
    return {w: n / len(places) for w, n in seen.items()}


def as_counts(text, context):
    k = len(context)
    return dict(Counter(text[t] for t in range(k, len(text)) if text[t - k : t] == context))


def unescaped(text, context):
    seen = Counter(re.findall(f"(?<={context})(?s:.)", text))
    return {w: n / sum(seen.values()) for w, n in seen.items()}


def alpha(total="all", everyone=True, add=True):
    def add_alpha(seen, alphabet, alpha):
        size = {"all": len(alphabet), "once": 1, "seen": len(seen), "none": 0}[total]
        keys = alphabet if everyone else seen
        return {w: (seen[w] + alpha * add) / max(1e-9, seen.total() + alpha * size) for w in keys}

    return add_alpha


def in_place(seen, alphabet, alpha):
    for w in alphabet:
        seen[w] += alpha
    return {w: seen[w] / seen.total() for w in alphabet}


CASES = {
    "2.1": (
        [(0.0960, 1.0)],
        [(0.192, 1), (0.064, 1), (0.192 / 2, 2), (0.0625, 1), (2.3, 1), (0.096, 16 * 0.096)],
    ),
    "2.2": (
        [(by_lookahead,)],
        [
            (with_all_characters,),
            (without_overlap,),
            (over_occurrences,),
            (as_counts,),
            (unescaped,),
            (lambda t, c: by_lookahead(t, c[-1:]),),
            (lambda t, c: [],),
            (lambda t, c: by_lookahead(t.replace(" ", ""), c),),
        ],
    ),
    "2.3": (
        [
            (
                lambda seen, alphabet, a: {
                    w: np.float64(n + a) / sum(seen[v] + a for v in alphabet)
                    for w, n in {w: seen.get(w, 0) for w in alphabet}.items()
                },
            )
        ],
        [
            (alpha(total="once", everyone=False),),
            (alpha(total="once"),),
            (alpha(everyone=False),),
            (alpha(total="seen"),),
            (alpha(total="none", add=False),),
            (alpha(total="all", add=False),),
            (in_place,),
        ],
    ),
    "2.4": (
        [(1.75, 1.21, 3.36), (7 / 4, 1.213, 3.3636)],
        [
            (14, 1.21, 3.36),
            (1.54, 1.07, 2.91),
            (2, 1.39, 4),
            (1.21, 1.75, 3.36),
            (1.75, 2.52, 3.36),
            (1.75, 1.21, 2.91),
            (1.75, 1.21, 4),
            (1.75, 1.21, math.exp(1.75)),
            (-1.75, -1.21, 3.36),
        ],
    ),
    "2.5": (
        [(CHOSEN, round(ON_TEST[CHOSEN], 2)), (float(CHOSEN), ON_TEST[CHOSEN])],
        [
            (1, ON_TEST[1]),
            (32, ON_TEST[32]),
            (5, ON_TEST[CHOSEN]),
            (CHOSEN, NGram(5, V, CHOSEN).fit(train).perplexity(validation)),
            (CHOSEN, NGram(5, V, CHOSEN).fit(train + validation).perplexity(test)),
            (CHOSEN, NGram(5, V, CHOSEN).fit(train).perplexity(train)),
        ],
    ),
    "2.6": (
        [(lambda P, W, C: P ** (W / C),), (lambda P, W, C: 2 ** (np.log2(P) / (C / W)),)],
        [
            (lambda P, W, C: P * W / C,),
            (lambda P, W, C: P ** (C / W),),
            (lambda P, W, C: math.log(P) * W / C,),
            (lambda P, W, C: math.log2(P) * W / C,),
            (lambda P, W, C: 2 ** (math.log(P) * W / C),),
            (lambda P, W, C: P,),
        ],
    ),
    "2.7": ([("C",)], [("a",), ("b",), ("d",), ("e",)]),
}
