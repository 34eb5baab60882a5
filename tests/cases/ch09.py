"""Right and wrong answers to the exercises of chapter 9."""

from functools import cache

import torch
from torch import nn

from rnnbook import seed
from rnnbook.batching import SequentialBatches
from rnnbook.datasets import story
from rnnbook.losses import next_token
from rnnbook.models import CharLM
from rnnbook.ngram import NGram
from rnnbook.text import one_hot
from rnnbook.training import fit


def turned(blocks=(1,), tensors=(0, 1, 2, 3), in_place=False):
    def to_pytorch(*given):
        out = []
        for number, tensor in enumerate(given):
            new = tensor if in_place else tensor.clone()
            for block in blocks if number in tensors else ():
                H = len(new) // 3
                new[block * H : (block + 1) * H] *= -1
            out.append(new)
        return out

    return to_pytorch


def by_signs(*given):
    H = given[1].shape[1]
    signs = torch.ones(3 * H).double()
    signs[H : 2 * H] = -1
    return tuple(torch.einsum("i,i...->i...", signs, tensor) for tensor in given)


def merged(rows=lambda H: slice(0, 2 * H), add=True, zero=True, fresh=False):
    def merge_biases(gru):
        where = rows(gru.hidden_size)
        with torch.no_grad():
            if add:
                gru.bias_ih_l0[where] += gru.bias_hh_l0[where]
            if zero:
                gru.bias_hh_l0[where] = 0
        return nn.GRU(gru.input_size, gru.hidden_size).double() if fresh else gru

    return merge_biases


def by_new_tensors(gru):
    H, b = gru.hidden_size, gru.bias_hh_l0.data
    kept = torch.cat([torch.zeros(2 * H).double(), b[2 * H :]])
    gru.bias_ih_l0.data = gru.bias_ih_l0.data + b - kept
    gru.bias_hh_l0.data = kept
    return gru


def counter(i=-20.0, f=20.0, g=20.0, weight=40.0, letter="a", row=0, units=1, zero=True):
    def count_a(vocab):
        lstm = nn.LSTM(len(vocab), units)
        with torch.no_grad():
            if zero:
                for p in lstm.parameters():
                    p.zero_()
            lstm.weight_ih_l0[row, vocab[letter]] = weight
            lstm.bias_ih_l0[:3] = torch.tensor([i, f, g])
        return lstm

    return count_a


def counts_by_the_candidate(vocab):
    """The input gate is always open; the candidate is 1 at an a and 0 otherwise."""
    lstm = counter(i=30.0, g=0.0, row=2, weight=30.0)(vocab)
    with torch.no_grad():
        lstm.bias_ih_l0 /= 2
        lstm.bias_hh_l0 += lstm.bias_ih_l0
    return lstm


def step(
    turned=False,
    before=False,
    squash=torch.tanh,
    names="rzn",
    second=1.0,
    outside=False,
    late=False,
):
    def gru_step(x, h, W_x, W_h, b_x, b_h):
        r, z, n = names
        r, z = (torch.sigmoid(x @ W_x[k] + b_x[k] + h @ W_h[k] + b_h[k]) for k in (r, z))
        bias = second * b_h[n]
        inner = (r * h) @ W_h[n] + bias if before else r * (h @ W_h[n] + bias * (not outside))
        new = squash(x @ W_x[n] + b_x[n] + inner + bias * outside)
        if late:  # the reset gate where the update gate belongs
            return r * h + (1 - r) * new
        return (1 - z) * h + z * new if turned else z * h + (1 - z) * new

    return gru_step


def by_nn_gru(x, h, W_x, W_h, b_x, b_h):
    """The functional form, with one product for each source."""
    parts = [torch.cat([part[k] for k in "rzn"], dim=-1) for part in (W_x, W_h, b_x, b_h)]
    of_x, of_h = x @ parts[0] + parts[2], h @ parts[1] + parts[3]
    (r, z, n), (r_h, z_h, n_h) = of_x.chunk(3, dim=1), of_h.chunk(3, dim=1)
    return torch.lerp((n + torch.sigmoid(r + r_h) * n_h).tanh(), h, torch.sigmoid(z + z_h))


@cache
def six_gram():
    corpus = story()
    return NGram(6, len(corpus.vocab)).fit(corpus.train.text)


@cache
def network():
    corpus = story()
    generator = seed(1)
    model = CharLM(nn.LSTM(len(corpus.vocab), 120))
    fit(
        model,
        SequentialBatches(corpus.train.tokens, 32, 35, generator=generator),
        next_token,
        epochs=8,
        optimizer=torch.optim.Adam(model.parameters(), 0.02),
        progress=False,
    )
    return model


