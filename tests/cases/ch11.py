"""Right and wrong answers to the exercises of chapter 11."""

from functools import cache

import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence, pad_sequence

from rnnbook.datasets import surnames
from rnnbook.models import SequenceClassifier
from rnnbook.ngram import NGramClassifier

SHAPES = ((10, 8), [3, 3, 2, 1, 1], (4, 3, 16), (3, 5, 32))


def shapes(**changed):
    names = ("data", "sizes", "h_n", "output")
    return tuple(changed.get(name, right) for name, right in zip(names, SHAPES, strict=True))


def gathered(shift=1, squeeze=True, widen=True):
    def last_valid(output, lengths):
        B, _, H = output.shape
        index = (lengths - shift).clamp(max=output.shape[1] - 1).view(B, 1, 1)
        picked = output.gather(1, index.expand(B, 1, H) if widen else index)
        return picked.squeeze(1) if squeeze else picked

    return last_valid


def mean(divide="lengths", mask=True, shift=0):
    def masked_mean(output, lengths):
        T = output.shape[1]
        valid = (torch.arange(T) < lengths.unsqueeze(1) + shift).unsqueeze(2)
        total = (output * valid if mask else output).sum(dim=1)
        if divide == "flat":
            return total / lengths
        divisor = {"lengths": lengths.unsqueeze(1), "T": T, "none": 1}[divide]
        return total / divisor

    return masked_mean


class Binary(nn.Module):
    """An answer to exercise 11.8, right unless told otherwise."""

    layers, units, both, outputs, dropout, read = 2, 256, False, 1, 0.0, "h"

    def __init__(self, input_size):
        super().__init__()
        self.rnn = nn.LSTM(
            input_size,
            self.units,
            self.layers,
            batch_first=True,
            bidirectional=self.both,
            dropout=self.dropout,
        )
        self.out = nn.Linear(self.units * (2 if self.both else 1), self.outputs)

    def forward(self, x, lengths):
        if self.read == "last step":
            return self.out(self.rnn(x)[0][:, -1]).squeeze(1)
        if self.read == "gather":
            output, _ = self.rnn(x)
            return self.out(output[torch.arange(len(x)), lengths - 1]).squeeze(1)
        if self.read == "sorted":
            lengths, order = lengths.sort(descending=True)
            x = x[order]
        packed = pack_padded_sequence(
            x, lengths, batch_first=True, enforce_sorted=self.read in ("sorted", "enforced")
        )
        output, (h, c) = self.rnn(packed)
        if self.read == "mean":
            return self.out(pad_packed_sequence(output, batch_first=True)[0].mean(1)).squeeze(1)
        logits = self.out({"low": h[0], "cell": c[-1]}.get(self.read, h[-1]))
        if self.read == "sigmoid":
            logits = logits.sigmoid()
        if self.read == "squeezed":
            return logits.squeeze()
        return logits if self.outputs > 1 or self.read == "column" else logits.squeeze(1)


def binary(**settings):
    return type("Answer", (Binary,), settings)


class TimeMajor(Binary):
    """Time first inside, and two layers as two modules."""

    def __init__(self, input_size):
        nn.Module.__init__(self)
        self.low, self.top = nn.LSTM(input_size, 256), nn.LSTM(256, 256)
        self.out = nn.Linear(256, 1)

    def forward(self, x, lengths):
        packed = pack_padded_sequence(x.transpose(0, 1), lengths, enforce_sorted=False)
        _, (h, _) = self.top(self.low(packed)[0])
        return self.out(h).view(-1)


class FromThePackage(nn.Module):
    def __init__(self, input_size):
        super().__init__()
        self.model = SequenceClassifier(nn.LSTM(input_size, 256, 2, batch_first=True), 1)

    def forward(self, x, lengths):
        return self.model(x, lengths)[:, 0]


def features(order="undone", layer=-1, mean=True, swap=False):
    def mended_features(recurrent, sequences):
        X = pad_sequence(sequences, batch_first=True)
        lengths, places = torch.tensor([len(s) for s in sequences]).sort(descending=True)
        packed = pack_padded_sequence(X[places], lengths, batch_first=True)
        output, h_n = recurrent(packed)
        output, _ = pad_packed_sequence(output, batch_first=True)
        average = output.sum(1) / lengths.unsqueeze(1) if mean else output.mean(1)
        both = [average, h_n[layer]] if swap else [h_n[layer], average]
        rows = torch.cat(both, dim=1)
        return rows[{"undone": places.argsort(), "twice": places}.get(order, slice(None))]

    return mended_features


def one_by_one(recurrent, sequences):
    rows = []
    for sequence in sequences:
        output, _ = recurrent(sequence.unsqueeze(0))
        rows.append(torch.cat([output[0, -1], output[0].mean(0)]))
    return torch.stack(rows)


def share(kind="right"):
    def padding_share(lengths, size):
        if kind == "sorted":
            lengths = sorted(lengths)
        batches = [lengths[n : n + size] for n in range(0, len(lengths), size)]
        if kind == "dropped":
            batches = [b for b in batches if len(b) == size]
        widths = [max(lengths) if kind == "global" else max(b) for b in batches]
        heights = [size if kind == "full" else len(b) for b in batches]
        cells = sum(w * h for w, h in zip(widths, heights, strict=True))
        valid = sum(map(sum, batches))
        return {
            "valid": valid / cells,
            "ratio": (cells - valid) / valid,
            "count": cells - valid,
            "means": sum(
                1 - sum(b) / (w * len(b)) for b, w in zip(batches, widths, strict=True)
            ) / len(batches),
        }.get(kind, 1 - valid / cells)  # fmt: skip

    return padding_share


def moved_to_the_front(output, lengths):
    for row, length in zip(output, lengths, strict=True):
        row.data[0] = row.data[length - 1]
    return output[:, 0]


