"""Checks of chapter 7: PyTorch's nn.RNN."""

import random

import torch
from torch import nn

from rnnbook import metrics
from rnnbook.baselines import baselines
from rnnbook.datasets import story
from rnnbook.exercises.kit import (
    Wrong,
    attempted,
    built,
    call,
    case,
    choice,
    close,
    default_dtype,
    exercise,
    hints,
    learns,
    number,
    pair,
    run,
    short,
    sizes,
    tensor,
)
from rnnbook.models import CharLM
from rnnbook.recurrent import GRU, LSTM, RNN


def _count(V, H, L, D, bias):
    return sum(p.numel() for p in nn.RNN(V, H, L, bias=bias, bidirectional=D == 2).parameters())


@exercise("7.1", "Count them", "count-them")
def exercise_7_1(count_parameters):
    def compare(V, H, L, D, bias, slips=None):
        got = number("the count", call(count_parameters, V, H, L, D, bias))
        right = _count(V, H, L, D, bias)
        if got != right:
            said = (slips or {}).get(got, "add up what one layer and direction has, part by part")
            raise Wrong(
                f"V = {V}, H = {H}, L = {L}, D = {D}, bias = {bias}: expected {right:,}, got "
                f"{got:g}: {said}"
            )

    H, V = 10, 3
    square = V * H + H * H
    one_bias = {square + H: "PyTorch has two biases", square: "the biases are missing"}
    compare(V, H, 1, 1, True, one_bias)
    below = "what does layer 1 read: the input, or the layer below?"
    first = square + 2 * H  # what layer 0 holds, in one direction
    compare(V, H, 2, 1, True, {2 * first: below, first: "that is layer 0 alone"})
    narrow, wide = first + 2 * H * H + 2 * H, first + 3 * H * H + 2 * H
    slips = {
        2 * narrow: "layer 1 reads both directions of layer 0: D * H features",
        narrow: "that is one direction alone",
        wide: "each direction has parameters of its own",
    }
    compare(V, H, 2, 2, True, slips)
    compare(V, H, 1, 1, False, {square + 2 * H: "bias=False takes both biases away"})
    rng = random.Random(0)
    for _ in range(20):
        compare(rng.randint(1, 9), rng.randint(1, 9), rng.randint(1, 4), rng.randint(1, 2),
                rng.random() < 0.5)  # fmt: skip


@exercise("7.2", "Turned or not", "turned-or-not")
def exercise_7_2(answer):
    choice(
        answer,
        "abcd",
        "c",
        {
            "a": "batch_first turns the input and output, never the states",
            "b": "without h0 no size can disagree with another: section 7.4 ran it",
            "d": "which axis of output is time now?",
        },
    )


@exercise("7.3", "Half-life", "half-life-of-a-state")
def exercise_7_3(s):
    value, right = number("s", s), 0.5**0.1
    slips = {
        2**0.1: "that one doubles in ten steps",
        0.95: "the decay is a product of ten equal factors, not a sum of ten equal losses",
        0.5: "that one halves in a single step",
        0.05: "the decay is a product of ten equal factors",
        0.1**0.5: "ten factors, and a half is left: which is the base, which the exponent?",
        0.5**10: "s is one of ten equal factors whose product is a half",
    }
    for slip, reason in slips.items():
        if abs(value - slip) < 1e-3:
            raise Wrong(f"s = {value:g}: {reason}")
    if not abs(value - right) <= 0.002:
        layer, x = nn.RNN(1, 1, nonlinearity="relu", bias=False), torch.zeros(10, 1)
        with torch.no_grad():
            layer.weight_hh_l0.fill_(value)
            left = layer(x, torch.ones(1, 1))[1].item()
        raise Wrong(f"with s = {value:g}, {left:.3f} of the state is left after ten steps, not 0.5")


