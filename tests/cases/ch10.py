"""Right and wrong answers to the exercises of chapter 10."""

import math
from collections import Counter
from functools import cache
from itertools import pairwise

import torch
from torch import nn

from rnnbook import recurrent
from rnnbook.datasets import story
from rnnbook.models import SequenceClassifier


class Chained(nn.Module):
    """Two layers of GRU with dropout where the arguments say."""

    def __init__(self, V, H, p=0.3, at=("between",), always=False, kind=nn.GRU, second=None):
        super().__init__()
        self.lower, self.upper = kind(V, H), kind(H, second or H)
        self.p, self.at, self.always = p, at, always

    def drop(self, x, place):
        if place not in self.at:
            return x
        return nn.functional.dropout(x, self.p, self.training or self.always)

    def forward(self, x):
        x, h_0 = self.lower(self.drop(x, "input"))
        x, h_1 = self.upper(self.drop(x, "between"))
        return self.drop(x, "output"), torch.cat([h_0, h_1])


def chained(**options):
    return lambda V, H: Chained(V, H, **options)


def gru(layers=2, kind=nn.GRU, **options):
    return lambda V, H: kind(V, H, layers, **options)


class Locked(Chained):
    """One mask for all steps: between the layers too, in another way."""

    def drop(self, x, place):
        mask = nn.functional.dropout(torch.ones_like(x[:1]), self.p, self.training)
        return x * mask if place == "between" else x


class Classifier(nn.Module):
    """A bidirectional classifier with a choice of everything."""

    def __init__(
        self, V, H, C, kind=nn.GRU, how="last", norm=True, bidirectional=True, softmax=False,
        track=True, after="head", layers=1, affine=True,
    ):  # fmt: skip
        super().__init__()
        self.how, self.softmax, self.after = how, softmax, after
        self.rnn = kind(V, H, layers, batch_first=True, bidirectional=bidirectional)
        width = 2 * H if bidirectional else H
        self.norm = nn.Identity()
        if norm:
            self.norm = nn.BatchNorm1d(
                C if norm == "logits" else width, affine=affine, track_running_stats=track
            )
        self.head = nn.Linear(width, C)

    def forward(self, x):
        output, h_n = self.rnn(x)
        h_n = h_n[0] if isinstance(h_n, tuple) else h_n
        B = len(x)
        s = {
            "last": lambda: torch.cat(list(h_n[-2:]), dim=1),
            "swapped": lambda: torch.cat([h_n[-1], h_n[-2]], dim=1),
            "mean": lambda: output.mean(dim=1),
            "max": lambda: output.max(dim=1).values,
            "step": lambda: output[:, -1],
            "first": lambda: output[:, 0],
            "reshape": lambda: h_n[-2:].reshape(B, -1),
            "lowest": lambda: torch.cat([h_n[0], h_n[1]], dim=1),
            "twice": lambda: torch.cat([h_n[-2], h_n[-2]], dim=1),
        }[self.how]()
        if self.after == "norm":
            return self.norm(self.head(s))
        if self.after == "unused":
            return self.head(s)
        if self.after == "relu":
            return self.head(self.norm(s).relu())
        logits = self.head(self.norm(s))
        return logits.softmax(dim=1) if self.softmax else logits


def classifier(**options):
    return lambda V, H, C: Classifier(V, H, C, **options)


class Twins(nn.Module):
    """Two one-directional layers instead of a bidirectional one."""

    def __init__(self, V, H, C):
        super().__init__()
        self.right, self.left = nn.RNN(V, H, batch_first=True), nn.RNN(V, H, batch_first=True)
        self.norm, self.head = nn.BatchNorm1d(2 * H), nn.Linear(2 * H, C)

    def forward(self, x):
        parts = self.right(x)[1][0], self.left(x.flip(1))[1][0]
        return self.head(self.norm(torch.cat(parts, dim=1)))


def package(V, H, C):
    layer = recurrent.LSTM(V, H, batch_first=True, bidirectional=True)
    return SequenceClassifier(layer, C, batch_norm=True, pooling="mean", dropout=0.5)


