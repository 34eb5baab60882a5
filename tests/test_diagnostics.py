"""rnnbook.diagnostics: Jacobians, sensitivity, gates, prefixes and recall, against definitions."""

import pytest
import torch
from torch import nn

from rnnbook import diagnostics, relative_distance
from rnnbook.datasets.delayed_recall import FEATURES, NUM_SYMBOLS
from rnnbook.diagnostics import (
    encoded,
    gates,
    input_sensitivity,
    learn_delayed_recall,
    linear_probe,
    prefix_probabilities,
    states,
)
from rnnbook.models import SequenceClassifier
from rnnbook.recurrent import GRU, LSTM, RNN, Recurrence
from rnnbook.text import Vocab

T, H = 7, 4


@pytest.mark.parametrize("nonlinearity", ["tanh", "relu"])
def test_jacobian_norms_are_those_of_the_whole_way(nonlinearity):
    torch.manual_seed(3)
    projected, W = torch.randn(T, 1, H).double(), torch.randn(H, H).double()
    hs = Recurrence.apply(projected, torch.zeros(1, H).double(), W, nonlinearity).squeeze(1)
    norms = diagnostics.jacobian_norms(W, hs, nonlinearity)
    assert norms.shape == (T,) and norms[0] == 1
    for k in range(1, T):

        def way(h, k=k):
            for projection in projected[T - k :, 0]:
                h = getattr(torch, nonlinearity)(projection + h @ W)
            return h

        J = torch.autograd.functional.jacobian(way, hs[T - 1 - k])
        torch.testing.assert_close(norms[k], torch.linalg.matrix_norm(J, 2), rtol=1e-9, atol=1e-14)


def test_jacobian_norms_refuse_what_they_do_not_know():
    with pytest.raises(ValueError, match="of one sequence"):
        diagnostics.jacobian_norms(torch.eye(4), torch.zeros(5, 2, 4))
    with pytest.raises(ValueError, match="'tanh' or 'relu', got 'sigmoid'"):
        diagnostics.jacobian_norms(torch.eye(4), torch.zeros(5, 4), "sigmoid")


def test_with_radius_gives_that_radius():
    W = diagnostics.with_radius(torch.randn(20, 20).double(), 0.7)
    assert diagnostics.spectral_radius(W) == pytest.approx(0.7, rel=1e-9)
    rotation = torch.tensor([[0.0, -2.0], [2.0, 0.0]])  # eigenvalues 2i and -2i
    assert diagnostics.spectral_radius(rotation) == pytest.approx(2)
    with pytest.raises(ValueError, match="all eigenvalues of this matrix are 0"):
        diagnostics.with_radius(torch.diag(torch.ones(3), diagonal=1), 0.9)
    for entry in (float("nan"), float("inf")):
        with pytest.raises(ValueError, match="infinite or not a number"):
            diagnostics.spectral_radius(torch.full((3, 3), entry))


def test_random_layer_norms_stay_below_their_bound():
    for kind, nonlinearity in (("random", "tanh"), ("orthogonal", "relu")):
        W, norms = diagnostics.random_layer_norms(kind, nonlinearity, 1.2, 30, 0.5)
        assert norms.shape == (31,)
        assert diagnostics.spectral_radius(W) == pytest.approx(1.2)
        bound = torch.linalg.matrix_norm(W, 2) ** torch.arange(31)
        assert (norms <= bound * (1 + 1e-9)).all()
    with pytest.raises(ValueError, match="random or orthogonal matrix, got 'ortogonal'"):
        diagnostics.random_layer_norms("ortogonal", "tanh", 1.2, 30, 0.5)


