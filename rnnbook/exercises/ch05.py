"""Checks of chapter 5: training a recurrent network."""

import copy
import math
import random
from itertools import combinations

import torch
from torch import nn

from rnnbook import metrics
from rnnbook.baselines import baselines
from rnnbook.batching import SequentialBatches
from rnnbook.datasets import story
from rnnbook.exercises.kit import (
    Wrong,
    attempted,
    call,
    choice,
    default_dtype,
    exercise,
    number,
    numbers,
    pair,
    run,
    short,
    tensor,
    whole,
)
from rnnbook.models import CharLM, device_of, evaluating
from rnnbook.recurrent import RNN


def _close(got, expected, tolerance=1e-6):
    return math.isclose(got, expected, rel_tol=tolerance, abs_tol=tolerance)


@exercise("5.1", "Clip by hand", "clip-by-hand")
def exercise_5_1(norm_before, first_after, second_after):
    attempted(norm_before, first_after, second_after)
    norm_before = number("norm_before", norm_before)
    if not _close(norm_before, 13):
        slips = {
            17: "that is the sum of both norms",
            12: "that is the larger of the two norms",
            169: "that is its square",
            6.5: "that is the norm after clipping",
        }
        raise Wrong(
            f"norm_before is {norm_before:g}: "
            + slips.get(norm_before, "all four numbers are one vector")
        )
    after = [*numbers("first_after", first_after, 2), *numbers("second_after", second_after, 2)]
    if all(_close(a, b) for a, b in zip(after, (3, 4, 0, 12), strict=True)):
        raise Wrong("nothing has been clipped: the norm, 13, is above 6.5")
    if all(_close(a, b) for a, b in zip(after[:2], (3, 4), strict=True)):
        raise Wrong("the first gradient is shrunk too, by the same factor as the second")
    norm = math.sqrt(sum(entry**2 for entry in after))
    if not _close(norm, 6.5):
        raise Wrong(f"the four numbers after clipping have a norm of {norm:.3g}, not 6.5")
    if not all(_close(a, b) for a, b in zip(after, (1.5, 2, 0, 6), strict=True)):
        raise Wrong("the norm is right and the direction has changed: use one factor for all")


@exercise("5.2", "Put the averages together", "put-the-averages-together")
def exercise_5_2(perplexity):
    losses, counts = [2.0, 1.0], [100, 300]
    got = number("the perplexity", call(perplexity, losses, counts))
    slips = {
        math.exp(1.5): "that is the plain mean of the losses; a large minibatch weighs more",
        (math.exp(2.0) + math.exp(1.0)) / 2: "the exponential comes after the mean",
        (math.exp(2.0) + 3 * math.exp(1.0)) / 4: "the exponential comes after the mean",
        1.25: "that is the mean loss; its exponential is missing",
        2**1.25: "the losses are in nats, so the base is e",
        math.exp(500 / 2): "divide by the number of characters, not by that of minibatches",
    }
    for value, reason in slips.items():
        if _close(got, value):
            raise Wrong(f"for {losses} and {counts} got {got:.4g}: {reason}")
    if not _close(got, math.exp(1.25)):
        raise Wrong(f"for {losses} and {counts} expected {math.exp(1.25):.4f}, got {got:.4g}")
    rng = random.Random(0)
    for _ in range(10):
        size = rng.randint(1, 6)
        losses = [rng.uniform(0, 3) for _ in range(size)]
        counts = [rng.randint(1, 50) for _ in range(size)]
        each = [loss for loss, count in zip(losses, counts, strict=True) for _ in range(count)]
        right = math.exp(sum(each) / len(each))
        if not _close(got := number("the perplexity", call(perplexity, losses, counts)), right):
            raise Wrong(f"for {losses} and {counts} expected {right:.6f}, got {got:.6f}")


SLIPS = {
    "targets": "the targets are not in the order of the logits: time comes first there",
    "zero_grad": "the gradients of earlier minibatches are still in it: when are they emptied?",
    "clip": "the gradient that the step uses is not clipped: where does the clipping stand?",
    "none": "the gradient that the step uses is not clipped to `clip`",
    "each": "the gradient is clipped parameter by parameter; the bound is for all together",
    "value": "the gradient is clipped entry by entry; its norm is to be clipped",
    "state": "the state is not carried from one minibatch to the next",
}


