"""What beginners hand over by mistake: every public function refuses it in words, or takes it.

Each row: the function, the slip, a call with it, the error, and words that the message must have.
The error must be raised by the package itself: what PyTorch or Python would have said does not
count. A row without an error is something unusual that is right, and must be taken.
"""

from __future__ import annotations

import inspect
import math
import os
import random
import traceback
from collections import Counter
from pathlib import Path

import ipywidgets
import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from torch import nn

import rnnbook
from rnnbook import (
    arguments,
    baselines,
    batching,
    bptt,
    checkpoints,
    diagnostics,
    exercises,
    generation,
    live,
    losses,
    metrics,
    plots,
    recurrent,
    reproducibility,
    text,
    training,
    widgets,
)
from rnnbook.app import cli, workspace
from rnnbook.datasets import delayed_recall as recall_task
from rnnbook.datasets import story, surnames
from rnnbook.history import History
from rnnbook.models import CharLM, SequenceClassifier, count_parameters, predict
from rnnbook.ngram import NGram, NGramClassifier

TEXT = "abc cab bac " * 30
VOCAB = text.Vocab(TEXT)
V = len(VOCAB)
TOKENS = VOCAB.encode(TEXT)
SEQUENCES = [torch.tensor([1, 2, 3]), torch.tensor([2]), torch.tensor([3, 1])]
LABELS = torch.tensor([0, 1, 2])
ROWS = []
HERE = Path(os.environ.get("RNNBOOK_STATE_DIR", "."))


def row(function, slip, call, error=None, words=""):
    """Add a row to the table."""
    ROWS.append(pytest.param(function, call, error, words, id=f"{function}: {slip}"))


def lm(V=V, layer=nn.RNN, **options):
    return CharLM(layer(V, 4, **options))


class BatchFirst(nn.Module):
    """A language model whose logits are (B, T, V)."""

    def __init__(self):
        super().__init__()
        self.inner = lm()

    def forward(self, X, state=None):
        logits, state = self.inner(X, state)
        return logits.transpose(0, 1), state


class LogitsOnly(BatchFirst):
    def forward(self, X, state=None):
        return self.inner(X, state)[0]


def classifier(C=3, **options):
    embedding = nn.Embedding(6, 4)
    return SequenceClassifier(nn.GRU(4, 5, batch_first=True), C, embedding=embedding, **options)


def pairs(B=3, T=5):
    return list(batching.SequentialBatches(TOKENS, B, T, offset=0))


def fit(model=None, batches=None, loss=losses.next_token, **options):
    model = lm() if model is None else model
    batches = pairs() if batches is None else batches
    return training.fit(model, batches, loss, **({"epochs": 1, "progress": False} | options))


def fit_with_adam(**options):
    model = lm()
    return fit(model, optimizer=torch.optim.Adam(model.parameters()), **options)


def fit_with(kind):
    model = lm()
    return fit(model, optimizer=kind(model.parameters()))


def fit_scheduler():
    return torch.optim.lr_scheduler.StepLR(torch.optim.SGD(lm().parameters(), 1.0), 1)


def fit_part():
    model = lm()
    return fit(model, optimizer=torch.optim.SGD(model.head.parameters(), 0.1))


def step_with(loss):
    model = lm()
    optimizer = torch.optim.SGD(model.parameters(), 1.0)
    return training.optimizer_step(model, torch.tensor(loss), optimizer, None, 1)


def broken(model):
    nn.init.constant_(model.head.bias, math.nan)
    return model


def labelled(labels=LABELS, sequences=SEQUENCES, **options):
    return list(batching.padded_batches(sequences, labels, 3, **options))


def axes():
    return plots.subplots()[1]


def parameters(V=V, H=4):
    return [torch.randn(s) for s in ((V, H), (H, H), (H,), (H, V), (V,))]


def gradients(inputs=None, targets=None, h0=None, params=None, **options):
    T, B = 5, 2
    inputs = text.one_hot(torch.ones(T, B, dtype=torch.long), V) if inputs is None else inputs
    targets = torch.ones(T, B, dtype=torch.long) if targets is None else targets
    h0 = torch.zeros(B, 4) if h0 is None else h0
    return bptt.loss_and_gradients(params or parameters(), inputs, targets, h0, **options)


NUMPY = np.array([1, 2, 3])
OTHER = lm()

# fmt: off
# fmt: off
# ---------------------------------------------------------------- arguments

row("arguments.whole", "numpy's integer", lambda: arguments.whole("n", np.int64(3), least=1))
row("arguments.whole", "True", lambda: arguments.whole("n", True), TypeError, "n as a whole number")
row("arguments.whole", "a float", lambda: arguments.whole("n", 2.0), TypeError, "got 2.0")
row("arguments.whole", "too small", lambda: arguments.whole("n", 0, least=1), ValueError, "got 0")
row("arguments.real", "a tensor of one", lambda: arguments.real("x", torch.tensor(2.0)))
row("arguments.real", "text", lambda: arguments.real("x", "2"), TypeError, "x as a number")
row("arguments.real", "several", lambda: arguments.real("x", torch.ones(2)), TypeError, "a number")
row("arguments.tensor", "None", lambda: arguments.tensor("x", None, "-"), TypeError, "got None")
row("arguments.tokens", "bool", lambda: arguments.tokens(torch.ones(3) > 0), ValueError, "integer")
row("arguments.labels", "one-hot", lambda: arguments.labels(torch.eye(3), 3), ValueError, r"\(3,\)")
row("arguments.within", "below 0", lambda: arguments.within("x", torch.tensor([-1]), None, "-"),
    ValueError, "of at least 0, got -1")
row("arguments.strings", "bytes", lambda: arguments.strings("x", b"ab", "-"), TypeError, "bytes")
row("arguments.require_square", "(2, 3)", lambda: arguments.require_square(torch.ones(2, 3)),
    ValueError, r"\(C, C\)")
row("arguments.switch", "1", lambda: arguments.switch("x", 1), TypeError, "True or False, got 1")
row("arguments.switch", "numpy's", lambda: arguments.switch("x", np.True_))
row("arguments.generator", "a seed", lambda: arguments.generator(42), TypeError, "rnnbook.seed")
row("arguments.is_whole", "bool is none", lambda: arguments.is_whole(torch.ones(2) > 0))
row("arguments.kind_of", "an array", lambda: arguments.kind_of(NUMPY))

# ---------------------------------------------------------------- text

row("text.clean", "bytes", lambda: text.clean(b"abc"), TypeError, "text as a string")
row("text.clean", "a list of lines", lambda: text.clean(["a", "b"]), TypeError, "got a list")
row("text.clean", "separator None", lambda: text.clean("a", None), TypeError, "separator as a str")
row("text.clean", "another alphabet", lambda: text.clean("время"))
row("text.Vocab", "lines not flattened", lambda: text.Vocab([["a"], ["b"]]), TypeError, "flatten")
row("text.Vocab", "indices", lambda: text.Vocab([1, 2]), TypeError, "an integer among them")
row("text.Vocab", "a late number", lambda: text.Vocab(["a", 0]), TypeError, "an integer among them")
row("text.Vocab", "a tensor", lambda: text.Vocab(TOKENS), TypeError, "as a string or strings")
row("text.Vocab", "bytes", lambda: text.Vocab(b"ab"), TypeError, "as a string or strings")
row("text.Vocab", "reserved_tokens a string", lambda: text.Vocab("ab", reserved_tokens="<pad>"),
    TypeError, r"\['<pad>'\]")
row("text.Vocab", "min_freq a float", lambda: text.Vocab("ab", min_freq=1.5), TypeError, "min_freq")
row("text.Vocab", "a tuple", lambda: text.Vocab(("a", "b")))
row("text.Vocab", "no token", lambda: text.Vocab(""))
row("text.Vocab.encode", "indices", lambda: VOCAB.encode([1, 2]), TypeError, "decode goes from")
row("text.Vocab.encode", "a tensor", lambda: VOCAB.encode(TOKENS), TypeError, "decode goes from")
row("text.Vocab.encode", "None", lambda: VOCAB.encode(None), TypeError, "got None")
row("text.Vocab.encode", "unknown letters", lambda: VOCAB.encode("a日"))
row("text.Vocab.__getitem__", "an index", lambda: VOCAB[0], TypeError, "one token, a string")
row("text.Vocab.__getitem__", "a list", lambda: VOCAB[["a"]], TypeError, "encode takes several")
row("text.Vocab.__iter__", "it ends", lambda: list(VOCAB))
row("text.Vocab.decode", "beyond the table", lambda: VOCAB.decode([V]), IndexError, "another vocab")
row("text.Vocab.decode", "negative", lambda: VOCAB.decode([-1]), IndexError, "is not in a vocab")
row("text.Vocab.decode", "floats", lambda: VOCAB.decode([1.0]), TypeError, "whole number, got 1.0")
row("text.Vocab.decode", "a string", lambda: VOCAB.decode("ab"), TypeError, "got a string")
row("text.Vocab.decode", "(B, T)", lambda: VOCAB.decode(TOKENS[:6].reshape(2, 3)), TypeError,
    "whole")
