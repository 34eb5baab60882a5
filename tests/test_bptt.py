"""rnnbook.gradients against autograd, and what its widget shows."""

import pytest
import torch
from torch import nn

from rnnbook import gradients, widgets
from rnnbook.recurrent import Recurrence

T, B, V, H = 7, 3, 5, 4
NAMES = ("W_xh", "W_hh", "b_h", "W_hq", "b_q")


def _problem(seed=0):
    torch.manual_seed(seed)
    shapes = ((V, H), (H, H), (H,), (H, V), (V,))
    params = [torch.randn(shape).double().requires_grad_() for shape in shapes]
    inputs, h0 = torch.randn(T, B, V).double(), torch.randn(B, H).double()
    return params, inputs, torch.randint(0, V, (T, B)), h0


def _by_autograd(params, inputs, targets, h0, crossing):
    """The loop, with the gradient of each state scaled on its way to the step before."""
    W_xh, W_hh, b_h, W_hq, b_q = params
    h, logits = h0, []
    for x, factor in zip(inputs, crossing.tolist(), strict=True):
        passed = h.detach() + factor * (h - h.detach())
        h = torch.tanh(x @ W_xh + passed @ W_hh + b_h)
        logits.append(h @ W_hq + b_q)
    loss = nn.functional.cross_entropy(torch.cat(logits), targets.flatten())
    return loss, torch.autograd.grad(loss, params)


@pytest.mark.parametrize(
    "crossing",
    [
        None,
        torch.ones(T),
        gradients.regular_truncation(T, 3),
        gradients.regular_truncation(T, 3, offset=2),
        gradients.random_truncation(T, 0.3, torch.Generator().manual_seed(1)),
    ],
)
def test_bptt_is_what_autograd_finds(crossing):
    params, inputs, targets, h0 = _problem()
    loss, found = gradients.bptt(params, inputs, targets, h0, crossing)
    factors = torch.ones(T) if crossing is None else crossing
    expected_loss, expected = _by_autograd(params, inputs, targets, h0, factors)
    torch.testing.assert_close(loss, expected_loss.detach(), rtol=1e-12, atol=0)
    assert not loss.requires_grad
    for name, a, b in zip(NAMES, found, expected, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-10, atol=1e-13, msg=name)


def test_bptt_of_one_step_and_in_float32():
    params, inputs, targets, h0 = _problem(1)
    _, found = gradients.bptt(params, inputs[:1], targets[:1], h0)
    _, expected = _by_autograd(params, inputs[:1], targets[:1], h0, torch.ones(1))
    for a, b in zip(found, expected, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-10, atol=1e-13)
    single = gradients.bptt([p.float() for p in params], inputs.float(), targets, h0.float())[1]
    double = gradients.bptt(params, inputs, targets, h0)[1]
    for a, b in zip(single, double, strict=True):
        assert a.dtype == torch.float32
        torch.testing.assert_close(a.double(), b, rtol=1e-3, atol=1e-5)


def test_bptt_refuses_what_does_not_fit():
    params, inputs, targets, h0 = _problem()
    with pytest.raises(ValueError, match=r"goes in as Y\.T"):
        gradients.bptt(params, inputs, targets.T, h0)
    with pytest.raises(ValueError, match="a factor for each of the 7 steps"):
        gradients.bptt(params, inputs, targets, h0, torch.ones(T - 1))
    with pytest.raises(ValueError, match=r"one-hot inputs of shape \(T, B, V\), got \(7, 3\)"):
        gradients.bptt(params, targets, targets, h0)
    for shape in ((1, H), (B, H + 1), (H,)):
        with pytest.raises(ValueError, match=r"expected h0 of shape \(B, H\) = \(3, 4\)"):
            gradients.bptt(params, inputs, targets, torch.zeros(shape).double())


def test_bptt_leaves_no_graph_behind():
    params, inputs, targets, h0 = _problem()
    loss, found = gradients.bptt(params, inputs.requires_grad_(), targets, h0.requires_grad_())
    assert not any(tensor.requires_grad for tensor in (loss, *found))


