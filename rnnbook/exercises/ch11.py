"""Checks of chapter 11: forward patterns, padding, and classifiers of sequences."""

import math
import random
import warnings

import torch
from torch import nn
from torch.nn.utils.rnn import pad_sequence

from rnnbook.datasets import surnames
from rnnbook.exercises.kit import (
    Wrong,
    attempted,
    built,
    call,
    choice,
    close,
    default_dtype,
    exercise,
    hints,
    learns,
    number,
    run,
    same_gradients,
    sizes,
    tensor,
)

SQUEEZED = "`squeeze(1)`, not `squeeze()`: a minibatch of one loses its only axis"


@exercise("11.1", "Shapes of a packed run", "shapes-of-a-packed-run")
def exercise_11_1(data_shape, batch_sizes, h_n_shape, output_shape):
    answers = {
        "data_shape": (
            data_shape,
            (10, 8),
            {
                (15, 8): "that counts the padding; packing leaves it out",
                (3, 5, 8): "that is the padded tensor; packed data have one row a valid step",
                (10, 32): "that is the packed output; packed.data is the input, with its features",
                (8, 10): "rows are steps, columns are features",
            },
        ),
        "batch_sizes": (
            batch_sizes,
            (3, 3, 2, 1, 1),
            {
                (5, 3, 2): "those are the lengths; how many sequences go on at each step?",
                (3, 5, 2): "those are the lengths; how many sequences go on at each step?",
                (1, 1, 2, 3, 3): "step 1 comes first, and all three sequences have it",
                (3, 3, 3, 3, 3): "the shorter sequences end before step 5",
            },
        ),
        "h_n_shape": (
            h_n_shape,
            (4, 3, 16),
            {
                (2, 3, 16): "two layers, each in two directions: how many last states?",
                (3, 4, 16): "the states are never batch first",
                (4, 16): "one such state for each of the three sequences",
                (2, 3, 32): "the directions are rows of h_n; only output has them side by side",
                (4, 3, 32): "the directions are rows already; each row has 16 units",
                (1, 3, 16): "two layers, each in two directions: how many last states?",
            },
        ),
        "output_shape": (
            output_shape,
            (3, 5, 32),
            {
                (3, 5, 16): "both directions stand side by side in the output",
                (5, 3, 32): "it is unpacked with batch_first=True",
                (10, 32): "that is before unpacking",
                (3, 5, 64): "the output is the top layer's alone",
            },
        ),
    }
    nudges = {
        "data_shape": "a row for each valid step, of lengths 3, 5 and 2, with its 8 features",
        "batch_sizes": "how many sequences have a step 1, a step 2, and so on to step 5?",
        "h_n_shape": "a state for each layer and direction, sequence and unit",
        "output_shape": "batch first, and the directions side by side",
    }
    attempted(*(given for given, _, _ in answers.values()))
    for name, (given, right, slips) in answers.items():
        found = sizes(name, given)
        if found != right:
            reason = slips.get(found, nudges[name])
            raise Wrong(f"{name} is {found}: {reason}")


COUNT_FROM_0 = {"out of bounds": "positions count from 0: a sequence of 3 steps ends at index 2"}
MISSING_AXIS = {
    "must match": "lengths (B,) meets (B, T), or a mask (B, T) meets (B, T, H): unsqueeze(1) or "
    "unsqueeze(2) gives the axis that is missing"
}


