"""Checks of chapter 9: the gated recurrent unit."""

import random

import torch
from torch import nn

from rnnbook.datasets import story
from rnnbook.exercises.kit import (
    Wrong,
    call,
    choice,
    close,
    default_dtype,
    exercise,
    numbers,
    pair,
    run,
    same_gradients,
    short,
    tensor,
)
from rnnbook.ngram import NGram
from rnnbook.text import Vocab, one_hot


@exercise("9.1", "Three steps by hand", "three-steps-by-hand")
def exercise_9_1(three_states):
    got = numbers("(h1, h2, h3)", three_states, 3)
    gates, candidates = (0.5, 0.9, 0.8), (1, -1, 0.5)
    for step, (z, n, h) in enumerate(zip(gates, candidates, got, strict=True), start=1):
        before = got[step - 2] if step > 1 else 0.0
        right = z * before + (1 - z) * n
        if abs(h - right) > 0.0006:
            if abs(h - ((1 - z) * before + z * n)) < 0.0006:
                raise Wrong(
                    f"h{step}: z is the share of the old state, 1 - z that of the candidate"
                )
            if abs(h - (before + (1 - z) * n)) < 0.0006:
                raise Wrong(f"h{step}: the old state has the factor z = {z}")
            raise Wrong(f"h{step} = {h:g} does not follow from h{step - 1} = {before:g}")


def _step(x, h, W_x, W_h, b_x, b_h, before=False, turned=False, squash=torch.tanh, order="rzn"):
    of_x = {k: x @ W_x[k] + b_x[k] for k in order}
    of_h = {k: h @ W_h[k] + b_h[k] for k in order}
    r, z, n = order
    r, z = torch.sigmoid(of_x[r] + of_h[r]), torch.sigmoid(of_x[z] + of_h[z])
    from_state = (r * h) @ W_h[n] + b_h[n] if before else r * of_h[n]
    new = squash(of_x[n] + from_state)
    return (1 - z) * h + z * new if turned else z * h + (1 - z) * new


@exercise("9.2", "The step, from a blank cell", "gru-step-from-a-blank-cell")
def exercise_9_2(gru_step):
    torch.manual_seed(0)
    for V, H, B in ((5, 4, 3), (3, 1, 2), (2, 6, 1)):
        shapes = ((V, H), (H, H), (H,), (H,))
        weights = [{k: torch.randn(shape).requires_grad_() for k in "rzn"} for shape in shapes]
        x, h = (torch.randn(B, n).requires_grad_() for n in (V, H))
        got = tensor("the state", call(gru_step, x, h, *weights), (B, H))
        right = _step(x, h, *weights)
        if close(got, right):
            leaves = [x, h, *(w for group in weights for w in group.values())]
            same_gradients(got, right, leaves, "the state")
            continue
        unbiased = [*weights[:3], dict(weights[3], n=torch.zeros(H))]
        for reason, other in {
            "z is the share of the old state, 1 - z that of the candidate": {"turned": True},
            "r acts on the state before the product: that is the paper's GRU, not PyTorch's": {
                "before": True
            },
            "the candidate has a tanh, not a sigmoid": {"squash": torch.sigmoid},
            "the tanh of the candidate is missing": {"squash": lambda a: a},
            "r and z have changed places": {"order": "zrn"},
        }.items():
            if close(got, _step(x, h, *weights, **other)):
                raise Wrong(reason)
        if close(got, _step(x, h, *unbiased)):
            raise Wrong("the candidate's second bias is missing: r * (h @ W_h['n'] + b_h['n'])")
        outside = _step(x, h, weights[0], weights[1], _sum_of_n(weights), unbiased[3])
        if close(got, outside):
            raise Wrong("r multiplies the candidate's second bias too: it stands in the bracket")
        raise Wrong("the state differs from z * h + (1 - z) * n: does each line read the old h?")


def _sum_of_n(weights):
    """The first biases, with the candidate's second one added to them."""
    return dict(weights[2], n=weights[2]["n"] + weights[3]["n"])


def _other_convention(x, h, tensors):
    """Run a GRU whose update gate is the share of the new, over (T, B, V)."""
    W_x, W_h, b_x, b_h = tensors
    hs = []
    for step in x:
        r, z, n = (step @ W_x.T + b_x).chunk(3, dim=1)
        r_h, z_h, n_h = (h @ W_h.T + b_h).chunk(3, dim=1)
        z = torch.sigmoid(z + z_h)
        h = (1 - z) * h + z * torch.tanh(n + torch.sigmoid(r + r_h) * n_h)
        hs.append(h)
    return torch.stack(hs)