@exercise("7.4", "Shapes on paper", "shapes-on-paper")
def exercise_7_4(output, h_n, weight_ih_l1, weight_hh_l2_reverse):
    T, B, H, L = 35, 16, 64, 3
    answers = {
        "output": (output, (T, B, 2 * H)),
        "h_n": (h_n, (2 * L, B, H)),
        "weight_ih_l1": (weight_ih_l1, (H, 2 * H)),
        "weight_hh_l2_reverse": (weight_hh_l2_reverse, (H, H)),
    }
    attempted(*(answer for answer, _ in answers.values()))
    slips = {
        ("output", (T, B, H)): "both directions stand side by side",
        ("output", (B, T, 2 * H)): "there is no batch_first here",
        ("output", (T, B, 2 * L * H)): "output holds the top layer only",
        ("output", (T, B, 28)): "there is no head: output holds states",
        ("output", (2 * L, B, H)): "that is h_n's",
        ("h_n", (T, B, 2 * H)): "that is output's",
        ("h_n", (L, B, H)): "one row for each layer and direction",
        ("h_n", (L, B, 2 * H)): "the directions are rows of their own here, not side by side",
        ("h_n", (2, B, H)): "all layers are in it",
        ("h_n", (B, 2 * L, H)): "the batch is never the first axis of a state",
        ("weight_ih_l1", (H, 28)): "only layer 0 reads the input",
        ("weight_ih_l1", (28, H)): "only layer 0 reads the input, and PyTorch's are transposed",
        ("weight_ih_l1", (H, H)): "layer 1 reads both directions of layer 0",
        (
            "weight_ih_l1",
            (2 * H, H),
        ): "PyTorch's weights are transposed: what they give comes first",
        ("weight_hh_l2_reverse", (H, 2 * H)): "each direction reads its own last state only",
        ("weight_hh_l2_reverse", (2 * H, 2 * H)): "each direction reads its own last state only",
    }
    for name, (answer, right) in answers.items():
        got = sizes(name, answer)
        if got != right:
            said = slips.get((name, got), "see sections 7.2 and 7.6")
            raise Wrong(f"{name}: {got} is not it: {said}")


@exercise("7.5", "One layer out of two", "one-layer-out-of-two")
def exercise_7_5(split_layers):
    _split(split_layers, {}, first=True)
    for options in (
        {"nonlinearity": "relu"},
        {"bias": False},
        {"batch_first": True},
        {"dtype": torch.float32},
    ):
        said = ", ".join(f"{name}={value}" for name, value in options.items())
        with case(f"given a network with {said}"):
            _split(split_layers, options)


def _split(split_layers, options, first=False):
    """Let the reader split a network that has these options, and compare."""
    V, H, T, B = 5, 4, 6, 3
    rnn = nn.RNN(V, H, num_layers=2, **options)
    x = torch.randn(*((B, T) if rnn.batch_first else (T, B)), V).to(rnn.weight_ih_l0)
    before = [p.detach().clone() for p in rnn.parameters()]
    returned = call(split_layers, rnn)
    if isinstance(returned, nn.ModuleList):
        returned = list(returned)
    lower, upper = pair(returned, ("lower", "upper"))
    if any(not torch.equal(a, b) for a, b in zip(before, rnn.parameters(), strict=True)):
        raise Wrong("the network that was given has changed; copy from it")
    for name, layer, features in (("lower", lower, V), ("upper", upper, H)):
        if not isinstance(layer, nn.Module):
            raise Wrong(f"{name}: expected a layer, got {short(layer)}")
        if getattr(layer, "num_layers", 1) != 1:
            raise Wrong(f"{name} has {layer.num_layers} layers, not one")
        if getattr(layer, "input_size", features) != features:
            raise Wrong(f"{name} reads {layer.input_size} features, expected {features}")
    _compare_stack(rnn, x, lower, upper, first)


def _compare_stack(rnn, x, lower, upper, first):
    output, h_n = rnn(x)
    for name, layer in (("lower", lower), ("upper", upper)):
        for parameter in layer.parameters():
            if parameter.dtype != rnn.weight_ih_l0.dtype:
                raise Wrong(
                    f"the weights of {name} are of {parameter.dtype}, those given of "
                    f"{rnn.weight_ih_l0.dtype}: the new layer needs the same options"
                )
    between, h_lower = pair(run(lower, x), ("output", "h_n"))
    final, h_upper = pair(run(upper, between), ("output", "h_n"))
    for layer, name in ((lower, "lower"), (upper, "upper")):
        own = list(layer.parameters())
        if not own or not all(p.requires_grad for p in own):
            raise Wrong(f"the weights of {name} can no longer be trained: copy them, detached")
    tensor("the output", final, output.shape)
    if not close(h_lower, h_n[:1]):
        raise Wrong(
            "layer 0's states differ from h_n[0]: are all of its weights copied?"
            if first
            else "layer 0's states differ: the new layer needs the same options"
        )
    if not (close(final, output) and close(h_upper, h_n[1:])):
        raise Wrong(
            "the output differs: are all of the upper layer's weights those of layer 1?"
            if first
            else "the output differs: the upper layer needs the same options"
        )