@exercise("11.2", "The last valid step", "the-last-valid-step")
def exercise_11_2(last_valid):
    output = torch.arange(12.0).reshape(2, 3, 2)
    with hints(COUNT_FROM_0):
        returned = call(last_valid, output, torch.tensor([1, 3]))
    got = tensor(
        "the result",
        returned,
        (2, 2),
        {
            (2, 1, 2): "the axis of the steps, now of size 1, is still there: squeeze it",
            (2, 1): "the index of gather must be as wide as the state: expand it to (B, 1, H)",
            (2, 2, 2): "a step for every pair of rows: index the rows along with the steps",
            (2, 1, 1): "the index of gather must be as wide as the state: expand it to (B, 1, H)",
        },
    )
    if close(got, output[:, -1]):
        raise Wrong("that is the last step of the padded tensor, the very thing to avoid")
    if close(got, output[torch.arange(2), [1, 2]]):
        raise Wrong("the sequence of length 1 has its only state at index 0: count from 0")
    if not close(got, output[torch.arange(2), [0, 2]]):
        raise Wrong(
            f"for lengths [1, 3] expected the states at indices 0 and 2, {[0.0, 1.0]} and "
            f"{[10.0, 11.0]}; got {got.tolist()}"
        )
    for B, T, H in ((4, 7, 3), (3, 3, 3), (5, 1, 2), (1, 4, 3), (3, 4, 1)):
        lengths = torch.randint(1, T + 1, (B,))
        output = torch.randn(B, T, H).requires_grad_()
        got = tensor(
            "the result",
            call(last_valid, output, lengths),
            (B, H),
            {(H,): SQUEEZED, (B,): SQUEEZED},
        )
        right = torch.stack([output[b, lengths[b] - 1] for b in range(B)])
        if not close(got, right):
            raise Wrong(f"lengths {lengths.tolist()} of at most {T}: not the last valid states")
        same_gradients(got, right, [output])


@exercise("11.3", "A mean without the padding", "a-mean-without-the-padding")
def exercise_11_3(masked_mean):
    output = torch.tensor([[[2.0], [9.0], [9.0]], [[1.0], [2.0], [6.0]]])
    with hints(MISSING_AXIS):
        returned = call(masked_mean, output, torch.tensor([1, 3]))
    got = tensor(
        "the means",
        returned,
        (2, 1),
        {
            (2,): "the features are gone: take the mean over the steps only",
            (2, 2): "a (B,) divisor met (B, H) across the wrong axis: unsqueeze it to (B, 1)",
            (1,): "the mean is over the steps, axis 1; each sequence keeps its own",
            (2, 3, 1): "the steps are still there: sum over axis 1",
        },
    )
    found = [round(entry, 6) for entry in got.flatten().tolist()]
    slips = {
        (round(20 / 3, 6), 3.0): "the padding, 9, is in the first mean",
        (round(2 / 3, 6), 3.0): "the first row is divided by T = 3; its own length is 1",
        (2.0, 9.0): "those are sums: divide by the lengths",
        (2.0, 6.0): "those are the last valid states: take the mean over all valid ones",
        (20.0, 3.0): "the padding, 9, is in the first sum",
        (11.0, 3.0): "one step too many is counted as valid: positions count from 0",
        (5.5, 3.0): "one step too many is counted as valid: positions count from 0",
    }
    if found != [2.0, 3.0]:
        raise Wrong(
            f"states [2, pad, pad] and [1, 2, 6] with lengths [1, 3]: expected means 2 and 3, got "
            f"{found}; {slips.get(tuple(found), 'what is summed, and what divides?')}"
        )
    for B, T, H in ((4, 7, 3), (3, 3, 3), (2, 5, 1), (1, 4, 2)):
        lengths = torch.randint(1, T + 1, (B,))
        output = torch.randn(B, T, H)
        for b in range(B):
            output[b, lengths[b] :] = 1e3 * torch.randn(T - lengths[b], H)
        output.requires_grad_()
        right = torch.stack([output[b, : lengths[b]].mean(dim=0) for b in range(B)])
        got = tensor("the means", call(masked_mean, output, lengths), (B, H))
        if not close(got, right):
            raise Wrong(
                f"B = {B}, T = {T}, H = {H}, lengths {lengths.tolist()}: not the means over the "
                "valid steps (the padding holds large numbers here)"
            )
        same_gradients(got, right, [output], "the mean")


@exercise("11.4", "Which summary", "which-summary")
def exercise_11_4(answer):
    choice(
        answer,
        "abcd",
        "c",
        {
            "a": "for all but the longest sequence, that step is padding",
            "b": "at the last letter, the top backward direction has made one step only",
            "d": "those are the two directions of the lower layer",
        },
    )