def of_six_gram(tokens):
    vocab = story().vocab
    letters = vocab.decode(tokens)
    rows = (
        [six_gram().probability(token, letters[max(0, t - 5) : t]) for token in vocab]
        for t in range(1, len(letters))
    )
    return torch.tensor(list(rows))


def of_network(tokens):
    model = network()
    with torch.no_grad():
        return model(tokens[:-1].unsqueeze(0))[0][:, 0].softmax(dim=1)


def mixed(share, power=False, shift=0, last=None):
    """Mix the two, by a mean or by a geometric mean that adds up to 1 again."""

    def predict(tokens):
        counted, learnt = of_six_gram(tokens), of_network(tokens)
        p = share * counted + (1 - share) * learnt
        if power:
            p = (share * counted.log() + (1 - share) * learnt.log()).softmax(dim=1)
        return p.roll(shift, dims=0)[:last]

    return predict


def the_next_itself(tokens):
    return one_hot(tokens[1:], len(story().vocab))


CASES = {
    "9.1": (
        [((0.5, 0.35, 0.38),), (torch.tensor([0.5, 0.35, 0.38]),)],
        [
            ((0.5, -0.85, 0.23),),
            ((0.5, 0.4, 0.5),),
            ((0.5, -0.45, -0.26),),
            ((0.5, 0.35),),
            (0.38,),
            ((1.0, 0.8, 0.74),),
        ],
    ),
    "9.2": (
        [(step(),), (by_nn_gru,)],
        [
            (step(turned=True),),
            (step(before=True),),
            (step(squash=torch.sigmoid),),
            (step(squash=lambda a: a),),
            (step(names="zrn"),),
            (step(second=0.0),),
            (step(outside=True),),
            (step(late=True),),
            (lambda *a: step()(*a).detach(),),
            (lambda *a: step()(*a).sum(dim=1),),
        ],
    ),
    "9.3": (
        [(turned(),), (by_signs,)],
        [
            (turned(blocks=(0,)),),
            (turned(blocks=(0, 1, 2)),),
            (turned(tensors=(0, 1)),),
            (turned(tensors=(0, 2)),),
            (turned(in_place=True),),
            (turned(blocks=()),),
            (lambda *g: tuple(1 - t for t in g),),
            (lambda *g: tuple(torch.cat([t.chunk(3)[k] for k in (1, 0, 2)]) for t in g),),
        ],
    ),
    "9.4": (
        [(mixed(0.5),), (mixed(0.4, power=True),)],
        [
            (mixed(1.0),),
            (mixed(0.0),),
            (mixed(0.5, last=-1),),
            (lambda tokens: mixed(0.5)(tokens).log(),),
            (lambda tokens: 2 * mixed(0.5)(tokens),),
            (mixed(0.5, shift=1),),
            (the_next_itself,),
        ],
    ),
    "9.5": (
        [(counter(),), (counts_by_the_candidate,)],
        [
            (counter(letter="b"),),
            (counter(f=0.0),),
            (counter(f=5.0),),
            (counter(i=0.0),),
            (counter(g=1.0),),
            (counter(row=1),),
            (counter(units=2),),
            (counter(weight=20.0),),
            (lambda v: nn.GRU(len(v), 1),),
        ],
    ),
    "9.6": ([("C",)], [("a",), ("b",), ("d",), ("x",)]),
    "9.7": (
        [(merged(),), (by_new_tensors,)],
        [
            (merged(rows=lambda H: slice(0, 3 * H)),),
            (merged(rows=lambda H: slice(0, H)),),
            (merged(rows=lambda H: slice(H, 3 * H)),),
            (merged(add=False),),
            (merged(zero=False),),
            (merged(add=False, zero=False),),
            (merged(fresh=True),),
        ],
    ),
    "9.8": (
        [
            (lambda gru, head, x: head(torch.cat(list(gru(x)[1]), dim=-1)),),
            (lambda gru, head, x: head(gru(x)[1].permute(1, 0, 2).reshape(len(x), -1)),),
        ],
        [
            (lambda gru, head, x: head(gru(x)[1].reshape(len(x), -1)),),
            (lambda gru, head, x: head(gru(x)[1].view(len(x), -1)),),
            (lambda gru, head, x: head(gru(x)[1].flip(0).transpose(0, 1).flatten(1)),),
            (lambda gru, head, x: head(gru(x)[1][[1, 1]].transpose(0, 1).flatten(1)),),
            (lambda gru, head, x: head(gru(x)[1].permute(1, 2, 0).flatten(1)),),
            (lambda gru, head, x: gru(x)[1].transpose(0, 1).flatten(1),),
            (lambda gru, head, x: head(gru(x)[0][:, -2:].flatten(1)),),
        ],
    ),
}