@pytest.mark.parametrize("kind", [nn.RNN, nn.LSTM, nn.GRU])
def test_sensitivity_is_zero_exactly_where_nothing_leads(kind):
    torch.manual_seed(0)
    layer, x = kind(3, 4, bidirectional=True).double(), torch.randn(6, 3).double()
    forward, backward = input_sensitivity(layer, x, 2) > 0
    assert forward.tolist() == [True] * 3 + [False] * 3
    assert backward.tolist() == [False] * 2 + [True] * 4
    assert input_sensitivity(kind(3, 4).double(), x, 5).shape == (1, 6)
    with pytest.raises(ValueError, match="a step from 0 to 5, got 6"):
        input_sensitivity(layer, x, 6)
    with pytest.raises(ValueError, match="time-major"):
        input_sensitivity(kind(3, 4, batch_first=True).double(), x, 2)
    dropping = kind(3, 4, 2, dropout=0.5).double()
    with pytest.raises(ValueError, match=r"layer\.eval\(\) first"):
        input_sensitivity(dropping, x, 2)
    assert input_sensitivity(dropping.eval(), x, 5).gt(0).all()


def test_sensitivity_is_the_norm_of_the_jacobian():
    torch.manual_seed(0)
    layer, x = nn.RNN(3, 4).double(), torch.randn(5, 3).double()
    J = torch.autograd.functional.jacobian(lambda x: layer(x.unsqueeze(1))[0][3, 0], x)  # (H, T, V)
    expected = J.square().sum((0, 2)).sqrt()
    torch.testing.assert_close(input_sensitivity(layer, x, 3)[0], expected)


@pytest.mark.parametrize("layer", [LSTM, nn.LSTM, GRU, nn.GRU])
def test_gates_explain_the_states(layer):
    torch.manual_seed(0)
    net, x = layer(3, 5, dtype=torch.float64), torch.randn(7, 2, 3).double()
    found = gates(net, x)
    assert relative_distance(found["h"], net(x)[0]) < 1e-12
    if "f" in found:
        before = torch.cat([torch.zeros(1, 2, 5).double(), found["c"][:-1]])
        c = found["f"] * before + found["i"] * found["g"]
        assert relative_distance(found["c"], c) < 1e-12
        assert relative_distance(found["h"], found["o"] * c.tanh()) < 1e-12
    else:
        before = torch.cat([torch.zeros(1, 2, 5).double(), found["h"][:-1]])
        mixed = (1 - found["z"]) * found["n"] + found["z"] * before
        assert relative_distance(found["h"], mixed) < 1e-12


@pytest.mark.parametrize(
    ("layer", "error"),
    [
        (RNN(3, 5), TypeError),
        (nn.RNN(3, 5), TypeError),
        (nn.GRU(3, 5, num_layers=2), ValueError),
        (LSTM(3, 5, bidirectional=True), ValueError),
        (GRU(3, 5, batch_first=True), ValueError),
        (LSTM(3, 5, proj_size=2), ValueError),
    ],
)
def test_gates_of_layers_that_have_none_or_too_many_are_refused(layer, error):
    with pytest.raises(error, match="got RNN" if error is TypeError else "one layer"):
        gates(layer, torch.zeros(2, 1, 3))


def test_states_follow_a_text_in_the_type_of_the_weights():
    vocab = Vocab("the tide")
    layer = nn.RNN(len(vocab), 6).double()
    x = encoded(layer, vocab, "tide")
    assert x.shape == (4, 1, len(vocab)) and x.dtype == torch.float64
    hs = states(layer, vocab, "tide")
    assert hs.shape == (4, 6) and not hs.requires_grad
    torch.testing.assert_close(hs, layer(x)[0][:, 0].detach())
    for text in ("", "xyz"):
        with pytest.raises(ValueError, match="all of them in the vocabulary"):
            states(layer, vocab, text)


def test_the_opinion_at_a_prefix_is_that_of_the_prefix_alone():
    torch.manual_seed(0)
    vocab = Vocab("abcdefghijklmnopqrstuvwxyz ", reserved_tokens=["<pad>"])
    recurrent = nn.GRU(3, 5, batch_first=True, bidirectional=True)
    embedding = nn.Embedding(len(vocab), 3)
    model = SequenceClassifier(recurrent, 2, embedding=embedding, dropout=0.5)
    probabilities = prefix_probabilities(model, vocab, "rossi")
    assert probabilities.shape == (5, 2) and model.training
    model.eval()
    for t in range(5):
        alone = model(vocab.encode("rossi"[: t + 1]).unsqueeze(0)).softmax(dim=1)[0]
        torch.testing.assert_close(probabilities[t], alone)
    for name in ("", "r0ssi"):
        with pytest.raises(ValueError, match="at least one letter"):
            prefix_probabilities(model, vocab, name)