row("text.Vocab.decode", "one number", lambda: VOCAB.decode(3), TypeError, "a vector")
row("text.Vocab.decode", "a scalar tensor", lambda: VOCAB.decode(TOKENS[0]), TypeError,
    r"shape \(\)")
row("text.Vocab.decode", "int32", lambda: VOCAB.decode(TOKENS[:3].int()))
row("text.Vocab.of_tokens", "twice", lambda: text.Vocab.of_tokens(["<unk>", "a", "a"]), ValueError,
    "every token once")
row("text.Vocab.of_tokens", "no <unk>", lambda: text.Vocab.of_tokens(["a", "b"]), ValueError,
    "first")
row("text.one_hot", "a list", lambda: text.one_hot([1, 2], 3), TypeError, "vocab.encode")
row("text.one_hot", "an array", lambda: text.one_hot(NUMPY, 5), TypeError, "a numpy array")
row("text.one_hot", "twice", lambda: text.one_hot(torch.eye(3), 3), ValueError,
    "one-hot encoded tw")
row("text.one_hot", "bool", lambda: text.one_hot(torch.ones(3) > 0, 3), ValueError, "integer")
row("text.one_hot", "too small a V", lambda: text.one_hot(torch.tensor([3]), 3), ValueError,
    "0 to 2")
row("text.one_hot", "V a float", lambda: text.one_hot(TOKENS, 6.0), TypeError,
    "num_classes as a wh")
row("text.one_hot", "V = 0", lambda: text.one_hot(TOKENS, 0), ValueError, "at least 1")
row("text.one_hot", "int32", lambda: text.one_hot(TOKENS.int(), V))
row("text.split", "nothing to train on", lambda: text.split("abc" * 9, 0.5, 0.5), ValueError,
    "leave")
row("text.split", "too short", lambda: text.split("abc"), ValueError, "too short")
row("text.split", "percent", lambda: text.split("abc" * 9, 10, 10), ValueError, "fractions")
row("text.split", "NaN", lambda: text.split("abc" * 9, math.nan), ValueError, "fractions")
row("text.split", "a fraction in words", lambda: text.split("abc" * 9, "0.1"), TypeError,
    "a number")
row("text.split", "a tensor", lambda: text.split(TOKENS))
row("text.Vocab", "an array of strings", lambda: text.Vocab(np.array(["a", "b"])).encode("ab"))
row("text.Vocab.decode", "an array", lambda: VOCAB.decode(np.array([1, 2])))
row("text.split", "None", lambda: text.split(None), TypeError, "expected a text")

# ---------------------------------------------------------------- batching

for sampler in (batching.SequentialBatches, batching.RandomBatches):
    name = f"batching.{sampler.__name__}"
    row(name, "a string", lambda s=sampler: s(TEXT, 2, 3), TypeError, "vocab.encode")
    row(name, "a list", lambda s=sampler: s(TOKENS.tolist(), 2, 3), TypeError, "got a list")
    row(name, "an array", lambda s=sampler: s(TOKENS.numpy(), 2, 3), TypeError, "a numpy array")
    row(name, "floats", lambda s=sampler: s(TOKENS.float(), 2, 3), ValueError, "integer type")
    row(name, "(1, N)", lambda s=sampler: s(TOKENS[None], 2, 3), ValueError, r"shape \(N,\)")
    row(name, "int32", lambda s=sampler: next(iter(s(TOKENS.int(), 2, 3))))
    row(name, "empty after cleaning", lambda s=sampler: s(VOCAB.encode(text.clean("время")), 2, 3),
        ValueError, "another alphabet")
    row(name, "too short", lambda s=sampler: s(TOKENS[:5], 2, 3), ValueError, "too short")
    row(name, "B = 0", lambda s=sampler: s(TOKENS, 0, 3), ValueError, "batch_size of at least 1")
    row(name, "B a float", lambda s=sampler: s(TOKENS, 2.0, 3), TypeError, "batch_size as a whole")
    row(name, "T a string", lambda s=sampler: s(TOKENS, 2, "3"), TypeError, "num_steps as a whole")
    row(name, "offset negative", lambda s=sampler: s(TOKENS, 2, 3, -1), ValueError,
        "offset of at l")
    row(name, "offset a float", lambda s=sampler: s(TOKENS, 2, 3, 0.5), TypeError, "offset as a")
row("batching.RandomBatches", "order of too few",
    lambda: list(batching.RandomBatches(TOKENS, 2, 3, 0, order=[0])), ValueError,
    "needs batch_size")
row("batching.RandomBatches", "order beyond the text",
    lambda: list(batching.RandomBatches(TOKENS, 2, 3, 0, order=[0, 999])), ValueError, "0 to 118")
row("batching.RandomBatches", "order of floats",
    lambda: list(batching.RandomBatches(TOKENS, 2, 3, 0, order=[0.0, 1.0])), TypeError, "whole")
row("batching.RandomBatches", "a seed as generator",
    lambda: batching.RandomBatches(TOKENS, 2, 3, generator=42), TypeError, "torch.Generator")
row("batching.RandomBatches", "order for some offsets only",
    lambda: batching.RandomBatches(TOKENS[:41], 2, 4, order=range(10)), ValueError, "an offset too")
row("batching.RandomBatches", "order an iterator",
    lambda: [list(b) for b in 2 * [batching.RandomBatches(TOKENS, 2, 3, 0, order=iter([0, 1]))]])
row("batching.SequentialBatches", "uint16",
    lambda: list(batching.SequentialBatches(TOKENS.to(torch.uint16), 2, 3)))
row("batching.WholeText", "a string", lambda: batching.WholeText(TEXT), TypeError, "vocab.encode")
row("batching.WholeText", "one token", lambda: batching.WholeText(TOKENS[:1]), ValueError, "short")
row("batching.WholeText", "B a float", lambda: batching.WholeText(TOKENS, 1.0), TypeError, "whole")
row("batching.LengthBuckets", "floats", lambda: batching.LengthBuckets([2.5, 1.5], 2), TypeError,
    "wh")
row("batching.LengthBuckets", "an empty one", lambda: batching.LengthBuckets([2, 0], 2), ValueError,
    "at least 1, got 0")
row("batching.LengthBuckets", "none", lambda: batching.LengthBuckets([], 2), ValueError, "one sequ")
row("batching.LengthBuckets", "pool 0", lambda: batching.LengthBuckets([1], 1, 0), ValueError,
    "pool")
row("batching.LengthBuckets", "a tensor", lambda: list(batching.LengthBuckets(LABELS + 1, 2)))
row("batching.padded_batches", "one padded tensor", lambda: labelled(sequences=torch.ones(3, 4)),
    TypeError, "takes it apart")
row("batching.padded_batches", "strings", lambda: labelled(sequences=["a", "b", "c"]), TypeError,
    "vocab.encode")
row("batching.padded_batches", "labels a list", lambda: labelled([0, 1, 2]), TypeError,
    "got a list")
row("batching.padded_batches", "labels (N, 1)", lambda: labelled(LABELS[:, None]), ValueError,
    "squee")
row("batching.padded_batches", "labels float", lambda: labelled(LABELS.float()), ValueError, "long")
row("batching.padded_batches", "too few labels", lambda: labelled(LABELS[:2]), ValueError,
    "for each")
row("batching.padded_batches", "negative labels", lambda: labelled(LABELS - 1), ValueError,
    "from 0")