def _reference_epoch(model, batches, optimizer, clip, slips=()):
    """The right loop, or one with some of the slips, to recognise what a wrong one did."""
    state, nats, count = None, 0.0, 0
    for X, Y in batches:
        logits, state = model(X, None if state is None or "state" in slips else state.detach())
        targets = (Y if "targets" in slips else Y.T).flatten()
        loss = nn.functional.cross_entropy(logits.flatten(0, 1), targets)
        if "zero_grad" not in slips:
            optimizer.zero_grad()
        if "clip" in slips:  # too early: before there is a gradient to clip
            nn.utils.clip_grad_norm_(model.parameters(), clip)
        loss.backward()
        _clip(list(model.parameters()), clip, slips)
        optimizer.step()
        nats += loss.item() * Y.numel()
        count += Y.numel()
    return math.exp(nats / count)


def _clip(parameters, clip, slips):
    if "clip" in slips or "none" in slips:
        return
    if "value" in slips:
        nn.utils.clip_grad_value_(parameters, clip)
        return
    for group in [[p] for p in parameters] if "each" in slips else [parameters]:
        nn.utils.clip_grad_norm_(group, clip)


def _slips_that_explain(weights, train):
    """Find the slips, as few as possible, that lead to these weights."""
    clipping = [(), ("clip",), ("none",), ("each",), ("value",)]
    others = [s for n in range(4) for s in combinations(("targets", "zero_grad", "state"), n)]
    candidates = [(*a, *b) for a in others for b in clipping]
    for slips in sorted(candidates, key=len):
        # Own clipping may leave out the 1e-6 that PyTorch adds to the norm.
        if torch.allclose(weights, train(_reference_epoch, slips)[1], rtol=1e-4, atol=1e-6):
            return slips
    return None


class _Batches(list):
    """Minibatches that continue one another."""

    carries_state = True


def _examine_epoch(own):
    """Examine that a loop makes the steps of the right one, and name the slips of a wrong one."""
    torch.manual_seed(0)
    tokens = torch.randint(1, 8, (200,))
    start = CharLM(RNN(8, 6)).double()
    batches = _Batches(SequentialBatches(tokens, 4, 7, offset=0))
    batches[-1] = tuple(part[:, :2] for part in batches[-1])  # fewer characters than the others

    def train(epoch, *slips, clip=0.05):
        model = copy.deepcopy(start)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
        value = number("the perplexity", call(epoch, model, batches, optimizer, clip, *slips))
        return value, nn.utils.parameters_to_vector(model.parameters()).detach()

    got, weights = train(own)
    right = train(_reference_epoch)[0]
    slips = _slips_that_explain(weights, train)
    if slips is None and torch.equal(weights, nn.utils.parameters_to_vector(start.parameters())):
        raise Wrong("the parameters have not moved: is there a step?")
    if slips is None:
        raise Wrong("the parameters after one epoch are not those of the right loop: what differs?")
    if slips:
        raise Wrong("; and ".join(SLIPS[slip] for slip in slips))
    free, wanted = (train(epoch, clip=1e6)[1] for epoch in (own, _reference_epoch))
    if not torch.allclose(free, wanted, rtol=1e-4, atol=1e-6):
        raise Wrong(
            "with a bound that no gradient reaches, the steps are not those of the right loop: is "
            "the loss the mean over the characters, and does clipping leave a short gradient alone?"
        )
    if not _close(got, right, 1e-4):
        raise Wrong(
            f"the steps are right, and the perplexity returned is {got:.6g} instead of "
            f"{right:.6g}: what is averaged, and when is the exponential taken?"
        )


@exercise("5.3", "The loop, from a blank cell", "training-loop-from-a-blank-cell")
def exercise_5_3(train_epoch):
    _examine_epoch(train_epoch)


