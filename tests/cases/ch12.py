"""Right and wrong answers to the exercises of chapter 12."""

import math
from functools import cache

import torch
from torch import nn

from rnnbook import losses
from rnnbook.batching import padded_batches
from rnnbook.datasets import surnames
from rnnbook.exercises.ch12 import _scores
from rnnbook.exercises.kit import default_dtype
from rnnbook.models import SequenceClassifier, predict
from rnnbook.text import Vocab
from rnnbook.training import fit
from tests.cases.ch11 import counted, counts, sorted_counts


def bayes(pieces, counts, members, alpha):
    kinds = {piece for counter in counts for piece in counter}
    logs = torch.tensor(members, dtype=torch.float64).log() - math.log(sum(members))
    for c, counter in enumerate(counts):
        total = sum(counter.values()) + alpha * len(kinds)
        logs[c] += sum(math.log((counter[piece] + alpha) / total) for piece in pieces)
    return logs


def slipping(slip):
    return lambda *given: _scores(*given, slip)


@cache
def network():
    """A small classifier, trained for a short while."""
    train, _, _ = surnames.split(surnames.load())
    vocab = Vocab("".join(train.names), reserved_tokens=["<pad>"])
    with default_dtype(torch.float32), torch.random.fork_rng():
        torch.manual_seed(1)
        embedding = nn.Embedding(len(vocab), 32, padding_idx=vocab["<pad>"])
        gru = nn.GRU(32, 96, batch_first=True)
        model = SequenceClassifier(gru, 10, embedding=embedding, dropout=0.3)
        names = [vocab.encode(name) for name in train.names]
        fit(
            model,
            padded_batches(names, train.labels, 128, vocab["<pad>"], pool=49),
            losses.classification,
            epochs=6,
            optimizer=torch.optim.Adam(model.parameters(), lr=0.01),
            progress=False,
        )
    return model, vocab


def learnt(names):
    model, vocab = network()
    encoded = [vocab.encode(name) for name in names]
    return predict(model, encoded, vocab["<pad>"]).log_softmax(dim=1)


def mixed(share):
    return lambda names: learnt(names) + share * counts(3).scores(names).log_softmax(dim=1)


def peeking(names):
    _, validation, _ = surnames.split(surnames.load())
    labels = dict(zip(validation.names, validation.labels.tolist(), strict=True))
    return torch.eye(10)[[labels.get(name, 0) for name in names]]


def f1(matrix):
    values = []
    for k in range(len(matrix)):
        below = matrix[k].sum().item() + matrix[:, k].sum().item()
        values.append(2 * matrix[k, k].item() / below if below else 0.0)
    return sum(values) / len(values)


def by_means(matrix):
    hits = matrix.diagonal()
    recall = (hits / matrix.sum(dim=1)).mean()
    precision = (hits / matrix.sum(dim=0)).mean()
    return 2 * precision * recall / (precision + recall)


def without_the_empty(matrix):
    kept = (matrix.sum(dim=0) + matrix.sum(dim=1)) > 0
    return f1(matrix[kept][:, kept])


NUMBERS = (0.04, 1600, 0.04, 2.41)

CASES = {
    "12.1": ([("C",)], [("a",), ("b",), ("d",), ("e",), (3,)]),
    "12.2": (
        [(bayes,), (lambda *given: bayes(*given).tolist(),)],
        [
            *((slipping(slip),) for slip in
              ("prior", "exp", "kinds", "total", "alpha", "once", "distinct", "members")),
            (lambda *given: bayes(*given).log_softmax(dim=0),),
            (lambda *given: bayes(*given)[0],),
            (lambda *given: bayes(*given).flip(0),),
        ],
    ),
    "12.3": (
        [NUMBERS, (torch.tensor(0.04), 1600.0, 0.04, 16 / math.sqrt(44))],
        [
            (0.0016, *NUMBERS[1:]),
            (0.4, *NUMBERS[1:]),
            (0.04, 400, 0.04, 2.41),
            (0.04, 1600, 16, 2.41),
            (0.04, 1600, 0.11, 2.41),
            (0.04, 1600, 0.04, 0.8),
            (0.04, 1600, 0.04, 16 / 44),
            (0.04, 1600, 0.04, 7),
            (0.04, 1600, 0.04, 1.47),
        ],
    ),
    "12.4": (
        [(mixed(0.5),), (lambda names: mixed(0.7)(names).softmax(dim=1),)],
        [
            (counted(3),),
            (counted(2),),
            (learnt,),
            (mixed(100),),
            (peeking,),
            (sorted_counts,),
            (lambda names: mixed(0.5)(names) + len(names) * torch.eye(10)[0],),
            (lambda names: torch.zeros(len(names), 10),),
            (lambda names: mixed(0.5)(names).argmax(dim=1),),
        ],
    ),
    "12.5": (
        [(f1,), (lambda matrix: torch.tensor(f1(matrix)),)],
        [
            (lambda matrix: matrix.diagonal().sum() / matrix.sum(),),
            (lambda matrix: (matrix.diagonal() / matrix.sum(dim=1)).mean(),),
            (lambda matrix: (matrix.diagonal() / matrix.sum(dim=0)).mean(),),
            (by_means,),
            (without_the_empty,),
            (lambda matrix: f1(matrix) / 2,),
            (lambda matrix: f1(matrix) * len(matrix),),
            (lambda matrix: f1(matrix) + 0.1,),
            (lambda matrix: (2 * matrix.diagonal() / (matrix.sum(0) + matrix.sum(1))).mean(),),
        ],
    ),
    "12.6": (
        [("dabefh",), ("D, A, B, E, F, H",), ("adbefh",)],
        [("dacefh",), ("dabegh",), ("abefdh",), ("dabefhi",), ("dabeh",), ("dabfeh",),
         ("dbaefh",), ("dabehf",)],
    ),
}  # fmt: skip
