"""Right and wrong answers to the exercises of chapter 5."""

import math
from functools import cache

import torch
from torch import nn

from rnnbook.datasets import story
from rnnbook.models import CharLM
from rnnbook.ngram import NGram
from rnnbook.recurrent import RNN


def epoch(targets="T", zero=True, clip_at="after", average="right", step=True, carry=True,
          reduction="mean"):  # fmt: skip
    def train(model, batches, optimizer, clip):
        state, losses, sizes = None, [], []
        for X, Y in batches:
            logits, state = model(X, state.detach() if carry and state is not None else None)
            y = (Y.T if targets == "T" else Y).flatten()
            loss = nn.functional.cross_entropy(logits.flatten(0, 1), y, reduction=reduction)
            if zero:
                optimizer.zero_grad()
            if clip_at == "before":
                nn.utils.clip_grad_norm_(model.parameters(), clip)
            loss.backward()
            if clip_at == "after":
                nn.utils.clip_grad_norm_(model.parameters(), clip)
            if clip_at == "own":
                norm = math.sqrt(sum((p.grad**2).sum().item() for p in model.parameters()))
                for p in model.parameters():
                    p.grad *= min(1.0, clip / norm)
            if clip_at == "each":
                for p in model.parameters():
                    nn.utils.clip_grad_norm_(p, clip)
            if clip_at == "value":
                nn.utils.clip_grad_value_(model.parameters(), clip)
            if step:
                optimizer.step()
            losses.append(loss.item() / (Y.numel() if reduction == "sum" else 1))
            sizes.append(Y.numel())
        means = {
            "right": math.exp(sum(map(math.prod, zip(losses, sizes, strict=True))) / sum(sizes)),
            "of exps": sum(map(math.exp, losses)) / len(losses),
            "loss": sum(losses) / len(losses),
            "of means": math.exp(sum(losses) / len(losses)),
        }
        return means[average]

    return train


def geometric_perplexity(losses, counts):
    shares = [n / sum(counts) for n in counts]
    return math.prod(math.exp(loss) ** s for loss, s in zip(losses, shares, strict=True))


def stops(patience_shift=0, base=1, swap=False, last=False, equal=False):
    def best_epoch(validation, patience):
        best, lowest, now = 0, math.inf, 0
        for now, value in enumerate(validation, start=1):
            if value < lowest or (equal and value == lowest):
                best, lowest = now, value
            if now - best == patience + patience_shift:
                break
        if last:
            best = now
        pair = (now - 1 + base, best - 1 + base)
        return pair[::-1] if swap else pair

    return best_epoch


def every_position(by_position, length):
    return math.prod(float(p) ** (1 / length) for p in by_position[:length])


@cache
def counted(n):
    corpus = story()
    return NGram(n, len(corpus.vocab)).fit(corpus.train.text)


class Counting(nn.Module):
    """An n-gram in the shape of a recurrent network, whose state is what it has read.

    Args:
        n: characters it knows, with the one that it foretells.
        spoken: what is added to all logits, which changes nothing.
        ahead, batch_first, alone: slips: reads the next one, (B, T, V), no state.
    """

    def __init__(self, n, spoken=0.0, ahead=False, batch_first=False, alone=False):
        super().__init__()
        self.n, self.spoken, self.ahead = n, nn.Parameter(torch.tensor(spoken)), ahead
        self.batch_first, self.alone = batch_first, alone

    def forward(self, X, state=None):
        letters, start = [*story().vocab], 0 if state is None else state.shape[1]
        read = X if state is None else torch.cat([state, X], dim=1)
        rows = torch.tensor([self.row(text, start, letters) for text in read.tolist()])
        logits = rows.to(self.spoken) + self.spoken
        logits = logits if self.batch_first else logits.transpose(0, 1)
        return logits if self.alone else (logits, read[:, -5:])

    def row(self, text, start, letters):
        """The logarithms of one sequence's probabilities, step by step."""
        text = [letters[index] for index in text]
        model = counted(self.n)
        rows = []
        for t in range(start + 1, len(text) + 1):
            context = text[max(0, t - self.n + 1) : t] if self.n > 1 else []
            rows.append([math.log(model.probability(letter, context)) for letter in letters])
            if self.ahead and t < len(text):
                rows[-1][letters.index(text[t])] += 1
        return rows