@exercise("7.6", "Three bugs", "three-bugs")
def exercise_7_6(mended):
    for L in (2, 3):
        _examine_classifier(mended, L)


def _examine_classifier(mended, L):
    F, H, C, B, T = 3, 6, 4, 5, 7
    model = built(mended, F, H, L, C).eval()
    x = torch.randn(B, T, F)

    def scores(x):
        returned = run(model, x)
        return returned[0] if isinstance(returned, tuple) else returned

    one_a_step = (
        "one row a step: does the layer take the batch for time, or does an index take a sequence "
        "for a step?"
    )
    logits = tensor("the logits", scores(x), (B, C), {(T, C): one_a_step})
    tensor("the logits of a batch of one sequence", scores(x[:1]), (1, C))
    learns(logits, "the logits")
    if not close(scores(x.flip(0)), logits.flip(0), 1e-9):
        raise Wrong(
            "a sequence's logits depend on the other sequences: the layer takes the axis of the "
            "batch for time"
        )
    if bool((logits >= 0).all()) and close(logits.sum(1), torch.ones(B)):
        raise Wrong("each row adds up to 1: the loss takes the softmax itself, and wants logits")
    _examine_layers(model, L)
    _examine_head(model, logits, scores, x)


def _examine_layers(model, L):
    for m in model.modules():
        if isinstance(m, (nn.LSTM, nn.GRU, LSTM, GRU)):
            raise Wrong(f"the layer is of another kind, {type(m).__name__}: it should stay nn.RNN")
    layers = [m for m in model.modules() if isinstance(m, (nn.RNN, RNN))]
    if layers and sum(layer.num_layers for layer in layers) != L:
        raise Wrong(
            f"asked for num_layers={L}, it has {sum(layer.num_layers for layer in layers)}: is "
            "the argument handed on?"
        )


def _examine_head(model, logits, scores, x):
    logits.sin().sum().backward()
    for name, p in model.named_parameters():
        if p.grad is None or not p.grad.any():
            raise Wrong(
                f"{name} gets no gradient: which layer's state, and of which step, is read?"
            )
    for step, name in ((-1, "last"), (0, "first")):
        other = x.clone()
        other[:, step] += 1
        if close(scores(other), logits, 1e-9):
            raise Wrong(f"the logits do not depend on the {name} step of the sequence")
    rnns = [m for m in model.modules() if isinstance(m, nn.RNN)]
    heads = [m for m in model.modules() if isinstance(m, nn.Linear)]
    if len(rnns) == len(heads) == 1:
        h_n = rnns[0](x if rnns[0].batch_first else x.transpose(0, 1))[1]
        right = heads[0](h_n[-1])
        # The cross-entropy of logarithms of probabilities is that of the logits.
        if not close(logits, right, 1e-9) and not close(logits, right.log_softmax(dim=1), 1e-9):
            raise Wrong("the logits are not those of the head on the top layer's last state")


LIMIT, TARGET = 40_000, 4.6  # parameters, validation perplexity


@exercise("7.7", "Get more out of it", "get-more-out-of-it")
def exercise_7_7(model):
    attempted(model)
    if not isinstance(model, CharLM):
        raise Wrong(f"expected a trained CharLM, got {short(model)}")
    if not isinstance(model.recurrent, nn.RNN | RNN):
        raise Wrong(f"its layer is {type(model.recurrent).__name__}: a plain nn.RNN was asked for")
    if (count := sum(p.numel() for p in model.parameters())) > LIMIT:
        raise Wrong(f"it has {count:,} parameters, and {LIMIT:,} are allowed")
    corpus = story()
    with default_dtype(torch.float32):
        reached = run(metrics.perplexity, model, corpus.validation.tokens)
        if reached >= TARGET:
            hint = "another optimiser? more epochs? fewer, with restore_best=True?"
            if reached > baselines()["unigram"]:
                hint = "that is no better than counting letters: has it been trained?"
            raise Wrong(
                f"validation perplexity {reached:.3f}, and {TARGET} is to be beaten: {hint}"
            )
        tested = run(metrics.perplexity, model, corpus.test.tokens)
    if tested > 1.2 * reached:
        raise Wrong(
            f"perplexity {reached:.2f} on the validation part and {tested:.2f} on the test part: "
            "has it been trained on the validation part?"
        )
    return f"validation perplexity {reached:.3f}"


