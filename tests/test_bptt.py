"""rnnbook.bptt against autograd: gradients, truncation, and the memory it takes."""

import pytest
import torch
from torch import nn

from rnnbook import relative_distance
from rnnbook.bptt import SavedBytes, loss_and_gradients, random_truncation, regular_truncation

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
        regular_truncation(T, 3),
        regular_truncation(T, 3, offset=2),
        random_truncation(T, 0.3, torch.Generator().manual_seed(1)),
    ],
)
def test_it_is_what_autograd_finds(crossing):
    params, inputs, targets, h0 = _problem()
    loss, found = loss_and_gradients(params, inputs, targets, h0, crossing)
    factors = torch.ones(T) if crossing is None else crossing
    expected_loss, expected = _by_autograd(params, inputs, targets, h0, factors)
    torch.testing.assert_close(loss, expected_loss.detach(), rtol=1e-12, atol=0)
    assert not loss.requires_grad
    for name, a, b in zip(NAMES, found, expected, strict=True):
        assert relative_distance(a, b) < 1e-12, name


def test_it_of_one_step_and_in_float32():
    params, inputs, targets, h0 = _problem(1)
    _, found = loss_and_gradients(params, inputs[:1], targets[:1], h0)
    _, expected = _by_autograd(params, inputs[:1], targets[:1], h0, torch.ones(1))
    for a, b in zip(found, expected, strict=True):
        assert relative_distance(a, b) < 1e-12
    single = loss_and_gradients([p.float() for p in params], inputs.float(), targets, h0.float())[1]
    double = loss_and_gradients(params, inputs, targets, h0)[1]
    for a, b in zip(single, double, strict=True):
        assert a.dtype == torch.float32
        assert relative_distance(a, b) < 1e-4


def test_it_refuses_what_does_not_fit():
    params, inputs, targets, h0 = _problem()
    with pytest.raises(ValueError, match=r"goes in as Y\.T"):
        loss_and_gradients(params, inputs, targets.T, h0)
    with pytest.raises(ValueError, match="a factor for each of the 7 steps"):
        loss_and_gradients(params, inputs, targets, h0, torch.ones(T - 1))
    with pytest.raises(ValueError, match=r"one-hot inputs of shape \(T, B, V\), got \(7, 3\)"):
        loss_and_gradients(params, targets, targets, h0)
    for shape in ((1, H), (B, H + 1), (H,)):
        with pytest.raises(ValueError, match=r"expected h0 of shape \(B, H\) = \(3, 4\)"):
            loss_and_gradients(params, inputs, targets, torch.zeros(shape).double())


def test_it_leaves_no_graph_behind():
    params, inputs, targets, h0 = _problem()
    loss, found = loss_and_gradients(params, inputs.requires_grad_(), targets, h0.requires_grad_())
    assert not any(tensor.requires_grad for tensor in (loss, *found))


def test_regular_truncation_cuts_where_it_says():
    assert regular_truncation(7, 3).tolist() == [0, 1, 1, 0, 1, 1, 0]
    assert regular_truncation(7, 3, offset=1).tolist() == [1, 0, 1, 1, 0, 1, 1]
    assert regular_truncation(3, 1).tolist() == [0, 0, 0]
    assert regular_truncation(3, 9).tolist() == [0, 1, 1]
    with pytest.raises(ValueError, match="window of at least 1, got 0"):
        regular_truncation(3, 0)
    with pytest.raises(TypeError, match="window as a whole number, got 2.5"):
        regular_truncation(3, 2.5)


def test_random_truncation_has_mean_one_and_two_values():
    drawn = random_truncation(200_000, 0.2, torch.Generator().manual_seed(0))
    assert sorted(set(drawn.tolist())) == [0.0, 1.25]
    assert abs(drawn.mean().item() - 1) < 0.01
    assert abs((drawn == 0).double().mean().item() - 0.2) < 0.01
    assert random_truncation(5, 0.0).tolist() == [1.0] * 5
    for probability in (-0.1, 1.0):
        with pytest.raises(ValueError, match="from 0 to below 1"):
            random_truncation(5, probability)


def test_the_mean_over_all_random_truncations_is_the_full_gradient():
    params, inputs, targets, h0 = _problem(2)
    inputs, targets, c, mean = inputs[:5], targets[:5], 0.3, 0
    for cuts in torch.cartesian_prod(*[torch.tensor([0.0, 1.0])] * 4).tolist():
        crossing = torch.tensor([1.0, *(passes / (1 - c) for passes in cuts)])
        probability = torch.tensor([(1 - c) if passes else c for passes in cuts]).prod()
        mean = mean + probability * loss_and_gradients(params, inputs, targets, h0, crossing)[1][1]
    full = loss_and_gradients(params, inputs, targets, h0)[1][1]
    assert relative_distance(mean, full) < 1e-6  # the factors are float32


def test_saved_bytes_counts_each_memory_once_and_lets_go():
    weight = torch.ones(10, 10, requires_grad=True)
    x = torch.ones(4, 10)
    with SavedBytes([weight, x]) as saved:
        h = torch.tanh(x @ weight)  # keeps x and weight, which do not count, and h: 160 bytes
        assert saved.now == saved.peak == 160
        loss = (h * h[:2].sum()).sum()  # keeps h again, and one number of 4 bytes
        assert saved.now == 164
        loss.backward()
        assert saved.now == 0 and saved.peak >= 164
    torch.tanh(x @ weight)
    assert saved.now == 0  # outside the block nothing is counted
    assert torch.isfinite(weight.grad).all()


def test_what_nothing_refers_to_any_more_is_not_kept():
    W, h = torch.randn(64, 64, requires_grad=True), torch.zeros(8, 64)
    with SavedBytes([W]) as saved:
        for _ in range(20):
            for _ in range(5):
                h = torch.tanh(h @ W)
            h = h.detach()  # and no loss refers to the five steps
        assert saved.now == 0
        state = torch.tanh(h @ W)
        assert saved.now == 2 * state.numel() * 4  # for tanh, and for the product
    assert saved.peak <= 7 * h.numel() * 4