row("batching.padded_batches", "labels int32", lambda: labelled(LABELS.int()))
row("batching.padded_batches", "whole and not",
    lambda: labelled(sequences=[SEQUENCES[0], torch.tensor([1.5]), SEQUENCES[2]]), ValueError,
    "of one type")
row("batching.padded_batches", "features differ",
    lambda: labelled(sequences=[torch.ones(2, 3), torch.ones(2, 4), torch.ones(1, 3)]), ValueError,
    "of features")
row("batching.padded_batches", "padding 0.5", lambda: labelled(padding=0.5), TypeError, "padding")
row("batching.pad", "none", lambda: batching.pad([]), ValueError, "at least one sequence")
row("batching.pad", "numbers", lambda: batching.pad([torch.tensor(1)]), ValueError, "single number")
row("batching.pad", "a generator", lambda: batching.pad(s for s in SEQUENCES), TypeError, "a list")
row("batching.window_positions", "unknown kind", lambda: batching.window_positions("x", 9, 1, 2, 0),
    ValueError, "sequential or random")
row("batching.window_positions", "too short",
    lambda: batching.window_positions("random", 2, 1, 2, 0), ValueError, "too short")

# ---------------------------------------------------------------- recurrent layers

for layer in (recurrent.RNN, recurrent.LSTM, recurrent.GRU):
    name = f"recurrent.{layer.__name__}"
    row(name, "H = 0", lambda c=layer: c(3, 0), ValueError, "hidden_size of at least 1")
    row(name, "H a float", lambda c=layer: c(3, 4.0), TypeError, "hidden_size as a whole")
    row(name, "L a string", lambda c=layer: c(3, 4, "2"), TypeError, "num_layers as a whole")
    row(name, "bias a string", lambda c=layer: c(3, 4, bias="True"), TypeError, "True or False")
    row(name, "batch_first 1", lambda c=layer: c(3, 4, batch_first=1), TypeError, "True or False")
    row(name, "dropout 2", lambda c=layer: c(3, 4, 2, dropout=2), ValueError, "from 0 to 1")
    row(name, "dropout True", lambda c=layer: c(3, 4, 2, dropout=True), TypeError, "a number")
    row(name, "a list", lambda c=layer: c(3, 4)([[1.0]]), TypeError, "x as a tensor, got a list")
    row(name, "indices", lambda c=layer: c(3, 4)(torch.tensor([1, 2])), ValueError,
        "one-hot vectors")
    row(name, "another V", lambda c=layer: c(3, 4)(torch.ones(2, 1, 5)), ValueError,
        "input_size = 3")
    row(name, "float64", lambda c=layer: c(3, 4)(torch.ones(2, 1, 3).double()), ValueError,
        "float64")
    row(name, "no step", lambda c=layer: c(3, 4)(torch.ones(0, 1, 3)), ValueError, "one time step")
    row(name, "state a number", lambda c=layer: c(3, 4)(torch.ones(2, 1, 3), 0), TypeError,
        "the state")
    row(name, "numpy sizes", lambda c=layer: c(np.int64(3), np.int64(4))(torch.ones(2, 1, 3)))
row("recurrent.GRU", "dropout in bias's place", lambda: recurrent.GRU(3, 5, 2, 0.5), TypeError,
    "another argument")
row("recurrent.RNN", "nonlinearity", lambda: recurrent.RNN(3, 4, nonlinearity="elu"), ValueError,
    "elu")
row("recurrent.require_nonlinearity", "no such one",
    lambda: recurrent.require_nonlinearity("sigmoid"), ValueError, "got 'sigmoid'")
row("recurrent.LSTM", "proj_size = H", lambda: recurrent.LSTM(3, 4, proj_size=4), ValueError,
    "proj_s")
row("recurrent.LSTM", "h0 alone",
    lambda: recurrent.LSTM(3, 4)(torch.ones(2, 1, 3), torch.ones(1, 1, 4)), TypeError,
    r"pair \(h0, c0\), got a tensor")
row("recurrent.RNN", "a pair", lambda: recurrent.RNN(3, 4)(torch.ones(2, 1, 3), (0, 0)), TypeError,
    "a tensor h0, got a tuple of 2")
row("recurrent.LSTM", "a pair of numbers",
    lambda: recurrent.LSTM(3, 4)(torch.ones(2, 1, 3), (0, 0)), TypeError, "h0 as a tensor")
row("recurrent.GRU", "state of another batch",
    lambda: recurrent.GRU(3, 4)(torch.ones(2, 5, 3), torch.ones(1, 1, 4)), ValueError, "batch size")
row("recurrent.set_gate_bias", "an RNN", lambda: recurrent.set_gate_bias(nn.RNN(2, 3), 1.0),
    TypeError, "without gates")
row("recurrent.set_gate_bias", "no bias",
    lambda: recurrent.set_gate_bias(nn.LSTM(2, 3, bias=False), 1.0), ValueError, "no bias to set")
row("recurrent.set_gate_bias", "text", lambda: recurrent.set_gate_bias(nn.LSTM(2, 3), "1"),
    TypeError, "bias as a number")
row("recurrent.require_layer", "a linear one", lambda: recurrent.require_layer(nn.Linear(2, 3)),
    TypeError, "a value of type Linear, without input_size")
row("recurrent.require_layer", "the class", lambda: recurrent.require_layer(nn.LSTM), TypeError,
    "the class LSTM")
row("recurrent.detach", "a list", lambda: recurrent.detach([torch.ones(1)]))
row("recurrent.detach", "a number", lambda: recurrent.detach(3), TypeError, "the state as a tensor")
row("recurrent.detach", "None", lambda: recurrent.detach(None))
row("recurrent.output_size", "a linear one", lambda: recurrent.output_size(nn.Linear(2, 3)),
    TypeError, "a recurrent layer")

# ---------------------------------------------------------------- models

row("models.CharLM", "a linear layer", lambda: CharLM(nn.Linear(3, 4)), TypeError,
    "recurrent layer")
row("models.CharLM", "sizes", lambda: CharLM(28), TypeError, "got an integer")
row("models.CharLM", "bidirectional", lambda: lm(bidirectional=True), ValueError,
    "asked to predict")
row("models.CharLM", "batch_first", lambda: lm(batch_first=True), ValueError, "batch_first=False")
row("models.CharLM", "one text", lambda: lm()(TOKENS[:5]), ValueError, "unsqueeze")
row("models.CharLM", "a string", lambda: lm()("abc"), TypeError, "vocab.encode")
row("models.CharLM", "one-hot", lambda: lm()(torch.ones(1, 2, V)), ValueError, r"\(B, T\)")
row("models.CharLM", "floats", lambda: lm()(torch.ones(1, 2)), ValueError, "integer indices")
row("models.CharLM", "another vocabulary", lambda: lm()(torch.tensor([[V]])), ValueError, "vocabul")
row("models.CharLM", "int32", lambda: lm()(TOKENS[None, :5].int()))
row("models.SequenceClassifier", "a linear layer", lambda: SequenceClassifier(nn.Linear(2, 2), 2),
    TypeError, "recurrent layer")
row("models.SequenceClassifier", "time-major", lambda: SequenceClassifier(nn.GRU(2, 3), 2),
    ValueError, "batch_first=True")
row("models.SequenceClassifier", "pooling", lambda: classifier(pooling="sum"), ValueError, "'sum'")
row("models.SequenceClassifier", "C = 0", lambda: classifier(0), ValueError, "num_classes of at")
row("models.SequenceClassifier", "C a float", lambda: classifier(2.0), TypeError, "num_classes as")
row("models.SequenceClassifier", "indices",
    lambda: SequenceClassifier(nn.GRU(2, 3, batch_first=True), 2)(torch.ones(2, 3)), ValueError,
    "give an embedding")
row("models.SequenceClassifier", "a list", lambda: classifier()([[1, 2]]), TypeError,
    "batching.pad")
row("models.SequenceClassifier", "length 0", lambda: classifier()(torch.ones(1, 2).long(), [0]),
    ValueError, "lengths from 1 to T = 2")
row("models.SequenceClassifier", "lengths float",
    lambda: classifier()(torch.ones(1, 2).long(), torch.tensor([1.5])), ValueError, "whole numbers")
row("models.SequenceClassifier", "too few lengths",
    lambda: classifier()(torch.ones(2, 2).long(), [1]), ValueError, "one for each of the 2")
