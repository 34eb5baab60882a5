"""Right and wrong answers to the exercises of chapter 1."""

from collections import Counter

import torch

from rnnbook import text
from rnnbook.datasets import story

words = Counter(text.clean(story().raw).split())
ONCE = sum(n == 1 for n in words.values())
HALF, _sum = 0, 0
for _, n in words.most_common():
    if 2 * _sum >= words.total():
        break
    HALF, _sum = HALF + 1, _sum + n


def count_types(train, test):
    return len(set(test) - set(train)) / len(set(test))


def known_share(train, test):
    return sum(t in train for t in test) / len(test)


def per_training_token(train, test):
    return sum(t not in train for t in test) / len(train)


def joined(train, test):
    return sum(t not in "".join(train) for t in test) / len(test)


def unknown_by_subtraction(train, test):
    return 1 - sum(n for t, n in Counter(test).items() if t in set(train)) / len(test)


def in_float32(train, test):
    return (text.Vocab(train).encode(test) == 0).float().mean()


def nonzero_last(x):
    return (x * torch.arange(x.shape[-1])).sum(-1).long()


def windows_by_slicing(corpus, B, T, offset):
    length = (len(corpus) - offset - 1) // B
    for start in range(0, length - T + 1, T):
        rows = [offset + b * length + start for b in range(B)]
        yield (
            torch.stack([corpus[r : r + T] for r in rows]),
            torch.stack([corpus[r + 1 : r + T + 1] for r in rows]),
        )


def sampler(strips="right", targets="right", offset_used=True, all_windows=True):
    def batches(corpus, B, T, offset):
        start = offset if offset_used else 0
        length = (len(corpus) - start - 1) // B
        cut = corpus[start : start + B * length]
        X = cut.reshape(B, length) if strips == "right" else cut.reshape(length, B).T
        after = corpus[start + 1 : start + 1 + B * length].reshape(B, length)
        last = length - T + 1 if all_windows else length - 2 * T + 1
        for t in range(0, last, T):
            x = X[:, t : t + T]
            wrong = {"roll": torch.roll(x, -1, 1), "same": x, "right": after[:, t : t + T]}
            yield x, wrong[targets]

    return batches


def emptied(train, test):
    """The right share, and nothing is left of the test tokens."""
    count, unknown = len(test), 0
    while test:
        unknown += test.pop() not in train
    return unknown / count


CASES = {
    "1.1": (
        [("it s o clock high water " + "bring a lamp",)],
        [
            ("It s o clock HIGH water Bring a lamp",),
            ("it's o'clock high water bring a lamp",),
            ("it s 9 o clock high water bring a lamp",),
            ("it s o clock high waterbring a lamp",),
            ("it s  o clock high water bring a lamp",),
            (" it s o clock high water bring a lamp ",),
            ("its oclock high water bring a lamp",),
            (42,),
        ],
    ),
    "1.2": (
        [(unknown_by_subtraction,), (in_float32,)],
        [
            (count_types,),
            (known_share,),
            (per_training_token,),
            (joined,),
            (lambda a, b: "50%",),
            (emptied,),
        ],
    ),
    "1.3": (
        [(ONCE + 0.0, HALF + 0.0)],
        [
            (ONCE / len(words), HALF),
            (len(words), HALF),
            (ONCE, HALF - 1),
            (ONCE, HALF + 1),
            (ONCE, len(words) // 2),
            (HALF, ONCE),
            (ONCE, ONCE),
        ],
    ),
    "1.4": (
        [(lambda x: x.max(dim=-1).indices,), (nonzero_last,)],
        [
            (lambda x: x.argmax(dim=-1).squeeze(),),
            (lambda x: x.argmax(dim=0),),
            (lambda x: x.argmax(),),
            (lambda x: x.argmax(dim=1) if x.dim() > 1 else x.argmax(),),
            (lambda x: x.sum(dim=-1).long(),),
            (lambda x: x.argmax(dim=-1, keepdim=True),),
            (lambda x: x.argmax(dim=-1).float(),),
            (lambda x: x.argmin(dim=-1),),
            (lambda x: x.argmax(dim=-1).tolist(),),
        ],
    ),
    "1.5": ([("B",), (" b ",)], [("a",), ("c",), ("d",), (2,), ("",)]),
    "1.6": (
        [(windows_by_slicing,)],
        [
            (sampler(strips="cards"),),
            (sampler(targets="roll"),),
            (sampler(strips="cards", targets="roll"),),
            (sampler(targets="same"),),
            (sampler(offset_used=False),),
            (sampler(all_windows=False),),
            (lambda *a: [(X.T, Y.T) for X, Y in windows_by_slicing(*a)],),
            (lambda *a: [],),
        ],
    ),
    "1.7": (
        [(10.0, 10, False)],
        [(11, 10, False), (10, 11, False), (124, 10, False), (10, 83, False), (10, 10, True)],
    ),
}