@exercise("9.3", "The other convention", "the-other-convention")
def exercise_9_3(to_pytorch):
    names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    for T, B, V, H in ((5, 2, 3, 4), (3, 1, 4, 1)):
        shapes = ((3 * H, V), (3 * H, H), (3 * H,), (3 * H,))
        given = [torch.randn(shape) for shape in shapes]
        parts = zip(names, pair(call(to_pytorch, *given), names), shapes, strict=True)
        got = [tensor(name, part, shape) for name, part, shape in parts]
        _compare_conversion(got, given, torch.randn(T, B, V))


def _compare_conversion(got, kept, x):
    H = kept[1].shape[1]
    gru = nn.GRU(x.shape[2], H)
    with torch.no_grad():
        for parameter, value in zip(gru.parameters(), got, strict=True):
            parameter.copy_(value)
    right = _other_convention(x, torch.zeros(x.shape[1], H), kept)
    if close(gru(x)[0], right):
        return
    if all(torch.equal(a, b) for a, b in zip(got, kept, strict=True)):
        raise Wrong("nothing has been changed")
    pairs = [(a.chunk(3), b.chunk(3)) for a, b in zip(got, kept, strict=True)]
    same = all(torch.equal(a[k], b[k]) for a, b in pairs for k in (0, 2))
    if not same:
        z_too = any(not torch.equal(a[1], b[1]) for a, b in pairs)
        but = "" if z_too else ", and z's were not changed: the order is r, z, n"
        raise Wrong(f"the rows of r or n were changed, which are the same in both conventions{but}")
    if any(close(a[1], -b[1]) for a, b in pairs):
        raise Wrong("the sign of z's pre-activation depends on all four tensors: one was left out")
    raise Wrong("the states differ: what turns the sigmoid of a into one minus the sigmoid of a?")