row("models.SequenceClassifier", "lengths a list",
    lambda: classifier()(torch.ones(2, 2).long(), [1, 2]))
row("models.predict", "none", lambda: predict(classifier(), []), ValueError,
    "at least one sequence")
row("models.predict", "B = 0", lambda: predict(classifier(), SEQUENCES, batch_size=0), ValueError,
    "batch_size of at least 1")
row("models.predict", "strings", lambda: predict(classifier(), ["ab"]), TypeError, "vocab.encode")
row("models.count_parameters", "frozen", lambda: count_parameters(lm().requires_grad_(False)))

# ---------------------------------------------------------------- losses

X, Y = pairs()[0]
row("losses.cross_entropy", "targets turned", lambda: losses.cross_entropy(lm()(X)[0], Y.T),
    ValueError, "targets turned already")
row("losses.cross_entropy", "logits batch-first",
    lambda: losses.cross_entropy(lm()(X)[0].transpose(0, 1), Y), ValueError, "batch-first")
row("losses.cross_entropy", "flat", lambda: losses.cross_entropy(torch.ones(6, V), Y), ValueError,
    r"\(T, B, V\)")
row("losses.cross_entropy", "a list", lambda: losses.cross_entropy([[1.0]], Y), TypeError,
    "logits as")
row("losses.cross_entropy", "targets float", lambda: losses.cross_entropy(lm()(X)[0], Y.float()),
    ValueError, "whole numbers")
row("losses.cross_entropy", "another vocabulary", lambda: losses.cross_entropy(lm()(X)[0], Y + V),
    ValueError, "the model's vocabulary")
row("losses.cross_entropy", "int32", lambda: losses.cross_entropy(lm()(X)[0], Y.int()))
row("losses.next_token", "X alone", lambda: losses.next_token(lm(), (X,)), TypeError, "pair X, Y")
row("losses.next_token", "lists", lambda: losses.next_token(lm(), ([[1]], [[2]])), TypeError,
    "X as")
row("losses.next_token", "shapes differ", lambda: losses.next_token(lm(), (X, Y[:2])), ValueError,
    "one shape")
row("losses.next_token", "logits alone", lambda: losses.next_token(LogitsOnly(), (X, Y)), TypeError,
    r"pair \(logits, state\)")
row("losses.next_token", "batch-first", lambda: losses.next_token(BatchFirst(), (X, Y)), ValueError,
    "batch-first")
row("losses.next_token", "batch-first, B = T",
    lambda: losses.next_token(BatchFirst(), pairs(5, 5)[0]), ValueError, "batch-first")
row("losses.next_token", "B = T", lambda: losses.next_token(lm(), pairs(5, 5)[0]))
row("losses.next_token", "int32", lambda: losses.next_token(lm(), (X.int(), Y.int())))
row("losses.classification", "a pair", lambda: losses.classification(classifier(), (X, LABELS)),
    TypeError, "X, lengths, y")
row("losses.classification", "labels 1 to C",
    lambda: losses.classification(classifier(), (X, None, LABELS + 1)), ValueError, "count from 0")
row("losses.classification", "labels float",
    lambda: losses.classification(classifier(), (X, None, LABELS.float())), ValueError, "long")
row("losses.classification", "labels (N, 1)",
    lambda: losses.classification(classifier(), (X, None, LABELS[:, None])), ValueError, "squeeze")
row("losses.classification", "one class",
    lambda: losses.classification(classifier(1), (X, None, 0 * LABELS)), ValueError, "of one class")
row("losses.classification", "labels a list",
    lambda: losses.classification(classifier(), (X, None, [0, 1, 2])), TypeError, "got a list")
row("losses.classification", "labels int32",
    lambda: losses.classification(classifier(), (X, None, LABELS.int())))

# ---------------------------------------------------------------- training

row("training.fit", "epochs 0", lambda: fit(epochs=0), ValueError, "epochs of at least 1")
row("training.fit", "epochs a float", lambda: fit(epochs=2.5), TypeError, "epochs as a whole")
row("training.fit", "best of none", lambda: fit(restore_best=True), ValueError, "validation")
row("training.fit", "restore_best 1", lambda: fit(restore_best=1), TypeError, "restore_best to be")
row("training.fit", "clip 0", lambda: fit(clip=0), ValueError, "None for no clipping")
row("training.fit", "clip NaN", lambda: fit(clip=math.nan), ValueError, "clip above 0")
row("training.fit", "clip a string", lambda: fit(clip="1"), TypeError, "clip as a number")
row("training.fit", "batches a tensor", lambda: fit(batches=TOKENS), TypeError, "rnnbook.batching")
row("training.fit", "batches a string", lambda: fit(batches=TEXT), TypeError, "rnnbook.batching")
row("training.fit", "no minibatch", lambda: fit(batches=[]), ValueError, "no minibatch")
row("training.fit", "a generator, two epochs", lambda: fit(batches=iter(pairs()), epochs=2),
    ValueError, "used up after one pass")
row("training.fit", "a generator, one epoch", lambda: fit(batches=iter(pairs())))
row("training.fit", "validation a generator", lambda: fit(validation=iter(pairs()), epochs=2),
    ValueError, "validation is a generator")
row("training.fit", "validation a tensor", lambda: fit(validation=TOKENS), TypeError,
    "validation as")
row("training.fit", "lr and an optimiser", lambda: fit_with_adam(lr=0.1), ValueError,
    "lr is that of plain")
row("training.fit", "lr a string", lambda: fit(lr="0.1"), TypeError, "lr as a number")
row("training.fit", "optimiser of another model",
    lambda: fit(optimizer=torch.optim.SGD(lm().parameters(), 1.0)), ValueError, "another model")
row("training.fit", "all frozen", lambda: fit(lm().requires_grad_(False)), ValueError,
    "no parameter")
row("training.fit", "metrics a function", lambda: fit(metrics=len), TypeError, "functions by name")
row("training.fit", "on_epoch a function", lambda: fit(on_epoch=print), TypeError,
    "list of functions")
row("training.fit", "loss of one value", lambda: fit(loss=lambda m, b, s: torch.tensor(1.0)),
    TypeError, "a loss, its count and a state")
row("training.fit", "loss a float", lambda: fit(loss=lambda m, b, s: (1.0, 1, None)), TypeError,
    "a loss, its count")
row("training.fit", "loss of many numbers",
    lambda: fit(loss=lambda m, b, s: (torch.ones(3), 1, None)), ValueError, "take the mean")
row("training.fit", "loss without gradient",
    lambda: fit(loss=lambda m, b, s: (torch.tensor(1.0), 1, None)), ValueError, "no_grad")
row("training.fit", "loss a module", lambda: fit(loss=nn.CrossEntropyLoss()), TypeError,
    "rnnbook.losses has some")
row("training.fit", "loss a list",
    lambda: fit(loss=lambda m, b, s: list(losses.next_token(m, b, s))))
row("training.fit", "the class", lambda: fit(CharLM), TypeError, "expected a model, an nn.Module")
row("training.fit", "an optimiser's class", lambda: fit(optimizer=torch.optim.Adam), TypeError,
    "makes a")
row("training.fit", "LBFGS", lambda: fit_with(torch.optim.LBFGS), TypeError, "a step by itself")
row("training.fit", "metric a number", lambda: fit(metrics={"a": 0.5}), TypeError,
    "the metric a as")
row("training.fit", "metric None", lambda: fit(metrics={"a": lambda m: None}), TypeError,
    "metric a as")
row("training.fit", "metric's name", lambda: fit(metrics={"loss": len}), ValueError, "is taken")
row("training.fit", "stop True", lambda: fit(stop=True), TypeError, "stop as a function")
row("training.fit", "on_epoch None", lambda: fit(on_epoch=[None]), TypeError,
    "on_epoch as a function")
row("training.fit", "vocab a string", lambda: fit(vocab="abc"), TypeError, "vocab as a Vocab")
row("training.fit", "checkpoint a folder", lambda: fit(checkpoint=HERE), ValueError, "is a folder")
row("training.fit", "history of another kind", lambda: fit(history={"loss": [1]}), TypeError,
    "a History")
row("training.fit", "another optimiser's scheduler", lambda: fit(scheduler=fit_scheduler()),
    ValueError, "another optimiser")
row("training.fit", "a global model",
    lambda: fit(loss=lambda m, b, s: losses.next_token(OTHER, b, s)), ValueError, "another model")