@exercise("5.4", "Beat the trigram", "beat-the-trigram")
def exercise_5_4(mine):
    attempted(mine)
    if not isinstance(mine, nn.Module):
        raise Wrong(f"expected a trained model, an nn.Module, got {short(mine)}")
    corpus = story()
    tokens, device = corpus.validation.tokens, device_of(mine)
    with default_dtype(torch.float32), evaluating(mine):
        window = tokens[:40].unsqueeze(0).to(device)
        got = pair(run(mine, window), ("the logits", "the state"))[0]
        logits = tensor("the logits", got, (40, 1, len(corpus.vocab)))
        other = window.clone()
        other[:, 20:] = (other[:, 20:] + 1) % len(corpus.vocab)
        again = run(mine, other)[0].double()
        if not torch.allclose(again[:20], logits.double()[:20], atol=1e-4):
            raise Wrong("its logits change with characters that come later: it reads the answer")
        reached = metrics.perplexity(mine, tokens)
    if not reached <= 5.15:
        trigram = baselines()["trigram"]
        hint = "better than the trigram, and not yet by enough"
        if reached >= trigram:
            hint = f"the trigram has {trigram:.2f}"
        if reached >= 20:
            hint = "has it been trained at all?"
        raise Wrong(f"its perplexity on the validation part is {reached:.2f}: {hint}")
    return f"validation perplexity {reached:.2f}"


@exercise("5.5", "The price of short windows", "the-price-of-short-windows")
def exercise_5_5(perplexity_of_windows):
    by_position = torch.tensor([16.0, 4.0, 4.0, 1.0])
    for length, right in ((1, 16.0), (2, 8.0), (4, 4.0)):
        got = number("the perplexity", call(perplexity_of_windows, by_position, length))
        mean = by_position[:length].mean().item()
        if _close(got, mean) and not _close(mean, right):
            raise Wrong("that is the plain mean; losses are averaged, and they are logarithms")
        if _close(got, by_position[length - 1].item()) and not _close(got, right):
            raise Wrong("that is the last position alone; a window has all positions up to it")
        if not _close(got, right):
            raise Wrong(
                f"for {by_position.tolist()} and length {length} expected {right:g}, got {got:.4g}"
            )
    tensor = torch.rand(35) * 10 + 1
    right = tensor[:20].log().mean().exp().item()
    got = number("the perplexity", call(perplexity_of_windows, tensor, 20))
    if not _close(got, right, 1e-4):
        raise Wrong(f"for a tensor of 35 values and length 20 expected {right:.4f}, got {got:.4f}")


@exercise("5.6", "Perplexity 1.0", "perplexity-1-0")
def exercise_5_6(answer):
    choice(
        answer,
        "abcd",
        "b",
        {
            "a": "the number was measured on the very characters it was trained on",
            "c": "a text that is known by heart holds no surprise at all",
            "d": "look at the lowest point of the validation curve: how far from 1 is it?",
        },
    )


def _best_epoch(validation, patience):
    best = 1
    for epoch in range(1, len(validation) + 1):
        if validation[epoch - 1] < validation[best - 1]:
            best = epoch
        if epoch - best == patience:
            break
    return epoch, best


@exercise("5.7", "Stop early", "stop-early")
def exercise_5_7(best_epoch):
    cases = [
        ([9.0, 8.0, 7.0], 2),  # never stops early
        ([9.0, 8.0, 8.5, 8.6, 5.0], 2),  # stops before the 5.0
        ([9.0, 8.0, 8.5, 7.0, 7.5, 7.6, 7.7], 3),  # patience starts anew at the 7.0
        ([9.0, 8.0, 8.0, 8.0, 1.0], 2),  # an equal value is not a new lowest
        ([5.0], 1),
        ([5.0, 6.0, 4.0], 1),
    ]
    rng = random.Random(0)
    for _ in range(50):
        values = [float(rng.randint(1, 9)) for _ in range(rng.randint(1, 12))]
        cases.append((values, rng.randint(1, 4)))
    for validation, patience in cases:
        stop, best = pair(call(best_epoch, list(validation), patience), ("stop", "best"))
        got, right = (whole("stop", stop), whole("best", best)), _best_epoch(validation, patience)
        if got == right:
            continue
        shown = f"for {validation} and patience {patience}"
        if got == (right[0] - 1, right[1] - 1):
            raise Wrong(f"{shown} got {got}: epochs are counted from 1")
        if got == right[::-1]:
            raise Wrong(f"{shown} got {got}: the pair is the wrong way round")
        raise Wrong(f"{shown} expected (stop, best) = {right}, got {got}")


@exercise("5.8", "Four bugs", "four-bugs")
def exercise_5_8(mended_epoch):
    _examine_epoch(mended_epoch)