def test_regular_truncation_cuts_where_it_says():
    assert gradients.regular_truncation(7, 3).tolist() == [0, 1, 1, 0, 1, 1, 0]
    assert gradients.regular_truncation(7, 3, offset=1).tolist() == [1, 0, 1, 1, 0, 1, 1]
    assert gradients.regular_truncation(3, 1).tolist() == [0, 0, 0]
    assert gradients.regular_truncation(3, 9).tolist() == [0, 1, 1]
    for window in (0, 2.5):
        with pytest.raises(ValueError, match="a window of a whole number of steps, at least 1"):
            gradients.regular_truncation(3, window)


def test_random_truncation_has_mean_one_and_two_values():
    drawn = gradients.random_truncation(200_000, 0.2, torch.Generator().manual_seed(0))
    assert sorted(set(drawn.tolist())) == [0.0, 1.25]
    assert abs(drawn.mean().item() - 1) < 0.01
    assert abs((drawn == 0).double().mean().item() - 0.2) < 0.01
    assert gradients.random_truncation(5, 0.0).tolist() == [1.0] * 5
    for probability in (-0.1, 1.0):
        with pytest.raises(ValueError, match="from 0 to below 1"):
            gradients.random_truncation(5, probability)


def test_the_mean_over_all_random_truncations_is_the_full_gradient():
    params, inputs, targets, h0 = _problem(2)
    inputs, targets, c, mean = inputs[:5], targets[:5], 0.3, 0
    for cuts in torch.cartesian_prod(*[torch.tensor([0.0, 1.0])] * 4).tolist():
        crossing = torch.tensor([1.0, *(passes / (1 - c) for passes in cuts)])
        probability = torch.tensor([(1 - c) if passes else c for passes in cuts]).prod()
        mean = mean + probability * gradients.bptt(params, inputs, targets, h0, crossing)[1][1]
    full = gradients.bptt(params, inputs, targets, h0)[1][1]
    torch.testing.assert_close(mean, full, rtol=1e-5, atol=1e-7)  # the factors are float32


@pytest.mark.parametrize("nonlinearity", ["tanh", "relu"])
def test_jacobian_norms_are_those_of_the_whole_way(nonlinearity):
    torch.manual_seed(3)
    shares, W = torch.randn(T, 1, H).double(), torch.randn(H, H).double()
    hs = Recurrence.apply(shares, torch.zeros(1, H).double(), W, nonlinearity).squeeze(1)
    norms = gradients.jacobian_norms(W, hs, nonlinearity)
    assert norms.shape == (T,) and norms[0] == 1
    for k in range(1, T):

        def way(h, k=k):
            for share in shares[T - k :, 0]:
                h = getattr(torch, nonlinearity)(share + h @ W)
            return h

        J = torch.autograd.functional.jacobian(way, hs[T - 1 - k])
        torch.testing.assert_close(norms[k], torch.linalg.matrix_norm(J, 2), rtol=1e-9, atol=1e-14)


def test_jacobian_norms_refuse_what_they_do_not_know():
    with pytest.raises(ValueError, match="of one sequence"):
        gradients.jacobian_norms(torch.eye(4), torch.zeros(5, 2, 4))
    with pytest.raises(ValueError, match="tanh, relu, got 'sigmoid'"):
        gradients.jacobian_norms(torch.eye(4), torch.zeros(5, 4), "sigmoid")


def test_with_radius_gives_that_radius():
    W = gradients.with_radius(torch.randn(20, 20).double(), 0.7)
    assert gradients.spectral_radius(W) == pytest.approx(0.7, rel=1e-9)
    rotation = torch.tensor([[0.0, -2.0], [2.0, 0.0]])  # eigenvalues 2i and -2i
    assert gradients.spectral_radius(rotation) == pytest.approx(2)
    with pytest.raises(ValueError, match="all eigenvalues of this matrix are 0"):
        gradients.with_radius(torch.diag(torch.ones(3), diagonal=1), 0.9)
    for entry in (float("nan"), float("inf")):
        with pytest.raises(ValueError, match="infinite or not a number"):
            gradients.spectral_radius(torch.full((3, 3), entry))