# The loop written from a blank cell and the one that was mended are examined alike.
LOOPS = (
    [(epoch(),), (epoch(clip_at="own"),)],
    [
        (epoch(targets="plain"),),
        (epoch(zero=False),),
        (epoch(clip_at="before"),),
        (epoch(clip_at="each"),),
        (epoch(clip_at="value"),),
        (epoch(average="of exps"),),
        (epoch(average="loss"),),
        (epoch(average="of means"),),
        (epoch(step=False),),
        (epoch(carry=False),),
        (epoch(reduction="sum"),),
        (epoch(targets="plain", zero=False, clip_at="before", average="of exps"),),
    ],
)

CASES = {
    "5.1": (
        [(13.0, [1.5, 2.0], torch.tensor([0.0, 6.0]))],
        [
            (17, (1.5, 2), (0, 6)),
            (12, (1.5, 2), (0, 6)),
            (13, (3, 4), (0, 12)),
            (169, (1.5, 2), (0, 6)),
            (13, (3, 4), (0, 6.5)),
            (13, (3.9, 5.2), (0, 6.5)),
            (13, (6.5, 0), (0, 0)),
            (13, (1.5, 2), (6, 0)),
        ],
    ),
    "5.2": (
        [
            (
                lambda ls, ns: math.prod(
                    math.exp(a * n / sum(ns)) for a, n in zip(ls, ns, strict=True)
                ),
            )
        ],
        [
            (lambda ls, ns: math.exp(sum(ls) / len(ls)),),
            (lambda ls, ns: sum(map(math.exp, ls)) / len(ls),),
            (lambda ls, ns: sum(math.exp(a) * n for a, n in zip(ls, ns, strict=True)) / sum(ns),),
            (lambda ls, ns: sum(a * n for a, n in zip(ls, ns, strict=True)) / sum(ns),),
            (lambda ls, ns: 2 ** (sum(a * n for a, n in zip(ls, ns, strict=True)) / sum(ns)),),
            (lambda ls, ns: math.exp(sum(ls) / sum(ns)),),
        ],
    ),
    "5.3": LOOPS,
    "5.4": (
        [(Counting(6),), (Counting(4, spoken=3.0),)],
        [
            (4.9,),
            (CharLM(RNN(28, 16)),),
            (Counting(1),),
            (Counting(2),),
            (Counting(3),),
            (Counting(6, ahead=True),),
            (Counting(6, batch_first=True),),
            (Counting(6, alone=True),),
        ],
    ),
    "5.5": (
        [(every_position,), (lambda p, n: torch.as_tensor(p)[:n].log().mean().exp(),)],
        [
            (lambda p, n: sum(p[:n]) / n,),
            (lambda p, n: p[n - 1],),
            (lambda p, n: math.exp(sum(math.log(x) for x in p) / len(p)),),
            (lambda p, n: math.exp(sum(math.log(x) for x in p[: n - 1]) / n),),
            (lambda p, n: sum(math.log(x) for x in p[:n]) / n,),
        ],
    ),
    "5.6": ([("B",)], [("a",), ("c",), ("d",), ("x",)]),
    "5.7": (
        [(stops(),)],
        [
            (stops(patience_shift=1),),
            (stops(base=0),),
            (stops(swap=True),),
            (stops(last=True),),
            (stops(equal=True),),
            (lambda h, p: (len(h), 1 + h.index(min(h))),),
            (lambda h, p: 3,),
        ],
    ),
    "5.8": LOOPS,
}