row("training.fit", "a part of the optimiser", lambda: fit_part(), UserWarning,
    "does not hold recurrent")
row("training.fit", "a model of NaN",
    lambda: (lambda m: (nn.init.constant_(m.head.bias, math.nan), fit(m)))(lm()), ValueError,
    "before training")
row("training.fit", "batch-first", lambda: fit(BatchFirst()), ValueError, "batch-first")
row("training.evaluate", "a tensor", lambda: training.evaluate(lm(), TOKENS, losses.next_token),
    TypeError, "rnnbook.batching")
row("training.evaluate", "nothing", lambda: training.evaluate(lm(), [], losses.next_token),
    ValueError, "no minibatch to measure")
row("training.optimizer_step", "no gradient", lambda: step_with(1.0), ValueError, "detached")
row("training.optimizer_step", "NaN", lambda: step_with(math.nan), training.DivergedError,
    "step 1: the loss is nan")
row("history.History", "not measured", lambda: History()["loss"], KeyError, "was not measured")
row("history.exp", "large", lambda: training.History({"loss": [1e9]}).perplexity)

# ---------------------------------------------------------------- checkpoints



def kept(**options):
    path = HERE / f"{random.getrandbits(64)}.pt"
    checkpoints.save(lm(), path, **options)
    return path


def bare():
    path = HERE / f"{random.getrandbits(64)}.pt"
    torch.save(lm().state_dict(), path)
    return path


def resume_without_optimizer():
    model = lm()
    checkpoints.resume(model, kept(), torch.optim.SGD(model.parameters(), 1.0))


row("checkpoints.load", "a bare state dict", lambda: checkpoints.load(lm(), bare()), ValueError,
    "bare")
row("checkpoints.load", "a text", lambda: checkpoints.load(lm(), Path(__file__)), ValueError,
    "no check")
row("checkpoints.load", "of a model without sizes", lambda: checkpoints.load(lm(), kept()))
row("checkpoints.resume", "no optimiser in it", resume_without_optimizer, ValueError, "is NoneType")
row("checkpoints.load_language_model", "no vocabulary",
    lambda: checkpoints.load_language_model(kept()), ValueError, "vocab=vocab")
row("checkpoints.load_language_model", "complete",
    lambda: checkpoints.load_language_model(kept(vocab=VOCAB)))
row("checkpoints.save", "a vocabulary as a string", lambda: kept(vocab="abc"), TypeError, "a Vocab")

# ---------------------------------------------------------------- metrics, generation, n-grams

row("metrics.perplexity", "a string", lambda: metrics.perplexity(lm(), TEXT), TypeError,
    "vocab.encode")
row("metrics.perplexity", "a list", lambda: metrics.perplexity(lm(), TOKENS.tolist()), TypeError,
    "list")
row("metrics.perplexity", "one token", lambda: metrics.perplexity(lm(), TOKENS[:1]), ValueError,
    "short")
row("metrics.perplexity", "another vocabulary", lambda: metrics.perplexity(lm(), TOKENS + V),
    ValueError, "vocabulary")
row("metrics.perplexity", "int32", lambda: metrics.perplexity(lm(), TOKENS.int()))
row("metrics.accuracy", "labels (N, 1)",
    lambda: metrics.accuracy(classifier(), SEQUENCES, LABELS[:, None]), ValueError, "squeeze")
row("metrics.accuracy", "labels 1 to C",
    lambda: metrics.accuracy(classifier(), SEQUENCES, LABELS + 1), ValueError, "count from 0")
row("metrics.accuracy", "labels a list",
    lambda: metrics.accuracy(classifier(), SEQUENCES, [0, 1, 2]), TypeError, "got a list")
row("metrics.accuracy", "labels float",
    lambda: metrics.accuracy(classifier(), SEQUENCES, LABELS / 2), ValueError, "whole numbers")
row("metrics.accuracy", "a model of NaN",
    lambda: metrics.accuracy(broken(classifier()), SEQUENCES, LABELS), ValueError, "diverged")
row("generation.generate", "a model of NaN",
    lambda: generation.generate(broken(lm()), "a", 2, VOCAB), ValueError, "diverged")
row("generation.generate", "vocab a list", lambda: generation.generate(lm(), "a", 2, list("abc")),
    TypeError, "vocab as a Vocab")
row("generation.generate", "logits alone", lambda: generation.generate(LogitsOnly(), "a", 2, VOCAB),
    TypeError, "the pair")
row("metrics.confusion", "logits", lambda: metrics.confusion(LABELS, torch.ones(3, 3), 3),
    ValueError, "argmax")
row("metrics.confusion", "lists", lambda: metrics.confusion([0], [0], 1), TypeError,
    "labels as a ten")
row("metrics.confusion", "float", lambda: metrics.confusion(LABELS, LABELS.float(), 3), ValueError,
    "int")
row("metrics.confusion", "C too small", lambda: metrics.confusion(LABELS, LABELS, 2), ValueError,
    "0 to 1")
row("metrics.confusion", "C a float", lambda: metrics.confusion(LABELS, LABELS, 3.0), TypeError,
    "whole")
row("metrics.confusion", "uint8", lambda: metrics.confusion(LABELS.byte(), LABELS.byte(), 3))
row("metrics.recall", "a vector", lambda: metrics.recall(LABELS), ValueError, r"counts \(C, C\)")
row("metrics.recall", "a list", lambda: metrics.recall([[1]]), TypeError, "metrics.confusion gives")
row("metrics.macro_f1", "(2, 3)", lambda: metrics.macro_f1(torch.ones(2, 3)), ValueError,
    r"\(C, C\)")
row("generation.generate", "no prompt", lambda: generation.generate(lm(), "", 1, VOCAB), ValueError,
    "at least one character")
row("generation.generate", "a tensor", lambda: generation.generate(lm(), TOKENS, 1, VOCAB),
    TypeError, "the prompt as a string")
row("generation.generate", "never seen", lambda: generation.generate(lm(), "X", 1, VOCAB),
    ValueError, "clean first")
row("generation.generate", "a float", lambda: generation.generate(lm(), "a", 2.0, VOCAB), TypeError,
    "num_preds as a whole")
row("generation.generate", "negative", lambda: generation.generate(lm(), "a", -1, VOCAB),
    ValueError, "num_preds of at least 0")
row("generation.generate", "vocabulary too large",
    lambda: generation.generate(lm(V - 1), "a", 1, VOCAB), ValueError, "another vocabulary")
row("generation.generate", "vocabulary too small",
    lambda: generation.generate(lm(V + 1), "a", 1, VOCAB), ValueError, "another vocabulary")
row("generation.generate", "batch-first", lambda: generation.generate(BatchFirst(), "ab", 1, VOCAB),
    ValueError, "batch-first")
row("ngram.NGramClassifier", "n = 0", lambda: NGramClassifier(0, 2), ValueError, "n of at least 1")
row("ngram.NGramClassifier", "no class", lambda: NGramClassifier(2, 0), ValueError, "num_classes")
row("ngram.NGramClassifier", "alpha 0", lambda: NGramClassifier(2, 2, 0), ValueError, "rules it")
row("ngram.NGramClassifier.fit", "one string",
    lambda: NGramClassifier(2, 2).fit("ab", torch.tensor([0, 1])), TypeError, "into a list")
row("ngram.NGramClassifier.fit", "a label missing",
    lambda: NGramClassifier(2, 2).fit(["ab", "cd"], torch.tensor([0])), ValueError, "a label for")
row("ngram.NGramClassifier.fit", "no such class",
    lambda: NGramClassifier(2, 2).fit(["ab"], torch.tensor([2])), ValueError, "2")
row("ngram.NGramClassifier.scores", "nothing counted",
    lambda: NGramClassifier(2, 2).scores(["ab"]), ValueError, "fit the model")
row("ngram.NGramClassifier.scores", "no strings",
    lambda: NGramClassifier(2, 2).fit(["ab"], torch.tensor([0])).scores([]), ValueError, "got none")
row("ngram.NGramClassifier.scores", "numbers",
    lambda: NGramClassifier(2, 2).fit(["ab"], torch.tensor([0])).scores([3]), TypeError, "strings")