@exercise("7.8", "Layers out of cells", "layers-out-of-cells")
def exercise_7_8(cell_rnn):
    V, H, L, T, B = 5, 4, 3, 6, 2
    model = built(cell_rnn, V, H, L).eval()
    cells = [m for m in model.modules() if isinstance(m, nn.RNNCell)]
    if len(cells) != L:
        raise Wrong(
            f"expected {L} cells among the module's modules, found {len(cells)}: one for each "
            "layer, in an nn.ModuleList, which Python's own lists are not (or is one cell used "
            "twice?)"
        )
    sizes = [cell.input_size for cell in cells]
    if sizes != [V] + [H] * (L - 1):
        raise Wrong(f"the cells read {sizes} features; layer 0 reads V, the others H")
    if {cell.hidden_size for cell in cells} != {H}:
        raise Wrong(f"every cell should have {H} units, got {[c.hidden_size for c in cells]}")
    builtin = nn.RNN(V, H, L, bias=cells[0].bias)
    with torch.no_grad():
        for layer, cell in enumerate(cells):
            for name, value in cell.named_parameters():
                value.copy_(getattr(builtin, f"{name}_l{layer}"))
    for sequences in (B, 1):
        x, h0 = torch.randn(T, sequences, V), torch.randn(L, sequences, H)
        for arguments in ((x,), (x, h0)):
            _compare_cells(model, cells, builtin, arguments)
    words = "of a type of its own: torch.zeros(..., dtype=x.dtype, device=x.device), or x.new_zeros"
    with default_dtype(torch.float32), hints({"dtype": f"in float64 something is {words}"}):
        output, _ = run(model, torch.randn(T, B, V, dtype=torch.float64))
        if output.dtype != torch.float64:
            raise Wrong(f"for a float64 x the output is {output.dtype}: something is {words}")


def _compare_cells(model, cells, builtin, arguments):
    said = f"{'without h0' if len(arguments) == 1 else 'with an h0 of random numbers'}: "
    given = [argument.clone() for argument in arguments]
    returned = pair(run(model, *given), ("output", "h_n"))
    if not all(torch.equal(a, b) for a, b in zip(given, arguments, strict=True)):
        raise Wrong(f"{said}what was handed over has been changed in place")
    builtin.zero_grad()
    model.zero_grad()
    expected = builtin(*arguments)
    for name, got, right in zip(("output", "h_n"), returned, expected, strict=True):
        tensor(name, got, right.shape)
    (output, h_n), (right, right_h_n) = returned, expected
    for step in range(len(right)):
        if not close(output[step], right[step], 1e-9):
            what = (
                "does each layer read the new state of the one below, and is the top one put out?"
            )
            if step:
                what = "is each layer's own state handed on to its next step?"
            elif len(arguments) == 2:
                what = "does each layer start from its own row of h0?"
            raise Wrong(f"{said}output differs from nn.RNN's from step {step + 1} on: {what}")
    if not close(h_n, right_h_n, 1e-9):
        raise Wrong(f"{said}h_n differs from nn.RNN's: one row a layer, layer 0 first")
    learns(output, "the output")
    learns(h_n, "h_n")
    (output.sin().sum() + h_n.cos().sum()).backward()
    (right.sin().sum() + right_h_n.cos().sum()).backward()
    for layer, cell in enumerate(cells):
        for name, p in cell.named_parameters():
            wanted = getattr(builtin, f"{name}_l{layer}").grad
            if p.grad is None or not close(p.grad, wanted):
                raise Wrong(
                    f"{said}the values agree, and the gradient of layer {layer}'s {name} does "
                    "not: is anything detached?"
                )