def blanked(output, lengths):
    """The right means, and zeros in the reader's own tensor wherever there was padding."""
    padding = torch.arange(output.shape[1]) >= lengths.unsqueeze(1)
    output.data.masked_fill_(padding.unsqueeze(2), 0)
    return output.sum(dim=1) / lengths.unsqueeze(1)


@cache
def counts(n):
    train, _, _ = surnames.split(surnames.load())
    return NGramClassifier(n, len(surnames.LANGUAGES)).fit(train.names, train.labels)


def counted(n):
    """Score names by counts, each by itself."""
    return lambda names: counts(n).scores(names)


def padded_counts(names):
    """Scores that depend on the longest neighbour."""
    longest = max(map(len, names))
    return counts(3).scores([name + "x" * (longest - len(name)) for name in names])


def sorted_counts(names):
    return counts(3).scores(sorted(names, key=len, reverse=True))


def dropping(names):
    return nn.functional.dropout(counts(3).scores(names), 0.5)


@cache
def all_counts():
    parts = surnames.split(surnames.load())[:2]
    model = NGramClassifier(3, len(surnames.LANGUAGES))
    for part in parts:
        model.fit(part.names, part.labels)
    return model


def seen_before(names):
    """Counts that have seen the validation names too."""
    return all_counts().scores(names)


CASES = {
    "11.1": (
        [
            shapes(data=[10, 8], sizes=torch.tensor([3, 3, 2, 1, 1])),
            shapes(h_n=torch.Size([4, 3, 16])),
        ],
        [
            shapes(data=(15, 8)),
            shapes(data=(3, 5, 8)),
            shapes(sizes=[5, 3, 2]),
            shapes(sizes=[3, 3, 3, 3, 3]),
            shapes(h_n=(2, 3, 16)),
            shapes(h_n=(3, 4, 16)),
            shapes(output=(5, 3, 32)),
            shapes(output=(3, 5, 16)),
            shapes(output=5),
        ],
    ),
    "11.2": (
        [
            (lambda output, lengths: output[range(len(output)), lengths - 1],),
            (lambda o, n: torch.stack([row[k - 1] for row, k in zip(o, n, strict=True)]),),
        ],
        [
            (lambda output, lengths: output[:, -1],),
            (moved_to_the_front,),
            (gathered(shift=0),),
            (gathered(squeeze=False),),
            (gathered(widen=False),),
            (lambda output, lengths: output[:, lengths - 1],),
            (lambda output, lengths: output[torch.arange(len(output)), lengths],),
            (lambda output, lengths: gathered()(output.detach(), lengths),),
            (lambda output, lengths: output[lengths - 1, 0],),
            (lambda output, lengths: gathered(squeeze=False)(output, lengths).squeeze(),),
        ],
    ),
    "11.3": (
        [
            (mean(),),
            (lambda o, n: torch.stack([r[:k].mean(0) for r, k in zip(o, n, strict=True)]),),
        ],
        [
            (lambda output, lengths: output.mean(dim=1),),
            (blanked,),
            (mean(divide="T"),),
            (mean(divide="none"),),
            (mean(mask=False),),
            (mean(shift=1),),
            (mean(divide="flat"),),
            (gathered(),),
            (lambda output, lengths: mean()(output, lengths).mean(dim=1),),
            (lambda output, lengths: mean()(output.detach(), lengths),),
        ],
    ),
    "11.8": (
        [(Binary,), (binary(read="gather"),), (TimeMajor,), (FromThePackage,)],
        [
            (binary(read="last step"),),
            (binary(read="low"),),
            (binary(read="cell"),),
            (binary(read="sigmoid"),),
            (binary(read="sorted"),),
            (binary(read="enforced"),),
            (binary(read="mean"),),
            (binary(read="column"),),
            (binary(read="squeezed"),),
            (binary(layers=1),),
            (binary(units=128),),
            (binary(both=True),),
            (binary(outputs=2),),
            (binary(dropout=0.5),),
            (Binary(3),),
        ],
    ),
    "11.5": (
        [(counted(2),), (lambda names: counted(3)(names).log_softmax(dim=1),)],
        [
            (counted(1),),
            (padded_counts,),
            (sorted_counts,),
            (dropping,),
            (lambda names: counted(3)([name[:-1] or name for name in names]),),
            (seen_before,),
            (lambda names: counted(3)(names).softmax(dim=1),),
            (lambda names: torch.zeros(len(names), 10),),
            (lambda names: counted(3)(names).argmax(dim=1),),
            (lambda names: counted(3)(names).squeeze(),),
            (lambda names: counted(3)(names)[:, :9],),
            (lambda names: -counted(3)(names),),
        ],
    ),
    "11.6": (
        [(features(),), (one_by_one,)],
        [
            (features(order="left", layer=0, mean=False),),
            (features(order="left"),),
            (features(order="twice"),),
            (features(order="twice", mean=False),),
            (features(layer=1),),
            (lambda recurrent, sequences: features()(recurrent, sequences).flip(0),),
            (features(layer=0),),
            (features(mean=False),),
            (features(order="left", mean=False),),
            (features(swap=True),),
            (lambda recurrent, sequences: features()(recurrent, sequences)[:, :4],),
        ],
    ),
    "11.7": (
        [(lambda n, size: torch.tensor(share()(n, size)),), (share(),)],
        [
            (share("valid"),),
            (share("global"),),
            (share("means"),),
            (share("dropped"),),
            (share("ratio"),),
            (share("count"),),
            (share("full"),),
            (share("sorted"),),
            (lambda n, size: share()(sorted(n, reverse=True), size),),
        ],
    ),
    "11.4": ([("C",)], [("a",), ("b",), ("d",), ("e",), (3,)]),
}
