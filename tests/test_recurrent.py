"""rnnbook.recurrent against torch.nn, in values, gradients, and state dicts."""

import inspect
import itertools
import warnings

import pytest
import torch
from allpairspy import AllPairs
from torch import nn
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence

from rnnbook import relative_distance
from rnnbook.diagnostics import gates
from rnnbook.recurrent import GRU, LSTM, RNN, Recurrence, detach, output_size, set_gate_bias

KINDS = {
    "tanh": (RNN, nn.RNN, {"nonlinearity": "tanh"}),
    "relu": (RNN, nn.RNN, {"nonlinearity": "relu"}),
    "lstm": (LSTM, nn.LSTM, {}),
    "projected": (LSTM, nn.LSTM, {"proj_size": 2}),
    "gru": (GRU, nn.GRU, {}),
}
AXES = [
    # Kind, and input and hidden size; a projection has nothing below one unit.
    [
        (kind, size)
        for kind in KINDS
        for size in ((1, 1), (3, 5))
        if kind != "projected" or size[1] > 1
    ],
    [1, 2, 3],  # layers
    [False, True],  # batch first
    [True, False],  # bias
    [False, True],  # bidirectional
    ["batched", "unbatched", "packed", "packed, longest first"],
    [False, True],  # with a state
]
NAMES = ("cell", "layers", "batch_first", "bias", "bidirectional", "batch", "with_state")
# Any two settings meet in a few dozen layers; all of them are tried by `pytest -m full`.
PAIRS = [tuple(row) for row in AllPairs(AXES)]
GRID = list(itertools.product(*AXES))


def pair(kind, sizes, layers=1, batch_first=False, bias=True, bidirectional=False, **more):
    """Return our layer and PyTorch's, of the same arguments and weights, in float64."""
    ours, theirs, options = KINDS[kind]
    options = options | {
        "num_layers": layers,
        "bias": bias,
        "batch_first": batch_first,
        "bidirectional": bidirectional,
        "dtype": torch.float64,
    }
    torch.manual_seed(0)
    made = ours(*sizes, **options, **more), theirs(*sizes, **options, **more)
    made[0].load_state_dict(made[1].state_dict())
    return made


def a_state(module, sizes, batch):
    """Return a random state for the module, a list of one tensor or two."""
    rows = module.num_layers * (2 if module.bidirectional else 1)
    widths = [getattr(module, "proj_size", 0) or sizes[1]]
    widths += [sizes[1]] if isinstance(module, nn.LSTM) else []
    shapes = [(rows, *batch, width) for width in widths]
    return [torch.randn(shape, dtype=torch.float64) for shape in shapes]


def flat(result):
    """List the tensors in a module's result."""
    if isinstance(result, PackedSequence):
        return [part for part in result if part is not None]
    return [result] if isinstance(result, torch.Tensor) else [t for r in result for t in flat(r)]


def meetings(rows):
    """Return which two settings meet in some rows."""
    axes = list(itertools.combinations(range(len(AXES)), 2))
    return {(i, j, row[i], row[j]) for i, j in axes for row in rows}


def test_every_two_settings_meet_in_a_few_layers():
    assert meetings(PAIRS) == meetings(GRID) and len(PAIRS) < len(GRID) / 20


@pytest.mark.parametrize(NAMES, PAIRS)
def test_values_and_gradients_equal_torchs(
    cell, layers, batch_first, bias, bidirectional, batch, with_state
):
    compare(*cell, layers, batch_first, bias, bidirectional, batch, with_state)


@pytest.mark.full
@pytest.mark.parametrize(NAMES, GRID)
def test_values_and_gradients_equal_torchs_in_every_combination(
    cell, layers, batch_first, bias, bidirectional, batch, with_state
):
    compare(*cell, layers, batch_first, bias, bidirectional, batch, with_state)