# ---------------------------------------------------------------- delayed recall


@pytest.mark.parametrize("layer", [RNN, nn.RNN])
def test_a_short_delay_is_learnt_and_training_stops_early(layer):
    torch.manual_seed(0)
    recurrent = layer(FEATURES, 32, batch_first=True)
    result = learn_delayed_recall(recurrent, 2, max_steps=400)
    assert result.model.recurrent is recurrent
    assert result.accuracy > 0.99 and 25 <= result.steps < 400 and result.steps % 25 == 0


def test_with_hardly_any_training_it_is_guessing():
    torch.manual_seed(0)
    recurrent = LSTM(FEATURES, 8, batch_first=True)
    before = recurrent.weight_hh_l0.clone()
    result = learn_delayed_recall(recurrent, 4, max_steps=25, lr=1e-6)
    assert result.steps == 25 and abs(result.accuracy - 1 / NUM_SYMBOLS) < 0.08
    assert not torch.equal(recurrent.weight_hh_l0, before)  # it is trained in place


def test_with_a_generator_the_global_stream_gives_the_heads_weights_alone():
    states = []
    for learn in (False, True):
        torch.manual_seed(0)
        recurrent = GRU(FEATURES, 8, batch_first=True)
        if learn:
            generator = torch.Generator().manual_seed(1)
            learn_delayed_recall(recurrent, 1, max_steps=25, generator=generator)
        else:
            SequenceClassifier(recurrent, NUM_SYMBOLS)
        states.append(torch.get_rng_state())
    assert torch.equal(*states)


@pytest.mark.parametrize("max_steps", [0, 24, 60])
def test_steps_that_are_no_whole_number_of_rounds_are_refused(max_steps):
    with pytest.raises(ValueError, match="a multiple of 25"):
        learn_delayed_recall(RNN(FEATURES, 4, batch_first=True), 2, max_steps=max_steps)


def test_half_a_training_has_no_result():
    class Stopped(nn.RNN):
        calls = 0

        def forward(self, *arguments):
            self.calls += 1
            if self.calls == 7:
                raise KeyboardInterrupt
            return super().forward(*arguments)

    with pytest.raises(KeyboardInterrupt):
        learn_delayed_recall(Stopped(16, 4, batch_first=True), 2, max_steps=50)


def test_a_linear_probe_finds_what_states_hold_and_nothing_else():
    generator = torch.Generator().manual_seed(0)
    labels = torch.randint(4, (600, 2), generator=generator)
    held = torch.nn.functional.one_hot(labels[:, 0], 4).float()
    states = torch.cat([held, torch.randn(600, 5, generator=generator)], dim=1)
    states = states @ torch.randn(9, 9, generator=generator)  # no unit stands for a class
    found = linear_probe(states[:400], labels[:400], states[400:], labels[400:])
    assert found.shape == (2,) and found[0] == 1 and found[1] < 0.4
    one = linear_probe(states[:400], labels[:400, 0], states[400:], labels[400:, 0], ridge=1e-5)
    assert one.shape == () and one == 1


def test_a_linear_probe_is_least_squares():
    from numpy.linalg import lstsq

    generator = torch.Generator().manual_seed(1)
    states, labels = torch.randn(90, 3, generator=generator), torch.arange(90) % 5
    X = torch.cat([states, torch.ones(90, 1)], dim=1).double().numpy()
    linear = lstsq(X[:60], torch.eye(5)[labels[:60]].double().numpy(), rcond=None)[0]
    expected = ((X[60:] @ linear).argmax(axis=1) == labels[60:].numpy()).mean()
    assert linear_probe(states[:60], labels[:60], states[60:], labels[60:]) == expected