@exercise("9.4", "Beat the 6-gram", "beat-the-six-gram")
def exercise_9_4(predict):
    corpus, N = story(), 2000
    V, tokens = len(corpus.vocab), corpus.validation.tokens[:N]
    with default_dtype(torch.float32):
        p = tensor("the probabilities", call(predict, tokens), (N - 1, V)).detach().double().cpu()
        _examine_distributions(p)
        cut = 300
        other = tokens[:cut].clone()
        other[cut // 2 :] = (other[cut // 2 :] + 1) % V
        again = tensor("the probabilities", call(predict, other), (cut - 1, V)).detach().double()
    if not torch.allclose(again.cpu()[: cut // 2], p[: cut // 2], atol=1e-4):
        raise Wrong("the probabilities of a character change with what comes after it: row t may "
                    "read characters 1 to t + 1 only")  # fmt: skip
    ours = (-p.gather(1, tokens[1:].unsqueeze(1)).log().mean()).exp().item()
    counted = NGram(6, V).fit(corpus.train.text).perplexity(corpus.validation.text[:N])
    if not ours <= 0.95 * counted:
        hint = "you have more than one opinion now: try other weights"
        if ours > V / 2:
            hint = "are the rows those of characters 2 to N?"
        elif ours >= 0.9999 * counted:
            hint = "where would two advisers disagree, and who should be believed?"
        raise Wrong(f"your perplexity is {ours:.2f}, the 6-gram's {counted:.2f}: {hint}")
    return f"perplexity {ours:.2f}, where the 6-gram has {counted:.2f}"


def _examine_distributions(p):
    if not (p >= 0).all():
        raise Wrong("a probability is negative, or not a number: are these logits?")
    if (worst := (p.sum(dim=1) - 1).abs().max().item()) > 1e-3:
        raise Wrong(f"every row should add up to 1; one is off by {worst:.3g}")


@exercise("9.5", "Count with a cell", "count-with-a-cell")
def exercise_9_5(count_a):
    vocab = Vocab("abcdefghijklmnopqrstuvwxyz ")
    lstm = call(count_a, vocab)
    if not isinstance(lstm, nn.LSTM):
        raise Wrong(f"expected an nn.LSTM, got {short(lstm)}")
    if (lstm.input_size, lstm.hidden_size, lstm.num_layers) != (len(vocab), 1, 1):
        raise Wrong(
            f"expected nn.LSTM({len(vocab)}, 1) with one layer, got input_size {lstm.input_size}, "
            f"hidden_size {lstm.hidden_size}, num_layers {lstm.num_layers}"
        )
    lstm.double()
    rng = random.Random(0)
    texts = ["a", "b", "aaa", "bab", "zzz", " a a", "a" * 200, "b" * 200, "a" + "b" * 199]
    texts += ["".join(rng.choices("abcxyz ", k=n)) for n in (5, 30, 100, 200)]
    for text in texts:
        x = one_hot(vocab.encode(text), len(vocab)).double().unsqueeze(1)
        with torch.no_grad():
            _, (_, c) = lstm(x if not lstm.batch_first else x.transpose(0, 1))
        if abs(c.item() - text.count("a")) <= 0.01:
            continue
        shown = repr(text) if len(text) <= 10 else f"a text of {len(text)} characters"
        raise Wrong(f"{shown}: c is {c.item():.3f}, and there are {text.count('a')}{_why(text, c)}")


def _why(text, c):
    if "a" not in text:
        return ": what is written at the other letters?"
    if text.count("a") == 1 and c.item() < 0.5 and len(text) > 1:
        return ": is the count kept while other letters are read?"
    if text == "a":
        return ": does an a write exactly 1?"
    if set(text) == {"a"}:
        return ": is all that was counted kept? (the forget gate)"
    return ""


@exercise("9.6", "True of the GRU", "true-of-the-gru")
def exercise_9_6(answer):
    choice(
        answer,
        "abcd",
        "c",
        {
            "a": "which gate stands in the last equation, the one for h?",
            "b": "do the shapes of weight_ih fit? And the equations?",
            "d": "what is the mean of two numbers between -1 and 1?",
        },
    )


@exercise("9.7", "One bias too many?", "one-bias-too-many")
def exercise_9_7(merge_biases):
    for V, H in ((3, 4), (2, 1)):
        gru = nn.GRU(V, H)
        x, h0 = torch.randn(6, 2, V), torch.randn(1, 2, H)
        right, total = gru(x, h0)[0].detach(), (gru.bias_ih_l0 + gru.bias_hh_l0).detach()
        weights = gru.weight_hh_l0.detach().clone()
        if call(merge_biases, gru) is not gru:
            raise Wrong("expected the GRU itself back, changed in place")
        if not all(p.requires_grad and p.is_leaf for p in gru.parameters()):
            raise Wrong("a parameter can no longer be trained: change its values, under no_grad")
        if not torch.equal(gru.weight_hh_l0, weights):
            raise Wrong("only biases should change")
        r, z, n = gru.bias_hh_l0.detach().split(H)
        if not close(gru(x, h0)[0], right, 1e-9):
            merged = gru.bias_ih_l0 + gru.bias_hh_l0
            if not n.any() and close(merged, total):
                raise Wrong(
                    "the candidate's bias was moved too, and the outputs changed: what is b_hn "
                    "multiplied by?"
                )
            raise Wrong("the outputs changed: where did what was taken from bias_hh go?")
        if r.any() or z.any():
            raise Wrong("the outputs are the same, but more entries of bias_hh can be zero")


@exercise("9.8", "A view that mixes", "a-view-that-mixes")
def exercise_9_8(forward_both):
    for B, H in ((3, 4), (2, 5), (4, 4), (1, 3), (2, 1)):
        gru = nn.GRU(3, H, num_layers=2, batch_first=True)
        head = nn.Linear(2 * H, 6)
        x = torch.randn(B, 7, 3).requires_grad_()
        got = tensor("the scores (B, C)", call(forward_both, gru, head, x), (B, 6))
        h_n = gru(x)[1]
        right = head(torch.cat([h_n[0], h_n[1]], dim=1))
        if close(got, right, 1e-9):
            same_gradients(got, right, [x, *gru.parameters(), *head.parameters()], "the result")
            continue
        if close(got, head(torch.cat([h_n[1], h_n[0]], dim=1)), 1e-9):
            raise Wrong("the two layers are the wrong way round: the first layer comes first")
        if close(got, head(torch.cat([h_n[1], h_n[1]], dim=1)), 1e-9):
            raise Wrong("the first layer's state does not reach the head")
        other = x.detach().clone()
        other[1:] += 1
        if not close(run(forward_both, gru, head, other)[0], got[0], 1e-9):
            raise Wrong("the first sequence's output changes when the other sequences do")
        raise Wrong("the head does not get the last states of layer 0 and layer 1, side by side")