row("ngram.NGram", "n negative", lambda: NGram(-1, V), ValueError, "n of at least 0")
row("ngram.NGram", "n a float", lambda: NGram(2.0, V), TypeError, "n as a whole")
row("ngram.NGram", "V = 0", lambda: NGram(2, 0), ValueError, "vocab_size of at least 1")
row("ngram.NGram", "concentration NaN", lambda: NGram(2, V, math.nan), ValueError, "concentration")
row("ngram.NGram", "concentration a string", lambda: NGram(2, V, "1"), TypeError, "a number")
row("ngram.NGram.fit", "a tensor", lambda: NGram(2, V).fit(TOKENS), TypeError, "tokens.tolist")
row("ngram.NGram.fit", "a counter", lambda: NGram(2, V).fit(Counter(TEXT)), TypeError, "Counter")
row("ngram.NGram.fit", "a list of tensors", lambda: NGram(2, V).fit(list(TOKENS)), TypeError,
    "in a list")
row("ngram.NGram.fit", "V too small", lambda: NGram(2, 2).fit(TEXT), ValueError, "more than 1")
row("ngram.NGram.probability", "token a tensor",
    lambda: NGram(2, V).fit(TEXT).probability(TOKENS[0], "a"), TypeError, "tokens.tolist")
row("ngram.NGram.sample", "nothing known",
    lambda: NGram(2, V, 0).fit("abc").sample(9, "abc", random.Random(0)), ValueError, "can come")
row("ngram.NGram.sample", "whole numbers",
    lambda: NGram(2, V).fit([1, 2, 1]).sample(3, [1, 2], random.Random(0)))
row("ngram.NGram.fit", "indices", lambda: NGram(2, V).fit(TOKENS.tolist()).perplexity([1, 2]))
row("ngram.NGram.perplexity", "a tensor", lambda: NGram(2, V).fit(TEXT).perplexity(TOKENS),
    TypeError, "tokens.tolist")
row("ngram.NGram.perplexity", "one token", lambda: NGram(2, V).perplexity("a"), ValueError,
    "2 tokens")
row("ngram.NGram.probability", "context a tensor",
    lambda: NGram(2, V).fit(TEXT).probability("a", TOKENS), TypeError, "tokens.tolist")
row("ngram.NGram.sample", "length a float",
    lambda: NGram(2, V).fit(TEXT).sample(2.0, "abc", random.Random(0)), TypeError,
    "length as a whole")
row("ngram.NGram.sample", "no alphabet",
    lambda: NGram(2, V).fit(TEXT).sample(2, "", random.Random(0)), ValueError, "at least one token")
row("baselines.baselines", "the training part", lambda: baselines.baselines("train"), ValueError,
    "test")
row("baselines.show_baselines", "no such part", lambda: baselines.show_baselines("x"), ValueError,
    "test")

# ---------------------------------------------------------------- gradients and diagnostics

row("bptt.loss_and_gradients", "indices", lambda: gradients(inputs=torch.ones(5, 2).long()),
    ValueError, "one-hot inputs")
row("bptt.loss_and_gradients", "a list", lambda: gradients(inputs=[1]), TypeError,
    "inputs as a tensor")
row("bptt.loss_and_gradients", "targets (B, T)", lambda: gradients(targets=torch.ones(2, 5).long()),
    ValueError, r"Y.T")
row("bptt.loss_and_gradients", "targets float", lambda: gradients(targets=torch.ones(5, 2)),
    ValueError, "whole numbers")
row("bptt.loss_and_gradients", "targets too large",
    lambda: gradients(targets=torch.full((5, 2), V)), ValueError, "vocabulary")
row("bptt.loss_and_gradients", "h0 (H,)", lambda: gradients(h0=torch.zeros(4)), ValueError,
    r"\(B, H\)")
row("bptt.loss_and_gradients", "four parameters", lambda: gradients(params=parameters()[:4]),
    TypeError, "five tensors")
row("bptt.loss_and_gradients", "crossing too short", lambda: gradients(crossing=torch.ones(4)),
    ValueError, "each of the 5 steps")
row("bptt.regular_truncation", "window 0", lambda: bptt.regular_truncation(5, 0), ValueError,
    "window of")
row("bptt.regular_truncation", "window 2.5", lambda: bptt.regular_truncation(5, 2.5), TypeError,
    "window")
row("bptt.random_truncation", "1", lambda: bptt.random_truncation(5, 1), ValueError, "below 1")
row("bptt.random_truncation", "T a float", lambda: bptt.random_truncation(5.0, 0.5), TypeError,
    "num_st")
row("diagnostics.spectral_radius", "(2, 3)", lambda: diagnostics.spectral_radius(torch.ones(2, 3)),
    ValueError, "square")
row("diagnostics.spectral_radius", "NaN",
    lambda: diagnostics.spectral_radius(torch.full((2, 2), math.nan)), ValueError, "not a number")
row("diagnostics.spectral_radius", "a list", lambda: diagnostics.spectral_radius([[1.0]]),
    TypeError, "W")
row("diagnostics.with_radius", "all zero", lambda: diagnostics.with_radius(torch.zeros(2, 2), 1),
    ValueError, "eigenvalues")
row("diagnostics.with_radius", "negative", lambda: diagnostics.with_radius(torch.eye(2), -1),
    ValueError, "radius of at least 0")
row("diagnostics.jacobian_norms", "(T, B, H)",
    lambda: diagnostics.jacobian_norms(torch.eye(2), torch.ones(3, 1, 2)), ValueError,
    "one sequence")
row("diagnostics.jacobian_norms", "a list",
    lambda: diagnostics.jacobian_norms(torch.eye(2), [torch.ones(2)]), TypeError, "torch.stack")
row("diagnostics.jacobian_norms", "nonlinearity",
    lambda: diagnostics.jacobian_norms(torch.eye(2), torch.ones(3, 2), "elu"), ValueError, "'elu'")
row("diagnostics.random_layer_norms", "kind",
    lambda: diagnostics.random_layer_norms("x", "tanh", 1.0, 3, 1.0), ValueError,
    "random or orthogonal")
row("diagnostics.random_layer_norms", "nonlinearity",
    lambda: diagnostics.random_layer_norms("random", "x", 1.0, 3, 1.0), ValueError, "nonlinearity")
row("diagnostics.random_layer_norms", "steps",
    lambda: diagnostics.random_layer_norms("random", "tanh", 1.0, -3, 1.0), ValueError, "steps of")
row("diagnostics.input_sensitivity", "step beyond",
    lambda: diagnostics.input_sensitivity(nn.RNN(2, 3), torch.ones(4, 2), 4), ValueError,
    "from 0 to 3")
row("diagnostics.input_sensitivity", "batch_first",
    lambda: diagnostics.input_sensitivity(nn.RNN(2, 3, batch_first=True), torch.ones(4, 2), 0),
    ValueError, "time-major")
row("diagnostics.input_sensitivity", "a linear layer",
    lambda: diagnostics.input_sensitivity(nn.Linear(2, 3), torch.ones(4, 2), 0), TypeError,
    "recurrent")
row("diagnostics.input_sensitivity", "(T, B, V)",
    lambda: diagnostics.input_sensitivity(nn.RNN(2, 3), torch.ones(4, 1, 2), 0), ValueError,
    r"\(T, V\)")
row("diagnostics.gates", "an RNN", lambda: diagnostics.gates(nn.RNN(2, 3), torch.ones(4, 1, 2)),
    TypeError, "without gates")
row("diagnostics.gates", "two layers",
    lambda: diagnostics.gates(nn.GRU(2, 3, 2), torch.ones(4, 1, 2)), ValueError, "one layer")
row("diagnostics.gates", "(T, V)", lambda: diagnostics.gates(nn.GRU(2, 3), torch.ones(4, 2)),
    ValueError, r"\(T, B, V\)")
row("diagnostics.encoded", "never seen", lambda: diagnostics.encoded(nn.RNN(V, 3), VOCAB, "日"),
    ValueError, "in the vocabulary")
row("diagnostics.states", "empty", lambda: diagnostics.states(nn.RNN(V, 3), VOCAB, ""), ValueError,
    "one")
row("diagnostics.prefix_probabilities", "a number",
    lambda: diagnostics.prefix_probabilities(classifier(), VOCAB, 3), ValueError, "one letter")