def test_saved_bytes_counts_each_memory_once_and_lets_go():
    weight = torch.ones(10, 10, requires_grad=True)
    x = torch.ones(4, 10)
    with gradients.SavedBytes([weight, x]) as saved:
        h = torch.tanh(x @ weight)  # keeps x and weight, which do not count, and h: 160 bytes
        assert saved.now == saved.peak == 160
        loss = (h * h[:2].sum()).sum()  # keeps h again, and one number of 4 bytes
        assert saved.now == 164
        loss.backward()
        assert saved.now == 0 and saved.peak >= 164
    torch.tanh(x @ weight)
    assert saved.now == 0  # outside the block nothing is counted
    assert torch.isfinite(weight.grad).all()


def test_the_explorer_follows_its_controls():
    explorer = widgets.gradient_explorer()
    first = explorer.png
    assert first.startswith(b"\x89PNG") and "spectral radius 0.90" in explorer.picture.value
    explorer.controls["radius"].value = 1.5
    assert explorer.png != first and "spectral radius 1.50" in explorer.picture.value
    explorer.controls["kind"].value = "orthogonal"
    assert "largest singular value 1.50" in explorer.picture.value
    for name, extremes in {"steps": (5, 100), "radius": (0.1, 2.0), "strength": (0, 2)}.items():
        for value in extremes:
            explorer.controls["nonlinearity"].value = "relu"
            explorer.controls[name].value = value
            assert "alt=" in explorer.picture.value  # a picture, and no complaint


def test_random_layer_norms_stay_below_their_bound():
    for kind, nonlinearity in (("random", "tanh"), ("orthogonal", "relu")):
        W, norms = gradients.random_layer_norms(kind, nonlinearity, 1.2, 30, 0.5)
        assert norms.shape == (31,)
        assert gradients.spectral_radius(W) == pytest.approx(1.2)
        bound = torch.linalg.matrix_norm(W, 2) ** torch.arange(31)
        assert (norms <= bound * (1 + 1e-9)).all()
    with pytest.raises(ValueError, match="random or orthogonal matrix, got 'ortogonal'"):
        gradients.random_layer_norms("ortogonal", "tanh", 1.2, 30, 0.5)


@pytest.mark.parametrize("kind", [nn.RNN, nn.LSTM, nn.GRU])
def test_reach_is_zero_exactly_where_nothing_leads(kind):
    torch.manual_seed(0)
    layer, x = kind(3, 4, bidirectional=True).double(), torch.randn(6, 3).double()
    forward, backward = gradients.reach(layer, x, 2) > 0
    assert forward.tolist() == [True] * 3 + [False] * 3
    assert backward.tolist() == [False] * 2 + [True] * 4
    assert gradients.reach(kind(3, 4).double(), x, 5).shape == (1, 6)
    with pytest.raises(ValueError, match="a step from 0 to 5, got 6"):
        gradients.reach(layer, x, 6)
    with pytest.raises(ValueError, match="time-major"):
        gradients.reach(kind(3, 4, batch_first=True).double(), x, 2)
    dropping = kind(3, 4, 2, dropout=0.5).double()
    with pytest.raises(ValueError, match=r"layer\.eval\(\) first"):
        gradients.reach(dropping, x, 2)
    assert gradients.reach(dropping.eval(), x, 5).gt(0).all()


def test_reach_is_the_norm_of_the_jacobian():
    torch.manual_seed(0)
    layer, x = nn.RNN(3, 4).double(), torch.randn(5, 3).double()
    J = torch.autograd.functional.jacobian(lambda x: layer(x.unsqueeze(1))[0][3, 0], x)  # (H, T, V)
    expected = J.square().sum((0, 2)).sqrt()
    torch.testing.assert_close(gradients.reach(layer, x, 3)[0], expected)