def compare(kind, sizes, layers, batch_first, bias, bidirectional, batch, with_state):
    """Run both layers on the same input; every output and every gradient must be equal."""
    ours, theirs = pair(kind, sizes, layers, batch_first, bias, bidirectional)
    T, B = 6, 4
    leading = (T,) if batch == "unbatched" else (B, T) if batch_first else (T, B)
    x = torch.randn(*leading, sizes[0], dtype=torch.float64)
    state = a_state(theirs, sizes, () if batch == "unbatched" else (B,)) if with_state else []
    lengths = [6, 4, 4, 1] if batch.endswith("first") else [4, 6, 1, 4]
    results = []
    for module in (ours, theirs):
        leaves = [tensor.clone().requires_grad_() for tensor in (x, *state)]
        read, hx = leaves[0], leaves[1:]
        if batch.startswith("packed"):
            ordered = batch.endswith("first")
            read = pack_padded_sequence(read, lengths, batch_first, enforce_sorted=ordered)
        hx = None if not hx else hx[0] if len(hx) == 1 else tuple(hx)
        tensors = flat(module(read, hx))
        sum(t.sin().sum() for t in tensors if t.requires_grad).backward()
        gradients = [p.grad for p in (*module.parameters(), *leaves)]
        results.append([*tensors, *gradients])
    assert len(results[0]) == len(results[1]) >= 4
    for a, b in zip(*results, strict=True):
        assert a.shape == b.shape and a.dtype == b.dtype
        assert relative_distance(a, b) < 1e-12


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("bidirectional", [True, False])
def test_state_dicts_are_interchangeable(kind, bias, bidirectional):
    ours, theirs = pair(kind, (3, 5), 2, False, bias, bidirectional)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    ours.reset_parameters()
    theirs.load_state_dict(ours.state_dict())
    x = torch.randn(4, 2, 3).double()
    assert relative_distance(theirs(x)[0], ours(x)[0]) < 1e-12


@pytest.mark.parametrize(
    ("ours", "theirs", "positional"),
    [
        (RNN, nn.RNN, (3, 5, 2, "relu", False, True, 0.25, True)),
        (LSTM, nn.LSTM, (3, 5, 2, False, True, 0.25, True, 2)),
        (GRU, nn.GRU, (3, 5, 2, False, True, 0.25, True)),
    ],
)
def test_arguments_are_torchs_in_order(ours, theirs, positional):
    for name in inspect.signature(ours).parameters:
        if name not in ("device", "dtype"):
            assert getattr(ours(*positional), name) == getattr(theirs(*positional), name)
    forward = inspect.signature(ours.forward).parameters
    assert list(forward) == list(inspect.signature(theirs.forward).parameters)


@pytest.mark.parametrize("kind", KINDS)
def test_initial_weights_have_torchs_distribution(kind):
    torch.manual_seed(0)
    ours, _, options = KINDS[kind]
    weight = ours(50, 100, **options).weight_ih_l0
    assert weight.abs().max() <= 0.1 and weight.std().item() == pytest.approx(
        0.1 / 3**0.5, rel=0.02
    )


@pytest.mark.parametrize("ours", [RNN, LSTM, GRU])
def test_dropout_acts_between_layers_and_only_in_training(ours):
    torch.manual_seed(0)
    x = torch.randn(5, 2, 3)
    deep = ours(3, 8, num_layers=2, dropout=0.5)
    assert not torch.equal(deep(x)[0], deep(x)[0])
    deep.eval()
    assert torch.equal(deep(x)[0], deep(x)[0])
    single = ours(3, 8, num_layers=1, dropout=0.5)
    assert torch.equal(single(x)[0], single(x)[0])
    everything = ours(3, 8, num_layers=2, dropout=1.0)
    assert torch.equal(everything(x)[0], everything(torch.zeros_like(x))[0])  # nothing gets through


@pytest.mark.parametrize(
    ("layer", "arguments", "message"),
    [
        (RNN, {"input_size": 0}, "input_size of at least 1, got 0"),
        (LSTM, {"hidden_size": -1}, "hidden_size of at least 1"),
        (GRU, {"num_layers": 0}, "num_layers of at least 1"),
        (RNN, {"nonlinearity": "gelu"}, "'tanh' or 'relu', got 'gelu'"),
        (GRU, {"dropout": 1.5}, "from 0 to 1, got 1.5"),
        (LSTM, {"proj_size": 5}, "below hidden_size=5, got 5"),
        (LSTM, {"proj_size": -1}, "got -1"),
    ],
)
def test_bad_sizes_are_refused(layer, arguments, message):
    with pytest.raises(ValueError, match=message):
        layer(**({"input_size": 3, "hidden_size": 5} | arguments))