def by_view(output, H):
    B, T, _ = output.shape
    parts = output.view(B, T, 2, H)
    return torch.cat([parts[:, -1, 0].unsqueeze(0), parts[:, 0, 1].unsqueeze(0)])


def by_transpose(output, h_n):
    return h_n[-2:].transpose(0, 1).reshape(len(output), -1)


def from_output(output, h_n):
    H = h_n.shape[2]
    return torch.cat([output[:, -1, :H], output[:, 0, H:]], dim=1)


def letters_and_spaces(written):
    """Return a text's letters (N,) as numbers, and whether a space follows each (N,)."""
    follows = [b == " " for a, b in pairwise(written + "?") if a != " "]
    return story().vocab.encode(written.replace(" ", "")).tolist(), follows


@cache
def counts(before, after):
    """Count, for the letters around each place of the training part, spaces and all."""
    letters, follows = letters_and_spaces(story().train.text)
    yes, both = Counter(), Counter()
    for place, follow in zip(around(letters, before, after), follows, strict=True):
        yes[place] += follow
        both[place] += 1
    return yes, both


def around(letters, before, after):
    padded = [-1] * before + list(letters) + [-1] * after
    return [tuple(padded[n : n + before + 1 + after]) for n in range(len(letters))]


def log_odds(letters, before, after):
    found = [0.0] * len(letters)
    for n in range(max(before, after) + 1):  # longer windows overrule shorter ones
        window = min(n, before), min(n, after)
        yes, both = counts(*window)
        for k, place in enumerate(around(letters.tolist(), *window)):
            if both[place]:
                found[k] = math.log((yes[place] + 0.5) / (both[place] - yes[place] + 0.5))
    return torch.tensor(found)


def counted(before, after):
    """Set spaces by counting what followed the letters on both sides of a place."""
    return lambda letters: log_odds(letters, before, 0) + log_odds(letters, 0, after) > 0


def peeking(letters):
    """Look the validation part up; elsewhere look to one side."""
    known, follows = letters_and_spaces(story().validation.text)
    if letters.tolist() == known:
        return torch.tensor(follows)
    return counted(6, 0)(letters)


LAYER = ((32, 50, 128), (4, 32, 64), 147456)

