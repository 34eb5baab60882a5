"""rnnbook.recurrent against torch.nn, in values, gradients, and state dicts."""

import itertools

import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence

from rnnbook.recurrent import RNN, Recurrence

TOLERANCE = {"rtol": 1e-10, "atol": 1e-14}
GRID = list(
    itertools.product(
        [(1, 1), (3, 5)],  # input size, hidden size
        [1, 2, 3],  # layers
        [False, True],  # batch first
        ["tanh", "relu"],
        [True, False],  # bias
        [False, True],  # bidirectional
        ["batched", "unbatched"],
        [False, True],  # with h0
    )
)


def _pair(sizes, layers, batch_first, nonlinearity, bias, bidirectional):
    torch.manual_seed(0)
    options = {
        "num_layers": layers,
        "nonlinearity": nonlinearity,
        "bias": bias,
        "batch_first": batch_first,
        "dropout": 0.0,
        "bidirectional": bidirectional,
        "dtype": torch.float64,
    }
    return RNN(*sizes, **options), nn.RNN(*sizes, **options)


@pytest.mark.parametrize(
    ("sizes", "layers", "batch_first", "nonlinearity", "bias", "bidirectional", "batch", "with_h0"),
    GRID,
)
def test_values_and_gradients_equal_torchs(
    sizes, layers, batch_first, nonlinearity, bias, bidirectional, batch, with_h0
):
    ours, theirs = _pair(sizes, layers, batch_first, nonlinearity, bias, bidirectional)
    ours.load_state_dict(theirs.state_dict())
    T, B, rows = 6, 4, layers * (2 if bidirectional else 1)
    shape = (
        (T, sizes[0])
        if batch == "unbatched"
        else (B, T, sizes[0])
        if batch_first
        else (T, B, sizes[0])
    )
    x = torch.randn(shape, dtype=torch.float64)
    h0 = torch.randn((rows, sizes[1]) if batch == "unbatched" else (rows, B, sizes[1])).double()
    results = []
    for module in (ours, theirs):
        inputs = [x.clone().requires_grad_()] + ([h0.clone().requires_grad_()] if with_h0 else [])
        output, h_n = module(*inputs)
        (output.sin().sum() + h_n.cos().sum()).backward()
        gradients = [p.grad for p in module.parameters()] + [i.grad for i in inputs]
        results.append([output, h_n, *gradients])
    assert len(results[0]) == len(results[1]) >= 4
    for a, b in zip(*results, strict=True):
        assert a.shape == b.shape
        torch.testing.assert_close(a, b, **TOLERANCE)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("bidirectional", [True, False])
def test_state_dicts_are_interchangeable(bias, bidirectional):
    ours, theirs = _pair((3, 5), 2, False, "tanh", bias, bidirectional)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    theirs.load_state_dict(ours.state_dict())
    x = torch.randn(4, 2, 3).double()
    torch.testing.assert_close(theirs(x)[0], ours(x)[0], **TOLERANCE)


def test_constructor_arguments_are_torchs_in_order():
    positional = (3, 5, 2, "relu", False, True, 0.25, True)
    ours, theirs = RNN(*positional), nn.RNN(*positional)
    for name in ("input_size", "hidden_size", "num_layers", "nonlinearity", "bias", "batch_first",
                 "dropout", "bidirectional"):  # fmt: skip
        assert getattr(ours, name) == getattr(theirs, name)


def test_initial_weights_have_torchs_distribution():
    torch.manual_seed(0)
    weight = RNN(50, 100).weight_hh_l0
    assert weight.abs().max() <= 0.1 and weight.std().item() == pytest.approx(
        0.1 / 3**0.5, rel=0.02
    )


def test_dropout_acts_between_layers_and_only_in_training():
    torch.manual_seed(0)
    x = torch.randn(5, 2, 3)
    deep = RNN(3, 8, num_layers=2, dropout=0.5)
    assert not torch.equal(deep(x)[0], deep(x)[0])
    deep.eval()
    assert torch.equal(deep(x)[0], deep(x)[0])
    single = RNN(3, 8, num_layers=1, dropout=0.5)
    assert torch.equal(single(x)[0], single(x)[0])
    everything = RNN(3, 8, num_layers=2, dropout=1.0)
    assert torch.equal(everything(x)[0], everything(torch.zeros_like(x))[0])  # nothing gets through


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"input_size": 0}, "input_size of at least 1, got 0"),
        ({"hidden_size": -1}, "hidden_size of at least 1"),
        ({"num_layers": 0}, "num_layers of at least 1"),
        ({"nonlinearity": "gelu"}, "'tanh' or 'relu', got 'gelu'"),
        ({"dropout": 1.5}, "from 0 to 1, got 1.5"),
    ],
)
def test_bad_sizes_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        RNN(**({"input_size": 3, "hidden_size": 5} | arguments))


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
def test_bad_shapes_are_refused(shape, h0, message):
    with pytest.raises(ValueError, match=message):
        RNN(3, 5, num_layers=2)(torch.zeros(shape), None if h0 is None else torch.zeros(h0))


def test_other_types_and_packed_sequences_are_refused():
    layer = RNN(3, 5)
    with pytest.raises(ValueError, match="torch.float32, like the weights, got torch.int64"):
        layer(torch.zeros(4, 2, 3, dtype=torch.long))
    with pytest.raises(ValueError, match="expected h0 of torch.float32.*got torch.float64"):
        layer(torch.zeros(4, 2, 3), torch.zeros(1, 2, 5).double())
    packed = pack_padded_sequence(torch.zeros(4, 2, 3), [4, 2])
    with pytest.raises(TypeError, match="pad_packed_sequence"):
        layer(packed)


@pytest.mark.parametrize("nonlinearity", ["tanh", "relu"])
@pytest.mark.parametrize("T", [1, 2, 5])
def test_the_backward_pass_agrees_with_finite_differences(nonlinearity, T):
    torch.manual_seed(0)
    shapes = ((T, 3, 4), (3, 4), (4, 4))
    tensors = [torch.randn(shape, dtype=torch.float64, requires_grad=True) for shape in shapes]
    assert torch.autograd.gradcheck(lambda *t: Recurrence.apply(*t, nonlinearity), tensors)


def test_the_recurrence_leaves_its_inputs_as_they_were():
    shares, h0, W = torch.randn(4, 2, 3), torch.randn(2, 3), torch.randn(3, 3)
    before = [t.clone() for t in (shares, h0, W)]
    Recurrence.apply(shares, h0, W, "tanh")
    assert all(torch.equal(a, b) for a, b in zip(before, (shares, h0, W), strict=True))