row("diagnostics.linear_probe", "states with an axis of steps",
    lambda: diagnostics.linear_probe(torch.ones(2, 3, 4), torch.zeros(2).long(), torch.ones(2, 4),
                                     torch.zeros(2).long()), ValueError, "the steps or the layers")
row("diagnostics.linear_probe", "fewer labels",
    lambda: diagnostics.linear_probe(torch.ones(3, 4), torch.zeros(2).long(), torch.ones(2, 4),
                                     torch.zeros(2).long()), ValueError, "as many labels")
row("diagnostics.linear_probe", "other questions",
    lambda: diagnostics.linear_probe(torch.ones(3, 4), torch.zeros(3).long(), torch.ones(2, 4),
                                     torch.zeros(2, 2).long()), ValueError, "same questions")
row("diagnostics.linear_probe", "a list",
    lambda: diagnostics.linear_probe([[1.0]], torch.zeros(1).long(), torch.ones(1, 1),
                                     torch.zeros(1).long()), TypeError, "a list")
row("diagnostics.linear_probe", "a negative ridge",
    lambda: diagnostics.linear_probe(torch.ones(2, 1), torch.zeros(2).long(), torch.ones(2, 1),
                                     torch.zeros(2).long(), ridge=-1), ValueError, "at least 0")
row("diagnostics.learn_delayed_recall", "max_steps",
    lambda: diagnostics.learn_delayed_recall(nn.RNN(16, 4, batch_first=True), 1, max_steps=30),
    ValueError, "multiple of 25")
row("diagnostics.learn_delayed_recall", "another input_size",
    lambda: diagnostics.learn_delayed_recall(nn.RNN(5, 4, batch_first=True), 1), ValueError, "16")

# ---------------------------------------------------------------- data

row("datasets.story", "no test part", lambda: story(test=0), ValueError, "fractions above 0")
row("datasets.delayed_recall", "lag negative", lambda: recall_task.delayed_recall(-1, 2),
    ValueError, "lag of at least 0")
row("datasets.delayed_recall", "lag a float", lambda: recall_task.delayed_recall(1.5, 2), TypeError,
    "lag")
row("datasets.DelayedRecall", "no step", lambda: recall_task.DelayedRecall(1, 2, 0), ValueError,
    "steps")
row("datasets.surnames.to_ascii", "bytes", lambda: surnames.to_ascii(b"a"), TypeError, "a string")
row("datasets.surnames.to_ascii", "no Latin letter", lambda: surnames.to_ascii("王"))
row("datasets.surnames.listed", "a language without", lambda: surnames.listed("Klingon"),
    ValueError, "list")
row("datasets.surnames.load", "limit 0", lambda: surnames.load(0), ValueError,
    "limit of at least 1")
row("datasets.surnames.load", "limit a float", lambda: surnames.load(1.5), TypeError, "limit as a")
row("datasets.surnames.split", "a list", lambda: surnames.split(["a"]), TypeError, "a dictionary")
row("datasets.surnames.split", "languages missing", lambda: surnames.split({"Dutch": ["a"]}),
    ValueError, "for every language")

# ---------------------------------------------------------------- reproducibility

row("reproducibility.seed", "negative", lambda: rnnbook.seed(-1), ValueError, "seed of at least 0")
row("reproducibility.seed", "too large", lambda: rnnbook.seed(2**64), ValueError, "below 2")
row("reproducibility.expect", "too large", lambda: rnnbook.expect("x", 10**400, 0, 2), TypeError,
    "x as")
row("reproducibility.seed", "a float", lambda: rnnbook.seed(1.0), TypeError, "seed as a whole")
row("reproducibility.expect", "ends swapped", lambda: rnnbook.expect("x", 1, 2, 0), ValueError,
    "swapped")
row("reproducibility.expect", "several", lambda: rnnbook.expect("x", torch.ones(2), 0, 2),
    TypeError, "x as a number")
row("reproducibility.expect", "a NaN end", lambda: rnnbook.expect("x", 1, math.nan, 2), ValueError,
    "band")
row("reproducibility.relative_distance", "shapes",
    lambda: rnnbook.relative_distance(torch.ones(2), torch.ones(3)), ValueError, "same shapes")
row("reproducibility.relative_distance", "numbers", lambda: rnnbook.relative_distance([1.0], [1.0]),
    TypeError, "torch.as_tensor")
row("reproducibility.relative_distance", "nothing", lambda: rnnbook.relative_distance([], []),
    ValueError, "no entry to compare")
row("reproducibility.relative_distance", "NaN",
    lambda: rnnbook.relative_distance(torch.tensor([math.nan]), torch.ones(1)), ValueError,
    "not a num")


def on(name):
    """Ask for a device by the environment variable."""
    before = os.environ.get("RNNBOOK_DEVICE")
    os.environ["RNNBOOK_DEVICE"] = name
    try:
        return reproducibility.device()
    finally:
        del os.environ["RNNBOOK_DEVICE"]
        if before is not None:
            os.environ["RNNBOOK_DEVICE"] = before


row("reproducibility.device", "no device", lambda: on("gpu please"), ValueError,
    "RNNBOOK_DEVICE is")
row("reproducibility.device", "not here", lambda: on("cuda:99"), ValueError, "offer only")

# ---------------------------------------------------------------- figures

row("plots.subplots", "no row", lambda: plots.subplots(nrows=0), ValueError, "nrows of at least 1")
row("plots.subplots", "height 0", lambda: plots.subplots(0), ValueError, "height in inches")
row("plots.bars", "a label too few", lambda: plots.bars(axes(), "ab", [1, 2, 3], "y"), ValueError,
    "3 lab")
row("plots.bars", "numbers as labels", lambda: plots.bars(axes(), [1], [1], "y"), TypeError,
    "strings")
row("plots.curves", "a list", lambda: plots.curves(axes(), [1, 2], "y"), TypeError, "by name")
row("plots.curves", "none", lambda: plots.curves(axes(), {}, "y"), ValueError, "no series")
row("plots.runs", "a row too few", lambda: plots.runs(axes(), [1, 2], {"a": [[1]]}, "x", "y"),
    ValueError, "a row of runs for each")
row("plots.runs", "unequal seeds",
    lambda: plots.runs(axes(), [1, 2], {"a": [[1], [1, 2]]}, "x", "y"), ValueError, "as many seeds")
row("plots.dots", "no names", lambda: plots.dots(axes(), [[1]], "x"), TypeError, "name")
row("plots.dots", "no row", lambda: plots.dots(axes(), {}, "x"), ValueError, "no series")
row("plots.matrix", "a list", lambda: plots.matrix(axes(), [[1]]), TypeError, "values as a tensor")
row("plots.matrix", "a vector", lambda: plots.matrix(axes(), torch.ones(3)), ValueError,
    "rows, columns")
row("plots.matrix", "labels", lambda: plots.matrix(axes(), torch.ones(2, 3), "abc"), ValueError,
    "2 row_l")
row("plots.confusion", "labels", lambda: plots.confusion(axes(), torch.eye(3), "ab"), ValueError,
    "3 labels")
row("plots.input_sensitivity", "all zero",
    lambda: plots.input_sensitivity(axes(), torch.zeros(1, 3), ["a"]), ValueError, "one above")
row("plots.windows", "outside", lambda: plots.windows(axes(), "abc", [[(0, 9)]]), ValueError,
    "within the 3")
row("plots.cell", "another network", lambda: plots.cell(axes(), "LSTMs"), ValueError, "one of RNN")
row("plots.unrolled", "T = 0", lambda: plots.unrolled(axes(), 0), ValueError,
    "num_steps of at least 1")
row("plots.unrolled", "window 0", lambda: plots.unrolled(axes(), 3, 0), ValueError,
    "window of at least 1")
row("plots.pattern", "step 0", lambda: plots.pattern(axes(), [0], [1]), ValueError,
    "steps from 1 to 4")
row("plots.padded", "one string", lambda: plots.padded(axes(), "abc"), ValueError, "in a list")
row("plots.stacked", "L = 0", lambda: plots.stacked(axes(), 3, 0), ValueError,
    "num_layers of at least 1")
row("plots.layer_grid", "notes", lambda: plots.layer_grid(axes(), 3, 2, notes=["a"]), ValueError,
    "2 notes")
row("plots.visible", "a dollar", lambda: plots.visible("$a$"))

# ---------------------------------------------------------------- interactive figures