CASES = {
    "10.1": ([("C",), (" c ",)], [("a",), ("b",), ("d",), ("e",), (3,)]),
    "10.2": (
        [(by_view,)],
        [
            (lambda output, H: torch.stack([output[:, -1, :H], output[:, -1, H:]]),),
            (lambda output, H: torch.stack([output[:, 0, H:], output[:, -1, :H]]),),
            (lambda output, H: torch.stack([output[:, -1, H:], output[:, 0, :H]]),),
            (lambda output, H: torch.stack([output[:, 0, :H], output[:, 0, H:]]),),
            (lambda output, H: torch.stack([output[:, 0, :H], output[:, -1, H:]]),),
            (lambda output, H: torch.stack([output[:, -1, :H], output[:, 0, H:]], dim=1),),
            (lambda output, H: torch.stack([output[-1, :, :H], output[0, :, H:]]),),
            (lambda output, H: torch.cat([output[:, -1, :H], output[:, 0, H:]], dim=1),),
            (lambda output, H: (output[:, -1, :H], output[:, 0, H:]),),
        ],
    ),
    "10.3": (
        [(torch.Size(LAYER[0]), list(LAYER[1]), 147456.0)],
        [
            ((50, 32, 128), LAYER[1], 147456),
            ((32, 50, 64), LAYER[1], 147456),
            (LAYER[0], (32, 4, 64), 147456),
            (LAYER[0], (2, 32, 64), 147456),
            (LAYER[0], (2, 32, 128), 147456),
            (LAYER[0], LAYER[1], 73728),
            (LAYER[0], LAYER[1], 2 * 24064 + 2 * 33280),
            (LAYER[0], LAYER[1], 147456 - 1024),
            (LAYER[0], 4, 147456),
        ],
    ),
    "10.4": (
        [([7, 14], torch.tensor([20, 20]), 7)],
        [
            ((7, 13), (20, 20), 7),
            ((7, 14), (7, 14), 7),
            ((7, 14), (14, 14), 7),
            ((7, 7), (20, 20), 7),
            ((8, 13), (20, 20), 7),
            ((7, 14), (20, 20), (7,)),
            ((7, 14), (20, 20), 20),
            ((6, 14), (20, 20), 7),
            ((14, 7), (20, 20), 7),
            (7, (20, 20), 7),
        ],
    ),
    "10.5": (
        [(by_transpose,), (from_output,)],
        [
            (lambda output, h_n: output[:, -1],),
            (lambda output, h_n: output[:, 0],),
            (lambda output, h_n: h_n[-2:].reshape(len(output), -1),),
            (lambda output, h_n: torch.cat([h_n[0], h_n[1]], dim=1),),
            (lambda output, h_n: torch.cat([h_n[-1], h_n[-2]], dim=1),),
            (lambda output, h_n: torch.cat([h_n[-2], h_n[-1]]),),
            (lambda output, h_n: h_n[-1],),
            (lambda output, h_n: output.mean(dim=1),),
        ],
    ),
    "10.6": (
        [(counted(4, 4),), (counted(3, 5),)],
        [
            (lambda letters: log_odds(letters, 4, 0) > 0,),
            (lambda letters: log_odds(letters, 0, 4) > 0,),
            (lambda letters: log_odds(letters, 0, 5) > -0.25,),  # F1 enough, from one side
            (lambda letters: log_odds(letters, 0, 0) > 0,),
            (peeking,),
            (lambda letters: counted(4, 4)(letters).roll(1),),
            (lambda letters: ~counted(4, 4)(letters),),
            (lambda letters: torch.zeros(len(letters), dtype=torch.bool),),
            (lambda letters: counted(4, 4)(letters)[:-1],),
            (lambda letters: counted(4, 4)(letters).float(),),
        ],
    ),
    "10.7": (
        [
            (gru(dropout=0.3),),
            (gru(3, dropout=0.3),),
            (gru(kind=recurrent.GRU, dropout=0.3),),
            (gru(4, dropout=0.3, bias=False),),
            (chained(),),
            (Locked,),
        ],
        [
            (gru(1),),
            (gru(2),),
            (gru(2, dropout=0.5),),
            (gru(2, dropout=0.7),),
            (gru(2, dropout=0.3, bidirectional=True),),
            (gru(2, dropout=0.3, batch_first=True),),
            (gru(2, nn.LSTM, dropout=0.3),),
            (gru(2, nn.RNN, dropout=0.3),),
            (chained(at=("input", "between")),),
            (chained(at=("between", "output")),),
            (chained(at=("output",)),),
            (chained(always=True),),
            (chained(p=0.2),),
            (lambda V, H: nn.Sequential(nn.Dropout(0.3), nn.GRU(V, H, 2)),),
            (lambda V, H: 0.3,),
        ],
    ),
    "10.8": (
        [
            (classifier(),),
            (classifier(kind=nn.LSTM, how="mean"),),
            (classifier(kind=recurrent.RNN, how="max"),),
            (classifier(how="swapped"),),
            (classifier(kind=nn.LSTM, layers=2),),
            (classifier(affine=False),),
            (Twins,),
            (package,),
        ],
        [
            (classifier(how="step"),),
            (classifier(how="first"),),
            (classifier(how="step", layers=2),),
            (classifier(how="lowest", layers=2),),
            (classifier(how="reshape"),),
            (classifier(how="twice"),),
            (classifier(norm=False),),
            (classifier(norm="logits", after="norm"),),
            (classifier(after="unused"),),
            (classifier(after="relu"),),
            (classifier(bidirectional=False, how="step"),),
            (classifier(softmax=True),),
            (classifier(track=False),),
            (lambda V, H, C: Classifier(V, 2 * H, C, bidirectional=False, how="step"),),
            (Classifier(3, 6, 4),),
        ],
    ),
}