@pytest.mark.parametrize("layer", [RNN, GRU])
@pytest.mark.parametrize(
    ("shape", "h0", "message"),
    [
        ((4,), None, r"expected x of shape \(T, B, V\).*got \(4,\)"),
        ((4, 2, 7), None, r"input_size = 3, got \(4, 2, 7\)"),
        ((0, 2, 3), None, "at least one time step"),
        ((4, 2, 3), (1, 2, 5), r"expected h0 of shape \(2, 2, 5\), got \(1, 2, 5\)"),
        ((4, 2, 3), (2, 3, 5), "another batch size"),
        ((4, 3), (2, 1, 5), r"expected h0 of shape \(2, 5\)"),
    ],
)
def test_bad_shapes_are_refused(layer, shape, h0, message):
    with pytest.raises(ValueError, match=message):
        layer(3, 5, num_layers=2)(torch.zeros(shape), None if h0 is None else torch.zeros(h0))


def test_states_of_another_kind_are_refused():
    x, h = torch.zeros(4, 2, 3), torch.zeros(1, 2, 5)
    with pytest.raises(TypeError, match=r"LSTM to be a pair \(h0, c0\), got a tensor"):
        LSTM(3, 5)(x, h)
    with pytest.raises(TypeError, match="GRU to be a tensor h0, got a tuple of 2"):
        GRU(3, 5)(x, (h, h))
    with pytest.raises(TypeError, match="got a tuple of 3"):
        LSTM(3, 5)(x, (h, h, h))
    with pytest.raises(ValueError, match=r"expected c0 of shape \(1, 2, 5\), got \(1, 2, 4\)"):
        LSTM(3, 5)(x, (h, torch.zeros(1, 2, 4)))
    with pytest.raises(ValueError, match=r"expected h0 of shape \(1, 2, 2\)"):
        LSTM(3, 5, proj_size=2)(x, (h, h))


def test_other_types_are_refused():
    layer = RNN(3, 5)
    with pytest.raises(ValueError, match="torch.float32, like the weights, got torch.int64"):
        layer(torch.zeros(4, 2, 3, dtype=torch.long))
    with pytest.raises(ValueError, match="expected h0 of torch.float32.*got torch.float64"):
        layer(torch.zeros(4, 2, 3), torch.zeros(1, 2, 5).double())
    packed = pack_padded_sequence(torch.zeros(4, 2, 7), [4, 2])
    with pytest.raises(ValueError, match="input_size = 3, got"):
        layer(packed)


@pytest.mark.parametrize("nonlinearity", ["tanh", "relu"])
@pytest.mark.parametrize("T", [1, 2, 5])
def test_the_backward_pass_agrees_with_finite_differences(nonlinearity, T):
    torch.manual_seed(0)
    shapes = ((T, 3, 4), (3, 4), (4, 4))
    tensors = [torch.randn(shape, dtype=torch.float64, requires_grad=True) for shape in shapes]
    assert torch.autograd.gradcheck(lambda *t: Recurrence.apply(*t, nonlinearity), tensors)


def test_the_recurrence_leaves_its_inputs_as_they_were():
    projected, h0, W = torch.randn(4, 2, 3), torch.randn(2, 3), torch.randn(3, 3)
    before = [t.clone() for t in (projected, h0, W)]
    Recurrence.apply(projected, h0, W, "tanh")
    assert all(torch.equal(a, b) for a, b in zip(before, (projected, h0, W), strict=True))


@pytest.mark.parametrize("layer", [LSTM, nn.LSTM, GRU, nn.GRU])
def test_a_gate_bias_opens_that_gate_alone(layer):
    net = layer(3, 5, num_layers=2, bidirectional=True)
    weights = net.weight_ih_l0.clone()
    set_gate_bias(net, 4.0)
    for suffix in ("l0", "l0_reverse", "l1", "l1_reverse"):
        total = getattr(net, f"bias_ih_{suffix}") + getattr(net, f"bias_hh_{suffix}")
        assert torch.equal(total[5:10], torch.full((5,), 4.0))
        assert (total[:5].abs() < 1).all() and (total[10:].abs() < 1).all()
    assert torch.equal(net.weight_ih_l0, weights)
    name = "f" if layer in (LSTM, nn.LSTM) else "z"
    single = layer(3, 5)
    set_gate_bias(single, 30.0)
    assert (gates(single, torch.randn(4, 1, 3))[name] > 0.999).all()