@exercise("11.5", "One by one equals all together", "one-by-one-equals-all-together")
def exercise_11_5(score):
    _, validation, _ = surnames.split(surnames.load())
    names, labels = validation.names, validation.labels
    with default_dtype(torch.float32):
        some = sorted(names, key=len)[:: len(names) // 40]
        random.Random(0).shuffle(some)
        together = scores(score, some)
        alone = torch.cat([scores(score, [name]) for name in some])
        if not torch.allclose(together, alone, atol=1e-4):
            if not torch.equal(scores(score, some[:1]), scores(score, some[:1])):
                raise Wrong("the same name twice gets two answers: is dropout still on?")
            same = torch.isclose(together[:, None], alone[None], atol=1e-4).all(dim=2)
            if same.any(dim=1).all() and same.any(dim=0).all():
                raise Wrong("the rows are right, and not in the order of the names: sorted by "
                            "length, and never put back?")  # fmt: skip
            worst = max(range(len(some)), key=lambda n: (together[n] - alone[n]).abs().max())
            raise Wrong(
                f"{some[worst]!r} gets other logits by itself than among longer names: is a state "
                "read that comes after padding?"
            )
        if (together >= 0).all() and torch.allclose(
            together.sum(dim=1), torch.ones(len(some)).double(), atol=1e-4
        ):
            raise Wrong("those are probabilities: cross_entropy wants logits, and applies the "
                        "softmax itself")  # fmt: skip
        other_ends = scores(score, [name[:-1] + "x" for name in some])
        if torch.allclose(other_ends, together, atol=1e-6):
            raise Wrong(
                "another last letter changes nothing: is the state taken one step too early?"
            )
        right = (scores(score, names).argmax(dim=1) == labels).double().mean().item()
    if right < 0.7:
        hint = "train it, on the training names, for some epochs"
        if right < 0.2:
            hint = "that is guessing: has the model that score uses been trained?"
        raise Wrong(f"the answers do not depend on the neighbours; accuracy {right:.3f}, and 0.70 "
                    f"is asked for: {hint}")  # fmt: skip
    if right > 0.85:
        raise Wrong(f"accuracy {right:.3f}: what learns from the training names alone stays below; "
                    "has it seen the validation names?")  # fmt: skip
    return f"accuracy {right:.3f}, one by one and all together"


def scores(score, names):
    """Return a reader's logits for names, one row a name."""
    C = len(surnames.LANGUAGES)
    hints = {(C,): "a list of one name has one row: (1, C)", (C, len(names)): "one row a name"}
    return tensor("the logits", call(score, names), (len(names), C), hints).detach().cpu()


FEATURE_SLIPS = {
    "order": "the rows come back sorted by length, not in the order of the list",
    "unsort": "the rows are right but in the wrong order: `order.argsort()` undoes a sort",
    "layer": "the state is that of the first layer; the top layer's was asked for",
    "mean": "the mean is divided by the longest length, so the padding counts as zeros",
}


# Every mixture of the slips, but the order can be wrong in one way only.
FEATURE_MIXTURES = [
    [*order, *layer, *mean]
    for order in ([], ["order"], ["unsort"])
    for layer in ([], ["layer"])
    for mean in ([], ["mean"])
    if order or layer or mean
]


@exercise("11.6", "Three bugs in a padded minibatch", "three-bugs-in-a-padded-minibatch")
def exercise_11_6(mended_features):
    F = 3
    for num_layers, H, lengths in (
        (2, 4, (2, 5, 1, 4, 3)), (3, 4, (2, 5, 1, 4, 3)), (1, 4, (2, 5, 1, 4, 3)),
        (2, 1, (2, 4, 3)), (1, 3, (4,)),
    ):  # fmt: skip
        sequences = [torch.randn(length, F) for length in lengths]
        recurrent = nn.GRU(F, H, num_layers=num_layers, batch_first=True)
        got = call(mended_features, recurrent, sequences)
        got = tensor("the features (B, 2H)", got, (len(lengths), 2 * H))
        learns(got, "the features")
        _examine_features(got.detach(), recurrent, sequences)
        of_weights = torch.autograd.grad(got.sum(), recurrent.parameters(), allow_unused=True)
        if any(gradient is None for gradient in of_weights):
            raise Wrong("a weight of the recurrent layer gets no gradient: is a part detached?")


def _examine_features(got, recurrent, sequences):
    H, right = recurrent.hidden_size, _features(recurrent, sequences)
    if close(got, right):
        return
    for slips in FEATURE_MIXTURES:
        if close(got, _features(recurrent, sequences, slips)):
            raise Wrong("; and ".join(FEATURE_SLIPS[slip] for slip in slips))
    pairs = torch.isclose(got[:, None], right[None]).all(dim=2)  # (B, B), which row is which
    if pairs.any(dim=1).all() and pairs.any(dim=0).all():
        raise Wrong("the rows are right but in the wrong order: whose is which?")
    for half, part in (("state", slice(0, H)), ("mean", slice(H, None))):
        if not close(got[:, part], right[:, part]):
            raise Wrong(
                f"with num_layers={recurrent.num_layers}, the {half} (columns {part.start} to "
                f"{(part.stop or 2 * H) - 1}) differs from that of each sequence read by itself"
            )


def _features(recurrent, sequences, slips=()):
    longest, rows = max(map(len, sequences)), []
    for sequence in sequences:
        with torch.no_grad():
            output, h_n = recurrent(sequence.unsqueeze(0))
        mean = output[0].sum(dim=0) / (longest if "mean" in slips else len(sequence))
        rows.append(torch.cat([h_n[0 if "layer" in slips else -1, 0], mean]))
    order = torch.tensor([len(s) for s in sequences]).argsort(descending=True)
    for _ in range(("order" in slips) + 2 * ("unsort" in slips)):
        rows = [rows[n] for n in order]
    return torch.stack(rows)


@exercise("11.7", "How much is padding", "how-much-is-padding")
def exercise_11_7(padding_share):
    got = number("the share", call(padding_share, [2, 4, 1, 3, 1], 2))
    slips = {
        11 / 15: "that is the share that is *not* padding",
        9 / 20: "every minibatch is padded to its own longest, not to the longest of all",
        7 / 36: "add up the cells of all minibatches, the small last one too, and divide once",
        2 / 7: "the last minibatch, of one sequence, is missing",
        4 / 11: "divide by all cells, not by the valid ones",
        4.0: "that is the number of padded cells: divide by all of them",
        5 / 16: "the last minibatch has one sequence only, so it has one cell",
        1 / 12: "the order in which they are dealt out counts: do not sort",
        2 / 13: "the order in which they are dealt out counts: do not sort",
    }
    for value, reason in slips.items():
        if math.isclose(got, value, abs_tol=1e-6):
            raise Wrong(f"for lengths [2, 4, 1, 3, 1], two at a time, got {got:.4g}: {reason}")
    if not math.isclose(got, 4 / 15, abs_tol=1e-6):
        raise Wrong(
            f"for lengths [2, 4, 1, 3, 1], two at a time, expected 4 of 15 cells, {4 / 15:.4f}; "
            f"got {got:.4g}"
        )
    rng = random.Random(0)
    for size in (1, 2, 3, 5, 50):
        lengths = [rng.randint(1, 12) for _ in range(20)]
        batches = [lengths[start : start + size] for start in range(0, 20, size)]
        cells = sum(len(batch) * max(batch) for batch in batches)
        right = 1 - sum(lengths) / cells
        got = number("the share", call(padding_share, list(lengths), size))
        if not math.isclose(got, right, abs_tol=1e-6):
            raise Wrong(f"{lengths}, {size} at a time: expected {right:.4f}, got {got:.4f}")


@exercise("11.8", "Yes or no, from two layers", "yes-or-no-from-two-layers")
def exercise_11_8(model_class):
    F, lengths = 3, torch.tensor([3, 6, 1, 4])
    model = built(model_class, F)
    sequences = [torch.randn(int(length), F) for length in lengths]
    x = pad_sequence(sequences, batch_first=True)
    if not list(model.children()) and not list(model.parameters()):
        attempted(None)
    by_shape = {
        (4, 1): "one number for each sequence, without a last axis: squeeze(1)",
        (4, 2): "two scores for each sequence: one logit is enough for yes or no",
        (4, 6): "a logit for every step: take the last valid state only",
        (6, 1): "the first axis is time: is the layer batch_first?",
        (6,): "the first axis is time: is the layer batch_first?",
        (2, 4, 1): "an LSTM returns output, (h_n, c_n): your h is the pair, and h[-1] is c_n",
        (2, 1, 4): "an LSTM returns output, (h_n, c_n): your h is the pair, and h[-1] is c_n",
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # lazy modules find their sizes now
        scores = call(model, x, lengths)
    layers = [m for m in model.modules() if isinstance(m, nn.LSTM)]
    if not layers:
        raise Wrong("there is no nn.LSTM in it: expected two layers of 256 units")
    _examine_sizes(layers, model, F)
    got = tensor("the logits", scores, (4,), by_shape)
    learns(got, "the logits")
    model.double().eval()
    with torch.no_grad():
        got = tensor("the logits", call(model, x, lengths), (4,), by_shape)
        dirty = x.clone()
        for row, length in zip(dirty, lengths, strict=True):
            row[length:] = 5.0
        alone = [
            tensor(
                "the logit",
                run(model, s.unsqueeze(0), torch.tensor([len(s)])),
                (1,),
                {(): SQUEEZED},
            )
            for s in sequences
        ]
        others = _other_readings(layers, model, sequences)
        right = others.pop("right", None)
        if right is not None and not close(got, right):
            for reason, reading in others.items():
                if close(got, reading):
                    raise Wrong(reason)
        if not close(got, run(model, x, lengths).double()):
            raise Wrong("the same minibatch twice gives other logits: is something in it random?")
        if not close(got, run(model, dirty, lengths).double()):
            raise Wrong("the logits depend on what stands in the padding: is it packed?")
        if not close(got, torch.cat(alone)):
            raise Wrong(
                "a sequence alone gets another logit than in the minibatch: is the state taken "
                "after its last valid step, and are the rows in the order of the input?"
            )
        if right is not None and not close(got, right):
            raise Wrong("expected head(h) of the top layer's state h after the last valid step")
        if not close(got, model.train()(x.clone(), lengths.clone()).double()):
            raise Wrong("in training mode it answers otherwise: no dropout was asked for")


def _examine_sizes(layers, model, F):
    depth = sum(layer.num_layers for layer in layers)
    if any(layer.hidden_size != 256 for layer in layers):
        raise Wrong(f"expected 256 units, got {[layer.hidden_size for layer in layers]}")
    if any(layer.bidirectional for layer in layers):
        raise Wrong("it is bidirectional; two layers of one direction were asked for")
    if depth != 2:
        raise Wrong(f"expected two recurrent layers, got {depth}: num_layers=2")
    right = 4 * 256 * (F + 256 + 2) + 4 * 256 * (256 + 256 + 2) + 257
    found = sum(p.numel() for p in model.parameters())
    if found == right + 257:
        raise Wrong("the head has two outputs: one logit is enough for yes or no")
    if found != right:
        raise Wrong(
            f"expected {right:,} parameters for {F} features (two layers and a head with one "
            f"output), got {found:,}"
        )


def _other_readings(layers, model, sequences):
    """Compute what the right answer and some wrong ones would be, sequence by sequence."""
    heads = [m for m in model.modules() if isinstance(m, nn.Linear)]
    if len(layers) != 1 or len(heads) != 1 or heads[0].out_features != 1:
        return {}  # built in another way: only its properties are examined
    layer, (head,) = layers[0], heads
    rows = {"right": [], "low": [], "cell": []}
    for sequence in sequences:
        x = sequence.unsqueeze(0 if layer.batch_first else 1)
        _, (h_n, c_n) = layer(x)
        rows["right"].append(h_n[-1, 0])
        rows["low"].append(h_n[0, 0])
        rows["cell"].append(c_n[-1, 0])
    read = {name: head(torch.stack(states)).squeeze(1) for name, states in rows.items()}
    return {
        "right": read["right"],
        "that is the first layer's state, h_n[0]: the top layer's is h_n[-1]": read["low"],
        "that is the cell c_n; the layer's answer is its state h_n": read["cell"],
        "a sigmoid has been applied: return the logit, the loss applies it": read[
            "right"
        ].sigmoid(),
    }