row("widgets.Explorer", "no control", lambda: widgets.Explorer(lambda x: None, x=3), TypeError,
    "a control")
row("widgets.LiveCurve", "every 0", lambda: widgets.LiveCurve("t", 0), ValueError,
    "every of at least 1")
row("widgets.cell_stepper", "a linear layer",
    lambda: widgets.cell_stepper(nn.Linear(V, 3), VOCAB, "abc"), TypeError, "recurrent layer")
row("widgets.gate_explorer", "an RNN",
    lambda: widgets.gate_explorer(nn.RNN(V, 3), VOCAB, "abc", "f"), TypeError, "without gates")
row("widgets.gate_explorer", "a gate it lacks",
    lambda: widgets.gate_explorer(nn.GRU(V, 3), VOCAB, "abc", "f"), ValueError, "one of r, z, n, h")
row("widgets.rnn_explorer", "T = 0", lambda: widgets.rnn_explorer(num_steps=0), ValueError,
    "num_steps")
row("widgets.sensitivity_explorer", "T = 0", lambda: widgets.sensitivity_explorer(0), ValueError,
    "num_st")
row("widgets.window_explorer", "no text", lambda: widgets.window_explorer(""), ValueError, "empty")
row("widgets.ngram_explorer", "a tensor", lambda: widgets.ngram_explorer(TOKENS, TEXT, "a"),
    TypeError, "string or strings")
row("widgets.prefix_reader", "no Latin letter: it says so in the widget",
    lambda: widgets.prefix_reader(classifier(), VOCAB, ["a", "b", "c"], "王"))

row("live.reading_network", "a capital", lambda: live.reading_network("The"), ValueError,
    "in the vocabulary")
row("live.reading_network", "another network", lambda: live.reading_network(kind="tcn"), ValueError,
    "one of rnn, gru, lstm")
row("live.looking_network", "a capital", lambda: live.looking_network("The"), ValueError,
    "small letters and spaces, got 'T'")
row("live.looking_network", "a list", lambda: live.looking_network(["a"]), TypeError,
    "the text as a string")
row("live.looking_network", "too long", lambda: live.looking_network("a" * 500), ValueError,
    "1 to 400 characters, got 500")
row("live.network", "another network", lambda: live.network("LSTM"), ValueError,
    "one of rnn, gru, lstm, got 'LSTM'")
row("live.exported", "two layers",
    lambda: live.exported(CharLM(nn.RNN(V, 3, 2)), VOCAB), ValueError, "of one layer")
row("live.training_network", "another size", lambda: live.training_network(100), ValueError,
    "one of 32, 64, 128 units, got 100")
row("live.training_network", "a rate of 0", lambda: live.training_network(lr=0), ValueError,
    "from 0.03 to 32")
row("live.story_asset", "nothing to go wrong", live.story_asset)
row("live.exported", "another vocabulary",
    lambda: live.exported(CharLM(nn.RNN(V, 3)), text.Vocab("ab")), ValueError, "3 tokens for")
row("live.marching_windows", "tokens", lambda: live.marching_windows(TOKENS), TypeError,
    "text as a string, got a value of type Tensor")
row("live.marching_windows", "a long text", lambda: live.marching_windows(TEXT), ValueError,
    "take a shorter text")
row("live.packing_steps", "one name", lambda: live.packing_steps("anna"), TypeError,
    "list of strings")
row("live.packing_steps", "equal lengths", lambda: live.packing_steps(["jo", "li"]), ValueError,
    "of unequal lengths")
row("live.turning_numbers", "one row", lambda: live.turning_numbers(3, 1), ValueError, "B from 2")
row("live.LiveFigure", "no such figure",
    lambda: live.LiveFigure("clock", {}, {}, plt.figure(), "A clock."), ValueError, "one of")

# ---------------------------------------------------------------- exercises and commands

row("exercises.grade", "a number", lambda: exercises.grade(3.2, 1), TypeError,
    r'check\("3.2", ...\)')
row("exercises.check", "a number: it says quote it", lambda: exercises.check(3.2, 1))
row("exercises.grade", "no such exercise", lambda: exercises.grade("3.99", 1), KeyError,
    "there are 3.1")
row("exercises.grade", "no such chapter", lambda: exercises.grade("99.1", 1), KeyError,
    "no exercise")
row("app.workspace.refresh", "into itself", lambda: workspace.refresh(HERE, HERE), ValueError,
    "two folders")
row("app.workspace.refresh", "no chapters",
    lambda: workspace.refresh(HERE, HERE.parent / "elsewhere"), FileNotFoundError, "no chapters")
row("app.cli.main", "no such command", lambda: cli.main(["read"]), SystemExit, "2")
row("app.cli.main", "check with words", lambda: cli.main(["check", "--", "x"]), SystemExit, "2")


# fmt: on
# fmt: on
# ---------------------------------------------------------------- the tests


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(("function", "call", "error", "words"), ROWS)
def test_bad_input_is_refused_in_words_or_rightly_taken(function, call, error, words, capsys):
    if error is None:
        call()
        return
    with pytest.raises(error, match=words) as caught:
        call()
    assert caught.type is error
    frames = traceback.extract_tb(caught.value.__traceback__)
    if error is UserWarning:
        return
    if error is not SystemExit:  # argparse raises that one
        assert Path(rnnbook.__file__).parent in Path(frames[-1].filename).parents, frames[-1]
        assert len(str(caught.value)) > 25
    else:
        assert "usage: rnnbook" in capsys.readouterr().err


def test_the_table_is_large_and_has_every_public_function():
    assert len(ROWS) >= 200
    known = {parameters.values[0].split(".")[-1] for parameters in ROWS}
    known |= {parameters.values[0].split(".")[-2] for parameters in ROWS}
    modules = (
        arguments, baselines, batching, bptt, checkpoints, diagnostics, exercises, generation,
        losses, metrics, recurrent, reproducibility, text, training, surnames, recall_task, plots,
        widgets,
    )  # fmt: skip
    public = {
        name
        for module in modules
        for name, value in vars(module).items()
        if not name.startswith("_")
        and (inspect.isfunction(value) or inspect.isclass(value))
        and value.__module__.startswith("rnnbook")
    }
    # What takes nothing that could be wrong, or is made by the package and not by a reader.
    without = {
        "Checkpoint", "DivergedError", "ExaminerError", "Exercise", "ExpectationError",
        "LabelledNames", "Loss", "NotAttempted", "Recall", "Recurrence", "SavedBytes", "State",
        "Verdict", "Wrong", "device_of", "evaluating", "examine", "gradient_explorer", "progress",
        "write_atomically",
    }  # fmt: skip
    assert public - known - without == set()


# Whatever a reader can type into a widget is drawn, or refused in the widget itself.
TYPED = [
    "$_$",
    "$",
    r"\$",
    "$a_{$",
    "日本語",
    "Привет",
    "",
    " ",
    "a" * 300,
    "\x00",
    "%",
    "<b>",
    "\\frac",
]


@pytest.mark.parametrize("typed", TYPED)
def test_what_is_typed_into_a_widget_is_drawn_or_refused_there(typed):
    named = classifier()
    figures = [
        widgets.ngram_explorer(TEXT, TEXT[:99], "ab"),
        widgets.cell_stepper(nn.RNN(V, 3), VOCAB, "abc"),
        widgets.gate_explorer(nn.LSTM(V, 3), VOCAB, "abc", "f"),
        widgets.prefix_reader(named, text.Vocab("abc"), ["x", "y", "z"], "abc"),
    ]
    for figure in figures:
        box = next(c for c in figure.controls.values() if isinstance(c, ipywidgets.Text))
        before = figure.picture.value
        box.value = typed
        assert figure.picture.value.startswith(("<img", "<p role='alert'>"))
        assert figure.picture.value != before
    assert not plt.get_fignums()


def test_a_dollar_is_a_character_among_others():
    with_dollars = widgets.ngram_explorer("$_$ab" * 20, "$_$ab" * 3, "$_$")
    assert with_dollars.picture.value.startswith("<img")
    assert "after &#x27;$_$&#x27;" in with_dollars.picture.value
    _, ax = plots.subplots()
    plots.bars(ax, ["$_$", " "], [1, 2], "y").figure.canvas.draw()
    assert [label.get_text() for label in ax.get_xticklabels()] == [r"\$_\$", plots.SHOWN_SPACE]