def test_layers_without_such_gates_are_refused():
    with pytest.raises(TypeError, match="got RNN, without gates"):
        set_gate_bias(nn.RNN(3, 5), 1.0)
    with pytest.raises(ValueError, match="bias=False"):
        set_gate_bias(LSTM(3, 5, bias=False), 1.0)


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        *[(kind, {}) for kind in KINDS],
        *[(kind, {"num_layers": 3, "bidirectional": True}) for kind in KINDS],
        *[(kind, {"bias": False, "batch_first": True}) for kind in KINDS],
        *[(kind, {"num_layers": 2, "dropout": 0.25, "batch_first": True}) for kind in KINDS],
    ],
)
def test_a_printed_layer_looks_like_torchs(kind, options):
    ours, theirs, own = KINDS[kind]
    said = repr(ours(3, 5, **own, **options))
    # PyTorch does not tell a relu layer from a tanh layer; ours says it.
    assert ("nonlinearity=relu" in said) == (kind == "relu")
    assert said.replace(", nonlinearity=relu", "") == repr(theirs(3, 5, **own, **options))


def test_output_size_is_the_projections_where_there_is_one():
    for layer in (LSTM(3, 5, proj_size=2), nn.LSTM(3, 5, proj_size=2)):
        assert output_size(layer) == 2
    for layer in (RNN(3, 5), nn.GRU(3, 5), nn.LSTM(3, 5, bidirectional=True)):
        assert output_size(layer) == 5


def test_detach_cuts_every_part_of_a_state():
    h = torch.zeros(2, requires_grad=True) * 2
    assert detach(None) is None and detach(h).grad_fn is None
    pair = detach((h, (h, h)))
    assert pair[0].grad_fn is None and pair[1][1].grad_fn is None


# ---------------------------------------------------------------- what else autograd is asked for


LAYERS = [RNN, LSTM, GRU]


def _small(layer, **options):
    torch.manual_seed(0)
    return layer(3, 4, **options).double(), torch.randn(5, 2, 3).double()


@pytest.mark.parametrize("nonlinearity", ["tanh", "relu"])
def test_the_recurrence_can_be_differentiated_twice_and_forwards(nonlinearity):
    torch.manual_seed(1)
    leaves = [torch.randn(s).double().requires_grad_() for s in ((4, 2, 3), (2, 3), (3, 3))]

    def run(*tensors):
        return Recurrence.apply(*tensors, nonlinearity)

    assert torch.autograd.gradcheck(run, leaves, check_forward_ad=True, check_batched_grad=True)
    assert torch.autograd.gradgradcheck(run, leaves)


@pytest.mark.parametrize("layer", LAYERS)
def test_a_hessian_vector_product_is_pytorchs(layer):
    ours, x = _small(layer)
    theirs = getattr(nn, layer.__name__)(3, 4).double()
    theirs.load_state_dict(ours.state_dict())
    products = []
    for one in (ours, theirs):
        parameters = list(one.parameters())
        value = one(x)[0].sin().sum()
        first = torch.autograd.grad(value, parameters, create_graph=True)
        along = sum((g * torch.ones_like(g).cumsum(0)).sum() for g in first)
        products.append(torch.autograd.grad(along, parameters))
    assert relative_distance(*products) < 1e-12
    assert all(product.any() for product in products[0])


@pytest.mark.parametrize("layer", LAYERS)
def test_a_penalty_on_the_gradient_reaches_every_weight(layer):
    one, x = _small(layer)
    (slope,) = torch.autograd.grad(one(x.requires_grad_())[0].sum(), x, create_graph=True)
    slope.square().sum().backward()
    assert all(p.grad is not None and p.grad.any() for p in one.parameters())


@pytest.mark.parametrize("layer", LAYERS)
def test_per_sequence_gradients_by_vmap_are_those_of_a_loop(layer):
    one, x = _small(layer)
    parameters = dict(one.named_parameters())

    def loss(parameters, sequence):
        output, _ = torch.func.functional_call(one, parameters, (sequence,))
        return output.sin().sum()

    mapped = torch.func.vmap(torch.func.grad(loss), in_dims=(None, 1))(parameters, x)
    for number in range(x.shape[1]):
        alone = torch.func.grad(loss)(parameters, x[:, number])
        each = [mapped[name][number] for name in alone]
        assert relative_distance(each, list(alone.values())) < 1e-12


class _Cells(nn.Module):
    """The plain network step by step, as autograd and functorch can follow it."""

    def __init__(self, layer):
        super().__init__()
        self.layer = layer

    def forward(self, x):
        h, hs, p = x.new_zeros(x.shape[1], 4), [], self.layer
        for step in x.unbind():
            h = torch.tanh(
                step @ p.weight_ih_l0.T + p.bias_ih_l0 + h @ p.weight_hh_l0.T + p.bias_hh_l0
            )
            hs.append(h)
        return torch.stack(hs), h


@pytest.mark.parametrize("transform", ["jacrev", "jacfwd", "hessian", "jvp", "vmap"])
def test_every_transform_of_the_recurrence_is_that_of_the_plain_loop(transform):
    ours, x = _small(RNN)

    def found(one):
        def f(x):
            return one(x)[0].sin().sum((0, 2))

        if transform == "jvp":
            return torch.func.jvp(f, (x,), (torch.ones_like(x),))[1]
        if transform == "vmap":
            return torch.func.vmap(f)(torch.stack([x, 2 * x]))
        return getattr(torch.func, transform)(f)(x)

    assert relative_distance(found(ours), found(_Cells(ours))) < 1e-12


@pytest.mark.parametrize("layer", LAYERS)
def test_export_gives_the_same_numbers(layer):
    one, x = _small(layer, num_layers=2)
    for strict in (False, True):
        exported = torch.export.export(one, (x,), strict=strict).module()
        assert relative_distance(exported(x)[0], one(x)[0]) < 1e-12


@pytest.mark.parametrize("layer", LAYERS)
def test_a_compiler_follows_every_layer_whole(layer):
    one, x = _small(layer)
    compiled = torch.compile(one, fullgraph=True, backend="aot_eager")
    gradients = []
    for each in (one, compiled):
        one.zero_grad()
        each(x)[0].sin().sum().backward()
        gradients.append([p.grad.clone() for p in one.parameters()])
    assert relative_distance(*gradients) < 1e-12


@pytest.mark.parametrize("layer", LAYERS)
def test_shapes_without_numbers_are_enough(layer):
    output, _ = layer(3, 4, device="meta")(torch.zeros(5, 2, 3, device="meta"))
    assert output.shape == (5, 2, 4) and output.is_meta


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("layer", LAYERS)
def test_autocast_trains_and_stays_near_float32(layer, bias):
    torch.manual_seed(0)
    stack = nn.ModuleList([layer(3, 8, bias=bias), layer(8, 8, bias=bias), nn.Linear(8, 3)])
    x = torch.randn(6, 4, 3)

    def run():
        output, _ = stack[0](x)
        output, state = stack[1](output)
        again, _ = stack[1](output, state)  # the state that came back goes in again
        return stack[2](output + again)

    exact = run()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        value = run()
        # After a layer whose output is bfloat16.
        below = nn.Linear(3, 3)(x)
        assert below.dtype == torch.bfloat16
        stack[0](below)
    value.float().square().sum().backward()
    assert relative_distance(value.float(), exact) < 0.05
    for name, p in stack.named_parameters():
        assert p.grad is not None and torch.isfinite(p.grad).all() and p.grad.any(), name


def test_without_autocast_types_are_not_mixed():
    with pytest.raises(ValueError, match=r"expected x of torch.float32, like the weights"):
        RNN(3, 4)(torch.randn(5, 2, 3).bfloat16())


@pytest.mark.parametrize("layer", LAYERS)
def test_what_pytorchs_layers_have_beside(layer):
    assert layer(3, 4).flatten_parameters() is None
    theirs = getattr(nn, layer.__name__)
    for kind in (layer, theirs):
        with pytest.warns(UserWarning, match="dropout"):
            kind(3, 4, dropout=0.5)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        layer(3, 4, num_layers=2, dropout=0.5)
